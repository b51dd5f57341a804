"""The app: page settings, navigation, and the notice that every page carries."""

from __future__ import annotations

import streamlit as st

from pages import about, benchmark, casebook, read, slides
from pages._parts import access, frame

st.set_page_config(page_title="Second reader for B-ALL smears", page_icon=frame.ICON, layout="wide", initial_sidebar_state=380)

home = st.Page(read.page, title="Read", default=True)


def to_home() -> None:
    """Send the address /read to the first page."""
    st.switch_page(home)


chosen = st.navigation(
    [
        home,
        st.Page(slides.page, title="Slides", url_path="slides"),
        st.Page(benchmark.page, title="Benchmark", url_path="benchmark"),
        st.Page(casebook.page, title="Case book", url_path="casebook"),
        st.Page(about.page, title="About", url_path="about"),
        st.Page(to_home, title="Read", url_path="read", visibility="hidden"),
    ],
    position="top",
)
# Before the page: a page that stops early must not take the notice with it.
frame.notice()
if st.session_state.pop("go-read", False):
    st.switch_page(home)
if access.admitted():
    chosen.run()
