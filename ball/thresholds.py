"""What a reading is held to, by name: the settings of the segmentation, and the limits beside the weights. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ball.places import THRESHOLDS, weights_folder

ASKED: Final = (25.0, 100.0)
"""Least and largest limit in percent that a reader may ask for instead of the validated one: below chance among four it means nothing."""

VALIDATED: Final = "validated"
"""Key of the validated limit, where a suggestion was held to another one."""


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
