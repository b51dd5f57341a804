"""Who is reading: the name that she signed in with, or the initials that she gives."""

from __future__ import annotations

import streamlit as st

from pages._parts import access


def initials(key: str) -> str:
    """The name signed in with, else a field for initials, remembered for this visit; empty until they are given."""
    from ball.casebook.book import LONGEST

    known = access.account()
    if known:
        st.markdown("Saved under the name that you signed in with.")
        return known
    given: str = st.text_input(
        "Your initials", st.session_state.get("initials", ""), max_chars=min(LONGEST, 12), key=f"initials-{key}",
        help="Others see by them who read the case. They stand in its history.",
    )
    st.session_state["initials"] = given.strip()
    return given.strip()
