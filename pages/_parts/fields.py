"""The page Read once there are fields: their list, the one that is open, and reading on while files wait."""

from __future__ import annotations

import time
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ball.places import graphs_folder
from pages._parts import compare, filters, intake, letting_go, proofs, review, saving, suggest, tables, verdict, visit_export, votes
from pages._parts.worklist import Row, Worklist

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_SLICE: Final = 1.0
"""Seconds of reading between two drawings of the page."""

_MANY: Final = 10
"""Files read together from which on it is worth the moment that giving back their memory takes."""


def draw(todo: Worklist) -> None:
    """Draw the list and the view chosen, then read on if files wait."""
    suggest.apply(todo)
    saving.follow(todo)
    with st.sidebar:
        intake.uploader(todo)
        _sidebar_list(todo)
    opened = todo.opened()
    view = _top(todo, opened)
    progress = st.empty()
    if view == "All fields":
        st.title("All fields", anchor=False)
        suggest.slider(todo)
        tables.full_table(todo, filters.draw(todo))
    elif view == "Compare":
        compare.draw(todo)
    elif opened and opened.reading:
        _field(opened, todo)
    else:
        _skeleton()
    if todo.waiting:
        _read_on(todo, progress)


def _sidebar_list(todo: Worklist) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        views = ["All", "To check", "Not reviewed"]
        shown = st.segmented_control("Show", views, default="All", required=True, key="show", label_visibility="collapsed")
    todo.only_to_check, todo.only_unreviewed = shown == "To check", shown == "Not reviewed"
    if todo.shown():
        tables.field_list(todo)
    else:
        st.markdown("Nothing to check." if todo.only_to_check else "Every field is reviewed.")
    done, check = len(todo.rows) - len(todo.waiting), sum(row.to_check for row in todo.rows)
    reviewed = sum(row.verdict.given for row in todo.rows)
    fields = "field" if len(todo.rows) == 1 else "fields"
    st.markdown(f"{done} of {len(todo.rows)} {fields} · {check} to check · {reviewed} reviewed · {saving.state(todo)}")
    with st.container(horizontal=True):
        st.button("Draw a synthetic field", type="tertiary", icon=":material/draw:", on_click=intake.draw_synthetic, args=(todo,))
        if st.button("Clear the list", type="tertiary", icon=":material/delete_sweep:", key="clear-list"):
            _clear(todo)


def _clear(todo: Worklist) -> None:
    """Clear the list; ask first where she entered what is not saved."""
    entered = sum(row.entered for row in todo.rows)
    if entered:
        _ask_clear(todo, entered)
    else:
        letting_go.fields(todo)
        st.rerun()


@st.dialog("Clear the list?")
def _ask_clear(todo: Worklist, entered: int) -> None:
    st.markdown(f"{'1 reading' if entered == 1 else f'{entered} readings'} of yours {'is' if entered == 1 else 'are'} not saved.")
    if st.button("Clear the list", type="primary", key="clear-now"):
        letting_go.fields(todo)
        st.rerun()


def _top(todo: Worklist, opened: Row | None) -> str:
    # A small gap: with the wider one the last button falls below the bar at 1280 pixels.
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="top"):
        for label, key, step in (("Back", "K", -1), ("Next", "J", 1)):
            other = todo.beside(opened.number, step) if opened else None
            st.button(label, shortcut=key, key=f"go-{label}", disabled=other is None, on_click=_go, args=(todo, other))
        with st.container(width="stretch", key="caption"):
            st.html(_caption(todo, opened))
        visit_export.draw(todo)
        saving.button(todo)
        # Last, since it is the widest: where the bar does not fit a line, two are enough on a tablet.
        view: Any = st.segmented_control(
            "View", ["Field", "All fields", "Compare"], default="Field", required=True, key="view", label_visibility="collapsed"
        )
    return str(view)


def _caption(todo: Worklist, opened: Row | None) -> str:
    if opened is None:
        return '<div class="ball-file">Nothing is read yet.</div>'
    order = [row.number for row in todo.shown()]
    number = f"field {order.index(opened.number) + 1} of {len(order)}" if opened.number in order else f"not among the {len(order)}"
    among = " to check" if todo.only_to_check else " not reviewed" if todo.only_unreviewed else ""
    size = f" · {opened.size[0]}\u00a0×\u00a0{opened.size[1]}\u00a0px" if opened.size else ""  # The size stays on one line.
    return f'<div class="ball-file"><b>{escape(opened.name)}</b><br>{number}{among}{size}</div>'


def _go(todo: Worklist, row: Row | None) -> None:
    if row:
        todo.chosen = row.number


def _field(opened: Row, todo: Worklist) -> None:
    if opened.faded:
        from ball.engine import load_engine

        with st.spinner("Reading this field again"):
            todo.recall(opened, load_engine())
        suggest.apply(todo)  # It was read with the validated limit.
    elif opened.data:
        todo.keep(opened)
    with st.container(border=True, key="reading"):
        verdict.draw(opened, todo)
        review.draw(opened, todo)
    if opened.reading and opened.reading.votes:
        votes.draw(opened.reading, opened.name)
        proofs.draw(opened)


def _skeleton() -> None:
    st.skeleton(height=258)
    grid = st.grid(5, min_column_width=146, gap=12)
    for _ in range(5):
        grid.skeleton(height=330)


def _read_on(todo: Worklist, slot: DeltaGenerator) -> None:
    """Read for a moment, then draw the page anew, so that finished fields can be opened at once."""
    began = time.monotonic()
    with slot.container(horizontal=True, vertical_alignment="center"):
        progress = st.empty()
        st.button("Stop", icon=":material/stop:", key="stop", help="What is read is kept.", on_click=_stop, args=(todo,))
    _progress(todo, progress)
    letting_go.large_pieces()
    from ball.engine import load_engine

    engine = load_engine()
    todo.loaded = True
    first = len(todo.waiting) == todo.batch
    while todo.waiting:
        _progress(todo, progress)
        todo.read_next(engine)
        if first or time.monotonic() - began > _SLICE:
            break
    if not todo.waiting and todo.batch >= _MANY:
        letting_go.memory()
    st.rerun()


def _stop(todo: Worklist) -> None:
    left = len(todo.waiting)
    todo.stop()
    st.toast(f"Stopped. What was read is kept; {left} {'file was' if left == 1 else 'files were'} taken off the list.")


def _progress(todo: Worklist, progress: DeltaGenerator) -> None:
    done, left = todo.batch - len(todo.waiting), todo.seconds_left()
    text = f"Reading {done + 1} of {todo.batch}" if todo.loaded else _loading()
    progress.progress(done / todo.batch, text + (f" · about {left:.0f} seconds left" if left >= 2 else ""))


def _loading() -> str:
    compiled = find_spec("openvino") is not None
    first = " · the first time this may take a minute"
    return f"Loading the five networks{first if compiled and not graphs_folder().exists() else ''}"
