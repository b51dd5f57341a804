"""What a chart of the Benchmark page lets one conclude: one sentence each, computed from the values shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from ball.benchmark import MEASURES, Counts, Evaluation, Fold, Masks, Measures, Pair, Prediction, Reference, Training, benchmark_folder
from ball.benchmark.speeds import Engines, Speed, TrainingSpeed
from ball.benchmark.trials import Baseline, Ingredients, Robustness, Tuning, best
from ball.labels import LABELS
from ball.names import TITLES
from ball.wording import listed as listed
from pages._parts.marks import percent

if TYPE_CHECKING:
    from ball.benchmark.curves import Reliability, Roc

PARTS: Final = {"train": "Training", "val": "Validation", "test": "Test"}
"""Titles of the parts of a split."""


def stain_test() -> str:
    """Whether the test with whole stains held out has been measured: words that follow "is"."""
    name = "stain-test.json"
    return f"measured (figures in {name})" if (benchmark_folder() / name).is_file() else "not measured yet"


def share(value: float | None, digits: int = 1) -> str:
    """A share in percent; a dash where there is none."""
    return "–" if value is None else percent(value, digits)


def figure(metric: str, value: float | None) -> str:
    """A measure as text: accuracy and macro recall in percent, as the paper prints the first, the rest with four decimals."""
    if metric in {"accuracy", "balanced_accuracy"} or value is None:
        return share(value, 2)
    return f"{value:.4f}"


def protocol(name: str, evaluation: Evaluation | None) -> str:
    """Which test this is, and what it can and cannot show."""
    fields = f"{evaluation.n:,} test fields, never seen in training. " if evaluation else ""
    if name == "stain":
        return (
            f"**Stain held out.** {fields}Whole groups of like stain and light are kept out of training, five times over: the harder and "
            "fairer test. The networks are trained anew for each, most of them with fewer epochs and less change of stain than the "
            "weights in use, and none held to the cells in its last epochs. It is still one hospital, and its patients are not known."
            + _so_far(evaluation)
        )
    return (
        f"**Random split, as in the paper.** {fields}A random split can be passed on stain colour alone, because fields of like stain fall "
        f"on both sides. The harder test, with whole stains held out, is **{stain_test()}**: "
        "on smears from another slide, stain or laboratory the figures may be much lower."
    )


def _so_far(evaluation: Evaluation | None) -> str:
    """Which networks a consensus of fewer than five is of; nothing where it is of all."""
    if evaluation is None or len(evaluation.networks) == len(TITLES):
        return ""
    names = listed([TITLES[name] for name in evaluation.networks])
    return f" **Measured so far: {names}. What is called consensus here is of no more than that, not of the five.**"


def interval(measures: Measures, metric: str) -> str:
    """The 95 % interval of a share, short enough for a card; empty where there is none."""
    low, high = measures.intervals.get(metric, (None, None))
    return "" if low is None else f"95 %: {100 * low:.1f} to {share(high)}"


def verdict(name: str, reference: Reference, evaluation: Evaluation, baselines: Sequence[Baseline], metric: str) -> str:
    """What the dot plot lets one conclude: against the paper on its own split, and against colour alone."""
    colour = _against_colour(evaluation, baselines, metric)
    if name == "paper" and metric in next(iter(reference.networks.values()), {}):
        return f"{against_paper(reference, evaluation, metric)} {colour}".strip()
    return colour or "What colour alone reaches by this measure is not known."


def _against_colour(evaluation: Evaluation, baselines: Sequence[Baseline], metric: str) -> str:
    known = [each for each in baselines if each.of_colour and metric in each.figures]
    if not known:
        return ""
    top = max(known, key=lambda each: each.figures[metric])
    ours, theirs = getattr(evaluation.consensus, metric), top.figures[metric]
    if ours is None:
        return ""
    figures = f"The consensus reaches {figure(metric, ours)}, colour alone {figure(metric, theirs)}"
    if ours <= theirs:
        return f"{figures}: by this test the networks are no better than colour."
    low = evaluation.consensus.intervals.get(metric, (ours, ours))[0]
    return f"{figures}{'' if low > theirs else ', within the interval: the gain may be chance'}."


def sources(name: str, reference: Reference | None) -> str:
    """Where the figures of the table come from."""
    ours = ("Ours: each field read by networks that never saw its stain." if name == "stain" else
            "Ours: another random cut of the same hospital’s set, so the test fields differ.")  # fmt: skip
    colour = ("Colour, and cells: extra-trees on colours, or on size and shape of the cells; no network, "
              "learned on the training and validation fields.")  # fmt: skip
    paper = f"Paper: {reference.citation} Random split, {reference.test_fields} test fields of {reference.images:,}. " if reference else ""
    return f"{paper}{ours} {colour}"


def hardest_fold(evaluation: Evaluation, baselines: Sequence[Baseline]) -> str:
    """The stains that are read worst, and what colour or cells alone make of them."""
    worst = min(evaluation.folds, key=lambda each: each.accuracy["consensus"])
    text = f"Stain {worst.number} is the hardest: the consensus reads {share(worst.accuracy['consensus'])} of its {worst.n} fields rightly"
    place = evaluation.folds.index(worst)
    known = [each for each in baselines if len(each.folds) == len(evaluation.folds)]
    colour, cells = ([each.folds[place] for each in known if each.of_colour is kind] for kind in (True, False))
    text += f", colour alone {share(max(colour))}" if colour else ""
    return f"{text}, size and shape of the cells alone {share(max(cells))}." if cells else f"{text}."


def differences(pairs: Sequence[Pair]) -> str:
    """Which voters differ by more than chance."""
    # With one network measured, the consensus is that network: the pair says nothing.
    if not any(each.first_alone or each.second_alone for each in pairs):
        return "Not to be said: no two of them differ on any field."
    apart = [each for each in pairs if each.p < 0.05]
    if not apart:
        return f"No: none of {len(pairs)} pairs differs by more than chance (p < 0.05)."
    ranked = [(each.first, each.second) if each.first_alone > each.second_alone else (each.second, each.first) for each in apart]
    words = [f"{titled(better)} better than {titled(worse)}" for better, worse in ranked]
    return f"{len(apart)} of {len(pairs)} pairs differ by more than chance (p < 0.05): {listed(words)}."


def titled(voter: str) -> str:
    """A voter's name on screen."""
    return TITLES.get(voter, "the consensus")


