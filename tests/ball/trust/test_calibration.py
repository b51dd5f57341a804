from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ball.labels import LABELS, prediction_set
from ball.trust.calibration import (
    EVEN,
    PLAIN,
    Calibration,
    combine,
    conformal_limit,
    consensus,
    disagreement,
    held_back,
    pooled,
    tempered,
    undecided,
)

SURE = (0.97, 0.01, 0.01, 0.01)
OTHER = (0.01, 0.97, 0.01, 0.01)

distributions = arrays(np.float64, (4, 4), elements=st.floats(0.001, 1)).map(lambda rows: rows / rows.sum(axis=1, keepdims=True))


def test_without_calibration_the_consensus_is_the_plain_mean() -> None:
    same = (0.1, 0.2, 0.6, 0.1)
    assert consensus({"alexnet": same, "googlenet": same}) == pytest.approx(same)
    assert consensus({"alexnet": SURE, "googlenet": OTHER}) == pytest.approx((0.49, 0.49, 0.01, 0.01))


@given(distributions, st.floats(-2, 2), st.floats(0, 2), st.sampled_from(["mean", "product"]))
def test_whatever_the_temperature_the_result_is_a_distribution_led_by_the_pool(
    rows: np.ndarray, base: float, dissent: float, rule: str
) -> None:
    votes = {"alexnet": rows, "googlenet": rows[::-1]}
    calibration = Calibration({"alexnet": 1.5}, rule, base, dissent)  # type: ignore[arg-type]
    found = combine(votes, calibration, np.array([1.0, 0.7, 0.2, 0.0]))
    assert found.sum(axis=1) == pytest.approx(1)
    pool = pooled(votes, calibration.temperatures, rule)  # type: ignore[arg-type]
    leads = pool[np.arange(4), found.argmax(axis=1)]
    assert leads == pytest.approx(pool.max(axis=1), rel=1e-6)


@given(distributions, st.floats(0, 1))
def test_holding_back_stops_at_even_odds_and_keeps_every_order(rows: np.ndarray, vouched: float) -> None:
    found = held_back(rows, np.full(len(rows), vouched))
    top, before = found.max(axis=1), rows.max(axis=1)
    assert found.sum(axis=1) == pytest.approx(1)
    assert top == pytest.approx(np.where(before > EVEN, EVEN + (before - EVEN) * vouched, before))
    assert (np.take_along_axis(found, np.argsort(rows, axis=1), axis=1)[:, :-1] <= np.sort(found, axis=1)[:, 1:] + 1e-12).all()
    assert found[before <= EVEN] == pytest.approx(rows[before <= EVEN])


@pytest.mark.parametrize(("vouched", "most"), [(1.0, 0.97), (0.5, 0.735), (0.0, 0.5)])
def test_a_field_unlike_those_validated_gets_no_more_than_even_odds(vouched: float, most: float) -> None:
    assert max(consensus({"alexnet": SURE}, Calibration({"alexnet": 1.0}, "product"), vouched)) == pytest.approx(most)


def test_networks_that_differ_make_the_answer_less_sure() -> None:
    agreed = max(consensus({"alexnet": SURE, "googlenet": SURE}, Calibration(dissent=1.0)))
    split = max(consensus({"alexnet": SURE, "googlenet": (0.6, 0.38, 0.01, 0.01)}, Calibration(dissent=1.0)))
    assert agreed > split


def test_a_temperature_of_one_changes_nothing_and_a_high_one_levels() -> None:
    row = np.array([SURE])
    assert tempered(row, np.ones(1)) == pytest.approx(row)
    assert tempered(row, np.full(1, 1000.0)) == pytest.approx(np.full((1, 4), 0.25), abs=0.01)


def test_disagreement_runs_from_none_to_all() -> None:
    corners = {name: np.eye(4)[index : index + 1] for index, name in enumerate(("a", "b", "c", "d"))}
    assert disagreement(corners) == pytest.approx(1)
    assert disagreement(dict.fromkeys("abc", np.array([SURE]))) == pytest.approx(0)
    assert disagreement({"a": np.array([SURE])}) == pytest.approx(0)


def test_the_prediction_set_holds_the_leader_and_what_cannot_be_ruled_out() -> None:
    assert prediction_set((0.5, 0.3, 0.15, 0.05), 0.2) == LABELS[:2]
    assert prediction_set((0.4, 0.3, 0.2, 0.1), 0.9) == LABELS[:1]


def test_votes_are_undecided_by_the_entropy_of_their_mean() -> None:
    assert undecided({"a": np.array([[0.25] * 4])}) == pytest.approx(1)
    assert undecided({"a": np.array([[1.0, 0, 0, 0]]), "b": np.array([[0, 1.0, 0, 0]])}) == pytest.approx(0.5)
    assert undecided({"a": np.array([[1.0, 0, 0, 0]])}) == pytest.approx(0)


def test_conformal_sets_cover_new_fields() -> None:
    random = np.random.default_rng(1)
    rows = random.dirichlet((0.6, 0.6, 0.6, 0.6), 4000)
    targets = np.array([random.choice(4, p=row) for row in rows])
    limit = conformal_limit(rows[:2000], targets[:2000], 0.9)
    covered = [LABELS[target] in prediction_set(row, limit) for row, target in zip(rows[2000:], targets[2000:], strict=True)]
    assert 0.88 < np.mean(covered) < 0.97
    assert conformal_limit(rows[:5], targets[:5], 0.9) == 0


@pytest.mark.parametrize(
    "wrong", [{"rule": "vote"}, {"base": float("nan")}, {"temperatures": {"alexnet": 0.0}}, {"temperatures": {"alexnet": float("inf")}}]
)
def test_a_calibration_checks_itself(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Calibration(**wrong)  # type: ignore[arg-type]


def test_no_vote_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        consensus({}, PLAIN)
