"""A reading in marks and words: the same on every page, in the report, and in the case book. Imports no torch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES

NEUTRAL: Final = "#7A8790"
RED: Final = "#C22F3D"


@dataclass(frozen=True)
class Mark:
    """How a class, or a state without one, is shown. ``shape`` is SVG in a square of 16 units, COLOUR left open."""

    word: str
    glyph: str
    colour: str
    shape: str

    def image(self, size: int) -> str:
        """The mark alone as HTML, ``size`` pixels wide and high; decoration beside its word, so without a text of its own."""
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{self.drawn}</svg>'
        return f'<img src="{data_uri(svg)}" width="{size}" height="{size}" alt="">'

    @property
    def drawn(self) -> str:
        """SVG of the shape, coloured."""
        return self.shape.replace("COLOUR", self.colour)

    @property
    def chip(self) -> str:
        """Mark and word in one line of text."""
        return f"{self.glyph} {self.word}"


_RING = '<circle cx="8" cy="8" r="5.5" fill="none" stroke="COLOUR" stroke-width="2"/>'
REFUSED: Final = "Refused"
NOT_READ: Final = "Not read"
WAITING: Final = "Waiting"

MARKS: Final[dict[str, Mark]] = {
    mark.word: mark
    for mark in (
        Mark(LABELS[0], "●", "#0C7A5A", '<circle cx="8" cy="8" r="6.2" fill="COLOUR"/>'),
        Mark(LABELS[1], "▲", "#BF8118", '<path d="M8 1.6 15 14.2H1z" fill="COLOUR"/>'),
        Mark(LABELS[2], "■", "#0090FA", '<rect x="2.2" y="2.2" width="11.6" height="11.6" fill="COLOUR"/>'),
        Mark(LABELS[3], "◆", "#C02890", '<path d="M8 .8 15.2 8 8 15.2.8 8z" fill="COLOUR"/>'),
        Mark(UNIDENTIFIED, "○", NEUTRAL, _RING),
        Mark(REFUSED, "⊘", NEUTRAL, _RING + '<path d="M4 12 12 4" stroke="COLOUR" stroke-width="2"/>'),
        Mark(NOT_READ, "✕", RED, '<path d="M3 3 13 13M13 3 3 13" stroke="COLOUR" stroke-width="2.2"/>'),
        Mark(WAITING, "…", NEUTRAL, '<path d="M2 8h2M7 8h2M12 8h2" stroke="COLOUR" stroke-width="2"/>'),
    )
}
"""Every mark by its word, classes first and in contract order."""


class Voted(Protocol):
    """A vote, as far as it is shown."""

    @property
    def network(self) -> str:
        """Key of the network."""

    @property
    def label(self) -> str:
        """Its label."""

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Raw softmax in contract order."""


class Seen(Protocol):
    """As much of a reading as is put into words: a `Reading`, or the record of one in the case book."""

    @property
    def status(self) -> str:
        """read, refused or error."""

    @property
    def reason(self) -> str | None:
        """Why it was refused or not read."""

    @property
    def suggestion(self) -> str | None:
        """A label, Unidentified or None."""

    @property
    def votes(self) -> Sequence[Voted]:
        """One a loaded network."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons for doubt, "code: sentence"."""

    @property
    def leading(self) -> str | None:
        """Label of the largest consensus probability."""

    @property
    def label_set(self) -> tuple[str, ...]:
        """Labels that cannot be ruled out, the likeliest first; empty where there are no thresholds to tell by."""


def mark_of(reading: Seen | None) -> Mark:
    """The mark of a reading; None is a field still waiting."""
    if reading is None:
        return MARKS[WAITING]
    if reading.status == "error":
        return MARKS[NOT_READ]
    if reading.status == "refused":
        return MARKS[REFUSED]
    return MARKS[reading.suggestion or UNIDENTIFIED]


def data_uri(svg: str) -> str:
    """An SVG as the address of a picture."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


NOT_CALIBRATED: Final = (
    "not_calibrated: The probability is not calibrated: the thresholds are missing, or were made for other weights. "
    "`python -m ball calibrate` makes them."
)
"""Flag of a reading without thresholds that belong to the weights that voted."""

BENIGN: Final = "Benign here means hematogones (normal B-cell precursors), not normal blood."


def not_ruled_out(reading: Seen) -> list[str]:
    """Labels beside the leading one that cannot be ruled out, in contract order; none of a field that was refused."""
    return [label for label in LABELS if reading.status == "read" and label in reading.label_set and label != reading.leading]


def checks(reading: Seen) -> list[str]:
    """What gives reason to look twice: who votes otherwise, what else it may be, then the sentence of every flag."""
    others = [label for label in LABELS if label != reading.leading]
    groups = {label: [TITLES[vote.network] for vote in reading.votes if vote.label == label] for label in others}
    split = [f"{' and '.join(names)} {'reads' if len(names) == 1 else 'read'} {label}." for label, names in groups.items() if names]
    sentences = [flag.partition(": ")[2] or flag for flag in reading.flags]
    open_ = not_ruled_out(reading)
    doubt = [f"{listed(open_)} cannot be ruled out either."] if open_ else []
    return [*split, *doubt, *(sentence for sentence in sentences if sentence != reading.reason)]


def listed(words: Sequence[str]) -> str:
    """Words in a sentence: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def percent(value: float, digits: int = 1) -> str:
    """A probability in percent; one that is not quite certain or impossible never reads as if it were."""
    text = f"{100 * value:.{digits}f}"
    if text == f"{100:.{digits}f}" and value < 1:
        return f"> {100 - 10**-digits:.{digits}f} %"
    if text == f"{0:.{digits}f}" and value > 0:
        return f"< {10**-digits:.{digits}f} %"
    return f"{text} %"


def percent_limit(limit: float, digits: int = 1) -> str:
    """A limit in percent, without the zeros behind a whole number."""
    return f"{f'{100 * limit:.{digits}f}'.rstrip('0').rstrip('.')} %"


def under_changes(low: float, high: float) -> str:
    """Least and largest probability of the leading class under small changes of the field, as a fact."""
    return f"By the networks alone it is {percent(low, 0)} to {percent(high, 0)} under small changes of stain and light."


def surer(familiar: float) -> str:
    """Why a probability is less than the networks' own, ``familiar``."""
    return f"The networks themselves are surer ({percent(familiar, 0)}), but few or no validated fields look like this one."
