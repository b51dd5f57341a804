"""What the case book takes and gives: frozen values, free of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ball.labels import LABELS
from ball.verdict import Verdict

if TYPE_CHECKING:
    from ball.reading import Reading


@dataclass(frozen=True)
class Field:
    """One field of a case: the document of its reading (`Reading.document`), its cells, and the reader's verdict.

    ``cells`` holds the measures of every cell by name. ``picture`` is a PNG to be kept, and is given only when a field is
    saved; ``kept`` says whether one lies in the case book. ``id`` is None until the field is saved.
    """

    document: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    judged: str | None = None
    judged_by: str = ""
    kept: bool = False
    id: int | None = None
    picture: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def file(self) -> str:
        """Name of the file as it came."""
        return str(self.document["file"])

    @property
    def sha256(self) -> str:
        """Of the file as it came; empty where it could not even be opened."""
        return self.document["sha256"] or ""

    @property
    def suggestion(self) -> str | None:
        """What the software suggests."""
        found: str | None = self.document["suggestion"]
        return found

    @property
    def reading(self) -> Reading:
        """The reading without its evidence."""
        return restored(self.document)

    def export(self) -> dict[str, Any]:
        """The contract's document with the reader's keys beside."""
        return {**self.document, **self.verdict.keys(self.suggestion)}


@dataclass(frozen=True)
class Case:
    """A case as it was when it was read from the book; ``version`` tells whether it still is. Times are ISO 8601, UTC."""

    id: int
    key: str
    name: str
    created: str
    changed: str
    changed_by: str
    signed: bool
    verdict: Verdict
    deleted: str | None
    version: int
    fields: tuple[Field, ...]

    @property
    def suggestion(self) -> str | None:
        """The class suggested for most fields; None on a tie, or where none is suggested."""
        return leading(each.suggestion for each in self.fields)

    @property
    def overridden(self) -> bool:
        """Whether the reader says otherwise than the software, of the case or of any field."""
        return self.verdict.overrides(self.suggestion) or any(each.verdict.overrides(each.suggestion) for each in self.fields)


@dataclass(frozen=True)
class Summary:
    """A line of the list of cases."""

    key: str
    name: str
    changed: str
    changed_by: str
    state: str
    verdict: Verdict
    suggestion: str | None
    fields: int
    deleted: bool


@dataclass(frozen=True)
class AuditLine:
    """Something that happened. Of a purged case nothing is left but time, action and image hash."""

    time: str
    action: str
    image_sha256: str | None = None
    case: str | None = None
    who: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)


def leading(suggestions: Any) -> str | None:
    """The most frequent class; None on a tie, or where there is none."""
    counted = Counter(each for each in suggestions if each in LABELS).most_common(2)
    if not counted or (len(counted) == 2 and counted[0][1] == counted[1][1]):
        return None
    return str(counted[0][0])


def restored(document: Mapping[str, Any]) -> Reading:
    """A reading from its document, without evidence."""
    from ball.reading import Reading, Vote

    votes = tuple(Vote(vote["network"], tuple(vote["probabilities"][label] for label in LABELS)) for vote in document["votes"])
    names = {each.name for each in fields_of(Reading)}
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items() if key in names}
    return Reading(**{**values, "sha256": document["sha256"] or "", "votes": votes})


def now() -> str:
    """The time as it is written everywhere in the book."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
