"""Which fields belong to one slide: by folder, by name, or put together by hand. Lives in the session only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from ball.trust.slide import by_folder, by_name, grouped
from pages._parts import intake, marks
from pages._parts.letting_go import SLIDE
from pages._parts.slide_view import suggested
from pages._parts.worklist import Row

_HAND: Final = "Hand"
_BY: Final[Mapping[str, Callable[[str], str]]] = {"Folder": by_folder, "Name": by_name}
_NO_FOLDER: Final = "Fields without a folder"
_ROOM: Final = 18
"""Letters of a name that the list has room for; the page's heading has the whole name."""


def choose(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Draw how to group, and return the fields by slide."""
    folders = any(by_folder(row.name) != "." for row in rows)
    how = st.segmented_control(
        "Group fields by", [*(_BY if folders else ["Name"]), _HAND], default="Folder" if folders else "Name", required=True,
        key="slide-grouping",
        help=f"{'Folder: fields of one folder. ' if folders else ''}Name: without its last number, so S12_03 and S12_04 belong to S12. "
        "Hand: you choose.",
    )
    if how == _HAND:
        return _by_hand(rows)
    found = grouped(list(rows), lambda row: _BY[str(how)](row.name))
    return {(_NO_FOLDER if name == "." else name): members for name, members in found.items()}


def pick(groups: Mapping[str, Sequence[Row]]) -> str | None:
    """Draw the list of slides, one always selected; None where there is none."""
    import pandas as pd

    names = list(groups)
    if not names:
        return None
    chosen = st.session_state.get(SLIDE)
    place = names.index(chosen) if chosen in names else 0
    key = f"slides-{hash(tuple(names))}"
    st.session_state[key] = {"selection": {"rows": [place], "columns": [], "cells": []}}

    def remember() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(names):
            st.session_state[SLIDE] = names[rows[0]]

    chips = list(marks.MARKS.values())
    column: Any = st.column_config.MultiselectColumn(
        "Suggestion", options=[mark.chip for mark in chips], color=[mark.colour + "33" for mark in chips], width=112
    )
    frame = pd.DataFrame({
        "Slide": [shortened(name) for name in names], "suggestion": [[suggested(groups[name]).chip] for name in names],
        "Fields": [len(groups[name]) for name in names],
    })  # fmt: skip
    st.dataframe(
        frame, key=key, on_select=remember, selection_mode="single-row-required", hide_index=True, height=min(36 * len(names) + 40, 640),
        alt="Slides",
        column_config={
            "Slide": st.column_config.TextColumn(width=126), "suggestion": column, "Fields": st.column_config.NumberColumn(width=48),
        },
    )
    st.caption("Fields added on the Read page appear here.")
    return names[place]


def shortened(name: str, room: int = _ROOM) -> str:
    """A name cut in its middle where it is longer than ``room`` letters: its end tells slides apart."""
    return name if len(name) <= room else f"{name[: room // 3]}…{name[room // 3 + 1 - room :]}"


def _by_hand(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Let the reader put fields into slides; each field belongs to one at most."""
    given: dict[int, str] = intake.worklist().found.setdefault("slides by hand", {})
    by_number = {row.number: row for row in rows if not row.not_read}  # What could not be read says nothing of a slide.
    picked = st.multiselect("Fields", list(by_number), format_func=lambda number: by_number[number].name, key="slide-picked")
    st.text_input("Name of the slide", key="slide-name", max_chars=80)

    def put() -> None:
        # Asked only now: what is typed is applied by the very click on the button.
        name = str(st.session_state["slide-name"]).strip()
        if not name:
            st.toast("Give the slide a name, then put its fields together.")
            return
        given.update(dict.fromkeys(picked, name))
        st.session_state["slide-picked"] = []
        st.session_state[SLIDE] = name

    st.button("Put together", on_click=put, disabled=not picked, icon=":material/group_work:")
    return grouped([row for row in rows if row.number in given], lambda row: given[row.number])
