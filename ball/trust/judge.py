"""From five votes and what the field looks like to one judgement: a label, Unidentified, or refused, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ball.labels import LABELS, UNIDENTIFIED
from ball.segmentation import Segmentation
from ball.trust.appearance import Appearance, describe
from ball.trust.calibration import consensus, disagreement, prediction_set
from ball.trust.store import Trust, calibration_for

NO_NUCLEI: Final = "No stained nucleus was found in this picture, so the networks saw nothing but black."
NOT_CALIBRATED: Final = (
    "The probability is not calibrated: the thresholds are missing, or were made for other weights. The computer's keeper can make them "
    "with `python -m ball calibrate`."
)


@dataclass(frozen=True)
class Check:
    """One figure of the field that must stay within what training held; ``low`` and ``high`` are sentences, or empty."""

    code: str
    figure: str
    low: str = ""
    high: str = ""


CHECKS: Final = (
    Check("blurred", "octave 1", low="The picture is more blurred than any validated field."),
    Check("sharpened", "octave 0", high="The picture has more grain or sharpening than any validated field."),
    Check("dark", "background L 75", low="The picture is darker than any validated field."),
    Check("bright", "burnt out", high="Much of the picture is over-exposed."),
    Check("drowned", "drowned", high="Much of the picture is black."),
    Check(
        "nucleus_size", "median area", low="The nuclei are smaller than in any validated field: check the magnification.",
        high="The nuclei are larger than in any validated field: check the magnification.",
    ),
)
"""What the segmentation and the light tell, beside the distance."""


@dataclass(frozen=True)
class Judgement:
    """What is made of the votes.

    ``consensus``: calibrated probabilities in contract order. ``suggestion``: a label or Unidentified. ``label_set``: labels that
    cannot be ruled out. ``disagreement``: 0 to 1. ``strangeness``: 1 is what 99 % of validation fields keep within; None, as
    ``limit``, where there are no thresholds. ``calibrated``: whether the thresholds belong to the weights that voted.
    """

    consensus: tuple[float, ...]
    suggestion: str
    status: Literal["read", "refused"] = "read"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    label_set: tuple[str, ...] = ()
    disagreement: float = 0.0
    strangeness: float | None = None
    limit: float | None = None
    calibrated: bool = False
    coverage: float | None = None

    @property
    def leading(self) -> str:
        """Label of the largest probability."""
        return LABELS[int(np.argmax(self.consensus))]

    @property
    def probability(self) -> float:
        """Calibrated probability of the leading label."""
        return max(self.consensus)


def judge(
    votes: Mapping[str, Sequence[float]], segmentation: Segmentation, weights: Mapping[str, str], trust: Trust | None = None
) -> Judgement:
    """Judge one field.

    Args:
        votes: raw softmax by network, at least one.
        segmentation: of the field, at the size that the networks see.
        weights: SHA-256 by network of the weights that voted.
        trust: thresholds; None where there are none, which gives the plain mean and a flag.
    """
    apart = float(disagreement({name: np.asarray(values, dtype=np.float64)[None] for name, values in votes.items()})[0])
    if trust is None:
        return _without_thresholds(consensus(votes), segmentation, apart)
    appearance = describe(segmentation)
    strangeness = trust.familiarity.of(appearance)
    calibrated = trust.fits(weights)
    combined = consensus(votes, calibration_for(trust, weights), strangeness)
    refusal = _refusal(segmentation, appearance, strangeness, trust)
    limit = trust.limits.suggest if calibrated else None
    stands = refusal is None and (limit is None or max(combined) >= limit)
    flags = _doubts(segmentation, appearance, strangeness, trust, refusal)
    return Judgement(
        consensus=combined,
        suggestion=LABELS[int(np.argmax(combined))] if stands else UNIDENTIFIED,
        status="read" if refusal is None else "refused",
        reason=refusal if refusal is not None else None if stands else _doubt(combined, trust.limits.suggest),
        flags=flags if calibrated else (*flags, f"not_calibrated: {NOT_CALIBRATED}"),
        label_set=prediction_set(combined, trust.limits.label_set) if calibrated else (),
        disagreement=apart,
        strangeness=strangeness,
        limit=limit,
        calibrated=calibrated,
        coverage=trust.limits.coverage if calibrated else None,
    )


def _without_thresholds(combined: tuple[float, ...], segmentation: Segmentation, apart: float) -> Judgement:
    flags = [f"not_calibrated: {NOT_CALIBRATED}"]
    if segmentation.empty:
        return Judgement(combined, UNIDENTIFIED, "refused", NO_NUCLEI, (f"no_nuclei: {NO_NUCLEI}", *flags), disagreement=apart)
    return Judgement(combined, LABELS[int(np.argmax(combined))], flags=tuple(flags), disagreement=apart)


def _refusal(segmentation: Segmentation, appearance: Appearance, strangeness: float, trust: Trust) -> str | None:
    """Why a field is refused; None where it is not."""
    if segmentation.empty:
        return NO_NUCLEI
    if strangeness < trust.limits.refuse:
        return None
    return f"Not like the validated smears: {_what(appearance, trust)}."


def _doubts(
    segmentation: Segmentation, appearance: Appearance, strangeness: float, trust: Trust, refusal: str | None
) -> tuple[str, ...]:
    """Flags that come from the picture alone."""
    if segmentation.empty:
        return (f"no_nuclei: {NO_NUCLEI}",)
    found = [f"not_a_smear: {refusal}"] if refusal else []
    if not refusal and strangeness > 1:
        found.append(f"unfamiliar: Unlike the validated smears in {_what(appearance, trust)}.")
    outside = trust.familiarity.outside(appearance)
    for check in CHECKS:
        over = outside.get(check.figure, 0.0)
        sentence = check.high if over > 0 else check.low if over < 0 else ""
        if sentence:
            found.append(f"{check.code}: {sentence}")
    return tuple(found)


def _what(appearance: Appearance, trust: Trust) -> str:
    groups = trust.familiarity.strange_groups(appearance)
    return " and ".join(groups) if groups else "how its colours and shapes go together"


def _doubt(combined: tuple[float, ...], limit: float) -> str:
    leading = LABELS[int(np.argmax(combined))]
    return f"{_percent(max(combined))} {leading} is below the {_percent(limit)} needed for a suggestion."


def _percent(value: float) -> str:
    """Whole percent, rounded down: what is below a limit never reads as if it had reached it."""
    return f"{int(100 * value + 1e-9)} %"
