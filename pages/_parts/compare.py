"""Two fields side by side: picture or map, verdict, votes, cells."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ball.names import TITLES
from pages._parts import marks, pictures
from pages._parts.verdict import checks
from pages._parts.worklist import Row, Worklist

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIELD: Final = "Field"
_MASKED: Final = "Masked image"


def draw(todo: Worklist) -> None:
    """Draw two fields: the open one and the next, until others are chosen."""
    st.title("Compare two fields", anchor=False)
    rows = [row for row in todo.ordered() if row.reading]
    if len(rows) < 2:
        st.markdown("Add a second field to compare it with the first.")
        return
    opened = todo.opened()
    first = rows.index(opened) if opened in rows else 0
    picture: Any = st.segmented_control(
        "Picture, or where a network looked", [_FIELD, _MASKED, *TITLES], default=_FIELD, required=True, key="compare-picture",
        label_visibility="collapsed", format_func=lambda name: TITLES.get(name, name),
    )
    grid = st.grid(2, min_column_width=320, gap=24, border=True, key="compare")
    for side, start in (("Left", first), ("Right", (first + 1) % len(rows))):
        with grid.cell():
            chosen: Any = st.selectbox(
                f"{side} field", rows, start, format_func=lambda row: f"{row.number} · {row.name}", key=f"compare-{side}-{first}"
            )
            _side(chosen or rows[start], todo, str(picture))


def _side(row: Row, todo: Worklist, picture: str) -> None:
    from ball.engine import load_engine

    if row.faded:
        with st.spinner("Reading this field again"):
            todo.recall(row, load_engine())
    reading = row.reading
    if reading is None:
        return
    shown = _shown(row, picture)
    if shown is not None:
        pictures.draw(shown, f"{row.name}: {TITLES.get(picture, picture)}")
    st.html(marks.heading(2, marks.mark_of(reading)))
    if reading.status == "read":
        agree = f"**{reading.agreement} of {len(reading.votes)}** networks agree"
        st.markdown(f"**{marks.percent(reading.probability or 0)}** probability · {agree}")
        st.html(marks.bars(reading.consensus, wide=True))
    if reading.votes:
        spoken = ", ".join(f"{TITLES[vote.network]} {vote.label}" for vote in reading.votes)
        st.image(marks.strip(reading), width=marks.STRIP[0], alt=spoken)
    found = [*([reading.reason] if reading.reason else []), *checks(reading)]
    st.html(f'<div class="ball-file">{escape(" ".join(found)) or "Nothing to check."}</div>')
    verdict = f"Your reading: **{row.verdict.choice}**" if row.verdict.given else "Not reviewed yet"
    st.markdown(f"Cells **{row.cells or 0}** · {verdict}")


def _shown(row: Row, picture: str) -> NDArray[np.uint8] | None:
    evidence = row.reading.evidence if row.reading else None
    if evidence is None:
        return None
    if picture == _MASKED:
        return evidence.segmentation.masked
    if picture not in evidence.maps:
        return evidence.rgb
    from ball.explain import overlay
    from ball.labels import LABELS

    label = next(vote.label for vote in row.reading.votes if vote.network == picture) if row.reading else LABELS[0]
    return overlay(evidence.rgb, evidence.maps[picture][LABELS.index(label)])
