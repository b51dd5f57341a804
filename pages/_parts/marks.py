"""A class on screen: mark, word and colour, always together; the marks themselves are described in `ball.wording`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from ball.labels import LABELS
from ball.names import TITLES
from ball.wording import MARKS, NEUTRAL, NOT_READ, RED, REFUSED, WAITING, Mark, data_uri, mark_of, percent

if TYPE_CHECKING:
    from ball.casebook.values import Record
    from ball.reading import Reading

STRIP: Final = (92, 48)
"""Width and height of the cell that a vote strip is drawn for, where nothing else is said."""


def heading(level: int, mark: Mark) -> str:
    """Mark and word as an HTML heading."""
    return f'<h{level} class="ball-head">{mark.image({1: 26}.get(level, 14))}<span>{mark.word}</span></h{level}>'


def strip(reading: Reading | Record, height: int = STRIP[1]) -> str:
    """The votes in one line of marks, as a picture's address: a line under a dissenter, a dash for a missing network.

    ``height`` is that of the cell in pixels: a table fills the cell with the picture, so both must be of one shape.
    """
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
    # Twice the size of its cell, so that it stays sharp; what is drawn for the usual height stands in the middle.
    size = f'width="{2 * STRIP[0]}" height="{2 * height}" viewBox="0 {(STRIP[1] - height) / 2} {STRIP[0]} {height}"'
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


__all__ = [
    "MARKS", "NEUTRAL", "NOT_READ", "RED", "REFUSED", "STRIP", "WAITING", "Mark", "bars", "data_uri", "heading", "mark_of", "percent",
    "strip",
]
