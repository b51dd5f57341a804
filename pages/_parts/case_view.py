"""One case: reader beside software, its fields, its history, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ball.casebook.errors import CaseBookError, CaseChangedError
from ball.places import read_command
from ball.report.values import clock
from ball.verdict import Verdict
from ball.wording import MARKS, checks, mark_of, percent
from pages._parts import access, case_export, marks, review, saving, who

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ball.casebook import AuditLine, Case, CaseBook, Field

_EVENTS: Final = 30
_HELD: Final = "case-held"
_ACTIONS: Final = {
    "saved": "Field saved", "picture kept": "Field saved with its picture",
    "judged": "Reading of a field", "overridden": "Suggestion overridden",
    "case verdict": "Verdict on the case", "signed": "Signed", "reopened": "Reopened", "deleted": "Deleted", "restored": "Restored",
    "report": "Report taken along", "exported": "Readings taken along",
}  # fmt: skip


def draw(book: CaseBook, key: str) -> None:
    """Draw the case of a number."""
    case = _opened(book, key)
    _head(book, case)
    _sides(case)
    history = book.history(case)
    with st.container(horizontal=True, gap="large", key="case-body"):
        with st.container(width="stretch", key="case-fields"):
            chosen = _fields(case)
            if chosen is not None:
                _one(book, case, chosen)
        with st.container(width=250, key="case-history"):
            _history(history, {field.sha256: field.file for field in case.fields})


def _opened(book: CaseBook, key: str) -> Case:
    """The case as it is now; as it was when she began to change it, while that is not saved: so the book can tell of others."""
    held: Case | None = st.session_state.get(_HELD)
    return held if held and held.key == key else book.case(key)


def _head(book: CaseBook, case: Case) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="case-head"):
        with st.container(width="stretch"):
            st.title(f"Case {case.key}", anchor=False)
            pictures = sum(field.kept for field in case.fields)
            some = "pictures kept" if pictures == len(case.fields) else f"pictures of {pictures} kept"
            kept = some if pictures else "pictures not kept"
            count = f"{len(case.fields)} {'field' if len(case.fields) == 1 else 'fields'}"
            name = f"<b>{escape(case.name)}</b> · " if case.name else ""
            st.html(f'<div class="ball-file">{name}{count} · {clock(case.changed)} · {escape(case.changed_by)} · {kept}</div>')
        if case.deleted:
            if st.button("Restore", icon=":material/restore_from_trash:", key="restore"):
                _restore(book, case)
            if st.button("Erase for good", icon=":material/delete_forever:", key="purge", disabled=not _may_delete(), help=_whose()):
                _purge(book, case)
            return
        if case.signed:
            if st.button("Reopen", icon=":material/lock_open:", key="reopen"):
                _sign(book, case)
        elif st.button("Sign", type="primary", icon=":material/signature:", key="sign"):
            _sign(book, case)
        st.button(
            "Open in Read", icon=":material/open_in_new:", key="to-read", disabled=not pictures,
            on_click=case_export.to_read, args=(book, case), help=None if pictures else "No picture was kept with this case.",
        )  # fmt: skip
        case_export.draw(book, case)
        if st.button("Delete", icon=":material/delete:", type="tertiary", key="delete", disabled=not _may_delete(), help=_whose()):
            _delete(book, case)


def _may_delete() -> bool:
    """Where sign-in is on, deleting is for those who keep the book."""
    return access.role() == "admin"


def _whose() -> str | None:
    return None if _may_delete() else "Only an admin may do this."


def _sides(case: Case) -> None:
    with st.container(border=True, horizontal=True, gap="large", key="case-sides"):
        with st.container(width="stretch"):
            st.markdown("Reader")
            _said(case.verdict, case.suggestion)
            st.html(f'<div class="ball-file">{escape(case.verdict.note)}</div>')
            st.markdown("Signed" if case.signed else "Not signed yet")
        with st.container(width="stretch"):
            st.markdown("Software")
            if case.suggestion is None:
                st.html('<h2 class="ball-head"><span>No one class</span></h2>')
                st.markdown("No class is suggested for more fields than every other.")
            else:
                st.html(marks.heading(2, MARKS[case.suggestion]))
                most = sum(field.suggestion == case.suggestion for field in case.fields)
                st.markdown(f"Suggested for **{most} of {len(case.fields)}** fields")


def _said(verdict: Verdict, suggestion: str | None) -> None:
    label = verdict.label(suggestion)
    if label:
        st.html(marks.heading(2, MARKS[label]))
    else:
        st.html(f'<h2 class="ball-head"><span>{escape(verdict.choice or "No verdict on the case yet")}</span></h2>')


def _fields(case: Case) -> Field | None:
    import pandas as pd

    st.header("Fields", anchor=False)
    chips: Any = [mark.chip for mark in MARKS.values()]
    colours = [mark.colour + "33" for mark in MARKS.values()]
    frame = pd.DataFrame([
        {
            "File": field.file, "Suggestion": [mark_of(field.record).chip], "Reader": field.verdict.choice or "",
            "Votes": marks.strip(field.record) if field.record.votes else None,
            "Probability": percent(field.record.probability) if field.record.probability is not None else "", "Note": field.verdict.note,
        }
        for field in case.fields
    ])  # fmt: skip
    event: Any = st.dataframe(
        frame, hide_index=True, row_height=44, height=min(44 * len(frame) + 40, 480), on_select="rerun", selection_mode="single-row",
        key=f"case-fields-{case.key}", placeholder="", alt="Fields of the case",
        column_config={
            "File": st.column_config.TextColumn(width=150),
            "Suggestion": st.column_config.MultiselectColumn(options=chips, color=colours, width=120),
            "Votes": st.column_config.ImageColumn(width=marks.STRIP[0]),
            "Reader": st.column_config.TextColumn(width=100),
        },
    )
    rows: list[int] = event["selection"]["rows"]
    if not rows or rows[0] >= len(case.fields):
        st.caption("Select a field to see what was said of it, or to change your reading.")
        return None
    return case.fields[rows[0]]


def _one(book: CaseBook, case: Case, field: Field) -> None:
    """What was said of one field, and the reader's verdict on it."""
    record = field.record
    with st.container(border=True, key="case-field"):
        with st.container(horizontal=True, gap="medium"):
            picture = book.picture(field) if field.kept else None
            if picture:
                st.image(picture, width=224, alt=f"Field {field.file}")
            with st.container(width="stretch"):
                st.html(marks.heading(2, mark_of(record)))
                if record.probability is not None:
                    agree = f"**{record.agreement} of {len(record.votes)}** networks agree"
                    st.markdown(f"**{percent(record.probability)}** probability · {agree}")
                found = [*([record.reason] if record.reason else []), *checks(record)]
                st.html(f'<div class="ball-file">{escape(" ".join(found))}</div>')
            if record.consensus and record.status == "read":
                with st.container(width=310):
                    st.html(marks.bars(record.consensus, wide=True))
        if case.deleted or case.signed:
            st.markdown("Restore the case to change it." if case.deleted else "The case is signed. Reopen it to change a reading.")
        else:
            _judge(book, case, field)
        st.markdown("The same reading, on the command line, where the file lies:")
        st.code(read_command(field.origin), language=None, wrap_lines=True)


