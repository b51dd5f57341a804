"""Benchmark: the paper's figures beside ours, every one from a file that a command wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import pandas as pd
import streamlit as st

from ball import benchmark
from ball.benchmark import METRICS, Evaluation, Measures, NotMeasuredError, Reference, Training
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts import benchmark_tables as tables
from pages._parts import certainty, charts, findings, maps_figures
from pages._parts.findings import share
from pages._parts.frame import back_to_app
from pages._parts.marks import MARKS, STRIP

T = TypeVar("T")

RIGHT: Final = (*METRICS.values(), "Sensitivity", "Specificity", "Probability", "Nuclei, Dice", "Whole cells, Dice")
"""Columns of figures."""

CLASSES: Final = ("Class", "True class", "Consensus")
"""Columns of classes."""


def page() -> None:
    """Draw the page."""
    reference, evaluation = _known(benchmark.load_reference), _known(benchmark.load_evaluation)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Benchmark", anchor=False, width="stretch")
        st.download_button(
            "CSV", tables.saved(reference, evaluation), "benchmark.csv", "text/csv", icon=":material/download:", on_click="ignore",
            help="The paper’s figures and ours, with every digit",
        )
    _protocol(evaluation)
    if evaluation:
        _cards(evaluation, reference)
    titles = ["Networks", "Confusion", "Misread fields", "Certainty", "Refusal", "Training", "Data", "Segmentation", "Maps"]
    networks, confusion, misread, certain, refused, training, data, segmentation, maps = st.tabs(titles)
    with networks:
        _networks(reference, evaluation)
    with confusion:
        _confusion(evaluation)
    with misread:
        _misread()
    with certain:
        certainty.draw()
    with refused:
        certainty.refusal()
    with training:
        _training()
    with data:
        _data()
    with segmentation:
        _segmentation()
        maps_figures.closer_masks()
    with maps:
        maps_figures.draw()


def _known(load: Callable[[], T], say: bool = False) -> T | None:
    """A loaded file; None where it cannot be had, and then why and the command that writes it."""
    try:
        return load()
    except NotMeasuredError as error:
        if say:
            st.markdown(str(error))
            _command(error.command)
        return None


def _command(*commands: str) -> None:
    st.markdown("The command behind this:")
    text = "\n".join(commands)
    st.code(text.replace(" --json", " \\\n    --json").replace(" --predictions", " \\\n    --predictions"), language=None, wrap_lines=True)


def _protocol(evaluation: Evaluation | None) -> None:
    """Say which test this is, and what it cannot show."""
    fields = f"{evaluation.n} test fields, never seen in training. " if evaluation else ""
    with st.container(border=True):
        st.markdown(
            f"**Random split, as in the paper.** {fields}"
            "A random split can be passed on stain colour alone, because fields of like stain fall on both sides. "
            f"The harder test, with whole stains held out, is **{findings.stain_test()}**: "
            "on smears from another slide, stain or laboratory the figures may be much lower."
        )


def _cards(evaluation: Evaluation, reference: Reference | None) -> None:
    """Four figures of the consensus; one that is not in the file has no card."""
    ours = evaluation.consensus
    low, high = ours.intervals.get("accuracy", (None, None))
    with st.grid(4, min_column_width=250):
        _card("Consensus accuracy", share(ours.accuracy), f"95 % interval {share(low)} to {share(high)}" if low is not None else "")
        if ours.malignant_sensitivity is not None:
            fields = sum(map(sum, ours.confusion[1:]))
            _card("Malignant sensitivity", share(ours.malignant_sensitivity), f"{fields} malignant fields")
        best = min((row["loss"], TITLES[name]) for name, row in reference.networks.items()) if reference and reference.networks else None
        _card("Consensus test loss", f"{ours.loss:.4f}", f"the paper’s best: {best[0]:.4f}, {best[1]}" if best else "")
        if ours.ece is not None:
            _card("Calibration error", share(ours.ece), "probability against share right")


def _card(label: str, value: str, note: str) -> None:
    st.metric(label, value, note or None, delta_color="off", delta_arrow="off", border=True, height="stretch")


def _networks(reference: Reference | None, evaluation: Evaluation | None) -> None:
    st.header("Networks against the paper", anchor=False)
    if not (reference and evaluation):
        _known(benchmark.load_reference, say=True)
        _known(benchmark.load_evaluation, say=True)
    grid = st.grid(2, min_column_width=480)
    if reference and evaluation:
        with grid.cell():
            metric = st.segmented_control(
                "Measure", list(METRICS), default="accuracy", required=True, format_func=METRICS.__getitem__,
                label_visibility="collapsed", key="metric",
            )
            st.markdown(f"**{findings.against_paper(reference, evaluation, metric)}**")
            charts.show(charts.paper_and_ours(reference, evaluation, metric), f"paper-{metric}", charts.summary(metric))
    if reference or evaluation:
        with grid.cell():
            _table(tables.comparison(reference, evaluation), "The paper's figures and ours by network")
            if reference:
                st.markdown(
                    f"Paper: {reference.citation} {reference.test_fields} test fields of {reference.images:,}. "
                    "Ours: another random cut of the same hospital’s set, so the test fields differ."
                )
    if evaluation:
        _command(benchmark.EVALUATE)


def _confusion(evaluation: Evaluation | None) -> None:
    st.header("Which class is taken for which", anchor=False)
    if evaluation is None:
        _known(benchmark.load_evaluation, say=True)
        return
    voters: dict[str, Measures] = {"Consensus": evaluation.consensus, **{TITLES[name]: each for name, each in evaluation.networks.items()}}
    who = st.segmented_control("Network", list(voters), default="Consensus", required=True, label_visibility="collapsed", key="voter")
    measures = voters[who]
    grid = st.grid(2, min_column_width=480)
    with grid.cell():
        st.markdown(f"**{findings.misreadings(measures, 'The consensus' if who == 'Consensus' else who)}**")
        alt = f"Confusion matrix of {who}: true classes as rows, classes read as columns."
        charts.show(charts.confusion(measures), f"confusion-{who}", alt)
    with grid.cell():
        st.markdown(f"**{findings.hardest_class(measures)}**")
        _table(tables.by_class(measures), f"Sensitivity and specificity by class, {who}")
        st.markdown(f"Each class against the other three. {LABELS[0]} means hematogones, normal B-cell precursors.")
    _command(benchmark.EVALUATE)


def _misread() -> None:
    st.header("Test fields that the consensus misreads", anchor=False)
    predictions = _known(benchmark.load_predictions, say=True)
    if predictions is None:
        return
    st.markdown(f"**{findings.disagreements(predictions)}**")
    wrong = tables.misread(predictions)
    if len(wrong):
        _table(wrong, "Misread test fields with the votes of the networks")
        st.markdown(f"The surest errors first. Votes stand in the order {', '.join(TITLES.values())}; a line under a mark: it differs.")
    _command(benchmark.EVALUATE)


def _training() -> None:
    st.header("How training went", anchor=False)
    logs: list[Training] = []
    missing: list[NotMeasuredError] = []
    for name in TITLES:
        try:
            logs.append(benchmark.load_training(name))
        except NotMeasuredError as error:
            missing.append(error)
    if logs:
        st.markdown(f"**{findings.course(logs)}**")
        st.markdown(
            "Small cuts around a nucleus come first, whole fields last; a dotted line marks the change. "
            "Training loss is that of augmented images and of the weights as they move, "
            "validation loss that of averaged weights on whole fields."
        )
        _curves(logs)
    for absent in missing:
        st.markdown(str(absent))
    _command(*(log.command for log in logs), *(absent.command for absent in missing))


def _curves(logs: list[Training]) -> None:
    """One chart a network, all on the same axes."""
    most = max(max(each.train_loss, each.val_loss) for log in logs for each in log.epochs)
    least = min(each.val_accuracy for log in logs for each in log.epochs)
    grid = st.grid("auto", min_column_width=360)
    for log in logs:
        title = TITLES.get(log.network, log.network)
        with grid.cell():
            st.subheader(title, anchor=False)
            minutes = sum(each.seconds for each in log.epochs) / 60
            st.markdown(f"{findings.stages(log).capitalize()}. {minutes:.0f} min. Ends at {share(log.epochs[-1].val_accuracy)}")
            charts.show(charts.losses(log, most), f"loss-{log.network}", f"Training and validation loss of {title} by epoch.")
            charts.show(charts.accuracies(log, least), f"accuracy-{log.network}", f"Validation accuracy of {title} by epoch.")


def _data() -> None:
    st.header("Fields by class and part", anchor=False)
    counts = _known(benchmark.load_counts, say=True)
    if counts is None:
        return
    st.markdown(f"**{findings.balance(counts)}**")
    grid = st.grid(2, min_column_width=480)
    with grid.cell():
        charts.show(charts.classes(counts), "classes", "Bar chart of fields by class; the table beside it holds the same figures.")
    with grid.cell():
        _table(tables.split(counts), "Fields by class and part of the split")
        if counts.parts:
            st.markdown("Stratified by class; copies of one field are kept on one side.")
    _command(benchmark.CHECK)


def _segmentation() -> None:
    st.header("Segmentation on hand-drawn masks", anchor=False)
    masks = _known(benchmark.load_masks, say=True)
    if masks is None:
        return
    st.markdown(f"**{findings.outlines(masks)}**")
    with st.container(width=760):
        _table(tables.settings(masks), "Mean Dice by setting of the segmentation")
        st.markdown(
            f"{masks.cells} single white cells of another data set (segmentation_WBC), with nuclei and cells drawn by hand. "
            "Dice is 1 where mask and drawing are the same. B-ALL fields come without drawn masks."
        )
    _command(benchmark.SEGMENT)


def _table(frame: pd.DataFrame, alt: str) -> None:
    """Show a table: classes as chips, figures to the right, votes as the strip."""
    chips = st.column_config.MultiselectColumn(
        options=[MARKS[label].chip for label in LABELS], color=[MARKS[label].colour + "33" for label in LABELS]
    )
    columns = {**dict.fromkeys(RIGHT, st.column_config.Column(alignment="right")), **dict.fromkeys(CLASSES, chips)}
    columns["Votes"] = st.column_config.ImageColumn(width=STRIP[0])
    height = STRIP[1] if "Votes" in frame else None
    st.dataframe(frame, hide_index=True, height="content", row_height=height, column_config=columns, alt=alt)


if __name__ == "__main__":
    back_to_app()
