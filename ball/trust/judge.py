"""From five votes and what the field looks like to one judgement: a label, Unidentified, or refused, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ball.labels import LABELS, UNIDENTIFIED, prediction_set
from ball.segmentation import Segmentation
from ball.trust.appearance import Appearance, describe
from ball.trust.calibration import consensus, disagreement
from ball.trust.gate import NO_NUCLEI, Examination, examine
from ball.trust.store import Trust, calibration_for
from ball.wording import NOT_CALIBRATED, percent, percent_limit, surer

HELD: Final = 0.05
"""From how much on it is said that a probability was held back."""

NO_GATE: Final = (
    "no_gate: Whether this is a smear like those validated was not checked: the thresholds are missing or damaged. "
    "`python -m ball calibrate` makes them."
)


@dataclass(frozen=True)
class Judgement:
    """What is made of the votes.

    ``consensus``: calibrated probabilities in contract order. ``suggestion``: a label or Unidentified. ``label_set``: labels that
    cannot be ruled out; with probability ``coverage``, or more, the right one is among them. ``disagreement``: 0 to 1.
    ``strangeness``: 1 is what 99 % of validation fields keep within. ``limit``: the probability needed. ``familiar``: what the
    probability would be of a field like those validated. What needs thresholds is None or empty where there are none that belong to
    the weights that voted; ``calibrated`` says whether there are.
    """

    consensus: tuple[float, ...]
    suggestion: str
    status: Literal["read", "refused"] = "read"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    label_set: tuple[str, ...] = ()
    coverage: float | None = None
    disagreement: float = 0.0
    strangeness: float | None = None
    limit: float | None = None
    familiar: float = 0.0

    @property
    def leading(self) -> str:
        """Label of the largest probability."""
        return LABELS[int(np.argmax(self.consensus))]

    @property
    def probability(self) -> float:
        """Calibrated probability of the leading label."""
        return max(self.consensus)

    @property
    def held_back(self) -> bool:
        """Whether the probability would be markedly higher if the field looked like those validated."""
        return self.calibrated and self.familiar - self.probability >= HELD

    @property
    def calibrated(self) -> bool:
        """Whether the probability may be taken at its word."""
        return self.limit is not None


def judge(
    votes: Mapping[str, Sequence[float]], segmentation: Segmentation, weights: Mapping[str, str], trust: Trust | None = None,
    seen: Appearance | None = None,
) -> Judgement:
    """Judge one field.

    Args:
        votes: raw softmax by network, at least one.
        segmentation: of the field, at the size that the networks see.
        weights: SHA-256 by network of the weights that voted.
        trust: thresholds; None where there are none, which gives the plain mean, no gate but that for an empty mask, and flags that say so.
        seen: how the field was described, where it was.
    """
    found = _examined(segmentation, trust, seen)
    calibrated = trust is not None and trust.fits(weights)
    calibration = calibration_for(trust, weights)
    combined = consensus(votes, calibration, found.vouched)
    familiar = combined if found.vouched == 1 else consensus(votes, calibration)
    leading = LABELS[int(np.argmax(combined))]
    limits = trust.limits if trust is not None and calibrated else None
    doubt = found.refusal
    if doubt is None and limits is not None and max(combined) < limits.suggest:
        doubt = below(max(combined), leading, limits.suggest, max(familiar))
    return Judgement(
        consensus=combined,
        suggestion=leading if doubt is None else UNIDENTIFIED,
        status="read" if found.refusal is None else "refused",
        reason=doubt,
        flags=found.flags if calibrated else (*found.flags, NOT_CALIBRATED),
        label_set=prediction_set(combined, limits.label_set) if limits else (),
        coverage=limits.coverage if limits else None,
        disagreement=float(disagreement({name: np.asarray(values, dtype=np.float64)[None] for name, values in votes.items()})[0]),
        strangeness=found.strangeness if trust is not None else None,
        limit=limits.suggest if limits else None,
        familiar=max(familiar),
    )


def _examined(segmentation: Segmentation, trust: Trust | None, seen: Appearance | None) -> Examination:
    if trust is not None:
        return examine(seen or describe(segmentation), segmentation.empty, trust.familiarity, trust.limits.refuse)
    if segmentation.empty:
        return Examination(0.0, 1.0, NO_NUCLEI, (f"no_nuclei: {NO_NUCLEI}",))
    return Examination(0.0, 1.0, None, (NO_GATE,))


def below(probability: float, leading: str, limit: float, familiar: float = 0.0) -> str:
    """Why there is no suggestion: rounded as everywhere, finer only where the rounding would reach the limit.

    Args:
        probability: of the leading label.
        leading: the label.
        limit: that it is below.
        familiar: what the probability would be of a field like those validated, which tells whether that is what is missing.
    """
    digits = next((digits for digits in range(1, 6) if round(100 * probability, digits) < round(100 * limit, digits)), 6)
    found = f"{percent(probability, digits)} {leading} is below the {percent_limit(limit, digits)} needed for a suggestion."
    return f"{found} {surer(familiar)}" if familiar >= limit else found
