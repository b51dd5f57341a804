"""What a reading is held to, by name: the settings of the segmentation, and the limits beside the weights. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ball.places import THRESHOLDS, weights_folder
from ball.wording import percent, percent_limit

ASKED: Final = (25.0, 100.0)
"""Least and largest limit in percent that a reader may ask for instead of the validated one: below chance among four it means nothing."""

VALIDATED: Final = "validated"
"""Key of the validated limit, where a suggestion was held to another one."""

_WORDS: Final[Mapping[str, Callable[[float], str]]] = {
    "clusters": lambda value: f"{value:g} clusters of colour",
    "min_object": lambda value: f"objects from {value:g} px on, at 224 × 224",
    "min_contrast": lambda value: f"a stain from a contrast of {value:g} on",
    "suggest": lambda value: f"a class suggested from {percent_limit(value)} on",
    VALIDATED: lambda value: f"the validated limit is {percent_limit(value)}",
    "target": lambda value: f"made for at most {percent(value)} of fields suggested wrongly",
    "label_set": lambda value: f"a class from {percent(value)} on is not ruled out",
    "coverage": lambda value: f"which keeps the right one in at least {percent(value, 0)} of fields",
    "refuse": lambda value: f"refused from a strangeness of {value:.2f} on, flagged beyond 1",
}
_BASES: Final = {"stain": "limits from stains held out", "validation": "limits from validation fields"}


def described(held: Mapping[str, Any]) -> list[str]:
    """Every threshold in words, rounded as on the pages; what this version has no words for stands as it is."""
    return [_described(key, value) for key, value in held.items()]


def _described(key: str, value: Any) -> str:
    if key in _WORDS and isinstance(value, (int, float)):
        return _WORDS[key](value)
    return _BASES.get(str(value), f"{key.replace('_', ' ')} {value}") if key == "basis" else f"{key.replace('_', ' ')} {value}"


def thresholds(folder: Path | None = None) -> dict[str, Any]:
    """Every threshold by name; those of the trust room only where its file lies in the weights folder."""
    from ball.segmentation import CLUSTERS, MIN_CONTRAST, MIN_OBJECT

    return {"clusters": CLUSTERS, "min_object": MIN_OBJECT, "min_contrast": MIN_CONTRAST, **_limits(folder or weights_folder())}


def _limits(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / THRESHOLDS).read_text(encoding="utf-8"))["limits"]
        return {key: value for key, value in found.items() if isinstance(value, (int, float, str))}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}
