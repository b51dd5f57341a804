"""Where files lie, without importing torch."""

from __future__ import annotations

import os
from pathlib import Path


def weights_folder() -> Path:
    """Folder of the weights: ``$BALL_WEIGHTS``, else ``weights`` beside the package."""
    return Path(os.environ.get("BALL_WEIGHTS") or Path(__file__).resolve().parent.parent / "weights")