def trusted(found: Reliability) -> str:
    """Where probability and truth are furthest apart."""
    place = found.widest
    probability, right = found.probability[place], found.right[place]
    word = "too sure" if probability > right else "too careful"
    return f"Furthest off where it says {share(probability)}: right in {share(right)}, so it is {word} there."


def separated(areas: Sequence[Roc]) -> str:
    """The class that is told from the rest least well."""
    if not areas:
        return "All fields are of one class: there is nothing to tell apart."
    least = min(areas, key=lambda each: each.area)
    return f"{least.label} is told from the rest least well: area {least.area:.3f} (1 is perfect, 0.5 is chance)."


def falls(found: Robustness) -> str:
    """The change of a picture that costs the consensus most."""
    changes = [each for each in found.changes if each.of_picture]
    if not changes:
        return "No change was tried."
    worst = max(changes, key=lambda each: each.lost["consensus"])
    most = worst.lost["consensus"]
    if most <= 0:
        return f"None of {len(changes)} changes costs the consensus any accuracy."
    above = sum(each.lost["consensus"] > 0.01 for each in changes)
    text = f"“{worst.title.capitalize()}” costs the consensus most, {100 * most:.1f} points."
    return f"{text} {above} of {len(changes)} changes cost more than 1 point."


def without(found: Robustness) -> str:
    """What the networks are worth where cells are taken out, and on fields that were not segmented; empty where neither was tried."""
    lost = {each.kind: f"{100 * each.lost['consensus']:.1f} points" for each in found.changes}
    words = []
    if "cells" in lost:
        words.append(f"With half of the cells taken out of every field the consensus loses {lost['cells']}.")
    if "mask" in lost:
        words.append(f"Without the mask, which every network was trained with, the consensus loses {lost['mask']}.")
    return " ".join(words)


