"""The tab "Stability": the same field with a little more or less stain and light, on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ball.export import STABILITY
from ball.names import TITLES
from pages._parts import marks

if TYPE_CHECKING:
    from ball.trust.stability import Stability
    from pages._parts.worklist import Row


def spread(row: Row) -> str:
    """The spread in words for the line beside the probability; empty where it was not tried."""
    if row.stability is None:
        return ""
    low, high = row.stability.spread
    return f"Networks under stain changes **{marks.percent(low, 0)} to {marks.percent(high, 0)}**"


def draw(row: Row) -> None:
    """Draw the tab."""
    found = row.stability
    st.subheader("Does the answer hold when stain and light change?", anchor=False)
    if found is None:
        st.markdown("The field is read again with each stain stronger and weaker, brighter, darker, and as a coarse JPEG.")
        if st.button("Try seven changes", icon=":material/tune:", key=f"stability-{row.number}"):
            with st.spinner("Reading the field seven times"):
                _try(row)
            st.rerun()
        return
    low, high = found.spread
    st.markdown(f"**The networks give {found.label} between {marks.percent(low)} and {marks.percent(high)}.** {_turned(found)}")
    if row.saved is not None and STABILITY not in row.saved.document:
        st.caption("Tried after the field was saved: it is not part of the case.")
    st.dataframe(_table(found), hide_index=True, alt="Probability and votes under each change", width=640)


def _try(row: Row) -> None:
    from ball.engine import load_engine
    from ball.trust.stability import try_changes

    engine = load_engine()
    if row.reading is None or row.reading.weights != engine.hashes:
        st.toast("The networks were replaced since this field was read. Add the field again to try changes.")
        return
    row.stability = try_changes(row.reading, engine)
    row.show_stability()


def _turned(found: Stability) -> str:
    if not found.turned and not found.leads:
        return "No vote turns over."
    names = " and ".join(TITLES[name] for name in found.turned)
    word = "changes its vote" if len(found.turned) == 1 else "change their votes"
    return f"{names} {word}." if names else "The consensus turns over, though no single vote does."


def _table(found: Stability) -> list[dict[str, str]]:
    from ball.perturb import PERTURBATIONS

    return [
        {
            "Change": change.title.capitalize() if change.title[0].islower() else change.title,
            found.label: marks.percent(found.probabilities[name]),
            "Leads": found.leads.get(name, found.label),
            "Votes that turn": ", ".join(TITLES[network] for network, names in found.turned.items() if name in names) or "none",
        }
        for name, change in PERTURBATIONS.items()
    ]
