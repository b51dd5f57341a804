"""The tabs of the Benchmark page on what surrounds the test: changed fields, training, tuning, data, segmentation."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ball import benchmark
from ball.benchmark import Masks, NotMeasuredError, Training, speeds, trials
from ball.names import TITLES
from pages._parts import benchmark_charts as drawn
from pages._parts import benchmark_tables as tables
from pages._parts import charts, findings, maps_figures
from pages._parts.benchmark_tabs import Shown, command, loaded, outdated, table
from pages._parts.findings import share


def changed(_: Shown) -> None:
    """How far the networks fall when a field is changed a little."""
    st.header("What a changed picture does", anchor=False)
    found = loaded(trials.load_robustness, say=True)
    if found is None:
        return
    outdated(found.weights, trials.ROBUSTNESS)
    if found.n < found.of:
        st.warning(f"A trial on {found.n} of {found.of} test fields: not a figure to rely on.", icon=":material/science:")
    st.markdown(f"**{findings.falls(found)}**")
    charts.show(drawn.falls(found), "falls", "Points of accuracy lost by the consensus and by each network under each change.")
    table(tables.falls(found), "Points of accuracy lost by change and network")
    how = f"Random split, {found.n} test fields. Stain: each dye 20 % stronger or weaker. A minus is a gain."
    st.markdown(f"{how} {findings.without(found)}")
    if found.originals:
        st.subheader("Fields at their first size", anchor=False)
        st.markdown(f"**{findings.originals(found)}**")
        table(tables.originals(found), "How far the probability moves between an original and its small copy")
    command(trials.ROBUSTNESS)


def training(_: Shown) -> None:
    """How training went."""
    st.header("How training went", anchor=False)
    logs: list[Training] = []
    missing: list[NotMeasuredError] = []
    for name in TITLES:
        try:
            logs.append(benchmark.load_training(name))
        except NotMeasuredError as error:
            missing.append(error)
    for log in logs:
        outdated(log.weights, log.command)
    if logs:
        st.markdown(f"**{findings.course(logs)}**")
        st.markdown(
            "Weights of the random split. Small cuts around a nucleus come first, whole fields last; a dotted line marks the change. "
            "Training loss is that of augmented images and of the weights as they move, "
            "validation loss that of averaged weights on whole fields. "
            "A network that is held to the cells in its last epochs has that in its training loss as well, which rises there."
        )
        _curves(logs)
    found = {name: loaded(partial(benchmark.load_refit, name)) for name in TITLES}
    again, recorded = {name: one for name, one in found.items() if one is not None}, loaded(benchmark.load_evaluation)
    if recorded and (said := findings.refitted(again, recorded)):
        st.markdown(said)
    for absent in missing:
        st.markdown(str(absent))
    command(*(log.command for log in logs), *(absent.command for absent in missing), *map(benchmark.refit_command, again))


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
            charts.show(drawn.losses(log, most), f"loss-{log.network}", f"Training and validation loss of {title} by epoch.")
            charts.show(drawn.accuracies(log, least), f"accuracy-{log.network}", f"Validation accuracy of {title} by epoch.")


def tuning(_: Shown) -> None:
    """The paper's grid."""
    st.header("The paper’s tuning grid", anchor=False)
    found = loaded(trials.load_tuning, say=True)
    if found is None:
        return
    st.markdown(f"**{findings.tuned(found)}**")
    st.markdown(
        f"Validation accuracy, {found.n} fields, images of {found.side} × {found.side} pixels"
        f"{' (the paper: 224)' if found.side != 224 else ''}. The grid is the paper’s; the weights in use were trained by another schedule."
    )
    charts.show(drawn.tuning(found), "tuning", "Parallel plot of the grid; the table below it holds the same figures.")
    table(tables.tuning(found), "Validation accuracy by network and setting")
    command(found.command)


def ingredients(_: Shown) -> None:
    """What each ingredient of training buys where the stain is new."""
    st.header("What makes training hold on a new stain", anchor=False)
    found = loaded(trials.load_ingredients, say=True)
    if found is None:
        return
    st.markdown(f"**{findings.bought(found)}**")
    table(tables.ingredients(found), "Measures on held-out stains by way of training")
    held = findings.listed([str(fold) for fold in found.held_out])
    st.markdown(
        f"{TITLES.get(found.network, found.network)}, few epochs at a small size, so that the order counts and not the height. Each of the "
        f"stains {held} was held out in turn ({found.n} fields) and the others learned from; stain {found.unseen_fold} had no part in it. "
        "What was computed in bf16 takes --precision bf16-mixed."
    )
    held_out = loaded(lambda: benchmark.load_evaluation("stain"))
    if held_out is not None and (words := findings.examined(found, held_out.folds)):
        st.markdown(f"**{words}**")
    if found.starts:
        st.subheader("Where a network starts", anchor=False)
        st.markdown(f"**{findings.started(found)}** The same stains and the same few epochs.")
        table(tables.starts(found), "Macro recall on held-out stains by network and start")
    command(trials.INGREDIENTS)