def _judge(book: CaseBook, case: Case, field: Field) -> None:
    key = _entry(case, field)
    entered: dict[str, Verdict] = st.session_state.setdefault("case-verdicts", {})

    def take(verdict: Verdict) -> None:
        entered[key] = verdict
        st.session_state[_HELD] = case

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Your reading**")
        verdict = entered.get(key, field.verdict)
        review.controls(verdict, field.suggestion, key, take)
    if verdict != field.verdict:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            by = who.initials("field")
            asked = st.button("Save this reading", type="primary", disabled=not by, key="save-field")
            st.button("Take it back", key="drop-field", on_click=_let_go)
        if asked and _try(lambda: book.change(case, by, fields=[replace(field, verdict=verdict)])):
            st.button("Open it anew, keep what I entered", key="case-anew", on_click=_anew, args=(book, case, field, verdict))


def _anew(book: CaseBook, case: Case, field: Field, verdict: Verdict) -> None:
    """Take the case as it is now, with what was entered beside it."""
    fresh = book.case(case.key)
    _let_go()
    st.session_state["case-verdicts"] = {_entry(fresh, field): verdict}
    st.session_state[_HELD] = fresh


def _entry(case: Case, field: Field) -> str:
    """What the widgets of a verdict are known by: new ones for each state of the case, so that they show what the book holds."""
    return f"case-{field.id}-{case.version}-{st.session_state.get('case-turn', 0)}"


