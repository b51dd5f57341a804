"""What gives reason to look twice, in words, alike for a reading on screen and the record of it in the case book."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ball.reading import Reading, Vote
from ball.trust import Judgement
from ball.wording import NOT_CALIBRATED, checks, not_ruled_out
from tests.case_files import field

SHARES = (0.02, 0.9, 0.05, 0.03)


def reading(label_set: tuple[str, ...], **changes: Any) -> Reading:
    judgement = Judgement(SHARES, "Early Pre-B", label_set=label_set, coverage=0.95, limit=0.88)
    votes = (Vote("alexnet", SHARES),)
    return replace(Reading("x", "", "read", suggestion="Early Pre-B", votes=votes, judgement=judgement), **changes)


@pytest.mark.parametrize(
    ("label_set", "found"),
    [
        (("Early Pre-B",), []),
        (("Early Pre-B", "Pre-B"), ["Pre-B cannot be ruled out either."]),
        (("Early Pre-B", "Pro-B", "Pre-B"), ["Pre-B and Pro-B cannot be ruled out either."]),
        (("Early Pre-B", "Pre-B", "Pro-B", "Benign"), ["Benign, Pre-B and Pro-B cannot be ruled out either."]),
        ((), []),
    ],
)
def test_what_cannot_be_ruled_out_is_said_in_words(label_set: tuple[str, ...], found: list[str]) -> None:
    assert checks(reading(label_set)) == found


def test_it_stands_between_who_votes_otherwise_and_the_flags() -> None:
    votes = (Vote("alexnet", SHARES), Vote("googlenet", (0.9, 0.05, 0.03, 0.02)))
    found = checks(reading(("Early Pre-B", "Pre-B"), votes=votes, flags=("blur: The field is blurred.",)))
    assert found == ["GoogLeNet reads Benign.", "Pre-B cannot be ruled out either.", "The field is blurred."]


def test_of_a_field_that_is_refused_nothing_is_ruled_out_or_in() -> None:
    assert not_ruled_out(reading(("Early Pre-B", "Pre-B"), status="refused")) == []


@pytest.mark.parametrize("least", [0.04, 0.025, 0.01, 0.5])
def test_the_record_of_a_case_says_what_the_screen_said(least: float) -> None:
    told = tuple(label for label, share in zip(("Benign", "Early Pre-B", "Pre-B", "Pro-B"), SHARES, strict=True) if share >= least)
    shown = reading(told or ("Early Pre-B",))
    kept = replace(field(), document=shown.document(), consensus=SHARES, thresholds={"label_set": least})
    assert set(kept.record.label_set) == set(shown.label_set)
    assert checks(kept.record) == checks(shown)


def test_thresholds_of_other_weights_rule_nothing_out() -> None:
    shown = reading((), flags=(NOT_CALIBRATED,))
    kept = replace(field(), document=shown.document(), consensus=SHARES, thresholds={"label_set": 0.01})
    assert kept.record.label_set == ()
    assert checks(kept.record) == checks(shown)