def originals(found: Robustness) -> str:
    """Whether a field keeps its reading at its first size."""
    same = sum(bool(each.same.get("consensus")) for each in found.originals)
    text = f"{same} of {len(found.originals)} fields keep label and probability (within 5 points) at their first size of 1024 × 768."
    return f"{text} How the gate looks at fields of that size was settled on these {len(found.originals)}."


def tuned(found: Tuning) -> str:
    """The best setting of every network, and which were not run."""
    tops = {name: best(each) for name, each in found.networks.items() if each}
    words = [f"{TITLES[name]} {top.optimiser} {top.rate:g}, {top.epochs} epochs ({share(top.accuracy)})" for name, top in tops.items()]
    missing = [title for name, title in TITLES.items() if name not in tops]
    return f"Best on validation: {listed(words)}.{f' Not run yet for {listed(missing)}.' if missing else ''}"


def bought(found: Ingredients) -> str:
    """Which way of training does best on held-out stains, and by how much over the usual one."""
    first, best = found.usual, found.best
    if best == first:
        return f"None of {len(found.arms) - 1} changes does better than “{first.title}” ({share(first.macro_recall)} macro recall)."
    gain = 100 * (best.macro_recall - first.macro_recall)
    return f"“{best.title}” does best: {share(best.macro_recall)} macro recall, {gain:.1f} points above “{first.title}”."


def examined(found: Ingredients, folds: Sequence[Fold]) -> str:
    """What an arm came to on the unseen fold, beside the same network as the folds have it; empty where either was not measured."""
    without = next((each.accuracy.get(found.network) for each in folds if each.number == found.unseen_fold), None)
    if found.exam is None or without is None:
        return ""
    gain = 100 * (found.exam.accuracy - without)
    ours, theirs = found.epochs
    return (
        f"At full size, on stain {found.unseen_fold}, “{found.exam.title}” reads {share(found.exam.accuracy)} rightly, {abs(gain):.1f} "
        f"points {'more' if gain >= 0 else 'less'} than the fold as it was fitted (with {ours} epochs on whole fields for {theirs})."
    )


def started(found: Ingredients) -> str:
    """Which networks gain from PBC cells, and how much; empty where no two starts were measured."""
    gains = {name: 100 * (pbc.macro_recall - scratch.macro_recall) for name, (pbc, scratch) in found.starts.items()}
    words = [f"{TITLES[name]} {'gains' if gain >= 0 else 'loses'} {abs(gain):.1f} points" for name, gain in gains.items()]
    return f"From PBC cells, against a random start, {listed(words)} of macro recall." if words else ""


def quick(found: Speed) -> str:
    """How long a reading takes, and which goals were missed."""
    missed = sum(not each.reached for each in found.ratios)
    ours, naive = found.milliseconds["f32"], found.milliseconds["naive"]
    many = len(found.ratios)
    goals = f"{missed} of {many} goals {'is' if missed == 1 else 'are'} missed" if missed else f"all {many} goals are reached"
    return f"A full reading with five maps takes {ours:.0f} ms, the plain way {naive:.0f} ms; {goals}."


def agreed(found: Speed) -> str:
    """Whether the engines answer as torch does; empty where they were not held against it."""
    parts = []
    for name, each in found.agreement.items():
        labels = f"{each.turned} of {each.votes:,} votes differ" if each.turned else f"all {each.votes:,} votes are the same"
        parts.append(f"{name}: {labels}, and no probability moves by more than {math.ceil(1e4 * each.largest) / 1e4:g}")
    return f"Against torch, {'; '.join(parts)}." if parts else ""


