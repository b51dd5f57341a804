"""The four classes, in the one order used everywhere, and the folder names that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LABELS: Final[tuple[str, ...]] = ("Benign", "Early Pre-B", "Pre-B", "Pro-B")
"""Class labels in contract order. "Benign" means hematogones, not normal blood."""

UNIDENTIFIED: Final = "Unidentified"
"""What is suggested where no label can be stood for."""

_SHORT = {"benign": "Benign", "early": "Early Pre-B", "pre": "Pre-B", "pro": "Pro-B"}


class UnknownClassError(ValueError):
    """A folder whose name stands for none of the four classes."""


def label_of_folder(name: str) -> str:
    """Return the label that a class folder stands for.

    Known in any case: the short names (``Pre``), the labels (``Pre-B``) and the long Kaggle names
    (``[Malignant] Pre-B``).

    Raises:
        UnknownClassError: the name stands for no class.
    """
    words = name.lower().replace("[malignant]", "").replace("_", " ").replace("-", " ").split()
    words = [word for word in words if word not in {"b", "malignant"}]
    key = words[0] if words else ""
    if key in _SHORT and words[1:] in ([], ["pre"] if key == "early" else []):
        return _SHORT[key]
    known = ", ".join([*(short.title() for short in _SHORT), *LABELS[1:]])
    raise UnknownClassError(f"The folder {name!r} names no class. Expected one of: {known}.")


def prediction_set(probabilities: Sequence[float], least: float) -> tuple[str, ...]:
    """Labels that cannot be ruled out: those of at least this probability, and the leading one, the likeliest first.

    With ``least`` from `ball.trust.calibration.conformal_limit`, or less, the set holds the true label with the coverage asked for, or
    more, as long as fields are like those that the limit was made from (Sadinle, Lei and Wasserman 2019,
    doi:10.1080/01621459.2017.1395341).
    """
    order = sorted(range(len(LABELS)), key=lambda index: -probabilities[index])
    return tuple(LABELS[index] for place, index in enumerate(order) if place == 0 or probabilities[index] >= least)
