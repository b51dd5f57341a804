"""What a chart of the Benchmark page lets one conclude: one sentence each, computed from the values shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final

from ball.benchmark import METRICS, Counts, Evaluation, Masks, Measures, Prediction, Reference, Training, benchmark_folder
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts.marks import percent

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
    """A measure as text: accuracy in percent as the paper prints it, the rest with four decimals."""
    if metric == "accuracy" or value is None:
        return share(value, 2)
    return f"{value:.4f}"


def against_paper(reference: Reference, evaluation: Evaluation, metric: str) -> str:
    """How the networks compare with the paper's on one measure, by interval where there is one."""
    pairs = {name: (reference.networks[name][metric], each) for name, each in evaluation.networks.items() if name in reference.networks}
    better = [name for name, (paper, ours) in pairs.items() if _gain(metric, paper, getattr(ours, metric)) > 0]
    direction = "lower" if metric == "loss" else "higher"
    title = _within(METRICS[metric])
    text = f"Our {title} is {direction} than the paper’s for {len(better)} of {len(pairs)} networks."
    ranges = {name: (paper, ours.intervals[metric]) for name, (paper, ours) in pairs.items() if metric in ours.intervals}
    if not ranges:
        return text
    apart = [name for name, (paper, (low, high)) in ranges.items() if not low <= paper <= high]
    if not apart:
        return f"{text} The paper’s value lies within every one of our 95 % intervals: no difference is shown."
    return f"{text} The paper’s value lies outside our 95 % interval for {_listed([TITLES[name] for name in apart])}."


def misreadings(measures: Measures, who: str) -> str:
    """How many fields were misread, and the commonest way."""
    total = sum(map(sum, measures.confusion))
    if not measures.wrong:
        return f"{who} misreads none of {total} fields."
    count, true, called = max(
        (count, LABELS[row], LABELS[column])
        for row, line in enumerate(measures.confusion)
        for column, count in enumerate(line)
        if row != column
    )
    rate = share(measures.wrong / total)
    return f"{who} misreads {measures.wrong} of {total} fields ({rate}); most often {true} read as {called} ({count})."


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


def disagreements(predictions: Sequence[Prediction]) -> str:
    """How often the consensus is wrong, and whether any vote gave it away."""
    wrong = [each for each in predictions if each.leading != each.label]
    if not wrong:
        return f"The consensus misreads none of {len(predictions)} test fields."
    unanimous = sum(not each.dissenters for each in wrong)
    text = f"The consensus misreads {len(wrong)} of {len(predictions)} test fields. "
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


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
