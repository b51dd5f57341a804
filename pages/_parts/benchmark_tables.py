"""The tables of the Benchmark page, as data frames ready to be shown or saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import pandas as pd

from ball.benchmark import MEASURES, Counts, Evaluation, Masks, Measures, Pair, Prediction, Reference
from ball.benchmark.speeds import PRECISIONS, Engines, Ratio
from ball.benchmark.trials import Baseline, Ingredients, Robustness, Tuning, best
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts.findings import PARTS, figure, share, titled
from pages._parts.marks import MARKS, strip

if TYPE_CHECKING:
    from ball.reading import Reading


ENGINE_TITLES: Final = {
    "torch": "torch", "openvino f32": "OpenVINO, f32", "openvino bf16": "OpenVINO, bf16", "onnxruntime f32": "ONNX Runtime, f32"
}  # fmt: skip
"""What runs the networks, by its name in engines.json."""

NOTE: Final = "Research use only"
"""What every line of a saved table says."""


def comparison(reference: Reference | None, evaluation: Evaluation | None, baselines: Sequence[Baseline] = ()) -> pd.DataFrame:
    """The measures, the paper's row above ours for each network, then our consensus and what works without a network; as text."""
    rows = []
    for name, title in TITLES.items():
        paper = reference.networks.get(name) if reference else None
        ours = evaluation.networks.get(name) if evaluation else None
        rows.append([title, "paper", *(figure(metric, paper.get(metric) if paper else None) for metric in MEASURES)])
        rows.append([title, "ours", *_texts(ours)])
    rows.append(["Consensus", "ours", *_texts(evaluation.consensus if evaluation else None)])
    rows += [[each.title, _source(each), *(figure(metric, each.figures.get(metric)) for metric in MEASURES)] for each in baselines]
    return pd.DataFrame(rows, columns=["Network", "Source", *MEASURES.values()])


def saved(reference: Reference | None, evaluation: Evaluation | None, baselines: Sequence[Baseline] = ()) -> str:
    """CSV of the comparison with every digit of the files: network, source, measures, 95 % interval of the accuracy."""
    rows: list[list[object]] = []
    for name, row in (reference.networks if reference else {}).items():
        rows.append([name, "paper", *(row.get(metric) for metric in MEASURES), None, None])
    if evaluation:
        for name, each in [*evaluation.networks.items(), ("consensus", evaluation.consensus)]:
            rows.append([name, "ours", *(getattr(each, metric) for metric in MEASURES), *each.intervals.get("accuracy", (None, None))])
    for one in baselines:
        figures = [one.figures.get(metric) for metric in MEASURES]
        rows.append([one.name, _source(one), *figures, *one.intervals.get("accuracy", (None, None))])
    frame = pd.DataFrame(rows, columns=["network", "source", *MEASURES, "accuracy_low", "accuracy_high"])
    return str(frame.assign(note=NOTE).to_csv(index=False))


def _source(baseline: Baseline) -> str:
    return "colour" if baseline.of_colour else "cells"


def folds(evaluation: Evaluation, baselines: Sequence[Baseline]) -> pd.DataFrame:
    """Accuracy by held-out stain: networks, consensus, colour alone, cells alone; a dash where a network was not trained for it."""
    names = [name for name in (*TITLES, "consensus") if any(name in each.accuracy for each in evaluation.folds)]
    rows = [[TITLES.get(name, "Consensus"), *(share(each.accuracy.get(name)) for each in evaluation.folds)] for name in names]
    rows += [[each.title, *map(share, each.folds)] for each in baselines if len(each.folds) == len(evaluation.folds)]
    return pd.DataFrame(rows, columns=["Network", *(f"Stain {each.number} ({each.n} fields)" for each in evaluation.folds)])


def pairs(found: Sequence[Pair]) -> pd.DataFrame:
    """Every pair of voters, the surest difference first."""
    rows = [[titled(each.first), each.first_alone, titled(each.second), each.second_alone, f"{each.p:.4f}"]
            for each in sorted(found, key=lambda each: each.p)]  # fmt: skip
    return pd.DataFrame(rows, columns=["Network", "Right alone", "against", "right alone", "p (Holm)"])


def falls(found: Robustness) -> pd.DataFrame:
    """Points of accuracy lost by change and voter; the first row is the accuracy itself."""
    voters = list(found.changes[0].accuracy)
    first = ["unchanged: accuracy", *(share(found.changes[0].accuracy[name]) for name in voters)]
    rows = [[each.title, *(_points(each.lost[name]) for name in voters)] for each in found.changes[1:]]
    return pd.DataFrame([first, *rows], columns=["Change", *(TITLES.get(name, "Consensus") for name in voters)])


def _points(lost: float) -> str:
    """Points lost with one decimal; a gain with a minus, and no minus before nothing."""
    return f"{round(100 * lost, 1) + 0.0:.1f}".replace("-", "−")


def originals(found: Robustness) -> pd.DataFrame:
    """How far the probability moves between an original and its copy, by voter."""
    voters = list(found.originals[0].moved)
    rows = [[each.file, each.copy, *(f"{each.moved[name]:.3f}{'' if each.same[name] else ' ✗'}" for name in voters)]
            for each in found.originals]  # fmt: skip
    return pd.DataFrame(rows, columns=["Original", "Copy", *(TITLES.get(name, "Consensus") for name in voters)])


