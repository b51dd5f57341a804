"""A class on screen: mark, word and colour, always together, and described here alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES

if TYPE_CHECKING:
    from ball.reading import Reading

NEUTRAL: Final = "#7A8790"
RED: Final = "#C22F3D"
STRIP: Final = (92, 48)
"""Width and height of the cell that a vote strip is drawn for."""


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


def mark_of(reading: Reading | None) -> Mark:
    """The mark of a reading; None is a field still waiting."""
    if reading is None:
        return MARKS[WAITING]
    if reading.status == "error":
        return MARKS[NOT_READ]
    if reading.status == "refused":
        return MARKS[REFUSED]
    return MARKS[reading.suggestion or UNIDENTIFIED]


def heading(level: int, mark: Mark) -> str:
    """Mark and word as an HTML heading."""
    return f'<h{level} class="ball-head">{mark.image({1: 26}.get(level, 14))}<span>{mark.word}</span></h{level}>'


def data_uri(svg: str) -> str:
    """An SVG as the address of a picture."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def strip(reading: Reading) -> str:
    """The votes in one line of marks, as a picture's address: a line under a dissenter, a dash for a missing network."""
    votes = {vote.network: vote.label for vote in reading.votes}
    parts = []
    for index, name in enumerate(TITLES if votes else ()):
        left = index * 17 + 5
        if name not in votes:
            parts.append(f'<path d="M{left + 3} 24h6" stroke="{NEUTRAL}" stroke-width="1.5"/>')
            continue
        parts.append(f'<g transform="translate({left} 18) scale(.75)">{MARKS[votes[name]].drawn}</g>')
        if name in reading.dissenters:
            parts.append(f'<path d="M{left} 35h12" stroke="{NEUTRAL}" stroke-width="2"/>')
    # Twice the size of its cell and of the same shape, since a table fills the cell with it.
    size = f'width="{2 * STRIP[0]}" height="{2 * STRIP[1]}" viewBox="0 0 {STRIP[0]} {STRIP[1]}"'
    return data_uri(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>')


def bars(probabilities: tuple[float, ...], *, wide: bool = False) -> str:
    """Four bars with their percentages, as HTML; ``wide`` adds the words and one decimal."""
    digits = 1 if wide else 0
    leading = max(probabilities)
    rows = []
    for label, value in zip(LABELS, probabilities, strict=True):
        mark = MARKS[label]
        name = f'<span class="name">{label}</span>' if wide else ""
        strong = " lead" if value == leading else ""
        rows.append(
            f'{name}{mark.image(12)}<span class="track"><i style="width:{value:.1%};background:{mark.colour}"></i></span>'
            f'<span class="value{strong}">{escape(percent(value, digits))}</span>'
        )
    spoken = ", ".join(f"{label} {percent(value, digits)}" for label, value in zip(LABELS, probabilities, strict=True))
    return f'<div class="ball-bars{" wide" if wide else ""}" role="img" aria-label="{escape(spoken)}">{"".join(rows)}</div>'


def percent(value: float, digits: int = 1) -> str:
    """A probability in percent; one that is not quite certain or impossible never reads as if it were."""
    text = f"{100 * value:.{digits}f}"
    if text == f"{100:.{digits}f}" and value < 1:
        return f"> {100 - 10**-digits:.{digits}f} %"
    if text == f"{0:.{digits}f}" and value > 0:
        return f"< {10**-digits:.{digits}f} %"
    return f"{text} %"
