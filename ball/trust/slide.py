"""Fields of one slide read together: what they say as one, how sure that is, and which fields say otherwise.

Fields of a slide share its stain and its cells: what misleads the networks on one misleads them on the next. So no field counts as
independent of another, and ten that agree are no surer than one, only steadier: the slide's probabilities are the normalised
geometric mean of the fields' calibrated probabilities. (The design effect of cluster sampling, Kish 1965, at its most cautious.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ball.labels import LABELS, UNIDENTIFIED
from ball.trust.calibration import LEAST
from ball.trust.store import find_trust

if TYPE_CHECKING:
    from ball.reading import Reading

Floats = NDArray[np.float64]
Item = TypeVar("Item")

RESAMPLES: Final = 200
BAND: Final = (0.1, 0.9)
"""Share of the resamples of the fields read that lie below and above the band."""

MOST_MORE: Final = 50
"""More fields than this are not asked for."""

UNTESTED: Final = 0.9
"""The limit where no thresholds are at hand: cautious, and not measured on anything."""


@dataclass(frozen=True)
class SlideField:
    """One field as a slide takes it. ``probabilities``: calibrated, in contract order; ``counts``: neither refused nor in error."""

    name: str
    probabilities: tuple[float, ...]
    suggestion: str | None
    cells: int = 0
    counts: bool = True

    @staticmethod
    def of(reading: Reading) -> SlideField:
        """The field of a reading."""
        cells = 0 if reading.evidence is None else len(reading.evidence.cells)
        return SlideField(reading.file, reading.consensus, reading.suggestion, cells, reading.status == "read")

    @property
    def leading(self) -> str:
        """Label of the largest probability."""
        return LABELS[int(np.argmax(self.probabilities))]


@dataclass(frozen=True)
class SlideReading:
    """What the fields of one slide say together.

    ``probabilities``: in contract order. ``fields`` and ``cells``: how many by leading label; a cell counts for the class that its
    field is read as. ``course``: the leading label's probability after 1, 2, ... fields in the order given, each with the
    band of its resamples. ``settled``: number of fields from which on the suggestion did not change any more, None where the
    slide is Unidentified. ``more``: how many further fields, as different as these, would tell whether an Unidentified slide reaches
    its limit; None where it is settled, where that is told already, and where it would take more than `MOST_MORE`.
    ``drives`` and ``contradicts``: (name, weight), the strongest first; weights are shares of the evidence for and against.
    """

    name: str
    suggestion: str
    probability: float
    probabilities: tuple[float, ...]
    limit: float
    fields: Mapping[str, int]
    cells: Mapping[str, int]
    left_out: tuple[str, ...]
    course: tuple[tuple[float, float, float], ...]
    settled: int | None
    more: int | None
    drives: tuple[tuple[str, float], ...]
    contradicts: tuple[tuple[str, float], ...]

    @property
    def leading(self) -> str:
        """Label of the largest probability."""
        return LABELS[int(np.argmax(self.probabilities))]

    @property
    def open(self) -> bool:
        """Whether its fields differ by so much that more of them may bring the slide across its limit, either way."""
        _, low, high = self.course[-1]
        return low < self.limit <= high

    def document(self) -> dict[str, Any]:
        """The slide as JSON values."""
        return {
            "slide": self.name,
            "suggestion": self.suggestion,
            "leading": self.leading,
            "probability": self.probability,
            "probabilities": dict(zip(LABELS, self.probabilities, strict=True)),
            "limit": self.limit,
            "fields": dict(self.fields),
            "cells": dict(self.cells),
            "left_out": list(self.left_out),
            "course": [{"fields": index, "probability": at, "low": low, "high": high}
                       for index, (at, low, high) in enumerate(self.course, 1)],
            "settled_after": self.settled,
            "more_needed": self.more,
            "drives": [{"file": name, "weight": weight} for name, weight in self.drives],
            "contradicts": [{"file": name, "weight": weight} for name, weight in self.contradicts],
        }


EMPTY: Final[Mapping[str, Any]] = dict.fromkeys(
    ("slide", "suggestion", "leading", "probability", "probabilities", "limit", "fields", "cells", "left_out", "course", "settled_after",
     "more_needed", "drives", "contradicts")
)  # fmt: skip
"""The document of a slide of which no field could be read, its name and files left open."""


def slide_limit(folder: Path | None = None) -> tuple[float, bool]:
    """The probability that a slide needs, from the thresholds file, and True; without one a cautious one, and False."""
    trust = find_trust(folder)
    found = trust.slide if trust else {}
    return (found["limit"], True) if found else (UNTESTED, False)


def read_slide(name: str, fields: Sequence[SlideField], limit: float = UNTESTED) -> SlideReading | None:
    """Read the fields of a slide together.

    Args:
        name: of the slide.
        fields: in the order in which they were read; refused and unread ones are left out and named.
        limit: the probability from which on a label is suggested.

    Returns:
        None where no field counts.
    """
    read = [field for field in fields if field.counts and field.probabilities]
    if not read:
        return None
    logs = np.log(np.maximum([field.probabilities for field in read], LEAST))
    together = joint(logs)
    leading = int(np.argmax(together))
    suggested = [_suggestion(joint(logs[:count]), limit) for count in range(1, len(read) + 1)]
    weights = _weights(logs, leading)
    return SlideReading(
        name=name,
        suggestion=suggested[-1],
        probability=float(together[leading]),
        probabilities=tuple(float(value) for value in together),
        limit=limit,
        fields={label: sum(field.leading == label for field in read) for label in LABELS},
        cells={label: sum(field.cells for field in read if field.leading == label) for label in LABELS},
        left_out=tuple(field.name for field in fields if field not in read),
        course=_course(logs, leading),
        settled=_settled(suggested),
        more=_more(logs, leading, limit) if suggested[-1] == UNIDENTIFIED else None,
        drives=_ranked(read, weights, 1),
        contradicts=_ranked(read, weights, -1),
    )


def joint(logs: Floats) -> Floats:
    """Probabilities of slides, (..., classes), from the log probabilities of their fields, (..., n, classes)."""
    scores = logs.mean(axis=-2)
    values = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(values / values.sum(axis=-1, keepdims=True), dtype=np.float64)


def _suggestion(probabilities: Floats, limit: float) -> str:
    return LABELS[int(np.argmax(probabilities))] if probabilities.max() >= limit else UNIDENTIFIED


def _settled(suggested: Sequence[str]) -> int | None:
    """Number of fields from which on the suggestion stayed what it is at the end."""
    if suggested[-1] == UNIDENTIFIED:
        return None
    changes = [count for count, label in enumerate(suggested, start=1) if label != suggested[-1]]
    return changes[-1] + 1 if changes else 1


def _more(logs: Floats, leading: int, limit: float) -> int | None:
    """Further fields, spread as those read, after which the limit would no longer lie within the band; None where it does not now."""
    if _band(logs, leading, len(logs))[1] < limit:
        return None
    return next((more for more in range(1, MOST_MORE + 1) if _band(logs, leading, len(logs) + more)[1] < limit), None)


def _course(logs: Floats, leading: int) -> tuple[tuple[float, float, float], ...]:
    """Probability of the leading label after each field, with the band of resamples of the fields read until then."""
    course = []
    for count in range(1, len(logs) + 1):
        at = joint(logs[:count])[leading]
        # One field says nothing of how fields differ: all fields read lend their spread, `count` of them at a time.
        low, high = _band(logs, leading, count)
        course.append((float(at), float(min(low, at)), float(max(high, at))))
    return tuple(course)


def _band(logs: Floats, leading: int, count: int) -> tuple[float, float]:
    """Within which the leading label's probability lies in most resamples of this many fields; the same each time it is asked for."""
    drawn = logs[np.random.default_rng(count).integers(0, len(logs), (RESAMPLES, count))]
    low, high = np.quantile(joint(drawn)[:, leading], BAND)
    return float(low), float(high)


