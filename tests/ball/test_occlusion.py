from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ball import occlusion, synthetic
from ball.cells import find_cells, territories
from ball.engine import Output, load_engine
from ball.labels import LABELS
from ball.reading import read
from ball.segmentation import segment
from ball.weights import Store

FIELD = synthetic.draw(1)
FOUND = segment(FIELD)
CELLS = find_cells(FOUND, FIELD.shape[:2])


class Counting:
    """An engine whose one network says Pro-B the more, the more of the first cell it sees; it counts what it is shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.folder, self.hashes = Path("no-thresholds"), {"alexnet": "of this test"}
        self.first = territories(FOUND, CELLS[0].aspect) == 1

    def predict(self, masked: NDArray[np.uint8]) -> dict[str, Output]:
        self.shown.append(len(masked))
        seen = torch.tensor([[0.0, 0.0, 0.0, 2.0 * float(field[self.first].any())] for field in masked])
        return {"alexnet": Output(seen, torch.zeros(len(masked), 1, 1, 1), torch.zeros(len(masked), len(LABELS), 1))}


def test_the_cell_that_the_vote_hangs_on_has_all_the_weight() -> None:
    engine: Any = Counting()
    told: list[tuple[int, int]] = []
    weights = occlusion.cell_weights(engine, FOUND, CELLS, progress=lambda done, of: told.append((done, of)))
    assert weights.label == "Pro-B"
    with_it, without = (float(torch.softmax(torch.tensor([0.0, 0, 0, value]), 0)[3]) for value in (2.0, 0.0))
    assert weights.probability == pytest.approx(with_it)
    assert weights.by_cell[1] == pytest.approx(with_it - without)
    assert all(weights.by_cell[cell.number] == 0 for cell in CELLS[1:])
    assert sum(engine.shown) == len(CELLS) + 1
    assert max(engine.shown) <= occlusion.BATCH
    assert told[-1] == (len(CELLS) + 1, len(CELLS) + 1)


def test_another_label_can_be_watched() -> None:
    engine: Any = Counting()
    weights = occlusion.cell_weights(engine, FOUND, CELLS, "Benign")
    assert weights.label == "Benign"
    assert weights.by_cell[1] < 0


def test_of_very_many_cells_the_largest_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "MOST", 3)
    engine: Any = Counting()
    weights = occlusion.cell_weights(engine, FOUND, CELLS)
    assert set(weights.by_cell) == {cell.number for cell in sorted(CELLS, key=lambda cell: -cell.area)[:3]}


def test_without_a_cell_or_with_an_unknown_label_it_says_so() -> None:
    engine: Any = Counting()
    with pytest.raises(ValueError, match="no cell"):
        occlusion.cell_weights(engine, FOUND, ())
    with pytest.raises(ValueError, match="unknown label 'Blast'; expected one of Benign"):
        occlusion.cell_weights(engine, FOUND, CELLS, "Blast")


def test_with_all_cells_in_place_it_is_the_reading(random_weights: Path) -> None:
    engine = load_engine(Store(random_weights))
    reading = read(FIELD, engine=engine, maps=False)
    lands = territories(FOUND, CELLS[0].aspect)
    rows = occlusion.consensus_without(engine, FOUND, lands, [[], [1], [1, 2]])
    assert rows.shape == (3, len(LABELS))
    assert rows[0] == pytest.approx(reading.consensus, abs=1e-5)
    assert rows.sum(axis=1) == pytest.approx(1)
