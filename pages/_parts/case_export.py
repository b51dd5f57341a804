"""What can be taken along of a case: report, archive, readings, or its pictures back to the Read page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from ball.export import readings_csv, readings_json
from pages._parts import access

if TYPE_CHECKING:
    from ball.casebook import Case, CaseBook, Field
    from ball.reading import Evidence
    from ball.report.values import Report

_NOBODY: Final = "no initials given"


def draw(book: CaseBook, case: Case, not_yet: str | None = None) -> None:
    """Draw the menu of what can be taken along, off where it would not be what is on screen; each is noted in the history."""
    stem = f"case-{case.key}"
    with st.popover("Export", icon=":material/download:", disabled=not_yet is not None, help=not_yet):
        st.download_button("Report, PDF", lambda: made(book, case, "pdf"), f"{stem}.pdf", "application/pdf", on_click="ignore")
        st.download_button("All with pictures, ZIP", lambda: made(book, case, "zip"), f"{stem}.zip", "application/zip", on_click="ignore")
        st.download_button("Readings, CSV", lambda: made(book, case, "csv"), f"{stem}.csv", "text/csv", on_click="ignore")
        st.download_button("Readings, JSON", lambda: made(book, case, "json"), f"{stem}.json", "application/json", on_click="ignore")


def made(book: CaseBook, case: Case, kind: str) -> bytes:
    """A case as it is taken along, and a line of its history that says so; ``kind`` is pdf, zip, csv or json."""
    content = _REPORTS[kind](book, case) if kind in _REPORTS else _READINGS[kind]([field.export() for field in case.fields]).encode()
    book.log(case, "report" if kind in _REPORTS else "exported", access.account() or st.session_state.get("initials") or _NOBODY)
    return content


def _pdf(book: CaseBook, case: Case) -> bytes:
    from ball.report.pdf import pdf_of

    return pdf_of(report_of(book, case))


def _zip(book: CaseBook, case: Case) -> bytes:
    from ball.report.archive import zip_of

    return zip_of(report_of(book, case))


_REPORTS: Final = {"pdf": _pdf, "zip": _zip}
_READINGS: Final = {"csv": readings_csv, "json": readings_json}


def report_of(book: CaseBook, case: Case) -> Report:
    """The report of a case, with what its kept pictures show."""
    from ball.report.values import evidence_of, of_case

    def look(field: Field) -> Evidence | None:
        picture = book.picture(field) if field.kept else None
        return evidence_of(field, picture) if picture else None

    return of_case(case, look, tuple(book.history(case)))


def to_read(book: CaseBook, case: Case) -> None:
    """Open a case on the Read page; asks first where the list there holds what is not saved."""
    from pages._parts import intake

    unsaved = sum(row.unsaved for row in intake.worklist().rows)
    if unsaved:
        _replace(book, case, unsaved)
    else:
        _fill(book, case)
        st.rerun()


@st.dialog("Replace the list on Read?")
def _replace(book: CaseBook, case: Case, unsaved: int) -> None:
    fields = "1 field that is" if unsaved == 1 else f"{unsaved} fields that are"
    st.markdown(f"The list on **Read** holds {fields} not saved, with your readings of them. Opening this case takes them off the list.")
    if st.button("Replace the list", type="primary", key="replace-list"):
        _fill(book, case)
        st.rerun()


def _fill(book: CaseBook, case: Case) -> None:
    """Fill the list of the Read page with the kept pictures, their verdicts and the case itself."""
    from pages._parts import intake, letting_go

    todo = intake.worklist()
    letting_go.fields(todo)
    todo.case = case
    for field in case.fields:
        picture = book.picture(field) if field.kept else None
        if picture:
            todo.add(field.file, picture)
            row = todo.rows[-1]
            row.saved, row.verdict, row.file, row.sha256 = field, field.verdict, field.origin, field.sha256
    left = len(case.fields) - len(todo.rows)
    if left:
        # Said there: a note on this page would be gone with it.
        told = f"Only kept pictures can be opened: {left} {'field stays' if left == 1 else 'fields stay'} in the Case book alone."
        st.session_state["read-note"] = told
    st.session_state["go-read"] = True