def nearest(found: Speed) -> str:
    """How near the floor a reading could come at most; empty where that was not worked out."""
    told = [f"{each.bound:.2f} ({each.what.rpartition(', ')[2]})" for each in found.ratios if each.bound is not None]
    if not told:
        return ""
    return (f"With both cores full from the first network to the last, a reading would take {listed(told)} times as long as the floor: "
            "it also decodes, segments, measures the cells, draws the maps and judges."
            f"{' What fast looks at again in f32 comes on top.' if found.fast else ''}")  # fmt: skip


def engine(found: Engines) -> str:
    """Why the engine in use is the one."""
    ours, other, fast = (found.one.get(name) for name in ("openvino f32", "onnxruntime f32", "openvino bf16"))
    if ours is None or other is None:
        return "Only one compiled engine was measured."
    text = f"One field takes the five networks {ours:.0f} ms by OpenVINO and {other:.0f} ms by ONNX Runtime"
    return f"{text}; of the two OpenVINO alone computes in bf16, in {fast:.0f} ms." if fast is not None else f"{text}."


def trained(found: TrainingSpeed) -> str:
    """How fast training is, and how much of its time no other code could save."""
    times = [f"{each.median:.1f} times ({each.what})" for each in found.ratios]
    least = min(found.alone.values())
    return f"Training sees {listed(times)} as many images a second; the network itself takes at least {percent(least, 0)} of our time."


def against_paper(reference: Reference, evaluation: Evaluation, metric: str) -> str:
    """How the networks compare with the paper's on one measure, by interval where there is one."""
    pairs = {name: (reference.networks[name][metric], each) for name, each in evaluation.networks.items() if name in reference.networks}
    better = [name for name, (paper, ours) in pairs.items() if _gain(metric, paper, getattr(ours, metric)) > 0]
    direction = "lower" if metric == "loss" else "higher"
    title = _within(MEASURES[metric])
    text = f"Our {title} is {direction} than the paper’s for {len(better)} of {len(pairs)} networks."
    ranges = {name: (paper, ours.intervals[metric]) for name, (paper, ours) in pairs.items() if metric in ours.intervals}
    if not ranges:
        return text
    apart = [name for name, (paper, (low, high)) in ranges.items() if not low <= paper <= high]
    if not apart:
        return f"{text} The paper’s value lies within every one of our 95 % intervals: no difference is shown."
    return f"{text} The paper’s value lies outside our 95 % interval for {listed([TITLES[name] for name in apart])}."


def misreadings(measures: Measures, who: str) -> str:
    """How many fields were misread, and the commonest way."""
    total = sum(map(sum, measures.confusion))
    if not measures.wrong:
        return f"{who} misreads none of {total:,} fields."
    count, true, called = max(
        (count, LABELS[row], LABELS[column])
        for row, line in enumerate(measures.confusion)
        for column, count in enumerate(line)
        if row != column
    )
    rate = share(measures.wrong / total)
    return f"{who} misreads {measures.wrong} of {total:,} fields ({rate}); most often {true} read as {called} ({count})."


def hardest_class(measures: Measures) -> str:
    """The class found least often."""
    found = {label: one.sensitivity for label, one in measures.per_class.items() if one.sensitivity is not None}
    if not found:
        return "Per-class figures are not in this file."
    label = min(found, key=found.__getitem__)
    return f"{label} is found least often: {share(found[label])} of its {measures.per_class[label].support} fields."


