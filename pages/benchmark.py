"""Benchmark: the paper's figures beside ours, every one from a file that a command wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from ball import benchmark
from ball.benchmark import PROTOCOLS, Evaluation, trials
from pages._parts import benchmark_tables as tables
from pages._parts import benchmark_tabs as tabs
from pages._parts import benchmark_work, certainty, findings, maps_figures
from pages._parts.benchmark_tabs import Shown, loaded
from pages._parts.findings import share
from pages._parts.frame import back_to_app

TABS: Final[tuple[tuple[str, Callable[[Shown], None]], ...]] = (
    ("Networks", tabs.networks),
    ("Confusion", tabs.confusion),
    ("Misread fields", tabs.misread),
    ("Curves", tabs.curves),
    ("Certainty", lambda _: certainty.draw()),
    ("Refusal", lambda _: certainty.refusal()),
    ("Maps", lambda _: maps_figures.draw()),
    ("Changed fields", benchmark_work.changed),
    ("Training", benchmark_work.training),
    ("Ingredients", benchmark_work.ingredients),
    ("Tuning", benchmark_work.tuning),
    ("Data", benchmark_work.data),
    ("Segmentation", benchmark_work.segmentation),
    ("Speed", benchmark_work.speed),
)
"""The tabs in their order: title, and what draws it. Only the open one is drawn."""


def page() -> None:
    """Draw the page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Benchmark", anchor=False, width="stretch")
        shown = _shown(_choose())
        st.download_button(
            "CSV", tables.saved(shown.reference, shown.evaluation, shown.baselines or ()), f"benchmark-{shown.protocol}.csv", "text/csv",
            icon=":material/download:", on_click="ignore", help="The figures of this test with every digit",
        )  # fmt: skip
    st.markdown(findings.protocol(shown.protocol, shown.evaluation))
    if shown.evaluation:
        tabs.outdated(shown.evaluation.weights, benchmark.EVALUATE[shown.protocol])
        _cards(shown.evaluation)
    for tab, (_, draw) in zip(st.tabs([title for title, _ in TABS], key="tab", on_change="rerun"), TABS, strict=True):
        if tab.open:
            with tab:
                draw(shown)


def _choose() -> str:
    """The protocol: the harder one where it has been measured, else the other."""
    measured = loaded(lambda: benchmark.load_evaluation("stain")) is not None
    chosen = st.segmented_control(
        "Test", list(PROTOCOLS), default="stain" if measured else "paper", required=True, format_func=PROTOCOLS.__getitem__,
        label_visibility="collapsed", key="protocol",
    )  # fmt: skip
    return str(chosen)


def _shown(protocol: str) -> Shown:
    return Shown(
        protocol, loaded(benchmark.load_reference), loaded(lambda: benchmark.load_evaluation(protocol)),
        loaded(lambda: trials.load_baselines(protocol)),
    )  # fmt: skip


def _cards(evaluation: Evaluation) -> None:
    """Four figures of the consensus; one that is not in the file has no card."""
    ours = evaluation.consensus
    malignant = sum(map(sum, ours.confusion[1:]))
    trust = [("Given a suggestion", ours.coverage, "the rest are Unidentified"),
             ("Wrong and not flagged", ours.wrong_and_unflagged, f"of all {evaluation.n} fields")]  # fmt: skip
    skill = [("Macro recall", ours.balanced_accuracy, findings.interval(ours, "balanced_accuracy")),
             ("Malignant sensitivity", ours.malignant_sensitivity, f"{malignant:,} malignant fields")]  # fmt: skip
    cards = [("Consensus accuracy", ours.accuracy, findings.interval(ours, "accuracy")), *(trust if ours.coverage is not None else skill),
             ("Calibration error", ours.ece, "probability against share right")]  # fmt: skip
    with st.grid(4, min_column_width=250):
        for label, value, note in cards:
            if value is not None:
                st.metric(label, share(value), note or None, delta_color="off", delta_arrow="off", border=True, height="stretch")


if __name__ == "__main__":
    back_to_app()
