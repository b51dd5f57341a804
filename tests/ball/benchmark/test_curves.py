"""ROC and reliability of predictions whose curves are known."""

from __future__ import annotations

import pytest

from ball.benchmark import Prediction, Vote
from ball.benchmark.curves import MALIGNANT, probabilities, reliability, rocs
from ball.labels import LABELS


def field(label: str, *consensus: float) -> Prediction:
    return Prediction("f", label, (Vote("alexnet", (0.25, 0.25, 0.25, 0.25)),), consensus)


SURE = [field(label, *(0.97 if each == label else 0.01 for each in LABELS)) for label in LABELS]


def test_perfect_predictions_have_an_area_of_one() -> None:
    found = rocs(SURE, "consensus")
    assert [each.label for each in found] == [*LABELS, MALIGNANT]
    assert [each.area for each in found] == [1] * 5


def test_equal_scores_are_chance() -> None:
    assert [each.area for each in rocs(SURE, "alexnet")] == [0.5] * 5


def test_a_class_without_a_field_has_no_curve() -> None:
    assert [each.label for each in rocs(SURE[1:], "consensus")] == [*LABELS[1:]]


def test_a_network_that_read_none_has_nothing_to_show() -> None:
    assert probabilities(SURE, "googlenet") == []


def test_reliability_sets_probability_against_share_right() -> None:
    fields = [field(LABELS[1], 0.2, 0.6, 0.1, 0.1)] * 5 + [field(LABELS[0], 0.1, 0.9, 0.0, 0.0)] * 5
    found = reliability(fields, "consensus")
    assert found.probability == pytest.approx((0.6, 0.9))
    assert found.right == pytest.approx((1, 0))
    assert found.widest == 1