def _weights(logs: Floats, leading: int) -> Floats:
    """What each field says for the leading label against the best other one, as a natural logarithm: (n,)."""
    others = np.delete(logs, leading, axis=1)
    second = int(np.argmax(others.mean(axis=0)))
    return np.asarray(logs[:, leading] - others[:, second], dtype=np.float64)


def _ranked(read: Sequence[SlideField], weights: Floats, sign: int) -> tuple[tuple[str, float], ...]:
    """Fields that speak for (1) or against (-1), with their share of what speaks so."""
    shares = np.maximum(sign * weights, 0)
    total = float(shares.sum())
    order = sorted(range(len(read)), key=lambda index: -shares[index])
    return tuple((read[index].name, float(shares[index]) / total) for index in order if shares[index] > 0)


def by_folder(path: str) -> str:
    """Slide of a file by its folder; a file without one belongs to the slide "."."""
    return str(PurePath(path).parent)


def by_name(path: str) -> str:
    """Slide of a file by its name without the last number, within its folder: S12_03.jpg and S12_04.jpg belong to S12."""
    stem = PurePath(path).stem
    found = re.sub(r"[\s_.\-]*[(\[]?\d+[)\]]?$", "", stem)
    return str(PurePath(path).parent / (found or stem))


GROUPINGS: Final[Mapping[str, Callable[[str], str]]] = {"folder": by_folder, "name": by_name, "all": lambda _: "all fields"}
"""How fields are put together into slides."""


def grouped(items: Sequence[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Items by slide, slides and items in the order in which they came."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
