"""The gate beside the five networks: whether a picture is a smear like those of training, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ball.trust.appearance import Appearance
from ball.trust.familiarity import MARGIN, Familiarity

FLAG: Final = 1.0
"""Strangeness beyond which a field is flagged: what 99 % of validation fields keep within."""

NO_NUCLEI: Final = "No stained nucleus was found in this picture, so the networks saw nothing but black."


@dataclass(frozen=True)
class Check:
    """One figure of the field that must stay within what training held; ``low`` and ``high`` are sentences, or empty.

    ``margin``: how far beyond its range it may lie, as a share of that range; less than usual where a figure has an end that
    training comes close to.
    """

    code: str
    figure: str
    low: str = ""
    high: str = ""
    margin: float = MARGIN


CHECKS: Final = (
    Check("blurred", "octave 0", low="The picture is more blurred than any validated field."),
    Check("sharpened", "octave 0", high="The picture has more grain or sharpening than any validated field."),
    Check("dark", "background L 75", low="The picture is darker than any validated field."),
    Check("bright", "background L 50", high="The picture is over-exposed: most of its background is burnt out.", margin=0.0),
    Check("black", "drowned", high="Much of the picture is black."),
    Check(
        "nucleus_size", "median area", low="The nuclei are smaller than in any validated field: check the magnification.",
        high="The nuclei are larger than in any validated field: check the magnification.", margin=0.05,
    ),
)
"""What segmentation and light tell, beside the distance."""


@dataclass(frozen=True)
class Examination:
    """What the gate makes of a picture: why it is refused (None where it is not), and flags ("code: sentence").

    ``strangeness`` and ``vouched`` are as `Familiarity` tells them.
    """

    strangeness: float
    vouched: float
    refusal: str | None
    flags: tuple[str, ...]


def examine(appearance: Appearance, empty: bool, familiarity: Familiarity, refuse: float) -> Examination:
    """Examine a picture.

    Args:
        appearance: its figures.
        empty: whether no nucleus was found.
        familiarity: the fields of training.
        refuse: strangeness from which on it is refused; beyond `FLAG` it is flagged.
    """
    strangeness = familiarity.of(appearance)
    vouched = float(familiarity.vouched(np.array([strangeness]))[0])
    if empty:
        return Examination(strangeness, vouched, NO_NUCLEI, (f"no_nuclei: {NO_NUCLEI}",))
    what = " and ".join(familiarity.strange_groups(appearance)) or "how its colours and shapes go together"
    refusal = f"Not like the validated smears: {what}." if strangeness >= refuse else None
    flags = [f"not_a_smear: {refusal}"] if refusal else []
    if not refusal and strangeness > FLAG:
        flags.append(f"unfamiliar: Unlike the validated smears in {what}.")
    outside = familiarity.outside(appearance, margin=0.0)
    for check in CHECKS:
        over = outside.get(check.figure, 0.0)
        if abs(over) <= check.margin:
            continue
        sentence = check.high if over > 0 else check.low if over < 0 else ""
        if sentence:
            flags.append(f"{check.code}: {sentence}")
    return Examination(strangeness, vouched, refusal, tuple(flags))
