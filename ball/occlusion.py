"""Which cells decide: every nucleus is taken out in turn, and the field is read again.

Occlusion (Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53) in the reader's own unit, the cell. What lies
outside the mask is black to the networks, so a nucleus filled with black is one that the mask had missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ball.cells import Cell, territories
from ball.labels import LABELS
from ball.regions import Labels
from ball.trust import calibration_for, find_trust
from ball.trust.calibration import combine

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.segmentation import Segmentation

BATCH: Final = 8
"""Fields read together, to bound the memory that it takes."""

MOST: Final = 40
"""Cells taken out one by one; beyond it the largest this many are, and the others keep no weight."""

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Weights:
    """What each cell is worth to the consensus of one label.

    ``by_cell`` maps the cell's number to the probability of ``label`` with all cells less that without this one, -1..1:
    above 0 the cell speaks for the label, below 0 against it. Cells that were not taken out are absent.
    """

    label: str
    probability: float
    by_cell: dict[int, float]


def cell_weights(
    engine: Engine, segmentation: Segmentation, cells: Sequence[Cell], label: str | None = None, progress: Progress | None = None
) -> Weights:
    """Weigh the cells of a field.

    Args:
        engine: the loaded networks.
        segmentation: of the field, at the size that the networks read.
        cells: those that `find_cells` found in it.
        label: whose consensus is watched; None for the leading one.
        progress: called with the fields read and how many there are.

    Raises:
        ValueError: no cell, or an unknown label.
    """
    if not cells:
        raise ValueError("there is no cell to take out")
    if label is not None and label not in LABELS:
        raise ValueError(f"unknown label {label!r}; expected one of {', '.join(LABELS)}")
    lands = territories(segmentation, cells[0].aspect)
    numbers = sorted(cell.number for cell in sorted(cells, key=lambda cell: -cell.area)[:MOST])
    variants = [[], *([number] for number in numbers)]
    found = consensus_without(engine, segmentation, lands, variants, progress)
    index = LABELS.index(label) if label is not None else int(found[0].argmax())
    weights = {number: float(found[0, index] - row[index]) for number, row in zip(numbers, found[1:], strict=True)}
    return Weights(LABELS[index], float(found[0, index]), weights)


def consensus_without(
    engine: Engine, segmentation: Segmentation, lands: Labels, variants: Sequence[Sequence[int]], progress: Progress | None = None
) -> NDArray[np.float64]:
    """Consensus of a field with some cells taken out, for several choices of cells.

    As of a field like those validated: a cell weighs in what the networks say, also where that is held back.

    Args:
        engine: the loaded networks.
        segmentation: of the field, at the size that the networks read.
        lands: (H, W) number of the cell at each pixel of the mask, from `territories`.
        variants: numbers of the cells taken out together, one list a variant.
        progress: called with the fields read and how many there are.

    Returns:
        (variants, classes) probabilities.
    """
    calibration = calibration_for(find_trust(engine.folder), engine.hashes)
    rows: list[NDArray[np.float64]] = []
    for start in range(0, len(variants), BATCH):
        chosen = variants[start : start + BATCH]
        batch = np.stack([np.where(np.isin(lands, each)[:, :, None], np.uint8(0), segmentation.masked) for each in chosen])
        votes = {name: output.logits.double().softmax(dim=1).numpy() for name, output in engine.predict(batch).items()}
        rows.append(combine(votes, calibration, np.ones(len(batch))))
        if progress is not None:
            progress(min(start + BATCH, len(variants)), len(variants))
    return np.concatenate(rows)
