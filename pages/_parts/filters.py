"""Which fields the full table shows: by what is to be done with them, and by class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from ball.labels import LABELS, UNIDENTIFIED
from pages._parts.marks import MARKS
from pages._parts.worklist import Row, Worklist

_STATES: Final[dict[str, Callable[[Row], bool]]] = {
    "To check": lambda row: row.to_check,
    "Refused or not read": lambda row: row.rank in (2, 3),
    "Not reviewed": lambda row: not row.verdict.given,
    "Reviewed": lambda row: row.verdict.given,
    "Overridden": lambda row: row.reading is not None and row.verdict.overrides(row.judged),
}
_CLASSES: Final = (*LABELS, UNIDENTIFIED)


def draw(todo: Worklist) -> list[Row]:
    """Draw the filters; the rows left, worst first. Of classes any is enough; everything else must hold together."""
    chosen: list[str] = st.pills(
        "Show only", [*_STATES, *_CLASSES], selection_mode="multi", key="filters", label_visibility="collapsed",
        format_func=lambda name: MARKS[name].chip if name in MARKS else name,
    )
    return kept(todo.shown(), chosen)


def kept(rows: list[Row], chosen: list[str]) -> list[Row]:
    """The rows that hold to what is chosen."""
    classes = [name for name in chosen if name in _CLASSES]
    found = [row for row in rows if all(_STATES[name](row) for name in chosen if name in _STATES)]
    return [row for row in found if not classes or (row.reading and row.reading.status == "read" and row.reading.suggestion in classes)]
