"""What a page says of the ground that its certainty stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ball.names import TITLES
from pages._parts import standing
from tests.benchmark_files import benchmark_files, empty_benchmark

__all__ = ["benchmark_files", "empty_benchmark"]


@pytest.mark.parametrize(
    ("networks", "words"),
    [((), ""), (tuple(TITLES), ""), (("googlenet",), "read by GoogLeNet alone so far, not by all 5 networks."),
     (("densenet121", "googlenet"), "read by DenseNet121 and GoogLeNet so far")],
)  # fmt: skip
def test_networks_tried_on_held_out_stains_are_named_until_all_were(networks: tuple[str, ...], words: str) -> None:
    assert words in standing.tried_by(networks)
    assert bool(words) == bool(standing.tried_by(networks))


def test_nothing_is_said_of_sets_that_were_not_measured(empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()
    assert standing.sets() == standing.tried() == standing.on_new_stains() == ""


def test_how_far_a_single_stain_was_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = [{"probability": 0.76, "accuracy": 0.64}, {"probability": 0.93, "accuracy": 0.99}, {"probability": 0.9, "accuracy": 0.89}]
    monkeypatch.setattr("ball.benchmark.load_certainty", lambda: {"basis": "stain", "folds": folds})
    assert standing.on_new_stains() == "On a single held-out stain it was up to 12 points too sure, or 6 too careful."
    monkeypatch.setattr("ball.benchmark.load_certainty", lambda: {"basis": "validation", "folds": folds})
    assert standing.on_new_stains() == "On new stains it has not been tried."


def test_the_measured_share_of_sets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.benchmark.load_certainty", lambda: {"basis": "stain", "set_coverage": 0.897})
    assert standing.sets().endswith("On fields of held-out stains the true class was among them in 89.7 %.")
