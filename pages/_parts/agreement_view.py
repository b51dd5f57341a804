"""How reader and software agree over time, and where the reader said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ball.casebook.agreement import over_time, overrides
from pages._parts.times import clock, zone

if TYPE_CHECKING:
    from ball.casebook import CaseBook

_KAPPA = (
    "Cohen's kappa: 1 is agreement on every field, 0 what chance alone would give. Only fields count to which reader and software "
    "both gave a class."
)


def draw(book: CaseBook) -> None:
    """Draw kappa with its course, and the table of overrides."""
    import pandas as pd

    st.header("Agreement of reader and software", anchor=False)
    judged = book.judgements()
    course = over_time(judged, zone())
    if not course:
        st.markdown(
            "Nothing to compare yet: of no field did both reader and software give a class."
            if judged
            else "Nothing to compare yet. Give your reading of some fields and save the case."
        )
    else:
        last = course[-1]
        points = [each.kappa for each in course if each.kappa is not None]
        with st.container(horizontal=True, gap="medium", key="agreement"):
            value = "not defined" if last.kappa is None else f"{last.kappa:.2f}"
            st.metric("Kappa", value, chart_data=points if len(points) > 1 else None, border=True, width=220, help=_KAPPA)
            st.metric("Same class", f"{last.same} of {last.compared}", border=True, width=220)
            st.metric("Readings given", len(judged), border=True, width=220)
        if last.kappa is None:
            st.markdown("Kappa needs fields of at least two classes.")
        st.markdown(
            "The reader saw the suggestion before she decided, so this measures how often she overrules it, not how well either reads."
        )
        rows = [[each.month, each.compared, each.same, each.kappa] for each in reversed(course)]
        table = pd.DataFrame(rows, columns=["Until the end of", "Fields compared", "Same class", "Kappa"])
        st.dataframe(
            table, hide_index=True, alt="Kappa by month",
            column_config={"Kappa": st.column_config.NumberColumn(format="%.2f")}, width=560, placeholder="not defined",
        )
    st.subheader("Overrides", anchor=False)
    changed = overrides(judged)
    if not changed:
        st.markdown("No suggestion was overridden.")
        return
    lines = [
        [clock(one.time), one.case, one.file, one.suggestion or "none", one.verdict.choice, one.who, one.verdict.note] for one in changed
    ]
    columns = ["Time", "Case", "File", "Software", "Reader", "Who", "Note"]
    st.dataframe(pd.DataFrame(lines, columns=columns), hide_index=True, alt="Overrides, latest first", placeholder="")