def data(_: Shown) -> None:
    """Fields by class and part."""
    st.header("Fields by class and part", anchor=False)
    counts = loaded(benchmark.load_counts, say=True)
    if counts is None:
        return
    st.markdown(f"**{findings.balance(counts)}**")
    grid = st.grid(2, min_column_width=480)
    with grid.cell():
        charts.show(drawn.classes(counts), "classes", "Bar chart of fields by class; the table beside it holds the same figures.")
    with grid.cell():
        table(tables.split(counts), "Fields by class and part of the split")
        if counts.parts:
            st.markdown("Random split, stratified by class; copies of one field are kept on one side.")
    command(benchmark.CHECK)


def speed(_: Shown) -> None:
    """How fast a reading is, and how the app feels."""
    st.header("How fast a reading is", anchor=False)
    found = loaded(speeds.load_speed, say=True)
    if found is not None:
        st.markdown(f"**{findings.quick(found)}**")
        table(tables.speeds(found.ratios), "Ratios of time with their goals")
        st.markdown(
            f"Measured on {found.date}, {found.processor}. The plain way: for each network one pass of torch and one of pytorch-grad-cam, "
            "and k-means of OpenCV with ten attempts. The floor: the five networks alone. "
            f"{findings.nearest(found)} {findings.agreed(found)}"
            f"{'' if found.fast else ' This processor has no bf16, so the fast engine is not measured.'}"
        )
        command(found.command)
    _engines()
    _training_speed()
    st.subheader("How the app feels", anchor=False)
    feel = loaded(speeds.load_feel, say=True)
    if feel is not None:
        most = max(feel.megabytes.values())
        st.markdown(
            f"First page {feel.first_page:.1f} s after the server is started, {feel.bare_first_page:.1f} s where it is a bare one; "
            f"{1000 * feel.widget:.0f} ms from a click to five new pictures, {1000 * feel.bare:.0f} ms on the bare page with five plain "
            "ones; "
            f"at most {most / 1000:.1f} GB of memory after {max(feel.megabytes)} fields. "
            f"Goals: {speeds.FIRST_PAGE:g} s, {1000 * speeds.WIDGET:.0f} ms, {speeds.MEMORY:g} GB. "
            f"Measured on {feel.date}, {feel.processor}."
        )
        command(speeds.APP)


def _engines() -> None:
    st.subheader("What runs the networks", anchor=False)
    found = loaded(speeds.load_engines, say=True)
    if found is None:
        return
    st.markdown(f"**{findings.engine(found)}**")
    table(tables.engines(found), "Milliseconds of the five networks by what runs them")
    st.markdown(f"Medians, measured on {found.date}, {found.processor}.")
    command(speeds.ENGINES)


def _training_speed() -> None:
    st.subheader("How fast training is", anchor=False)
    found = loaded(speeds.load_training_speed, say=True)
    if found is None:
        return
    st.markdown(f"**{findings.trained(found)}**")
    table(tables.speeds(found.ratios), "Images a second of training against torchvision's recipe, with the goal")
    st.markdown(
        "Images a second against torchvision’s reference recipe at the same batch and size, which computes in f32 on a processor. "
        f"Measured on {found.date}, {found.processor}."
    )
    command(speeds.TRAINING)


def segmentation(_: Shown) -> None:
    """The segmentation on hand-drawn masks."""
    st.header("Segmentation on hand-drawn masks", anchor=False)
    masks = loaded(benchmark.load_masks, say=True)
    if masks is not None:
        _settings(masks)
    maps_figures.closer_masks()


def _settings(masks: Masks) -> None:
    st.markdown(f"**{findings.outlines(masks)}**")
    with st.container(width=760):
        table(tables.settings(masks), "Mean Dice by setting of the segmentation")
        st.markdown(
            f"{masks.cells} single white cells of another data set (segmentation_WBC), with nuclei and cells drawn by hand. "
            "Dice is 1 where mask and drawing are the same. B-ALL fields come without drawn masks."
        )
    command(benchmark.SEGMENT)
