"""The slider "Suggest only from", and what it does to the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from ball.thresholds import ASKED

if TYPE_CHECKING:
    from pages._parts.worklist import Worklist

_KEY: Final = "suggest-from"
_KEPT: Final = "suggest-from-kept"
_HELP: Final = (
    "Fields whose leading class is less probable than this are filed under Unidentified. The validated limit comes from fields that "
    "the networks never saw; the Benchmark page shows what each limit costs."
)


def apply(todo: Worklist) -> None:
    """Bring every reading of the list to the limit asked for; the validated one where none was.

    An "Agree" with a suggestion that changes by this stays with the class agreed with.
    """
    asked = st.session_state.get(_KEPT)
    for row in todo.rows:
        judgement = row.reading.judgement if row.reading else None
        if row.reading is not None and judgement is not None and judgement.limit is not None:
            # Not before there is a reading: it brings the segmentation with it, for which an empty page would wait.
            from ball.trust.limit import suggest_from

            # Rounded to the step of the slider: it is also written down.
            row.limit = round(asked / 100, 3) if asked is not None else judgement.limit
            before, row.reading = row.judged, suggest_from(row.reading, row.limit)
            if row.judged != before:
                row.verdict = row.verdict.pinned(before)


def slider(todo: Worklist) -> None:
    """Draw the slider, and say what a limit below the validated one means."""
    limits = [row.reading.judgement.limit for row in todo.rows if row.reading and row.reading.judgement and row.reading.judgement.limit]
    if not limits:
        return
    validated = round(100 * limits[0], 1)
    st.session_state.setdefault(_KEY, st.session_state.get(_KEPT, validated))

    def keep() -> None:
        st.session_state[_KEPT] = st.session_state[_KEY]

    asked = st.slider("Suggest only from", *ASKED, step=0.1, format="%.1f %%", key=_KEY, on_change=keep, help=_HELP, width=420)
    from ball.trust.limit import warning

    said, _, meant = warning(asked / 100, validated / 100).partition(": ")
    if said:
        st.markdown(f":material/warning: **{said}:** {meant}")
