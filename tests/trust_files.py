"""Small thresholds for tests: a familiarity made from drawn fields, and calibrations that follow from simple votes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from ball import synthetic
from ball.names import TITLES
from ball.segmentation import segment
from ball.trust.appearance import describe
from ball.trust.calibration import Calibration
from ball.trust.familiarity import Familiarity, remember
from ball.trust.store import Limits, Trust, files


@cache
def familiarity() -> Familiarity:
    """Of 48 drawn fields, the last 12 of them for the unit."""
    values = np.array([describe(segment(synthetic.draw(seed, (96, 128)), size=(96, 96))).values for seed in range(48)])
    return remember(values[:36], values[36:])


def trust(weights: Mapping[str, str], suggest: float = 0.9, refuse: float = 1e9, calibration: Calibration | None = None) -> Trust:
    """Thresholds for some weights; by default nothing is too strange."""
    limits = Limits(suggest=suggest, target=0.01, label_set=0.2, coverage=0.95, refuse=refuse, basis="validation")
    made_from = {"validation": {"n": 12, "networks": list(TITLES), "sha256": "0" * 64}}
    chosen = calibration or Calibration(dict.fromkeys(TITLES, 1.0), "product")
    return Trust(chosen, limits, familiarity(), dict(weights), {"limit": 0.8}, made_from)


def write(folder: Path, made: Trust) -> None:
    """Write the two files."""
    for name, content in files(made).items():
        (folder / name).write_bytes(content)
