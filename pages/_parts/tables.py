"""The fields as tables: the list in the sidebar, the full table, and what is downloaded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import streamlit as st

from ball.export import readings_csv, readings_json
from ball.names import TITLES
from pages._parts import marks
from pages._parts.verdict import checks
from pages._parts.worklist import Row, Worklist

_PAGE = 12
"""Rows of the list in the sidebar at a time: what a window shows, and what is sent to the browser."""
_WRAPPED = 66
"""Height of a row in pixels in which text is broken into lines."""
_TINT = "33"
_LETTER = 7
"""Pixels of a letter in a table, on average."""
_ORDER = f"In this order: {', '.join(TITLES.values())}. A line marks who differs from the average, a dash who is missing."


def _chip_column() -> Any:
    chips = list(marks.MARKS.values())
    return st.column_config.MultiselectColumn(
        "Suggestion", options=[mark.chip for mark in chips], color=[mark.colour + _TINT for mark in chips], width=116
    )


def file_column(names: Iterable[str]) -> Any:
    """A column as wide as the longest name needs, within what leaves room for the others."""
    widest = max((len(name) for name in names), default=0)
    return st.column_config.TextColumn("File", width=min(max(_LETTER * widest + 18, 130), 260))


def field_list(todo: Worklist) -> None:
    """Draw the list page by page, the open row selected; selecting opens, and opening by key turns to its page."""
    every = todo.shown()
    opened = todo.opened()
    pages = math.ceil(len(every) / _PAGE)
    place = next((index for index, row in enumerate(every) if opened and row.number == opened.number), None)
    # While others are read, places change by themselves; then only another field turns the page.
    followed = (opened and opened.number, st.session_state.get("list-followed", (0, 0))[1] if todo.waiting else place)
    if place is not None and followed != st.session_state.get("list-followed"):
        st.session_state["list-page"] = place // _PAGE + 1
    st.session_state["list-followed"] = followed
    page = min(int(st.session_state.get("list-page", 1)), pages)
    _list_page(todo, every[(page - 1) * _PAGE : page * _PAGE], opened)
    if pages > 1:
        st.session_state["list-page"] = page
        st.pagination(pages, key="list-page", max_visible_pages=5)


def _list_page(todo: Worklist, order: list[Row], opened: Row | None) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "field": [row.thumbnail or None for row in order],
            "suggestion": [[marks.mark_of(row.reading).chip] for row in order],
            "votes": [marks.strip(row.reading) if row.reading and row.reading.votes else None for row in order],
            "reviewed": ["✓" if row.verdict.given else "" for row in order],
        }
    )
    # The selection is kept by place, so the key changes with the order.
    key = f"list-{hash(tuple((row.number, row.reading is None) for row in order))}"
    place = next((index for index, row in enumerate(order) if opened and row.number == opened.number), None)
    if place is not None:
        st.session_state[key] = {"selection": {"rows": [place], "columns": [], "cells": []}}

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(order):
            todo.chosen = order[rows[0]].number

    st.dataframe(
        frame, key=key, on_select=choose, selection_mode="single-row-required" if place is not None else "single-row", hide_index=True,
        row_height=48, height=48 * len(order) + 40, placeholder="", alt="Fields, worst first",
        column_config={
            "field": st.column_config.ImageColumn("", width=46),
            "suggestion": _chip_column(),
            "votes": st.column_config.ImageColumn("Votes", width=marks.STRIP[0], help=_ORDER),
            "reviewed": st.column_config.TextColumn("✓", width=28, help="Whether you gave your own reading."),
        },
    )


def full_table(todo: Worklist, order: list[Row]) -> None:
    """Draw the fields of ``order`` with their figures; sortable."""
    import pandas as pd

    if not order:
        st.markdown("No field is left by this choice. Take a filter away to see more.")
        return
    frame = pd.DataFrame([_line(row) for row in order])
    # What is to be decided by comes first: in a window of 1280 pixels it is seen as far as Check without scrolling.
    event: Any = st.dataframe(
        frame, hide_index=True, row_height=_WRAPPED, height=min(_WRAPPED * len(order) + 40, 900), placeholder="", alt="All fields",
        key=f"table-{hash(tuple((row.number, row.reading is None) for row in order))}", on_select="rerun", selection_mode="single-row",
        column_config={
            "field": st.column_config.ImageColumn("", width=62),
            "file": st.column_config.TextColumn("File", width=140),
            "suggestion": _chip_column(),
            "probability": st.column_config.ProgressColumn(
                "Probability", format="%.1f %%", min_value=0, max_value=100, color="gray", width=94,
                help="Of the leading label, by the calibrated consensus of the votes.",
            ),
            "votes": st.column_config.ImageColumn("Votes", width=marks.STRIP[0], help=_ORDER),
            "reader": st.column_config.TextColumn("Your reading", width=110),
            "check": st.column_config.TextColumn("Check", width=170),
            "agreement": st.column_config.TextColumn("Votes alike", width=84, help="Votes equal to the leading label, of the votes given."),
            "cells": st.column_config.NumberColumn("Cells", width=60),
            "note": st.column_config.TextColumn("Note"),
        },
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(order):
        st.button("Open the selected field", type="primary", on_click=_open, args=(todo, order[rows[0]].number))
    else:
        st.caption("Select a row to open its field. Click a column's head to sort.")


def _open(todo: Worklist, number: int) -> None:
    todo.chosen = number
    st.session_state["view"] = "Field"


def _line(row: Row) -> dict[str, Any]:
    reading = row.reading
    suggested = reading is not None and reading.status == "read"
    return {
        "field": row.thumbnail or None,
        "file": row.name,
        "suggestion": [marks.mark_of(reading).chip],
        # Never 100 %: the column rounds, and nothing is quite certain.
        "probability": min(100 * reading.probability, 99.9) if suggested and reading and reading.probability is not None else None,
        "votes": marks.strip(reading, _WRAPPED) if reading and reading.votes else None,
        "reader": row.verdict.choice or "",
        "check": " ".join([*([reading.reason] if reading.reason else []), *checks(reading)]) if reading else None,
        "agreement": f"{reading.agreement} of {len(reading.votes)}" if reading and reading.votes else None,
        "cells": row.cells,
        "note": row.verdict.note,
    }


def documents(todo: Worklist) -> list[dict[str, Any]]:
    """All that was read, in the order in which it was added, the reader's own verdict beside."""
    return [document | row.verdict.keys(row.judged) for row in todo.rows if (document := row.document())]


def as_json(todo: Worklist) -> str:
    """Every reading, as `python -m ball read --json` writes it, with the app's own keys (`ball.export`)."""
    return readings_json(documents(todo))


def as_csv(todo: Worklist) -> str:
    """One line a reading, as `python -m ball read --csv` writes it, with the app's own columns."""
    return readings_csv(documents(todo))
