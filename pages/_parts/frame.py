"""What surrounds every page: style, icon, notice, and the way back for a page file that was run without app.py."""

from __future__ import annotations

import gc
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit import net_util
from streamlit.runtime.scriptrunner import RerunException

_HERE = Path(__file__).resolve().parent

ICON: Final = str(_HERE / "icon.svg")
"""Picture for the browser's tab and the corner of the page: a file, since Streamlit's own icons come from the network there."""

_settled_at = 0
"""How many modules were loaded when the collector was last told to spare what they hold."""


def settle() -> None:
    """Take what is loaded for good out of every later collection of garbage.

    Streamlit collects all garbage after each run of a page, and looks at every object for it: with torch and pandas loaded that
    takes longer than most runs, and nothing reaches the browser meanwhile. What is alive now is never looked at again, so this
    is done only where modules came to those that were there before.
    """
    global _settled_at
    if len(sys.modules) != _settled_at:
        gc.freeze()
        _settled_at = len(sys.modules)


def stay_local() -> None:
    """Keep Streamlit from asking a service on the network for this computer's address.

    It does so before it refuses a page of another site that tries to connect, unless it knows the address: to compare the two.
    """
    net_util._external_ip = net_util._external_ip or "127.0.0.1"


def icon() -> None:
    """Put the icon into the browser's tab and the corner of the page."""
    st.set_page_config(page_icon=ICON)
    st.logo(ICON)


@contextmanager
def icon_last() -> Iterator[None]:
    """Draw the icon after the page, also after one that stops early: Streamlit loads numpy for it, and a first page need not wait."""
    try:
        yield
    except RerunException:  # It carries a click, which another one that came while something is drawn would take the place of.
        raise
    except BaseException:
        icon()
        raise
    icon()


def notice() -> None:
    """Draw the style sheet and, below the page, the notice."""
    st.html(_HERE / "style.css")
    st.bottom.markdown(
        "**Research use only.** Not for diagnosis. The software suggests; the reader decides.", text_alignment="center"
    )


def back_to_app() -> None:
    """Run app.py in place of a page file.

    Streamlit takes a folder named ``pages`` for pages of its own: the first address opened after a start, say /about,
    runs that file alone. Each page file ends with this call, so that such a visit, too, gets navigation and notice.
    """
    runpy.run_path(str(_HERE.parent.parent / "app.py"), run_name="__main__")
