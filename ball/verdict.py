"""What the reader says of a field, or of a case: her verdict, and what may be chosen. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ball.labels import LABELS, UNIDENTIFIED

AGREE: Final = "Agree"
NOT_ASSESSABLE: Final = "Not assessable"
CHOICES: Final = (AGREE, *LABELS, UNIDENTIFIED, NOT_ASSESSABLE)
LONGEST_NOTE: Final = 2000
"""Characters of a note at most."""


@dataclass(frozen=True)
class Verdict:
    """The reader's own reading: one of `CHOICES`, or None where she has only noted something.

    Raises:
        ValueError: an unknown choice, or a note longer than `LONGEST_NOTE`.
    """

    choice: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.choice is not None and self.choice not in CHOICES:
            raise ValueError(f"expected a verdict of {', '.join(CHOICES)}, got {self.choice!r}")
        if len(self.note) > LONGEST_NOTE:
            raise ValueError(f"a note holds at most {LONGEST_NOTE} characters, got {len(self.note)}")

    @property
    def given(self) -> bool:
        """Whether a verdict was chosen; a note alone is none."""
        return self.choice is not None

    def label(self, suggestion: str | None) -> str | None:
        """The class that she means; None where she names none."""
        meant = suggestion if self.choice == AGREE else self.choice
        return meant if meant in LABELS else None

    def pinned(self, suggestion: str | None) -> Verdict:
        """The verdict with "Agree" as the class that it means, so that it stays what it is when the suggestion changes."""
        return replace(self, choice=self.label(suggestion) or self.choice)

    def overrides(self, suggestion: str | None) -> bool:
        """Whether she says otherwise than the software; "Unidentified" against a class, too, is otherwise.

        Where the software suggests nothing (None), only a class is: "Not assessable" is then no other opinion.
        """
        alike = (AGREE, UNIDENTIFIED, NOT_ASSESSABLE) if suggestion is None else (AGREE, suggestion)
        return self.given and self.choice not in alike

    def keys(self, suggestion: str | None) -> dict[str, Any]:
        """The verdict as keys of an export, to stand beside those of the reading."""
        return {"reader_verdict": self.choice, "reader_label": self.label(suggestion), "reader_note": self.note}


def suggested(status: str, suggestion: str | None) -> str | None:
    """What a verdict on a field is about: its suggestion; None where the software refused the field or could not read it."""
    return suggestion if status == "read" else None


def choices(suggestion: str | None) -> tuple[str, ...]:
    """What the reader can choose: no "Agree" where no class is suggested, and the class suggested only as "Agree"."""
    return tuple(each for each in CHOICES if (suggestion in LABELS if each == AGREE else each != suggestion or each not in LABELS))


def from_keys(document: Mapping[str, Any]) -> Verdict:
    """The verdict of an export's keys; an empty one where they are missing."""
    return Verdict(document.get("reader_verdict"), document.get("reader_note") or "")
