"""How far reader and software agree: Cohen's kappa over time, and every override.

Cohen 1960, doi:10.1177/001316446002000104. The reader has seen the suggestion before she judges, so this is no
measure of how well either reads alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from ball.casebook.book import Judgement
from ball.labels import LABELS


@dataclass(frozen=True)
class Agreement:
    """Up to and including a month (``YYYY-MM``): how many fields both gave a class, how many the same, and kappa.

    ``kappa`` is None where it is not defined: nothing to compare, or one and the same class throughout.
    """

    month: str
    compared: int
    same: int
    kappa: float | None


def over_time(judgements: Sequence[Judgement], zone: tzinfo = UTC) -> list[Agreement]:
    """The running agreement at the end of every month with a judged field, months by a time zone; fields without a class are left out."""
    pairs = [(_month(each.time, zone), each.suggestion or "", each.verdict.label(each.suggestion) or "") for each in judgements]
    compared = [pair for pair in pairs if pair[1] in LABELS and pair[2] in LABELS]
    months = sorted({month for month, *_ in compared})
    return [_until(month, [(software, reader) for when, software, reader in compared if when <= month]) for month in months]


def overrides(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The verdicts that say otherwise than the software, latest first."""
    return [each for each in reversed(judgements) if each.verdict.overrides(each.suggestion)]


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of (software, reader) labels; None where it is not defined."""
    if len({label for pair in pairs for label in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    value = float(cohen_kappa_score(*zip(*pairs, strict=True), labels=list(LABELS)))
    return value if math.isfinite(value) else None


def _month(time: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(time).astimezone(zone):%Y-%m}"


def _until(month: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
    return Agreement(month, len(pairs), sum(software == reader for software, reader in pairs), kappa(pairs))
