"""The browser's own question before the tab is closed or reloaded while something entered is not saved."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages._parts import intake

ENTRIES: Final = "case-entries"
"""Key under which a visit holds what is entered on the fields of cases."""

# Some browsers heed the first, some the second.
_SCRIPT: Final = """<script>
window.onbeforeunload = event => {{ if ({}) {{ event.preventDefault(); event.returnValue = true }} }};
window.ballEscape ??= document.addEventListener("keydown", event => {{
  if (event.key === "Escape" && document.activeElement instanceof HTMLTextAreaElement) document.activeElement.blur();
}}, true) ?? true;
</script>"""
"""What the browser is told. Escape closes what a note is typed in, and would take it along: what is typed is applied first."""

_NOTE: Final = "[data-testid=stTextArea] [data-testid=InputInstructions]"
_TYPED: Final = f"[...document.querySelectorAll('{_NOTE}')].some(each => each.textContent.includes('apply'))"
"""A note that is being typed: the server does not know of it before it is applied, and Streamlit says beside it how to."""


def warn() -> None:
    """Have the browser ask while verdicts or notes are not saved, or one is typed; not for readings alone: they can be made again."""
    # Hidden by the style sheet; always there, so that what the browser was told is also taken back.
    with st.container(key="unsaved"):
        st.html(_SCRIPT.format("true" if _anything() else _TYPED), unsafe_allow_javascript=True)


def _anything() -> bool:
    entries = st.session_state.get(ENTRIES, {}).values()
    return any(row.entered for row in intake.worklist().rows) or any(entered.verdicts for entered in entries)
