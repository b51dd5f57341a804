"""Thresholds from made-up predictions whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ball.commands.calibrate import _held_back
from ball.export import csv_text
from ball.labels import LABELS
from ball.names import TITLES
from ball.training import gate
from ball.training.calibrate import (
    BENIGN_TARGET,
    TARGET,
    Calibrators,
    certainty,
    clusters,
    fit,
    fit_slides,
    held_out,
    random_folds,
    read_predictions,
    set_limit,
    slide_draws,
    slide_figures,
    suggestion_limit,
)
from ball.training.evaluation import calibration_error
from ball.training.splits import load_split
from ball.trust.appearance import NAMES
from ball.trust.calibration import EVEN, combine


def made(count: int, seed: int, sharpness: float = 5.0, strange: float = 0.3, folds: int = 5) -> Calibrators:
    """Two networks that are far too sure (2 to 3 would be right for ``sharpness``), and more so in fold 0, where fields are strange.

    Those of a strangeness of up to 0.8 are vouched for in full, those beyond 1 not at all.
    """
    random = np.random.default_rng(seed)
    targets = random.integers(0, 4, count)
    fold = random.integers(0, folds, count)
    strangeness = np.where(fold == 0, strange + 1.5, strange) * random.uniform(0.8, 1.2, count)
    vouched = np.clip((1 - strangeness) / 0.2, 0, 1)
    logits = {}
    honest = random.normal(0, 1, (count, 4)) + 2.2 * np.eye(4)[targets] / (0.5 + strangeness[:, None])
    for name in ("alexnet", "googlenet"):
        logits[name] = sharpness * (honest + random.normal(0, 0.4, (count, 4)))
    votes = {name: np.exp(values) / np.exp(values).sum(axis=1, keepdims=True) for name, values in logits.items()}
    return Calibrators(tuple(f"{index}.jpg" for index in range(count)), targets, votes, fold, strangeness, vouched)


def test_calibration_makes_overconfident_networks_honest() -> None:
    found, fresh = (each.of(each.folds > 0) for each in (made(1800, 1), made(1800, 2)))
    calibration = fit(found)
    raw = np.mean(list(fresh.votes.values()), axis=0)
    calibrated = combine(fresh.votes, calibration, fresh.vouched)
    assert calibration_error(calibrated, fresh.targets) < calibration_error(raw, fresh.targets)
    assert all(temperature > 1 for temperature in calibration.temperatures.values())


def test_a_stain_unlike_those_validated_gets_no_suggestion_however_sure_the_networks_are() -> None:
    stain = made(1500, 2)
    held = held_out(stain, stain)
    strange = stain.folds == 0
    assert np.mean(list(stain.votes.values()), axis=0)[strange].max(axis=1).mean() > 0.8
    assert held.probabilities[strange].max() <= EVEN + 1e-9
    assert held.probabilities[~strange].max() > 0.9
    # What is held back by principle must not teach the pool's temperature that all fields are doubtful.
    assert fit(stain, stain).base == pytest.approx(fit(stain, stain.of(~strange)).base, abs=0.3)


def test_every_field_is_judged_by_the_other_folds() -> None:
    stain = made(900, 3)
    spoilt = Calibrators(stain.files, np.where(stain.folds == 2, (stain.targets + 1) % 4, stain.targets), stain.votes, stain.folds,
                         stain.strangeness, stain.vouched)  # fmt: skip
    # The files of the fold stand among the validation fields, too.
    one, other = held_out(stain, stain), held_out(spoilt, spoilt)
    assert one.probabilities[stain.folds == 2] == pytest.approx(other.probabilities[stain.folds == 2], abs=1e-6)
    assert one.limits[stain.folds == 2] == pytest.approx(other.limits[stain.folds == 2])
    assert one.probabilities[stain.folds == 1] != pytest.approx(other.probabilities[stain.folds == 1], abs=1e-6)


def test_the_limit_keeps_both_targets_and_is_the_least_that_does() -> None:
    found = made(3000, 4, sharpness=1.0)
    probabilities = combine(found.votes, fit(found), found.vouched)
    passed = np.ones(3000, dtype=bool)
    limit = suggestion_limit(probabilities, found.targets, passed)
    top, called = probabilities.max(axis=1), probabilities.argmax(axis=1)
    wrong = called != found.targets

    def kept(at: float) -> bool:
        given = wrong & (top >= at)
        return given.mean() <= TARGET and (given & (called == 0)).mean() <= BENIGN_TARGET

    assert kept(limit)
    assert not kept(limit - 0.01)
    assert suggestion_limit(probabilities, found.targets, np.zeros(3000, dtype=bool)) == pytest.approx(0.3)


def test_a_class_of_one_in_twenty_is_never_ruled_out_and_a_less_likely_one_only_where_that_keeps_the_coverage() -> None:
    random = np.random.default_rng(7)
    clear, doubtful = np.tile([0.97, 0.01, 0.01, 0.01], (900, 1)), np.tile([0.55, 0.40, 0.03, 0.02], (100, 1))
    rows = np.concatenate([clear, doubtful])
    right = np.concatenate([np.zeros(900), random.choice(4, 100, p=doubtful[0])]).astype(np.intp)
    assert set_limit(rows, right) == pytest.approx(0.05)
    assert set_limit(rows, np.full(1000, 2)) == pytest.approx(0.01)


def test_figures_hold_together() -> None:
    found = made(1500, 5)
    found = found.of(found.folds > 0)
    figures = certainty(found, held_out(found, None), refuse=1e9)
    assert figures["n"] == len(found.files)
    assert figures["set_coverage"] > 0.93
    assert figures["calibration_error"] < figures["calibration_error_raw"]
    coverage = [point["coverage"] for point in figures["curve"]]
    assert coverage == sorted(coverage, reverse=True)
    assert sum(each["n"] for each in figures["folds"]) == sum(each["n"] for each in figures["reliability"]) == figures["n"]
    refused = certainty(found, held_out(found, None), refuse=0.0)
    assert refused["coverage"] == 0


def test_more_fields_make_more_slides_right() -> None:
    stain = made(1500, 6)
    drawn = slide_draws(held_out(stain, stain), stain)
    assert len(clusters(stain.folds, stain.targets)) == 20
    assert list(fit_slides(drawn, 0.3)) == ["limit"]
    figures = slide_figures(drawn, dict.fromkeys(range(5), 0.3))
    by_size = {each["fields"]: each for each in figures["sizes"]}
    assert by_size[20]["right"] > by_size[1]["right"]
    for each in by_size.values():
        assert each["right"] + each["unidentified"] + each["wrong"] == pytest.approx(1)


def test_what_other_shares_come_to_is_told_beside_the_one_in_use() -> None:
    random = np.random.default_rng(8)
    paper = load_split("paper")
    values = {name: random.normal(size=len(NAMES)) for name in sorted(paper.train | paper.val | paper.test)}
    fold_of = {name: fold for fold in range(5) for name in sorted(load_split("stain", fold).test)[:40]}
    strange, known = gate.stain_strangeness(values), gate.memory(values)

    def of(names: list[str], folds: np.ndarray, strangeness: np.ndarray, vouched: np.ndarray) -> Calibrators:
        drawn = made(len(names), 9)
        return Calibrators(tuple(names), drawn.targets, drawn.votes, folds, strangeness, vouched)

    stain = of(list(fold_of), np.array(list(fold_of.values())), *np.array([strange[name] for name in fold_of]).T)
    chosen = sorted(paper.val)[:60]
    looks = known.strangeness(np.array([values[name] for name in chosen]))
    validation = of(chosen, random_folds(60), looks, known.vouched(looks))
    found = _held_back(values, validation, stain, 9.0, certainty(stain, held_out(validation, stain), 9.0))
    assert [(each["usual"], each["in_use"]) for each in found] == [(0.8, False), (0.9, True), (0.95, False), (None, False)]
    whole = [replace(each, vouched=np.ones(len(each.files))) for each in (validation, stain)]
    for each, (own, others) in ((found[1], (validation, stain)), (found[3], whole)):
        assert each["folds"] == certainty(others, held_out(own, others), 9.0)["folds"]
    assert found[1]["folds"] != found[3]["folds"]


def drawn_of(fold: int, probability: float, count: int = 50) -> list[dict[str, Any]]:
    """Slides of five like fields of class 1, each of which gives that class a probability."""
    logs = np.log(np.tile([(1 - probability) / 3, probability, (1 - probability) / 3, (1 - probability) / 3], (5, 1)))
    return [{"cluster": fold, "size": 5, "target": 1, "fold": fold, "logs": logs} for _ in range(count)]


def test_a_slide_is_held_to_no_less_than_a_field() -> None:
    easy = drawn_of(0, 0.95)
    assert fit_slides(easy, 0.9)["limit"] == pytest.approx(0.9)
    assert fit_slides(easy, 0.3)["limit"] == pytest.approx(0.3)


def test_a_stain_that_is_misread_as_a_whole_raises_the_limit() -> None:
    easy = drawn_of(0, 0.99)
    hard = [{**each, "target": 2} for each in drawn_of(1, 0.945)]
    assert 0.94 < fit_slides(easy + hard, 0.3)["limit"] <= 0.99
    assert fit_slides(hard, 0.3)["limit"] > 0.94


# ---------------------------------------------------------------- predictions


def rows(values: np.ndarray, network: str = "alexnet", fold: int | None = None) -> list[list[object]]:
    return [[f"Pre/{index}.jpg", "Pre-B", network, *row.tolist(), *([] if fold is None else [fold])] for index, row in enumerate(values)]


HEADER = ("file", "label", "network", *LABELS)
LOGITS = np.array([[0.0, 1.0, 5.0, -3.0], [2.0, 0.0, 1.0, 0.0]])
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def test_logits_and_probabilities_are_read_alike() -> None:
    for values in (LOGITS, SOFTMAX.round(6)):
        names, targets, votes, folds = read_predictions(csv_text(HEADER, rows(values)))
        assert names == ("0.jpg", "1.jpg")
        assert targets.tolist() == [2, 2]
        assert votes["alexnet"] == pytest.approx(SOFTMAX, abs=1e-5)
        assert folds is None


def test_folds_are_read_and_the_consensus_is_passed_over() -> None:
    text = csv_text((*HEADER, "fold"), [*rows(SOFTMAX, "googlenet", 3), *rows(SOFTMAX, "consensus", 3)])
    _, _, votes, folds = read_predictions(text)
    assert list(votes) == ["googlenet"]
    assert folds is not None
    assert folds.tolist() == [3, 3]


def test_a_network_that_misses_a_field_is_left_out() -> None:
    text = csv_text(HEADER, [*rows(SOFTMAX), *rows(SOFTMAX[:1], "googlenet")])
    assert list(read_predictions(text)[2]) == ["alexnet"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "columns"),
        (csv_text(("file", "network"), [["a.jpg", "alexnet"]]), "label"),
        (csv_text(HEADER, [["a.jpg", "Pre-C", "alexnet", 0, 0, 1, 0]]), "Pre-C|index"),
        (csv_text(HEADER, rows(SOFTMAX, "unknown")), "columns"),
    ],
)
def test_what_is_no_predictions_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_predictions(text)


def test_calibrators_check_their_lengths() -> None:
    found = made(10, 0)
    with pytest.raises(ValueError, match="one length"):
        Calibrators(found.files[:3], found.targets, found.votes, found.folds, found.strangeness, found.vouched)
    assert sorted(random_folds(10).tolist()) == sorted(list(range(5)) * 2)
    assert set(found.votes) <= set(TITLES)
