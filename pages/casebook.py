"""Case book: what was saved, by whom, how reader and software agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ball.casebook.errors import CaseBookError
from pages._parts import agreement_view, case_list, case_view, frame, saving

if TYPE_CHECKING:
    from ball.casebook import CaseBook


def page() -> None:
    """Draw the list in the sidebar, and the case chosen from it."""
    try:
        book = saving.casebook()
        with st.sidebar:
            chosen = case_list.draw(book)
        case_tab, agreement_tab = st.tabs(["Case", "Agreement"])
        with case_tab:
            if chosen is None:
                _empty(book)
            else:
                case_view.draw(book, chosen)
        with agreement_tab:
            agreement_view.draw(book)
    except CaseBookError as error:
        st.title("Case book", anchor=False)
        st.error(saving.told(error))


def _empty(book: CaseBook) -> None:
    st.title("Case book", anchor=False)
    st.markdown(case_list.why_empty(book))


if __name__ == "__main__":
    frame.back_to_app()
