"""What the case book takes and gives: frozen values, free of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from ball.export import HELD_BACK, STABILITY
from ball.labels import LABELS, prediction_set
from ball.places import read_command
from ball.thresholds import VALIDATED
from ball.verdict import Verdict, suggested
from ball.wording import BENIGN, NOT_CALIBRATED, surer, under_changes

OPEN: Final = "Open"
SIGNED: Final = "Signed"
OVERRIDDEN: Final = "Overridden"
STATES: Final = (OPEN, SIGNED, OVERRIDDEN)
"""What cases are filtered by; a case may be signed and overridden."""


@dataclass(frozen=True)
class RecordedVote:
    """What one network said; ``probabilities`` is its raw softmax in contract order."""

    network: str
    label: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """What a reading said, without its evidence: as much as is shown of it.

    ``consensus`` is as it was shown, or empty; ``label_set`` holds the labels that cannot be ruled out, where thresholds tell.
    """

    status: str
    reason: str | None
    suggestion: str | None
    probability: float | None
    agreement: int | None
    votes: tuple[RecordedVote, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    notices: tuple[str, ...]
    consensus: tuple[float, ...]
    label_set: tuple[str, ...] = ()

    @property
    def leading(self) -> str | None:
        """Label of the largest consensus probability."""
        return LABELS[self.consensus.index(max(self.consensus))] if self.consensus else None

    @property
    def dissenters(self) -> tuple[str, ...]:
        """Networks whose vote differs from the leading label."""
        return tuple(vote.network for vote in self.votes if vote.label != self.leading)


@dataclass(frozen=True)
class Field:
    """One field of a case: the document of its reading (`Reading.document`), its cells, and the reader's verdict.

    ``consensus`` is that of the reading in contract order, ``thresholds`` what it was held to (`ball.thresholds`; `VALIDATED`
    is there, too, where the reader asked for another limit than the validated one),
    ``versions`` the software that read it, ``cells`` the measures of every cell by name. ``picture`` is a PNG to be kept,
    and is given only when a field is saved; ``kept`` says whether one lies in the case book. ``container`` is the name of the
    file that it came in, where that is another than its own: a TIFF of several pages, an archive. ``id`` is None until the
    field is saved.
    """

    document: Mapping[str, Any]
    consensus: tuple[float, ...] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[Mapping[str, Any], ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    judged: str | None = None
    judged_by: str = ""
    kept: bool = False
    container: str = ""
    id: int | None = None
    picture: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def file(self) -> str:
        """Name of the file as it came."""
        return str(self.document["file"])

    @property
    def origin(self) -> str:
        """Name of the file that is to be read again for this field."""
        return self.container or self.file

    @property
    def command(self) -> str:
        """The command that makes this reading again."""
        asked = self.thresholds["suggest"] if VALIDATED in self.thresholds else None
        return read_command(self.origin, STABILITY in self.document, asked)

    @property
    def spread(self) -> tuple[float, float] | None:
        """Least and largest probability of the leading label under small changes of stain and light, where they were tried."""
        tried = self.document.get(STABILITY)
        return (tried["low"], tried["high"]) if tried else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said beside its probability: that it was held back, what small changes do to it, and what Benign means here."""
        if self.document["status"] != "read":
            return ()
        found = [surer(self.document[HELD_BACK])] if HELD_BACK in self.document and self.suggestion in LABELS else []
        if self.spread:
            found.append(under_changes(*self.spread))
        if self.record.leading == LABELS[0]:
            found.append(BENIGN)
        return tuple(found)

    @property
    def sha256(self) -> str:
        """Of the file as it came; empty where it could not even be opened."""
        return self.document["sha256"] or ""

    @property
    def suggestion(self) -> str | None:
        """What the software suggests; None where it refused the field or could not read it."""
        return suggested(self.document["status"], self.document["suggestion"])

    @property
    def record(self) -> Record:
        """The reading as far as it is shown."""
        votes = tuple(
            RecordedVote(vote["network"], vote["label"], tuple(vote["probabilities"][label] for label in LABELS))
            for vote in self.document["votes"]
        )
        lists: dict[str, Any] = {key: tuple(self.document[key]) for key in ("missing", "flags", "notices")}
        plain = {key: self.document[key] for key in ("status", "reason", "suggestion", "probability", "agreement")}
        return Record(**plain, **lists, votes=votes, consensus=self.consensus, label_set=self._label_set)

    @property
    def _label_set(self) -> tuple[str, ...]:
        """As it was told when the field was read: by the thresholds kept with it, where they belong to its weights."""
        least = self.thresholds.get("label_set")
        if least is None or not self.consensus or NOT_CALIBRATED in self.document["flags"]:
            return ()
        return prediction_set(self.consensus, least)

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
        """The class suggested most often; None on a tie, or where none is suggested."""
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
    signed: bool
    overridden: bool
    verdict: Verdict
    suggestion: str | None
    fields: int
    deleted: bool

    @property
    def states(self) -> tuple[str, ...]:
        """Those of `STATES` that hold: open or signed, and overridden or not."""
        return (SIGNED if self.signed else OPEN, *((OVERRIDDEN,) if self.overridden else ()))


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


def now() -> str:
    """The time as it is written everywhere in the book."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def clock(time: str, zone: tzinfo = UTC) -> str:
    """A time of the book as it is read aloud, in a time zone that is named by its distance from UTC; empty where there is none."""
    if not time:
        return ""
    there = datetime.fromisoformat(time).astimezone(zone)
    minutes = (there.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    away = f"{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}" if minutes else ""
    return f"{there:%d %b %Y, %H:%M} UTC{away}"
