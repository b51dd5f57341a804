"""One case: reader beside software, its fields, its history, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ball.casebook.errors import CaseBookError
from ball.export import readings_csv, readings_json
from ball.report.values import clock
from ball.verdict import Verdict
from ball.wording import MARKS, checks, mark_of, percent
from pages._parts import access, marks, review, saving, who

if TYPE_CHECKING:
    from ball.casebook import AuditLine, Case, CaseBook, Field
    from ball.report.values import Report

_EVENTS: Final = 30
_HELD: Final = "case-held"
_ACTIONS: Final = {
    "saved": "Field saved", "picture kept": "Field saved with its picture",
    "judged": "Reading of a field", "overridden": "Suggestion overridden",
    "case verdict": "Verdict on the case", "signed": "Signed", "reopened": "Reopened", "deleted": "Deleted", "restored": "Restored",
    "report": "Report taken along",
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
            _history(history)


def _opened(book: CaseBook, key: str) -> Case:
    """The case as it is now; as it was when she began to change it, while that is not saved: so the book can tell of others."""
    held: Case | None = st.session_state.get(_HELD)
    return held if held and held.key == key else book.case(key)


def _head(book: CaseBook, case: Case) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="case-head"):
        with st.container(width="stretch"):
            st.title(f"Case {case.key}", anchor=False)
            pictures = sum(field.kept for field in case.fields)
            kept = "pictures not kept" if not pictures else "pictures kept" if pictures == len(case.fields) else f"{pictures} pictures kept"
            count = f"{len(case.fields)} {'field' if len(case.fields) == 1 else 'fields'}"
            name = f"<b>{escape(case.name)}</b> · " if case.name else ""
            st.html(f'<div class="ball-file">{name}{count} · {clock(case.changed)} · {escape(case.changed_by)} · {kept}</div>')
        if case.deleted:
            st.button("Restore", icon=":material/restore_from_trash:", on_click=_restore, args=(book, case), key="restore")
            if st.button("Erase for good", icon=":material/delete_forever:", key="purge", disabled=not _may_delete(), help=_whose()):
                _purge(book, case)
            return
        if case.signed:
            if st.button("Reopen", icon=":material/lock_open:", key="reopen"):
                _sign(book, case)
        elif st.button("Sign", type="primary", icon=":material/signature:", key="sign"):
            _sign(book, case)
        st.button("Open in Read", icon=":material/open_in_new:", key="to-read", disabled=not pictures, on_click=_to_read, args=(book, case),
                  help=None if pictures else "No picture was kept with this case.")
        _export(book, case)
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
            return
        _judge(book, case, field)


def _judge(book: CaseBook, case: Case, field: Field) -> None:
    key = f"case-{field.id}-{case.version}-{st.session_state.get('case-turn', 0)}"
    entered: dict[str, Verdict] = st.session_state.setdefault("case-verdicts", {})

    def take(verdict: Verdict) -> None:
        entered[key] = verdict
        st.session_state[_HELD] = case

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Your reading**")
        review.controls(field.verdict, field.suggestion, key, take)
    verdict = entered.get(key, field.verdict)
    if verdict != field.verdict:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            by = who.initials("field")
            if st.button("Save this reading", type="primary", disabled=not by, key="save-field"):
                _try(lambda: book.change(case, by, fields=[replace(field, verdict=verdict)]))
            st.button("Take it back", key="drop-field", on_click=_let_go)


def _history(lines: list[AuditLine]) -> None:
    st.header("History", anchor=False)
    events = [(_event(line), clock(line.time), line.who) for line in reversed(lines)]
    alike = [(event, len(list(group))) for event, group in groupby(events)]
    for (what, when, who_did), count in alike[:_EVENTS]:
        times = f" × {count}" if count > 1 else ""
        st.html(f'<div class="ball-event"><b>{escape(what)}{times}</b><br>{when} · {escape(who_did)}</div>')
    if len(alike) > _EVENTS:
        st.markdown("The report lists what was earlier.")


def _event(line: AuditLine) -> str:
    after = line.content.get("after")
    return f"{_ACTIONS.get(line.action, line.action)}{f': {after}' if after else ''}"


def _export(book: CaseBook, case: Case) -> None:
    documents = [field.export() for field in case.fields]
    stem = f"case-{case.key}"
    with st.popover("Export", icon=":material/download:"):
        st.download_button("Report, PDF", lambda: _made(book, case, "pdf"), f"{stem}.pdf", "application/pdf", on_click="ignore")
        st.download_button("All with pictures, ZIP", lambda: _made(book, case, "zip"), f"{stem}.zip", "application/zip", on_click="ignore")
        st.download_button("Readings, CSV", readings_csv(documents), f"{stem}.csv", "text/csv", on_click="ignore")
        st.download_button("Readings, JSON", readings_json(documents), f"{stem}.json", "application/json", on_click="ignore")


def _made(book: CaseBook, case: Case, kind: str) -> bytes:
    from ball.report.archive import zip_of
    from ball.report.pdf import pdf_of

    report = report_of(book, case)
    made = pdf_of(report) if kind == "pdf" else zip_of(report)
    book.log(case, "report", access.account() or st.session_state.get("initials", ""))
    return made


def report_of(book: CaseBook, case: Case) -> Report:
    """The report of a case, with what its kept pictures show."""
    from ball.report.values import evidence_of, of_case

    found = {}
    for field in case.fields:
        picture = book.picture(field) if field.kept else None
        evidence = evidence_of(field, picture) if picture else None
        if evidence is not None and field.id is not None:
            found[field.id] = evidence
    return of_case(case, found, tuple(book.history(case)))


def _to_read(book: CaseBook, case: Case) -> None:
    """Fill the list of the Read page with the kept pictures, their verdicts and the case itself."""
    from pages._parts import intake

    todo = intake.worklist()
    todo.clear()
    todo.case = case
    for field in case.fields:
        picture = book.picture(field) if field.kept else None
        if picture:
            todo.add(field.file, picture)
            todo.rows[-1].saved, todo.rows[-1].verdict = field, field.verdict
    st.session_state["go-read"] = True


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


def _restore(book: CaseBook, case: Case) -> None:
    try:
        book.restore(case, access.account() or st.session_state.get("initials") or case.changed_by)
    except CaseBookError as error:
        st.toast(saving.plain(str(error)))


def _let_go() -> None:
    """Forget what was entered and not saved."""
    st.session_state.pop(_HELD, None)
    st.session_state.pop("case-verdicts", None)
    st.session_state["case-turn"] = st.session_state.get("case-turn", 0) + 1  # New widgets, so that they show what the book holds.


def _try(action: Any) -> None:
    """Do it and draw the page anew; else say what the book says."""
    try:
        action()
    except CaseBookError as error:
        st.error(saving.plain(str(error)))
    else:
        _let_go()
        st.rerun()

