from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ball import synthetic
from ball.engine import Engine
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.perturb import PERTURBATIONS
from ball.reading import read
from ball.segmentation import segment
from ball.trust import Trust, TrustError, judge, load_trust
from ball.trust.appearance import describe
from ball.trust.calibration import EVEN
from ball.trust.judge import below
from ball.trust.limit import suggest_from
from ball.trust.stability import Stability, stability
from ball.trust.store import Limits, calibration_for, files, parse
from ball.weights import Store
from ball.wording import surer
from tests.trust_files import trust, write

WEIGHTS = dict.fromkeys(TITLES, "ab" * 32)
FIELD = segment(synthetic.draw(1001, (96, 128)), size=(96, 96))
SURE = (0.01, 0.97, 0.01, 0.01)
UNSURE = (0.40, 0.51, 0.05, 0.04)


def votes(*rows: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    return dict(zip(TITLES, rows, strict=False))


def test_a_sure_field_gets_its_label_and_says_what_was_needed() -> None:
    found = judge(votes(*[SURE] * 5), FIELD, WEIGHTS, trust(WEIGHTS))
    assert (found.suggestion, found.status, found.reason, found.flags) == ("Early Pre-B", "read", None, ())
    assert (found.limit, found.label_set, found.coverage) == (0.9, ("Early Pre-B",), 0.95)
    assert found.calibrated
    assert not found.held_back
    assert found.probability == found.familiar == pytest.approx(0.97)


def test_doubt_is_filed_under_unidentified_with_the_reason() -> None:
    found = judge(votes(*[UNSURE] * 5), FIELD, WEIGHTS, trust(WEIGHTS))
    assert (found.suggestion, found.status, found.leading) == (UNIDENTIFIED, "read", "Early Pre-B")
    assert found.reason == "51.0 % Early Pre-B is below the 90 % needed for a suggestion."
    assert found.label_set == ("Early Pre-B", "Benign")


def test_a_strange_picture_is_refused_but_keeps_its_consensus() -> None:
    strange = judge(votes(*[SURE] * 5), segment(255 - synthetic.draw(1, (96, 128))), WEIGHTS, trust(WEIGHTS, refuse=2.0))
    assert (strange.status, strange.suggestion) == ("refused", UNIDENTIFIED)
    assert strange.reason is not None
    assert strange.reason.startswith("Not like the validated smears: ")
    assert strange.leading == "Early Pre-B"
    assert strange.probability == pytest.approx(EVEN)


def test_a_field_that_is_held_back_says_that_the_networks_are_surer() -> None:
    made = trust(WEIGHTS)
    known = replace(made.familiarity, unit=made.familiarity.unit * made.familiarity.of(describe(FIELD)) / 0.9, usual=0.8)
    edge = replace(made, familiarity=known)
    found = judge(votes(*[SURE] * 5), FIELD, WEIGHTS, edge)
    assert (found.suggestion, found.status, found.flags) == (UNIDENTIFIED, "read", ())
    assert found.probability == pytest.approx((EVEN + 0.97) / 2)
    assert found.familiar == pytest.approx(0.97)
    assert found.held_back
    assert found.reason == f"73.5 % Early Pre-B is below the 90 % needed for a suggestion. {surer(0.97)}"
    # Votes that are in doubt themselves are not said to be surer.
    doubtful = judge(votes(*[UNSURE] * 5), FIELD, WEIGHTS, edge).reason
    assert doubtful is not None
    assert "surer" not in doubtful


def test_thresholds_of_other_weights_are_not_used_and_that_is_said() -> None:
    found = judge(votes(*[UNSURE] * 5), FIELD, {**WEIGHTS, "alexnet": "cd" * 32}, trust(WEIGHTS))
    assert found.suggestion == "Early Pre-B"
    assert not found.calibrated
    assert [flag.partition(":")[0] for flag in found.flags] == ["not_calibrated"]
    assert found.consensus == pytest.approx(UNSURE)


def test_without_a_thresholds_file_the_mean_is_taken_and_that_is_said() -> None:
    found = judge(votes(SURE, UNSURE), FIELD, WEIGHTS, None)
    assert found.suggestion == "Early Pre-B"
    assert found.flags[0].startswith("no_gate: Whether this is a smear like those validated was not checked")
    assert found.flags[1].startswith("not_calibrated: The probability is not calibrated")
    assert found.consensus == pytest.approx(np.mean([SURE, UNSURE], axis=0))


@pytest.mark.parametrize(
    ("probability", "limit", "text"),
    [(0.9137, 0.93, "91.4 % Pre-B is below the 93 %"), (0.9296, 0.93, "92.96 % Pre-B is below the 93 %"),
     (0.92996, 0.93, "92.996 %"), (0.92, 0.9283, "92.0 % Pre-B is below the 92.8 %"), (0.9999, 1.0, "99.99 % Pre-B is below the 100 %")],
)  # fmt: skip
def test_what_is_below_the_limit_reads_as_on_the_bars_and_never_as_if_it_reached_it(probability: float, limit: float, text: str) -> None:
    assert below(probability, "Pre-B", limit).startswith(text)


# ---------------------------------------------------------------- files


def test_the_files_come_back_as_they_were(tmp_path: Path) -> None:
    made = trust(WEIGHTS)
    write(tmp_path, made)
    found = load_trust(tmp_path)
    assert (found.calibration, found.limits, found.weights, found.slide) == (made.calibration, made.limits, made.weights, made.slide)
    values = made.familiarity.low[None] + 0.5
    assert found.familiarity.strangeness(values) == pytest.approx(made.familiarity.strangeness(values), rel=1e-4)
    assert load_trust(tmp_path) is found
    assert files(found) == files(load_trust(tmp_path))


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    made = files(trust(WEIGHTS))
    with pytest.raises(TrustError, match="its SHA-256 differs"):
        parse(made["trust.json"], made["trust.safetensors"] + b" ")
    document = json.loads(made["trust.json"])
    del document["limits"]
    with pytest.raises(TrustError, match="not as expected"):
        parse(json.dumps(document).encode(), made["trust.safetensors"])
    with pytest.raises(TrustError, match="ball calibrate"):
        load_trust(tmp_path)


@pytest.mark.parametrize("change", [lambda found: found.pop("usual"), lambda found: found["calibration"].update(strange=0.1)])
def test_thresholds_of_an_earlier_version_are_to_be_made_anew(change: Callable[[dict[str, Any]], object]) -> None:
    made = files(trust(WEIGHTS))
    document = json.loads(made["trust.json"])
    change(document)
    with pytest.raises(TrustError, match="Make them anew: `python -m ball calibrate"):
        parse(json.dumps(document).encode(), made["trust.safetensors"])


def test_files_replaced_are_read_anew(tmp_path: Path) -> None:
    write(tmp_path, trust(WEIGHTS))
    first = load_trust(tmp_path)
    write(tmp_path, trust(WEIGHTS, suggest=0.75))
    assert (first.limits.suggest, load_trust(tmp_path).limits.suggest) == (0.9, 0.75)


@pytest.mark.parametrize("wrong", [{"suggest": 1.2}, {"basis": "hope"}, {"refuse": 0.5}])
def test_limits_check_themselves(wrong: dict[str, object]) -> None:
    usual: dict[str, object] = {"suggest": 0.9, "target": 0.01, "label_set": 0.1, "coverage": 0.95, "refuse": 2.0, "basis": "stain"}
    with pytest.raises(ValueError, match="expected"):
        Limits(**{**usual, **wrong})  # type: ignore[arg-type]


# ---------------------------------------------------------------- through a reading


@pytest.fixture(scope="module")
def engine(random_weights: Path) -> Engine:
    return Engine(Store(random_weights), "torch")


@pytest.fixture(scope="module")
def judged(engine: Engine) -> Trust:
    return trust(engine.hashes, suggest=0.9)


def test_the_limit_can_be_moved_and_moved_back(engine: Engine, judged: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.find_trust", lambda _: judged)
    reading = read(synthetic.draw(3), engine=engine, maps=False)
    assert (reading.suggestion, reading.flags) == (UNIDENTIFIED, reading.flags)
    assert reading.judgement is not None
    assert reading.probability == reading.judgement.probability
    lower = suggest_from(reading, 0.2)
    assert lower.suggestion in LABELS
    assert lower.flags[-1] == "below_validated_limit: Suggested from 20 % on, below the validated limit of 90 %."
    assert suggest_from(lower, 0.9) == reading
    assert suggest_from(reading, 0.99).reason.endswith("is below the 99 % needed for a suggestion.")
    held = replace(reading, judgement=replace(reading.judgement, familiar=0.97))
    assert suggest_from(held, 0.95).reason.endswith(f"is below the 95 % needed for a suggestion. {surer(0.97)}")
    assert suggest_from(held, 0.98).reason.endswith("is below the 98 % needed for a suggestion.")


def test_every_change_of_stain_and_light_is_tried(engine: Engine, judged: Trust) -> None:
    field = segment(synthetic.draw(3))
    said = {name: tuple(output.logits[0].double().softmax(0).tolist()) for name, output in engine.predict(field.masked[None]).items()}
    found = stability(field, said, engine, judged)
    assert list(found.probabilities) == list(PERTURBATIONS)
    low, high = found.spread
    assert 0 < low <= high < 1
    # Of a field that looks like none of those validated the networks' own spread is told: all of it would be 50 % otherwise.
    strange = replace(judged, familiarity=replace(judged.familiarity, unit=1e-9))
    assert stability(field, said, engine, strange) == found
    assert all(set(names) <= set(PERTURBATIONS) for names in found.turned.values())


def test_a_vote_that_turns_over_is_flagged() -> None:
    found = Stability("Pre-B", {"brighter": 0.4}, {"alexnet": ("brighter",)}, {"brighter": "Pro-B"})
    assert found.flags == ("unstable: AlexNet changes its vote (15 % brighter); the consensus turns to Pro-B (15 % brighter).",)
    assert Stability("Pre-B", {"brighter": 0.4}, {}, {}).flags == ()


def test_weights_of_some_networks_still_fit(judged: Trust, engine: Engine) -> None:
    some = {"alexnet": engine.hashes["alexnet"]}
    assert judged.fits(some)
    assert not judged.fits({})
    assert calibration_for(judged, some) == judged.calibration
