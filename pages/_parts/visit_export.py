"""What can be taken along of the fields of a visit, saved or not: report, archive, readings. Nothing is written to disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import streamlit as st

from pages._parts import saving, tables
from pages._parts.worklist import SHOWN, Row, Worklist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ball.casebook.values import Field
    from ball.reading import Evidence
    from ball.report.values import Drawn, Report

MOST: Final = 50
"""Fields of one file at most: it is made in memory, and with pictures a field takes some 2 MB."""

_AS_SHOWN: Final = f"Pictures as on screen, {SHOWN} pixels at most."


@dataclass(frozen=True)
class _Kind:
    """A file to be prepared; ``made`` draws it."""

    title: str
    suffix: str
    mime: str
    made: Callable[[Report, Drawn], bytes]


def _pdf(report: Report, drawn: Drawn) -> bytes:
    from ball.report.pdf import pdf_of

    return pdf_of(report, drawn)


def _zip(report: Report, drawn: Drawn) -> bytes:
    from ball.report.archive import zip_of

    return zip_of(report, drawn)


_KINDS: Final = (_Kind("Report, PDF", "pdf", "application/pdf", _pdf), _Kind("All with pictures, ZIP", "zip", "application/zip", _zip))


def draw(todo: Worklist) -> None:
    """Draw the menu of what can be taken along."""
    with st.popover("Export", icon=":material/download:"):
        _drawings(todo)
        st.download_button("All readings, CSV", lambda: tables.as_csv(todo), "readings.csv", "text/csv", on_click="ignore")
        st.download_button("All readings, JSON", lambda: tables.as_json(todo), "readings.json", "application/json", on_click="ignore")


@st.fragment
def _drawings(todo: Worklist) -> None:
    """Draw what takes a while to make: made once it is asked for, then offered. A fragment: the page does not wait for it."""
    rows = [row for row in todo.rows if row.reading]
    first, name = 0, "readings"
    if len(rows) > MOST:
        first = st.selectbox(
            "Fields of the report and the ZIP", range(0, len(rows), MOST), format_func=lambda at: _span(at, rows), key="export-part"
        )
        name = f"readings-{_span(first, rows).replace(' to ', '-')}"
    # The page is drawn anew all the time while fields are still read, and would take back what is offered.
    wait = "Once all fields are read." if todo.waiting else None
    asked = [
        kind for kind in _KINDS
        if st.button(kind.title, key=f"export-{kind.suffix}", disabled=wait is not None, help=wait or _AS_SHOWN)
    ]  # fmt: skip
    for kind in asked:
        content = _made(report_of(todo, rows[first : first + MOST], _span(first, rows) if len(rows) > MOST else ""), kind)
        st.download_button(
            f"Download {name}.{kind.suffix}, {len(content) / 2**20:.1f} MB", content, f"{name}.{kind.suffix}", kind.mime, type="primary",
            icon=":material/download:", on_click="ignore", key="export-now",
        )  # fmt: skip


def _span(first: int, rows: Sequence[Row]) -> str:
    last = min(first + MOST, len(rows))
    return str(last) if last == first + 1 else f"{first + 1} to {last}"


def _made(report: Report, kind: _Kind) -> bytes:
    count = len(report.sheets)
    progress = st.progress(0.0, f"Drawing field 1 of {count}")

    def drawn(number: int, _field: Field, _evidence: Evidence | None) -> None:
        progress.progress(number / count, f"Drawing field {min(number + 1, count)} of {count}")

    content = kind.made(report, drawn)
    progress.empty()
    return content


def report_of(todo: Worklist, rows: Sequence[Row], span: str = "") -> Report:
    """The report of some rows with what the reader says of them; ``span`` names which of the visit they are, where not all."""
    from ball.casebook.values import leading
    from ball.report.values import Report, Sheet

    sheets = tuple(Sheet(_field_of(row), partial(_look, row)) for row in rows)
    state = saving.state(todo)
    name = f"{f'Fields {span} of {len(todo.rows)} · ' if span else ''}{state[0].upper()}{state[1:]}"
    return Report(sheets, name=name, suggestion=leading(sheet.field.suggestion for sheet in sheets))


def _field_of(row: Row) -> Field:
    field = saving.field_of(row)
    # Who judged it, and when, is known of what the case book holds alone.
    return replace(field, judged=None, judged_by="") if row.unsaved else field


def _look(row: Row, field: Field) -> Evidence | None:
    """What the page shows of a row; read again where its evidence was dropped."""
    from ball.explain import small
    from ball.report.values import evidence_in, evidence_of

    if row.reading is None:
        return None
    found = evidence_of(field, row.data) if row.faded else evidence_in(field, row.reading)
    return replace(found, rgb=small(found.rgb, SHOWN)) if found else None
