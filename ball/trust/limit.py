"""Another limit than the validated one, asked for by the reader: what is suggested then, and that it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ball.labels import UNIDENTIFIED
from ball.trust.judge import below
from ball.wording import percent_limit

if TYPE_CHECKING:
    from ball.reading import Reading

CODE: Final = "below_validated_limit"
"""Of the flag that a suggestion carries which the validated limit would not have given."""


def suggest_from(reading: Reading, limit: float) -> Reading:
    """The reading as it is with another limit; from any limit one can come back.

    Args:
        reading: refused, unread and uncalibrated ones stay as they are.
        limit: probability from which on a label is suggested, 0 to 1.
    """
    judgement = reading.judgement
    if judgement is None or judgement.limit is None or reading.status != "read":
        return reading
    probability, leading = judgement.probability, judgement.leading
    flags = tuple(flag for flag in reading.flags if not flag.startswith(f"{CODE}: "))
    if probability < limit:
        return replace(reading, suggestion=UNIDENTIFIED, reason=below(probability, leading, limit, judgement.familiar), flags=flags)
    if probability < judgement.limit:
        lowered = f"Suggested from {percent_limit(limit)} on, below the validated limit of {percent_limit(judgement.limit)}."
        flags = (*flags, f"{CODE}: {lowered}")
    return replace(reading, suggestion=leading, reason=None, flags=flags)


def warning(limit: float, validated: float) -> str:
    """What a limit below the validated one means; empty for any other."""
    if limit >= validated:
        return ""
    return f"Below the validated limit of {percent_limit(validated)}: more suggestions, and more of them wrong."
