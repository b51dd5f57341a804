"""What a report is made of: the fields of a case, each with its pictures where they are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ball.casebook.values import AuditLine, Case, Field, now
from ball.verdict import Verdict
from ball.wording import MARKS

if TYPE_CHECKING:
    from ball.reading import Evidence


@dataclass(frozen=True)
class Sheet:
    """One field of a report; without ``evidence`` it has no pictures, and says so."""

    field: Field
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Report:
    """What is reported: a saved case, or readings that are not saved (``key`` empty). ``made`` is ISO 8601, UTC."""

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
        """The case's number, or that there is none."""
        return f"Case {self.key}" if self.key else "Readings not saved as a case"

    def documents(self) -> list[dict[str, Any]]:
        """The readings as exports hold them."""
        return [sheet.field.export() for sheet in self.sheets]


def of_case(case: Case, evidence: Mapping[int, Evidence] | None = None, history: tuple[AuditLine, ...] = ()) -> Report:
    """The report of a saved case; ``evidence`` by the id of the field."""
    found = evidence or {}
    sheets = tuple(Sheet(each, found.get(each.id or 0)) for each in case.fields)
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

    again = read(png, name=field.file)
    votes = [vote["label"] for vote in field.document["votes"]]
    same = again.weights == field.document["weights"] and [vote.label for vote in again.votes] == votes
    return again.evidence if same else None
