"""Benchmark: the paper's figures beside ours, every one from a file that a command wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
        _cards(_trusted(shown.protocol, shown.evaluation))
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


def _trusted(protocol: str, evaluation: Evaluation) -> Evaluation:
    """With what the calibrated consensus comes to: out-of-fold predictions know the plain mean of the votes alone."""
    found = loaded(benchmark.load_certainty) if protocol == "stain" else None
    if found is None or (found["basis"], found["n"], set(found["networks"])) != ("stain", evaluation.n, set(evaluation.networks)):
        return evaluation
    figures = {"coverage": found["coverage"], "wrong_and_unflagged": found["wrong_and_unflagged"], "ece": found["calibration_error"]}
    return replace(evaluation, consensus=replace(evaluation.consensus, **figures))


def _cards(evaluation: Evaluation) -> None:
    """Figures of the consensus; one that is not in the file has no card."""
    ours = evaluation.consensus
    malignant = sum(map(sum, ours.confusion[1:]))
    cards = [("Consensus accuracy", ours.accuracy, findings.interval(ours, "accuracy")),
             ("Macro recall", ours.balanced_accuracy, findings.interval(ours, "balanced_accuracy")),
             ("Malignant sensitivity", ours.malignant_sensitivity, f"{malignant:,} malignant fields"),
             ("Given a suggestion", ours.coverage, "others Unidentified"),
             ("Wrong and not flagged", ours.wrong_and_unflagged, f"of all {evaluation.n:,} fields"),
             ("Calibration error", ours.ece, "against the share right")]  # fmt: skip
    with st.grid(6, min_column_width=180):
        for label, value, note in cards:
            if value is not None:
                st.metric(label, share(value), note or None, delta_color="off", delta_arrow="off", border=True, height="stretch")


if __name__ == "__main__":
    back_to_app()
