"""The tabs of the Benchmark page that follow the chosen test: networks, confusion, misread fields, curves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pandas as pd
import streamlit as st

from ball import benchmark
from ball.benchmark import EVALUATE, MEASURES, PREDICT, Evaluation, Measures, NotMeasuredError, Prediction, Reference
from ball.benchmark.trials import BASELINES, Baseline, load_baselines
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts import benchmark_charts as drawn
from pages._parts import benchmark_tables as tables
from pages._parts import charts, findings
from pages._parts.marks import MARKS, STRIP

T = TypeVar("T")

RIGHT: Final = (
    *MEASURES.values(), "Sensitivity", "Specificity", "Probability", "Nuclei, Dice", "Whole cells, Dice", "Loss", *LABELS, "Times",
)  # fmt: skip
"""Columns of figures."""

CLASSES: Final = ("Class", "True class", "Consensus")
"""Columns of classes."""

PICTURES: Final = 6
"""Misread fields whose pictures are shown at once."""


@dataclass(frozen=True)
class Shown:
    """What the page shows: the chosen protocol and its files, None where one cannot be had."""

    protocol: str
    reference: Reference | None
    evaluation: Evaluation | None
    baselines: tuple[Baseline, ...] | None


def loaded(load: Callable[[], T], say: bool = False) -> T | None:
    """A loaded file; None where it cannot be had, and then why and the command that writes it."""
    try:
        return load()
    except NotMeasuredError as error:
        if say:
            st.markdown(str(error))
            command(error.command)
        return None


def command(*commands: str) -> None:
    """Name the command behind a figure."""
    st.markdown("The command behind this:")
    text = "\n".join(commands)
    st.code(text.replace(" --json", " \\\n    --json").replace(" --predictions", " \\\n    --predictions"), language=None, wrap_lines=True)


def outdated(weights: Mapping[str, str], again: str) -> None:
    """Say where figures were made with other weights than those in use."""
    names = benchmark.outdated(weights)
    if names:
        who = findings.listed([TITLES[name] for name in names])
        st.warning(f"These figures were made with other weights than those in use now: {who}. Measure them again: `{again}`",
                   icon=":material/history:")  # fmt: skip


def networks(shown: Shown) -> None:
    """Paper, ours, and what works without a network, by measure."""
    st.header("Networks against the paper, colour and cells", anchor=False)
    reference, evaluation = shown.reference, shown.evaluation
    if not (reference and evaluation):
        loaded(benchmark.load_reference, say=True)
        loaded(lambda: benchmark.load_evaluation(shown.protocol), say=True)
    grid = st.grid(2, min_column_width=480)
    if reference and evaluation:
        with grid.cell():
            metric = st.segmented_control(
                "Measure", list(MEASURES), default="balanced_accuracy" if shown.protocol == "stain" else "accuracy", required=True,
                format_func=MEASURES.__getitem__, label_visibility="collapsed", key=f"metric-{shown.protocol}",
            )  # fmt: skip
            baselines = shown.baselines or ()
            st.markdown(f"**{findings.verdict(shown.protocol, reference, evaluation, baselines, metric)}**")
            chart = drawn.paper_and_ours(reference, evaluation, metric, baselines)
            charts.show(chart, f"paper-{shown.protocol}-{metric}", drawn.summary(metric))
    if reference or evaluation:
        with grid.cell():
            table(tables.comparison(reference, evaluation, shown.baselines or ()), "The figures of paper, networks, colour and cells")
            st.markdown(findings.sources(shown.protocol, reference))
    if shown.baselines is None:
        loaded(lambda: load_baselines(shown.protocol), say=True)
    if evaluation:
        _folds(evaluation, shown.baselines or ())
        _pairs(evaluation)
        command(EVALUATE[shown.protocol], *([BASELINES] if shown.baselines else []))


def _folds(evaluation: Evaluation, baselines: Sequence[Baseline]) -> None:
    if evaluation.folds:
        st.subheader("Accuracy by held-out stain", anchor=False)
        st.markdown(f"**{findings.hardest_fold(evaluation, baselines)}**")
        table(tables.folds(evaluation, baselines), "Accuracy by fold and network")


def _pairs(evaluation: Evaluation) -> None:
    """Which differences between voters are more than chance."""
    if evaluation.pairs:
        st.subheader("Is one network better than another?", anchor=False)
        st.markdown(f"**{findings.differences(evaluation.pairs)}**")
        with st.expander("All pairs"):
            table(tables.pairs(evaluation.pairs), "Pairs of voters with the fields that one alone reads rightly")
            st.markdown("Exact McNemar test on the same fields, as if each were of another slide; p adjusted by Holm for all pairs.")


def confusion(shown: Shown) -> None:
    """Which class is taken for which."""
    st.header("Which class is taken for which", anchor=False)
    if shown.evaluation is None:
        loaded(lambda: benchmark.load_evaluation(shown.protocol), say=True)
        return
    evaluation = shown.evaluation
    voters: dict[str, Measures] = {"Consensus": evaluation.consensus, **{TITLES[name]: each for name, each in evaluation.networks.items()}}
    who = st.segmented_control("Network", list(voters), default="Consensus", required=True, label_visibility="collapsed", key="voter")
    measures = voters.get(who, evaluation.consensus)
    grid = st.grid(2, min_column_width=480)
    with grid.cell():
        st.markdown(f"**{findings.misreadings(measures, 'The consensus' if who == 'Consensus' else who)}**")
        alt = f"Confusion matrix of {who}: true classes as rows, classes read as columns."
        charts.show(drawn.confusion(measures), f"confusion-{shown.protocol}-{who}", alt)
    with grid.cell():
        st.markdown(f"**{findings.hardest_class(measures)}**")
        table(tables.by_class(measures), f"Sensitivity and specificity by class, {who}")
        st.markdown(f"Each class against the other three. {LABELS[0]} means hematogones, normal B-cell precursors.")
    command(EVALUATE[shown.protocol])


def misread(shown: Shown) -> None:
    """Test fields that the consensus misreads, with their votes and, where the data lie here, their pictures."""
    st.header("Test fields that the consensus misreads", anchor=False)
    predictions = loaded(lambda: benchmark.load_predictions(shown.protocol), say=True)
    if predictions is None:
        return
    st.markdown(f"**{findings.disagreements(predictions)}**")
    wrong = tables.wrong(predictions)
    if wrong:
        table(tables.misread(wrong), "Misread test fields with the votes of the networks")
        missing = "; a dash: not measured" if any(len(each.votes) < len(TITLES) for each in wrong) else ""
        order = ", ".join(TITLES.values())
        st.markdown(f"The surest errors first. Votes stand in the order {order}; a line under a mark: it differs{missing}.")
        _pictures(wrong)
    command(PREDICT[shown.protocol])


def _pictures(wrong: Sequence[Prediction]) -> None:
    folder = os.environ.get("BALL_DATA")
    found = [(each, path) for each in wrong if folder and (path := Path(folder) / each.file).is_file()]
    if not found:
        st.markdown("To see these fields, set BALL_DATA to the folder of class folders and start the app again.")
        return
    st.subheader("The surest errors" if len(found) > PICTURES else "Their pictures", anchor=False)
    with st.grid("auto", min_column_width=200, gap="small"):
        for each, path in found[:PICTURES]:
            with st.container():
                st.image(path, width=200, alt=f"Field {path.name}: {each.label}, read as {each.leading}")
                st.markdown(f"{MARKS[each.label].chip}, read as {MARKS[each.leading].chip}  \n{path.name}")


def curves(shown: Shown) -> None:
    """Whether a probability can be trusted, and what a threshold would buy."""
    from ball.benchmark.curves import probabilities, reliability, rocs

    st.header("Can the probability be trusted?", anchor=False)
    predictions = loaded(lambda: benchmark.load_predictions(shown.protocol), say=True)
    if predictions is None:
        return
    # A network that read some folds alone would be shown on other fields than the rest.
    whole = [name for name in TITLES if len(probabilities(predictions, name)) == len(predictions)]
    voters = {"Consensus": "consensus", **{TITLES[name]: name for name in whole}}
    who = st.segmented_control("Network", list(voters), default="Consensus", required=True, label_visibility="collapsed", key="curve-voter")
    name = voters.get(who, "consensus")
    grid = st.grid(2, min_column_width=480)
    with grid.cell():
        found = reliability(predictions, name)
        st.markdown(f"**{findings.trusted(found)}**")
        if (name, shown.protocol) == ("consensus", "stain"):
            st.caption("This is the plain mean of the votes. What a reading shows is calibrated: see Certainty.")
        charts.show(drawn.reliability(found), f"reliability-{shown.protocol}-{name}", "Reliability diagram: share right over probability.")
        st.markdown("Each dot holds about equally many fields. On the line, 90 % means right nine times out of ten.")
    with grid.cell():
        areas = rocs(predictions, name)
        st.markdown(f"**{findings.separated(areas)}**")
        charts.show(drawn.roc(areas), f"roc-{shown.protocol}-{name}", "ROC curves: each class against the rest.")
        st.markdown("A curve near the upper left corner finds its class with few false alarms.")
    command(PREDICT[shown.protocol])


def table(frame: pd.DataFrame, alt: str) -> None:
    """Show a table: classes as chips, figures to the right, votes as the strip."""
    chips = st.column_config.MultiselectColumn(
        options=[MARKS[label].chip for label in LABELS], color=[MARKS[label].colour + "33" for label in LABELS]
    )
    classes = [name for name in CLASSES if name in frame and isinstance(frame[name].iloc[0], list)] if len(frame) else []
    columns = {**dict.fromkeys(RIGHT, st.column_config.Column(alignment="right")), **dict.fromkeys(classes, chips)}
    columns["Votes"] = st.column_config.ImageColumn(width=STRIP[0])
    # Else the longest are cut at their end, where they differ.
    columns["Way of training"] = st.column_config.Column(width=390)
    height = STRIP[1] if "Votes" in frame else None
    # A long list scrolls in a frame of its own.
    st.dataframe(frame, hide_index=True, height=620 if len(frame) > 20 else "content", row_height=height, column_config=columns, alt=alt)
