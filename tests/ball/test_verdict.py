"""What the reader may say, and what it means beside the suggestion."""

from __future__ import annotations

import pytest

from ball.labels import LABELS, UNIDENTIFIED
from ball.verdict import AGREE, LONGEST_NOTE, NOT_ASSESSABLE, Verdict, choices, from_keys, suggested


@pytest.mark.parametrize("suggestion", LABELS)
def test_a_class_suggested_is_chosen_by_agreeing_alone(suggestion: str) -> None:
    others = [label for label in LABELS if label != suggestion]
    assert choices(suggestion) == (AGREE, *others, UNIDENTIFIED, NOT_ASSESSABLE)


@pytest.mark.parametrize("suggestion", [UNIDENTIFIED, None])
def test_nobody_agrees_where_no_class_is_suggested(suggestion: str | None) -> None:
    assert choices(suggestion) == (*LABELS, UNIDENTIFIED, NOT_ASSESSABLE)


@pytest.mark.parametrize(
    ("choice", "suggestion", "label", "overrides"),
    [(AGREE, "Pre-B", "Pre-B", False), ("Pre-B", "Pre-B", "Pre-B", False), ("Pro-B", "Pre-B", "Pro-B", True),
     (UNIDENTIFIED, "Pre-B", None, True), (UNIDENTIFIED, UNIDENTIFIED, None, False), ("Pro-B", UNIDENTIFIED, "Pro-B", True),
     (NOT_ASSESSABLE, UNIDENTIFIED, None, True), (NOT_ASSESSABLE, "Pre-B", None, True), (NOT_ASSESSABLE, None, None, False),
     (UNIDENTIFIED, None, None, False), ("Pro-B", None, "Pro-B", True), (None, "Pre-B", None, False), (AGREE, UNIDENTIFIED, None, False)],
)  # fmt: skip
def test_what_a_verdict_means(choice: str | None, suggestion: str | None, label: str | None, overrides: bool) -> None:
    verdict = Verdict(choice, "a note")
    assert (verdict.label(suggestion), verdict.overrides(suggestion)) == (label, overrides)
    assert from_keys(verdict.keys(suggestion)) == verdict


@pytest.mark.parametrize(("status", "about"), [("read", UNIDENTIFIED), ("refused", None), ("error", None)])
def test_a_field_refused_or_not_read_has_no_suggestion_to_override(status: str, about: str | None) -> None:
    assert suggested(status, UNIDENTIFIED) == about


@pytest.mark.parametrize(
    ("choice", "suggestion", "pinned"),
    [(AGREE, "Pre-B", "Pre-B"), ("Pro-B", "Pre-B", "Pro-B"), (NOT_ASSESSABLE, "Pre-B", NOT_ASSESSABLE), (AGREE, None, AGREE)],
)
def test_agree_can_be_held_to_the_class_agreed_with(choice: str, suggestion: str | None, pinned: str) -> None:
    assert Verdict(choice, "why").pinned(suggestion) == Verdict(pinned, "why")


def test_an_unknown_choice_and_an_endless_note_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a verdict of Agree"):
        Verdict("Blast")
    with pytest.raises(ValueError, match="at most 2000"):
        Verdict(None, "x" * (LONGEST_NOTE + 1))
