"""What a report is made of: the fields of a case, each with its pictures where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ball.casebook.values import AuditLine, Case, Field, now
from ball.verdict import Verdict
from ball.wording import MARKS

if TYPE_CHECKING:
    from ball.reading import Evidence, Reading

Look = Callable[[Field], "Evidence | None"]
"""Finds what a field shows; None where there is nothing to be seen."""

Drawn = Callable[[int, Field, "Evidence | None"], object]
"""Called once a field's page is drawn, with its number from 1 on."""


def unseen(_field: Field) -> Evidence | None:
    """A `Look` that finds nothing."""
    return None


def passed(_number: int, _field: Field, _evidence: Evidence | None) -> None:
    """A `Drawn` that does nothing."""


@dataclass(frozen=True)
class Sheet:
    """One field of a report; where ``look`` finds nothing it has no pictures, and says so.

    It is looked for when the field's page is drawn and let go then: the pictures of all fields never lie in memory at once.
    """

    field: Field
    look: Look = unseen


@dataclass(frozen=True)
class Report:
    """What is reported: a saved case, or the readings of a visit (``key`` empty). ``made`` is ISO 8601, UTC."""

    sheets: tuple[Sheet, ...]
    key: str = ""
    name: str = ""
    changed: str = ""
    changed_by: str = ""
    signed: bool = False
    verdict: Verdict = field(default_factory=Verdict)
    suggestion: str | None = None
    history: tuple[AuditLine, ...] = ()
    made: str = field(default_factory=now)

    @property
    def title(self) -> str:
        """The case's number, or that it is none."""
        return f"Case {self.key}" if self.key else "Readings of one visit"

    def documents(self) -> list[dict[str, Any]]:
        """The readings as exports hold them."""
        return [sheet.field.export() for sheet in self.sheets]


def of_case(case: Case, look: Look = unseen, history: tuple[AuditLine, ...] = ()) -> Report:
    """The report of a saved case."""
    sheets = tuple(Sheet(each, look) for each in case.fields)
    return Report(
        sheets, case.key, case.name, case.changed, case.changed_by, case.signed, case.verdict, case.suggestion, history
    )


def spoken(verdict: Verdict, suggestion: str | None) -> str:
    """A verdict in words, with the class that "Agree" means; who names the class suggested agrees as well."""
    if verdict.choice is None:
        return "Not reviewed"
    meant = verdict.label(suggestion)
    return f"{MARKS[meant].chip}{' (agrees)' if meant == suggestion else ''}" if meant else verdict.choice


def evidence_of(field: Field, png: bytes) -> Evidence | None:
    """What a kept picture shows when it is read again; None where other weights, or another outcome, would belie the reading."""
    from ball.reading import read

    return evidence_in(field, read(png, name=field.file))


def evidence_in(field: Field, reading: Reading) -> Evidence | None:
    """What a reading of a field's picture shows; None where other weights, or another outcome, would belie the field's own."""
    votes = [vote["label"] for vote in field.document["votes"]]
    same = reading.weights == field.document["weights"] and [vote.label for vote in reading.votes] == votes
    return reading.evidence if same else None
