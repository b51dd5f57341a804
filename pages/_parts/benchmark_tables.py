"""The tables of the Benchmark page, as data frames ready to be shown or saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import pandas as pd

from ball.benchmark import METRICS, Counts, Evaluation, Masks, Measures, Prediction, Reference
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts.findings import PARTS, figure, share
from pages._parts.marks import MARKS, strip

if TYPE_CHECKING:
    from ball.reading import Reading


NOTE: Final = "Research use only"
"""What every line of a saved table says."""


def comparison(reference: Reference | None, evaluation: Evaluation | None) -> pd.DataFrame:
    """The five measures, the paper's row above ours for each network, our consensus last; as text."""
    rows = []
    for name, title in TITLES.items():
        paper = reference.networks.get(name) if reference else None
        ours = evaluation.networks.get(name) if evaluation else None
        rows.append([title, "paper", *(figure(metric, paper[metric] if paper else None) for metric in METRICS)])
        rows.append([title, "ours", *_texts(ours)])
    rows.append(["Consensus", "ours", *_texts(evaluation.consensus if evaluation else None)])
    return pd.DataFrame(rows, columns=["Network", "Source", *METRICS.values()])


def saved(reference: Reference | None, evaluation: Evaluation | None) -> str:
    """CSV of the comparison with every digit of the files: network, source, measures, 95 % interval of the accuracy."""
    rows: list[list[object]] = []
    for name, row in (reference.networks if reference else {}).items():
        rows.append([name, "paper", *(row[metric] for metric in METRICS), None, None])
    if evaluation:
        for name, each in [*evaluation.networks.items(), ("consensus", evaluation.consensus)]:
            rows.append([name, "ours", *(getattr(each, metric) for metric in METRICS), *each.intervals.get("accuracy", (None, None))])
    frame = pd.DataFrame(rows, columns=["network", "source", *METRICS, "accuracy_low", "accuracy_high"])
    return frame.assign(note=NOTE).to_csv(index=False)


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


def misread(predictions: Sequence[Prediction]) -> pd.DataFrame:
    """Fields that the consensus misreads, the surest errors first, with their votes."""
    wrong = sorted((each for each in predictions if each.leading != each.label), key=lambda each: -max(each.consensus))
    rows = []
    for each in wrong:
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


def _texts(measures: Measures | None) -> list[str]:
    return [figure(metric, getattr(measures, metric) if measures else None) for metric in METRICS]