def _history(lines: list[AuditLine], files: Mapping[str, str]) -> None:
    """What happened, the last first; lines that are alike but for the field are one, and name it where it is a single one."""
    st.header("History", anchor=False)
    alike = [(event, list(group)) for event, group in groupby(reversed(lines), lambda line: (_event(line), clock(line.time), line.who))]
    for (what, when, who_did), group in alike[:_EVENTS]:
        times = f" × {len(group)}" if len(group) > 1 else ""
        file = files.get(group[0].image_sha256 or "") if len(group) == 1 else None
        named = f"<br>{escape(file)}" if file else ""
        st.html(f'<div class="ball-event"><b>{escape(what)}{times}</b>{named}<br>{when} · {escape(who_did)}</div>')
    if len(alike) > _EVENTS:
        st.markdown("The report lists what was earlier.")


def _event(line: AuditLine) -> str:
    after = line.content.get("after")
    return f"{_ACTIONS.get(line.action, line.action)}{f': {after}' if after else ''}"


@st.dialog("Sign the case")
def _sign(book: CaseBook, case: Case) -> None:
    key = f"sign-{case.key}-{case.version}"
    if case.signed:
        st.markdown("The case can then be changed again. That it was reopened stays in its history.")
    else:
        st.markdown("What is the case, in your reading?")
        st.session_state.setdefault(key, case.verdict)

        def take(verdict: Verdict) -> None:
            st.session_state[key] = verdict

        review.controls(st.session_state[key], case.suggestion, key, take)
    by = who.initials("sign")
    verdict = st.session_state.get(key)
    ready = bool(by) and (case.signed or (isinstance(verdict, Verdict) and verdict.given))
    if st.button("Reopen" if case.signed else "Sign", type="primary", disabled=not ready, key="sign-now"):
        _try(lambda: book.change(case, by, verdict=None if case.signed else verdict, signed=not case.signed))


@st.dialog("Delete the case")
def _delete(book: CaseBook, case: Case) -> None:
    st.markdown("It leaves the list, and can be restored from **Deleted**.")
    by = who.initials("delete")
    if st.button("Delete", type="primary", disabled=not by, key="delete-now"):
        _try(lambda: book.delete(case, by))


@st.dialog("Erase for good")
def _purge(book: CaseBook, case: Case) -> None:
    st.markdown("Readings, verdicts, notes and pictures are erased. Only times, actions and image hashes remain.")
    st.markdown("**This cannot be undone.**")
    by = who.initials("purge")
    if st.button("Erase for good", type="primary", disabled=not by, key="purge-now"):
        _try(lambda: book.purge(case, by))


@st.dialog("Restore the case")
def _restore(book: CaseBook, case: Case) -> None:
    st.markdown("It comes back to the list as it was.")
    by = who.initials("restore")
    if st.button("Restore", type="primary", disabled=not by, key="restore-now"):
        _try(lambda: book.restore(case, by))


def _let_go() -> None:
    """Forget what was entered and not saved."""
    st.session_state.pop(_HELD, None)
    st.session_state.pop("case-verdicts", None)
    st.session_state["case-turn"] = st.session_state.get("case-turn", 0) + 1


def _try(action: Callable[[], object]) -> bool:
    """Do it and draw the page anew; else say what the book says, and tell whether someone else came first."""
    try:
        action()
    except CaseBookError as error:
        st.error(saving.plain(str(error)))
        return isinstance(error, CaseChangedError)
    else:
        _let_go()
        st.rerun()

