"""The browser's own question before the tab is closed or reloaded while something entered is not saved."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages._parts import intake

ENTRIES: Final = "case-entries"
"""Key under which a visit holds what is entered on the fields of cases."""

# Some browsers heed the first, some the second.
_ASK: Final = "<script>window.onbeforeunload = event => { event.preventDefault(); event.returnValue = true }</script>"
_LET_GO: Final = "<script>window.onbeforeunload = null</script>"


def warn() -> None:
    """Have the browser ask while verdicts or notes are not saved. Readings alone can be made again: for them it does not."""
    # Hidden by the style sheet; always there, so that what the browser was told is also taken back.
    with st.container(key="unsaved"):
        st.html(_ASK if _anything() else _LET_GO, unsafe_allow_javascript=True)


def _anything() -> bool:
    entries = st.session_state.get(ENTRIES, {}).values()
    return any(row.entered for row in intake.worklist().rows) or any(entered.verdicts for entered in entries)