def tuning(found: Tuning) -> pd.DataFrame:
    """Validation accuracy of every setting, networks as columns, the best of each marked."""
    settings = sorted({(each.optimiser, each.rate, each.epochs) for trials in found.networks.values() for each in trials})
    tops = {name: best(trials) for name, trials in found.networks.items() if trials}
    cells = {(name, each.optimiser, each.rate, each.epochs): f"{share(each.accuracy)}{' ★' if each == tops[name] else ''}"
             for name, trials in found.networks.items() for each in trials}  # fmt: skip
    rows = [[*map(str, setting), *(cells.get((name, *setting), "–") for name in found.networks)] for setting in settings]
    return pd.DataFrame(rows, columns=["Optimiser", "Rate", "Epochs", *(TITLES[name] for name in found.networks)])


def ingredients(found: Ingredients) -> pd.DataFrame:
    """What each way of training reaches on held-out stains, the best marked."""
    rows = [
        [f"{each.title}{' ★' if each == found.best else ''}", share(each.macro_recall), share(each.accuracy), f"{each.loss:.2f}",
         *(share(each.recall[label]) for label in LABELS), PRECISIONS.get(each.precision, each.precision)]
        for each in found.arms
    ]  # fmt: skip
    measures = (MEASURES["balanced_accuracy"], MEASURES["accuracy"], "Loss", *LABELS)
    return pd.DataFrame(rows, columns=["Way of training", *measures, "Computed in"])


def starts(found: Ingredients) -> pd.DataFrame:
    """Macro recall on held-out stains from either start, by network."""
    rows = [
        [TITLES[name], *(share(each.macro_recall) for each in pair), PRECISIONS.get(pair[0].precision, pair[0].precision)]
        for name, pair in found.starts.items()
    ]
    return pd.DataFrame(rows, columns=["Network", "From PBC cells", "From a random start", "Computed in"])


def by_class(measures: Measures) -> pd.DataFrame:
    """Sensitivity and specificity of each class against the other three."""
    rows = [
        [[MARKS[label].chip], share(one.sensitivity), share(one.specificity), one.support]
        for label in LABELS
        if (one := measures.per_class.get(label)) is not None
    ]
    return pd.DataFrame(rows, columns=["Class", "Sensitivity", "Specificity", "Fields"])


def split(counts: Counts) -> pd.DataFrame:
    """Fields by class and part."""
    rows = [[[MARKS[label].chip], *(row[label] for row in counts.parts.values()), counts.classes[label]] for label in LABELS]
    return pd.DataFrame(rows, columns=["Class", *(PARTS.get(part, part) for part in counts.parts), "All"])


def wrong(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Fields that the consensus misreads, the surest errors first."""
    return sorted((each for each in predictions if each.leading != each.label), key=lambda each: -max(each.consensus))


def misread(fields: Sequence[Prediction]) -> pd.DataFrame:
    """Fields with their true class, their consensus and their votes."""
    rows = []
    for each in fields:
        differ = ", ".join(f"{TITLES[vote.network]} {MARKS[vote.label].chip}" for vote in each.votes if vote.network in each.dissenters)
        # The strip asks for votes and dissenters alone, which a prediction has too.
        votes = strip(cast("Reading", each))
        rows.append([each.file, [MARKS[each.label].chip], [MARKS[each.leading].chip], share(max(each.consensus)), votes, differ or "none"])
    return pd.DataFrame(rows, columns=["File", "True class", "Consensus", "Probability", "Votes", "Differ from it"])


def settings(masks: Masks) -> pd.DataFrame:
    """Mean Dice by setting, the one in use marked."""
    rows = [
        [each.clusters, each.min_object, f"{each.nucleus_dice:.3f}", f"{each.cell_dice:.3f}", "in use" if each == masks.default else ""]
        for each in masks.settings
    ]
    return pd.DataFrame(rows, columns=["Clusters", "Least object, px", "Nuclei, Dice", "Whole cells, Dice", "Setting"])


def speeds(ratios: Sequence[Ratio]) -> pd.DataFrame:
    """Every ratio with its quartiles, beside its goal."""
    rows = [
        [f"{each.what[0].upper()}{each.what[1:]}", f"{each.median:.1f}" if each.least else f"{each.median:.2f}",
         _spread(each),
         f"{'at least' if each.least else 'at most'} {each.goal:g}", "reached" if each.reached else "missed"]
        for each in ratios
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["What", "Times", "Middle half of the turns", "Goal", ""])


def _spread(ratio: Ratio) -> str:
    """Quartiles; a dash where there was but one turn."""
    digits = 1 if ratio.least else 2
    return f"{ratio.low:.{digits}f} to {ratio.high:.{digits}f}" if ratio.low < ratio.high else "–"


def engines(found: Engines) -> pd.DataFrame:
    """Milliseconds of the five networks by engine."""
    rows = [[ENGINE_TITLES.get(name, name), round(found.one[name]), round(found.together[name])] for name in found.one]
    return pd.DataFrame(rows, columns=["Five networks by", "One field, ms", f"{found.batch} fields, ms"])


def _texts(measures: Measures | None) -> list[str]:
    return [figure(metric, getattr(measures, metric) if measures else None) for metric in MEASURES]
