"""Figures against values worked out by hand on five fields: two Benign, one of each other class."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from ball.labels import LABELS, UNIDENTIFIED
from ball.reading import Reading, Vote
from ball.training.evaluation import Groups, Results, calibration_error, collect, intervals, metrics, prediction_rows, report, trust

TARGETS = np.array([0, 0, 1, 2, 3])
PROBABILITIES = np.array([
    [0.70, 0.10, 0.10, 0.10],
    [0.20, 0.60, 0.10, 0.10],  # a Benign field called Early Pre-B
    [0.10, 0.80, 0.05, 0.05],
    [0.10, 0.10, 0.60, 0.20],
    [0.10, 0.10, 0.65, 0.15],  # a Pro-B field called Pre-B
])
ALONE = Groups(np.arange(5))


def results(**changes: Any) -> Results:
    columns: dict[str, Any] = {
        "files": ("b1", "b2", "e", "p", "r"),
        "targets": TARGETS,
        "groups": ALONE.numbers,
        "probabilities": {"alexnet": PROBABILITIES},
        "consensus": PROBABILITIES,
        "suggestions": ("Benign", UNIDENTIFIED, "Early Pre-B", "Pre-B", "Pre-B"),
        "flagged": np.array([False, True, False, False, False]),
    }
    return Results(**{**columns, **changes})


BY_HAND = {
    "accuracy": 3 / 5,
    "recall": 3 / 5,
    "balanced_accuracy": (1 / 2 + 1 + 1 + 0) / 4,
    "precision": (2 * 1 + 1 / 2 + 1 / 2 + 0) / 5,
    "f1": (2 * 2 / 3 + 2 / 3 + 2 / 3 + 0) / 5,
    "macro_f1": (2 / 3 + 2 / 3 + 2 / 3 + 0) / 4,
    "loss": -math.log(0.70 * 0.20 * 0.80 * 0.60 * 0.15) / 5,
    "auroc": (1 + 1 + 3 / 4 + 3 / 4) / 4,
    # Each confidence stands alone in their bin, but for the two of 0.6: one right, one wrong.
    "ece": (abs(0.70 - 1) + abs(0.60 + 0.60 - 1) + abs(0.80 - 1) + 0.65) / 5,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_figures_equal_those_worked_out_by_hand(name: str) -> None:
    assert metrics(PROBABILITIES, TARGETS, ALONE)[name] == pytest.approx(BY_HAND[name])


def test_confusion_has_true_classes_as_rows() -> None:
    assert metrics(PROBABILITIES, TARGETS, ALONE)["confusion"] == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]


def test_each_class_has_sensitivity_specificity_and_support() -> None:
    found = metrics(PROBABILITIES, TARGETS, ALONE)["per_class"]
    assert tuple(found) == LABELS
    rows = [(one["sensitivity"], one["specificity"], one["support"]) for one in found.values()]
    assert rows == [(0.5, 1, 2), (1, 0.75, 1), (1, 0.75, 1), (0, 1, 1)]


def test_malignant_is_benign_against_the_rest() -> None:
    # Scores 0.3 and 0.8 of the Benign lie under 0.9, 0.9 and 0.9 of the others.
    assert metrics(PROBABILITIES, TARGETS, ALONE)["malignant"] == {"sensitivity": 1, "specificity": 0.5, "auroc": 1}


def test_a_class_without_a_field_is_skipped_by_macro_figures() -> None:
    found = report(results())["networks"]["alexnet"]
    keep = slice(0, 3)
    part = report(results(
        files=("b1", "b2", "e"), targets=TARGETS[keep], groups=ALONE.numbers[keep], consensus=PROBABILITIES[keep],
        probabilities={"alexnet": PROBABILITIES[keep]}, suggestions=("Benign", "Benign", "Benign"), flagged=np.zeros(3, dtype=bool),
    ))["networks"]["alexnet"]
    assert part["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert part["macro_f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert part["auroc"] == 1
    assert part["per_class"]["Pro-B"] == {"sensitivity": None, "specificity": 1, "support": 0}
    assert set(part) == set(found)


def test_figures_that_one_field_cannot_show_are_null() -> None:
    one = results(
        files=("e",), targets=TARGETS[2:3], groups=ALONE.numbers[:1], consensus=PROBABILITIES[2:3],
        probabilities={"alexnet": PROBABILITIES[2:3]},
        suggestions=(UNIDENTIFIED,), flagged=np.array([True]),
    )
    found = report(one)["consensus"]
    assert found["auroc"] is None
    assert found["malignant"] == {"sensitivity": 1, "specificity": None, "auroc": None}
    assert set(found["ci95"].values()) == {None}
    assert {"accuracy", "macro_f1", "loss"} <= set(found["ci95"])
    assert found["accuracy_when_given"] is None


def test_trust_counts_what_was_given_and_what_was_flagged() -> None:
    found = trust(results())
    assert found == pytest.approx({"coverage": 4 / 5, "accuracy_when_given": 3 / 4, "flagged": 1 / 5, "wrong_and_unflagged": 1 / 5})


def test_loss_is_not_cut_off_at_tiny_probabilities() -> None:
    sure_and_wrong = np.array([[1.0, 1e-40, 0, 0]])
    assert metrics(sure_and_wrong, np.array([1]), Groups(np.array([0])))["loss"] == pytest.approx(40 * math.log(10))


def test_calibration_bins_hold_equally_many_fields() -> None:
    # 30 fields, so two a bin: one right and one wrong, whose gaps cancel in part, and only within their own bin.
    confidence = np.repeat(np.linspace(0.45, 0.55, 15), 2) + np.tile([0.0, 1e-4], 15)
    probabilities = np.stack([confidence, 1 - confidence - 0.2, np.full(30, 0.1), np.full(30, 0.1)], axis=1)
    targets = np.tile([0, 1], 15)
    assert (probabilities.argmax(axis=1) == 0).all()
    by_hand = np.abs(confidence.reshape(15, 2).sum(axis=1) - 1).sum() / 30
    assert calibration_error(probabilities, targets) == pytest.approx(by_hand)


def test_calibration_error_does_not_depend_on_the_order_of_fields() -> None:
    random = np.random.default_rng(0)
    probabilities, targets = random.dirichlet(np.full(4, 0.3), 200), random.integers(0, 4, 200)
    turned = random.permutation(200)
    assert calibration_error(probabilities[turned], targets[turned]) == pytest.approx(calibration_error(probabilities, targets))


def test_intervals_have_the_width_of_a_binomial() -> None:
    targets = np.zeros(400, dtype=np.intp)
    called = np.repeat([0, 1], [320, 80])
    low, high = intervals(called, targets, Groups(np.arange(400)))["accuracy"] or []
    assert (low, high) == pytest.approx((0.8 - 1.96 * 0.02, 0.8 + 1.96 * 0.02), abs=0.006)


def test_intervals_draw_whole_groups_of_twins() -> None:
    targets, called = np.zeros(4, dtype=np.intp), np.array([0, 0, 1, 1])
    # Two groups, one all right and one all wrong: a resample is right in none, half or all.
    assert intervals(called, targets, Groups(np.array([7, 7, 3, 3])))["accuracy"] == [0, 1]


def test_intervals_are_seeded() -> None:
    called, targets = PROBABILITIES.argmax(axis=1), TARGETS
    assert intervals(called, targets, ALONE, seed=1) == intervals(called, targets, ALONE, seed=1)


def test_report_is_strict_json_with_the_keys_of_the_contract() -> None:
    found = report(results(errors=("x",)))
    assert list(found) == ["n", "classes", "errors", "networks", "consensus", "mcnemar", "weights"]
    assert (found["n"], found["classes"], found["errors"]) == (5, list(LABELS), ["x"])
    keys = ["accuracy", "balanced_accuracy", "f1", "recall", "precision", "macro_f1", "loss", "auroc", "ece", "confusion",
            "per_class", "malignant", "ci95"]
    assert list(found["networks"]["alexnet"]) == keys
    assert list(found["consensus"]) == [*keys, "coverage", "accuracy_when_given", "flagged", "wrong_and_unflagged"]
    assert json.dumps(found, allow_nan=False) == json.dumps(report(results(errors=("x",))))


def test_collect_puts_readings_into_columns() -> None:
    votes = (Vote("densenet121", (0.7, 0.1, 0.1, 0.1)), Vote("alexnet", (0.1, 0.7, 0.1, 0.1)))
    reading = Reading("f", "", "read", suggestion="Benign", votes=votes, flags=("code: sentence",))
    found = collect(["a/f"], [0], [reading], np.array([0]), ["a/bad"])
    assert found.probabilities["alexnet"].tolist() == [[0.1, 0.7, 0.1, 0.1]]
    assert found.consensus[0] == pytest.approx([0.4, 0.4, 0.1, 0.1])
    assert (found.files, found.suggestions, found.flagged.tolist(), found.errors) == (("a/f",), ("Benign",), [True], ("a/bad",))


def test_prediction_rows_name_field_label_and_voter() -> None:
    rows = prediction_rows(results())
    assert rows[0] == ["b1", "Benign", "alexnet", 0.7, 0.1, 0.1, 0.1]
    assert [row[2] for row in rows[:2]] == ["alexnet", "consensus"]
    assert len(rows) == 10


def test_columns_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="expected 5 values in every column"):
        results(suggestions=("Benign",))
