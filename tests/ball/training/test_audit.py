"""The audit: what it is given of a field, how fields are changed, and that what is known comes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ball import synthetic
from ball.cells import field_aspect, find_cells, territories
from ball.engine import Engine, Output
from ball.labels import LABELS
from ball.perturb import Perturbation
from ball.reading import read
from ball.segmentation import SCALE_BAR, resize, segment
from ball.training import audit
from ball.training.audit import (
    CONDITIONS,
    HALF,
    NO_MASK,
    UNCHANGED,
    describe,
    erase_scale_bar,
    half_of_cells,
    histogram,
    move_scale_bar,
    robustness,
)
from ball.training.data import Field, thumbnail
from ball.training.splits import FOLDS, load_split
from ball.trust.calibration import Calibration
from ball.weights import Store
from tests.trust_files import trust

IMAGE = resize(synthetic.draw(0), (224, 224))
NAMES = {"Benign": "Benign", "Early Pre-B": "-Early-", "Pre-B": "-Pre-", "Pro-B": "-Pro-"}


class Bright:
    """An engine of one network that reads Pro-B where a field is bright, Benign where it is dark."""

    models: Mapping[str, Any] = {"alexnet": None}
    hashes: Mapping[str, str] = {}
    folder = Path("nowhere")

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def predict(self, masked: np.ndarray) -> dict[str, Output]:
        self.seen.append(masked)
        level = torch.from_numpy(masked.astype(np.float32).mean(axis=(1, 2, 3)))
        logits = torch.stack([100 - level, torch.zeros_like(level), torch.zeros_like(level), level], dim=1) / 10
        return {"alexnet": Output(logits, torch.zeros(len(masked), 1, 1, 1), torch.zeros(len(masked), 4, 1))}


def test_histogram_counts_shares_of_each_channel() -> None:
    found = histogram(np.array([[0, 255, 7], [8, 255, 7]], dtype=np.uint8))
    assert found.shape == (96,)
    assert (found[0], found[1], found[63], found[64]) == (0.5, 0.5, 1, 1)
    assert histogram(np.zeros((0, 3), dtype=np.uint8)).tolist() == [0] * 96


def test_baselines_see_what_their_names_say() -> None:
    whole = segment(IMAGE)
    changed = IMAGE.copy()
    changed[-SCALE_BAR[0] :, -SCALE_BAR[1] :] = (200, 20, 20)
    one, other = describe([whole]), describe([segment(changed)])
    assert not np.array_equal(one["scale_bar_corner"], other["scale_bar_corner"])
    assert np.array_equal(one["scale_bar_corner"][0], histogram(whole.lab[-SCALE_BAR[0] :, -SCALE_BAR[1] :].reshape(-1, 3)))
    assert np.allclose(one["mean_colour"][0], whole.lab.reshape(-1, 3).mean(axis=0))
    assert np.array_equal(one["nuclei_histogram"][0], histogram(whole.lab[whole.mask]))


def test_size_and_shape_hold_no_colour_and_follow_the_cells() -> None:
    whole = segment(IMAGE)
    cells = [cell for cell in find_cells(whole, whole.mask.shape) if not cell.at_border]
    found = audit.BASELINES["cell_shapes"].features(whole)
    assert found.shape == (5 * len(audit.SHAPES),)
    assert found[2 * len(audit.SHAPES)] == np.median([cell.area for cell in cells])
    assert "stain" not in audit.SHAPES
    assert not audit.BASELINES["cell_shapes"].of_colour
    assert all(baseline.of_colour for name, baseline in audit.BASELINES.items() if name != "cell_shapes")
    assert not audit.BASELINES["cell_shapes"].features(segment(np.full_like(IMAGE, 230))).any()


def test_baselines_learn_from_what_is_not_test_and_pool_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "TREES", 10)
    fields = []
    for fold in range(FOLDS):
        for label, key in NAMES.items():
            names = sorted(name for name in load_split("stain", fold).test if key in name)[:3]
            fields += [Field(Path(name), label) for name in names]
    # One feature that tells the classes apart everywhere, one that tells nothing.
    targets = np.array([[field.target] for field in fields], dtype=np.float64)
    features = {"field_histogram": targets, "mean_colour": np.zeros_like(targets)}
    chosen = load_split("paper")
    assert any(field.name in chosen.test for field in fields)
    assert any(field.name in chosen.train for field in fields)
    found = audit.baselines(fields, features, np.arange(len(fields)), lambda _: None)
    perfect, blind = found["stain"]["baselines"]["field_histogram"], found["stain"]["baselines"]["mean_colour"]
    assert found["stain"]["n"] == len(fields)
    assert (perfect["accuracy"], perfect["folds"]) == (1, [1] * FOLDS)
    assert blind["balanced_accuracy"] == pytest.approx(0.25)
    assert "loss" not in perfect
    assert perfect["title"]


def test_the_corner_is_covered_or_moved_and_nothing_else_changes() -> None:
    height, width = SCALE_BAR
    marked = IMAGE.copy()
    marked[-height:, -width:] = (200, 20, 20)
    erased, moved = erase_scale_bar(marked), move_scale_bar(marked)
    assert not (erased == (200, 20, 20)).all(axis=2).any()
    assert np.array_equal(erased[: -height], marked[: -height])
    assert (moved[:height, :width] == (200, 20, 20)).all()
    assert np.array_equal(moved[height:], erased[height:])
    assert (marked[-height:, -width:] == (200, 20, 20)).all()


def test_what_is_lost_is_measured_against_the_unchanged() -> None:
    black = Perturbation("black", "black", "light", np.zeros_like)
    engine = Bright()
    targets = np.array([LABELS.index("Pro-B")])
    field = np.full((64, 64, 3), 255, dtype=np.uint8)
    entries = robustness([field], targets, engine, (NO_MASK, black))  # type: ignore[arg-type]
    assert [entry["voters"]["alexnet"]["accuracy"] for entry in entries] == [1, 0]
    assert entries[1]["voters"]["consensus"] == {"accuracy": 0, "lost": 1, "turned": 1}
    assert engine.seen[0].shape == (1, 224, 224, 3)


def test_every_second_cell_is_gone_whole_and_the_others_are_as_they_were() -> None:
    field = segment(IMAGE)
    cells = territories(field, field_aspect((224, 224)))
    on = half_of_cells(field).any(axis=2)
    assert np.array_equal(half_of_cells(field)[on], field.masked[on])
    assert all(on[cells == number].any() == (number % 2 == 1) for number in range(1, cells.max() + 1))
    engine = Bright()
    robustness([IMAGE], np.array([0]), engine, (UNCHANGED, HALF))  # type: ignore[arg-type]
    assert 0 < engine.seen[1].any(axis=3).sum() < engine.seen[0].any(axis=3).sum()


def test_only_one_condition_leaves_the_mask_out() -> None:
    engine = Bright()
    robustness([IMAGE], np.array([0]), engine, (UNCHANGED, NO_MASK))  # type: ignore[arg-type]
    assert np.array_equal(engine.seen[0][0], segment(IMAGE).masked)
    assert np.array_equal(engine.seen[1][0], IMAGE)


def test_the_consensus_is_that_of_a_reading(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Store(random_weights), "torch")
    warm = Calibration(dict.fromkeys(engine.hashes, 0.5), "product", base=0.3)
    known = trust(engine.hashes, calibration=warm)
    for module in ("ball.training.audit", "ball.reading"):
        monkeypatch.setattr(f"{module}.find_trust", lambda _: known)
    said = audit._read([IMAGE], UNCHANGED, engine)
    assert said["consensus"][0] == pytest.approx(read(IMAGE, engine=engine, maps=False).consensus, abs=1e-6)
    assert said["consensus"][0] != pytest.approx(np.mean([said[name][0] for name in engine.hashes], axis=0), abs=1e-3)


def test_every_condition_keeps_shape_and_kind() -> None:
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)
    assert CONDITIONS[0] is UNCHANGED
    for condition in CONDITIONS:
        changed = condition(IMAGE)
        assert (changed.shape, changed.dtype) == (IMAGE.shape, IMAGE.dtype)


def test_an_original_finds_its_copy() -> None:
    large = np.repeat(np.repeat(IMAGE, 3, axis=0), 4, axis=1)
    images = [resize(synthetic.draw(1), (224, 224)), IMAGE, resize(synthetic.draw(2), (224, 224))]
    fields = [SimpleNamespace(name=str(index), image=image) for index, image in enumerate(images)]
    thumbnails = np.stack([thumbnail(image) for image in images])
    entry = audit.originals([("o", large)], fields, thumbnails, lambda field: field.image, Bright())[0]  # type: ignore[arg-type,attr-defined]
    assert (entry["copy"], entry["voters"]["alexnet"]["same"]) == ("1", True)
    assert entry["correlation"] > 0.98
    assert entry["voters"]["consensus"]["moved"] <= 0.05
