"""What the benchmark of ingredients writes: one part at a time, beside what the file says of the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ball.benchmark.trials import load_ingredients
from benchmarks import ingredients


def test_what_was_not_measured_now_is_kept_while_the_data_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ingredients.json"
    ingredients.written(path, "one", "arms", {"jitter": {"accuracy": 0.5}})
    ingredients.written(path, "one", "exam", {"accuracy": 0.25})
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["arms"], document["exam"]) == ({"jitter": {"accuracy": 0.5}}, {"accuracy": 0.25})
    ingredients.written(path, "another", "arms", {"plain": {"accuracy": 0.75}})
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["arms"], document["exam"], document["data"]) == ({"plain": {"accuracy": 0.75}}, {}, "another")


def test_measures_are_of_the_class_that_is_called() -> None:
    said = np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 2.0], [0, 0, 2.0, 0]])
    told = ingredients._told(ingredients.ARMS["jitter"], None, said, np.array([0, 1, 1, 3, 2]))
    assert (told["accuracy"], told["macro_recall"], told["precision"]) == (0.8, 0.875, "32-true")
    assert told["confusion"] == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_the_committed_exam_is_of_the_unseen_fold_with_the_examined_ingredient() -> None:
    found = load_ingredients()
    assert found.exam is not None
    assert (found.exam.name, found.unseen_fold, found.epochs[0]) == (ingredients.EXAMINED, ingredients.UNSEEN, ingredients.EXAM_WHOLE)
