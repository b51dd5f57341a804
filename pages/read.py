"""Read: add fields, see one verdict each, and everything that it rests on."""

from __future__ import annotations

import streamlit as st

from ball.places import restore_sentence
from pages._parts import frame, intake
from pages._parts.worklist import Worklist


def page() -> None:
    """Draw the page, then read on if files wait."""
    todo = intake.worklist()
    note = st.session_state.pop("read-note", None)
    if note:
        st.toast(note)
    if intake.no_weights():
        _no_weights()
    # A slot of its own: what it held is gone at once when reading starts.
    start = st.empty()
    if not todo.rows:
        with start.container():
            _empty(todo)
        return
    # Not before there are fields: the first page does not wait for the code that shows them, and for numpy.
    from pages._parts import fields

    fields.draw(todo)


def _empty(todo: Worklist) -> None:
    with st.container(key="empty", width=640):
        st.title("Read fields of a smear", anchor=False)
        st.markdown("Drop fields of a smear here. Nothing leaves this computer, and nothing is kept until you save a case.")
        intake.uploader(todo)
        with st.container(horizontal=True):
            st.button("Draw a synthetic field", icon=":material/draw:", on_click=intake.draw_synthetic, args=(todo,))
            if intake.example_files():
                st.button("Open example fields", icon=":material/folder_open:", on_click=intake.open_examples, args=(todo,))


def _no_weights() -> None:
    with st.container(border=True, key="no-weights"):
        st.markdown("**No network can be loaded: the weights folder is empty.** No field can be read before it holds the weight files.")
        st.markdown(f"{restore_sentence()}, or train the networks, then reload this page:")
        st.code("python -m ball train --help", language="bash")


if __name__ == "__main__":
    frame.back_to_app()
