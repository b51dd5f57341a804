"""Slides: the fields of one slide read together."""

from __future__ import annotations

import streamlit as st

from pages._parts import frame, intake, slide_groups, slide_view
from pages._parts.worklist import Row


def page() -> None:
    """Draw the page."""
    todo = intake.worklist()
    rows = [row for row in todo.rows if row.reading is not None]
    if not rows:
        _empty(bool(todo.waiting))
        return
    with st.sidebar:
        groups = slide_groups.choose(rows)
        name = slide_groups.pick(groups)
    if todo.waiting:
        st.markdown(f":material/hourglass_empty: {len(todo.waiting)} more fields wait to be read on the **Read** page.")
    if name is None:
        st.title("Slides", anchor=False)
        st.markdown("No field belongs to a slide yet. Select fields at the left and give the slide a name.")
        return
    members: list[Row] = groups[name]
    slide_view.draw(name, members)


def _empty(waiting: bool) -> None:
    st.title("Slides", anchor=False)
    if waiting:
        st.markdown("The fields added are not read yet. Open **Read** and come back when the first are done.")
    else:
        st.markdown("Fields added on the **Read** page appear here, put together by slide: what they say as one, and how sure that is.")


if __name__ == "__main__":
    frame.back_to_app()
