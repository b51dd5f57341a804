"""The list of cases in the sidebar: search, state, pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import streamlit as st

from ball.casebook.values import STATES
from ball.wording import MARKS
from pages._parts import entries

if TYPE_CHECKING:
    from ball.casebook import CaseBook, Summary

_PAGE: Final = 8
_ROW: Final = 66
"""Height of a row in pixels: text is broken into lines from 65 on, and name, reader and state stand beside one another."""
_NAME: Final = 22
"""Characters of a name that the list shows: two lines."""


def draw(book: CaseBook) -> str | None:
    """Draw search and list; the number of the case chosen, the first of the list until one is.

    A case on which something is entered and not saved stays chosen, also where the list shows it no more.
    """
    words = st.text_input(
        "Search", placeholder="Case, note or file", icon=":material/search:", key="case-words", label_visibility="collapsed"
    )
    states: list[str] = st.pills("State", [*STATES, "Deleted"], selection_mode="multi", key="case-states", label_visibility="collapsed")
    deleted = "Deleted" in states
    wanted = [state for state in states if state in STATES]
    offset = (int(st.session_state.get("case-page", 1)) - 1) * _PAGE
    found, total = book.search(words, wanted, deleted=deleted, offset=offset, limit=_PAGE)
    if not found and offset:
        st.session_state.pop("case-page", None)
        found, total = book.search(words, wanted, deleted=deleted, limit=_PAGE)
    if not found:
        st.markdown("0 cases")
        chosen = st.session_state.get("case")
        return chosen if chosen and entries.of(chosen) else None
    chosen = _table(found)
    if total > _PAGE:
        st.pagination(math.ceil(total / _PAGE), key="case-page", max_visible_pages=5)
    st.markdown(f"{total} {'case' if total == 1 else 'cases'}")
    return chosen


def why_empty(book: CaseBook) -> str:
    """Why the list shows no case, and what to do, as Markdown."""
    deleted = "Deleted" in (st.session_state.get("case-states") or [])
    if st.session_state.get("case-words") or [each for each in st.session_state.get("case-states") or [] if each in STATES]:
        return "No case matches. Search for less, or take a state away."
    if deleted:
        return "No case is deleted. Take **Deleted** away to see those that are kept."
    if book.search(deleted=True, limit=1)[1]:
        return "Every case was deleted. Choose **Deleted** in the list to restore one, or save another on the Read page."
    return "No case is saved yet. Read some fields, then press **Save case** on the Read page; nothing is kept before you do."


def _table(found: list[Summary]) -> str:
    import pandas as pd

    keys = [each.key for each in found]
    chosen = st.session_state.get("case")
    if chosen not in keys and not (chosen and entries.of(chosen)):
        st.session_state["case"] = chosen = keys[0]
    frame = pd.DataFrame({
        "Case": [f"{each.key}\n{each.name if len(each.name) <= _NAME else each.name[: _NAME - 1] + '…'}".strip() for each in found],
        "Reader": [_said(each) for each in found],
        "State": [", ".join(each.states) for each in found],
    })  # fmt: skip
    key = f"cases-{hash(tuple(keys))}"
    place = [keys.index(chosen)] if chosen in keys else []
    st.session_state[key] = {"selection": {"rows": place, "columns": [], "cells": []}}

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(keys):
            st.session_state["case"] = keys[rows[0]]

    st.dataframe(
        frame, key=key, on_select=choose, selection_mode="single-row-required" if place else "single-row", hide_index=True,
        row_height=_ROW, placeholder="", height=_ROW * len(found) + 40, alt="Cases, the last changed first",
        column_config={
            "Case": st.column_config.TextColumn(width=106),
            "Reader": st.column_config.TextColumn(width=86),
            "State": st.column_config.TextColumn(width=94),
        },
    )
    return str(st.session_state["case"])


def _said(summary: Summary) -> str:
    """What the reader says of the case, mark and word; nothing before she does."""
    label = summary.verdict.label(summary.suggestion)
    return MARKS[label].chip if label else summary.verdict.choice or ""
