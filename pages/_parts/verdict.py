"""The one strong line of a field: what, how sure, what to check."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.wording import BENIGN as BENIGN
from ball.wording import checks as checks
from ball.wording import surer
from pages._parts import marks, pictures, standing, steadiness, viewer
from pages._parts.worklist import FULL, Row, Worklist

if TYPE_CHECKING:
    from ball.reading import Reading

_PROBABILITY = (
    "Of five votes one probability, calibrated: of fields like those of training at 95 %, about 95 in 100 are right. The less a field "
    "looks like those validated, the nearer it is held to 50 %. The raw votes stand below."
)
_PLAIN = "The plain average of the votes. It is not calibrated: take 95 % as a strong vote, not as a promise to be right 95 times in 100."


def draw(row: Row, todo: Worklist) -> None:
    """Draw the verdict box of a row that has been read, or could not be."""
    reading = row.reading
    if reading is None:
        return
    with st.container(horizontal=True, gap="medium", key="verdict"):
        if reading.evidence is not None:
            with st.container(width=224, gap="xsmall", key="verdict-picture"):
                pictures.draw(reading.evidence.rgb, f"Field {row.name}", longest=448)
                viewer.button(row)
        with st.container(width="stretch", gap="small", key="verdict-text"):
            st.html(marks.heading(1, marks.mark_of(reading)))
            if reading.status == "error":
                _not_read(row, reading, todo)
            elif reading.status == "refused":
                _refused(reading)
            else:
                _read(row, reading)
        if reading.status == "read":
            with st.container(width=310, key="verdict-bars"):
                st.html(marks.bars(reading.consensus, wide=True))
                st.markdown(" · ".join(_facts(row, reading)), help=standing.sets() or None)


def _read(row: Row, reading: Reading) -> None:
    if reading.suggestion == UNIDENTIFIED:
        split = " : ".join(str(count) for _, count in Counter(vote.label for vote in reading.votes).most_common())
        reason = reading.reason or f"{marks.percent(reading.probability or 0)} {reading.leading} is not enough for a suggestion."
        st.markdown(f"**{reason}** {f'Networks split {split}.' if ' : ' in split else 'The networks agree.'}")
    else:
        agree = f"**{reading.agreement} of {len(reading.votes)}** networks agree"
        judgement = reading.judgement
        calibrated = judgement is not None and judgement.calibrated
        meaning = f"{_PROBABILITY} {standing.on_new_stains()} {standing.tried()}" if calibrated else _PLAIN
        st.markdown(f"**{marks.percent(reading.probability or 0)}** probability · {agree}", help=meaning)
        if row.held_back_from is not None:
            st.markdown(surer(row.held_back_from))
    if reading.leading == LABELS[0]:
        st.markdown(BENIGN)
    _check(reading)


def _facts(row: Row, reading: Reading) -> list[str]:
    """The small line under the bars: spread under changes of stain, labels that cannot be ruled out, cells."""
    judgement, spread = reading.judgement, steadiness.spread(row)
    facts = [spread] if spread else []
    if judgement is not None and judgement.label_set:
        facts.append(f"Not ruled out **{', '.join(judgement.label_set)}**")
    return [*facts, f"Cells **{row.cells or 0}**"]


def _refused(reading: Reading) -> None:
    st.markdown(f"**{reading.reason}**")
    st.markdown("The votes below are shown, but no suggestion is given. Check that this is a stained blood or marrow smear.")
    _check(reading)


def _check(reading: Reading) -> None:
    found = checks(reading)
    if found:
        st.markdown(f":material/visibility: **Check** {' '.join(found)}")
    for text in reading.notices:
        st.caption(escape(text))


def _not_read(row: Row, reading: Reading, todo: Worklist) -> None:
    st.html(f'<p class="ball-file"><b>{escape(reading.reason or "")}</b></p>')
    if told := others(row, todo):
        st.markdown(told)
    if len(reading.missing) < len(TITLES) and reading.reason != FULL:
        st.markdown("Open the file in an image viewer. If it shows there, save it as PNG or TIFF and add it again; if not, copy it anew.")
    st.button("Remove", icon=":material/close:", key="remove", on_click=todo.remove, args=(row.number,))


def others(row: Row, todo: Worklist) -> str:
    """What became of the other files of the list, and how many still wait; empty where there are none."""
    done = [other for other in todo.rows if other.reading is not None and other is not row]
    told = [_done(len(done), sum(not other.not_read for other in done))] if done else []
    waiting = len(todo.rows) - len(done) - 1
    if waiting:
        told.append(f"{waiting} {'file still waits' if waiting == 1 else 'files still wait'} to be read.")
    return " ".join(told)


def _done(files: int, read: int) -> str:
    """What became of the other files that it was tried to read, one or more."""
    if files == 1:
        return "The other file was read." if read else "The other file was not read either."
    if read in (0, files):
        return f"The other {files} files were read." if read else f"None of the other {files} files was read either."
    return f"Of the other {files} files {read} {'was' if read == 1 else 'were'} read."