def balance(counts: Counts) -> str:
    """How uneven the classes are, and how large the parts."""
    most, least = (choose(counts.classes, key=counts.classes.__getitem__) for choose in (max, min))
    if not counts.classes[least]:
        return f"{counts.total:,} fields; there is none of {least}."
    ratio = counts.classes[most] / counts.classes[least]
    parts = ", ".join(f"{sum(row.values()):,} {PARTS.get(part, part).lower()}" for part, row in counts.parts.items())
    whole = f"{counts.total:,} fields: {parts}." if parts else f"{counts.total:,} fields."
    return f"{whole} The largest class, {most}, has {ratio:.1f} times as many as the smallest, {least}."


def course(logs: Sequence[Training]) -> str:
    """Where training ended, and where it ended best."""
    last = {log.network: log.epochs[-1].val_accuracy for log in logs}
    best = max(last, key=last.__getitem__)
    falling = sum(log.epochs[-1].val_loss <= min(epoch.val_loss for epoch in log.epochs) for log in logs)
    return (
        f"{TITLES.get(best, best)} ends with the highest validation accuracy, {share(last[best])}. "
        f"Validation loss is lowest at the last epoch for {falling} of {len(logs)} networks."
    )


def refitted(again: Mapping[str, Evaluation], recorded: Evaluation) -> str:
    """Whether networks fitted anew by their recorded commands reach what the weights in use reach; empty where nothing can be compared."""
    words = []
    for name, evaluation in again.items():
        ours, theirs = evaluation.networks.get(name), recorded.networks.get(name)
        if ours is None or theirs is None or "accuracy" not in theirs.intervals:
            continue
        low, high = theirs.intervals["accuracy"]
        place = "within" if low <= ours.accuracy <= high else "outside"
        words.append(f"{TITLES[name]} {share(ours.accuracy)}, {place} the interval of the weights in use ({share(low)} to {share(high)})")
    return f"Accuracy on the test part when fitted anew by the recorded command: {'; '.join(words)}." if words else ""


def disagreements(predictions: Sequence[Prediction]) -> str:
    """How often the consensus is wrong, and whether any vote gave it away; of one network there are no votes to compare."""
    wrong = [each for each in predictions if each.leading != each.label]
    if not wrong:
        return f"The consensus misreads none of {len(predictions):,} test fields."
    measured = [vote.network for vote in predictions[0].votes]
    if len(measured) == 1:
        return f"{TITLES[measured[0]]}, the only network measured here, misreads {len(wrong)} of {len(predictions):,} test fields."
    unanimous = sum(not each.dissenters for each in wrong)
    text = f"The consensus misreads {len(wrong)} of {len(predictions):,} test fields. "
    if not unanimous:
        return f"{text}Each time at least one network differs from it."
    return f"{text}For {unanimous} of them every network votes for the same wrong class, so no vote warns the reader."


def outlines(masks: Masks) -> str:
    """How well nuclei are outlined, by the setting in use and by the best one tried."""
    used, best = masks.default, masks.best
    text = f"The setting in use, {used.clusters} clusters, outlines nuclei with a mean Dice of {used.nucleus_dice:.3f}"
    if best == used:
        return f"{text}, the best of those tried."
    return f"{text}; the best tried, {best.clusters} clusters and {best.min_object} px, reaches {best.nucleus_dice:.3f}."


def stages(log: Training) -> str:
    """Epochs at each image side, in order: "epochs: 10 at 112 px, 1 at 224 px"."""
    runs = [(side, len(list(group))) for side, group in groupby(log.epochs, key=lambda each: each.side)]
    return "epochs: " + ", ".join(f"{count} at {side} px" for side, count in runs)


def changes(log: Training) -> tuple[int, ...]:
    """Epochs at which the image side changes."""
    return tuple(after.epoch for before, after in pairwise(log.epochs) if after.side != before.side)


def _gain(metric: str, paper: float, ours: float) -> float:
    return paper - ours if metric == "loss" else ours - paper


def _within(title: str) -> str:
    """A title within a sentence: "accuracy", but "F1"."""
    return title if title[1:].isdigit() else title.lower()
