"""The reader's own verdict on a field: what she says, and her note."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ball.verdict import AGREE, LONGEST_NOTE, Verdict, choices
from pages._parts.marks import MARKS
from pages._parts.worklist import Row, Worklist


def draw(row: Row, todo: Worklist) -> None:
    """Draw the line "Your reading" of a row; what is chosen is kept in the row, and nowhere else."""
    if row.reading is None:
        return
    signed = todo.case is not None and todo.case.signed
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="review"):
        st.markdown("**Your reading**")
        version = todo.case.version if todo.case else 0

        def take(verdict: Verdict) -> None:
            row.verdict = verdict

        key = f"{row.number}-{version}"
        if row.read_otherwise:
            # "Agree" would be with two things at once: what she said is shown as the class that she meant.
            controls(row.verdict.pinned(row.judged), None, f"{key}-anew", take, disabled=signed)
            said = f"The case says that the software read {row.judged or 'nothing'}."
            st.markdown(f"{said} It now reads otherwise; your reading stands as you gave it.")
        else:
            controls(row.verdict, row.reading.suggestion, key, take, disabled=signed)
        if signed:
            st.markdown("The case is signed. Reopen it in the Case book to change it.")


def controls(verdict: Verdict, suggestion: str | None, key: str, take: Callable[[Verdict], None], *, disabled: bool = False) -> None:
    """Draw the choices and the note; ``take`` gets what they say before the page is drawn anew."""
    chosen, noted = f"verdict-{key}", f"note-{key}"

    def changed() -> None:
        take(Verdict(st.session_state[chosen], st.session_state[noted]))

    st.segmented_control(
        "Your reading", choices(suggestion), default=_offered(verdict, suggestion), key=chosen, format_func=_word,
        label_visibility="collapsed", disabled=disabled, on_change=changed, wrap=True,
    )
    with st.popover("Note ✓" if verdict.note else "Note", icon=":material/edit_note:", disabled=disabled):
        st.text_area(
            "Note", verdict.note, max_chars=LONGEST_NOTE, key=noted, placeholder="What you saw, and why you decide so.",
            help="Kept with your reading. Write no name of a patient here.", on_change=changed,
        )


def _offered(verdict: Verdict, suggestion: str | None) -> str | None:
    """The choice as it is offered: the class suggested is there as "Agree" alone, and "Agree" only where a class is suggested."""
    offered = choices(suggestion)
    if verdict.choice is None or verdict.choice in offered:
        return verdict.choice
    return AGREE if AGREE in offered else None


def _word(choice: str) -> str:
    return f"{MARKS[choice].glyph} {choice}" if choice in MARKS else choice
