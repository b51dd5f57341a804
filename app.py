"""The app: page settings, navigation, and the notice that every page carries."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import streamlit as st

from pages import read
from pages._parts import access, frame, intake, letting_go, unsaved

st.set_page_config(page_title="Second reader for B-ALL smears", layout="wide", initial_sidebar_state=380)


def later(name: str) -> Callable[[], None]:
    """A page whose code is loaded when it is first opened: the first page does not wait for the others'."""
    return lambda: importlib.import_module(f"pages.{name}").page()


home = st.Page(read.page, title="Read", default=True)


def to_home() -> None:
    """Send the address /read to the first page."""
    st.switch_page(home)


chosen = st.navigation(
    [
        home,
        st.Page(later("slides"), title="Slides", url_path="slides"),
        st.Page(later("benchmark"), title="Benchmark", url_path="benchmark"),
        st.Page(later("casebook"), title="Case book", url_path="casebook"),
        st.Page(later("about"), title="About", url_path="about"),
        st.Page(to_home, title="Read", url_path="read", visibility="hidden"),
    ],
    position="top",
)
frame.stay_local()
frame.settle()
letting_go.after_the_visit(intake.worklist())
# Before the page: a page that stops early must not take the notice with it.
frame.notice()
unsaved.warn()
if st.session_state.pop("go-read", False):
    st.switch_page(home)
with frame.icon_last():
    if access.admitted():
        chosen.run()
