"""Where files lie, and the commands that make them again, without importing torch."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Final


def weights_folder() -> Path:
    """Folder of the weights: ``$BALL_WEIGHTS``, else ``weights`` beside the package."""
    return Path(os.environ.get("BALL_WEIGHTS") or Path(__file__).resolve().parent.parent / "weights")


def cache_folder() -> Path:
    """Folder for what can be made anew at any time: ``$BALL_CACHE``, else ``ball`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    named = os.environ.get("BALL_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ball"


def graphs_folder() -> Path:
    """Folder of the compiled networks, made on first use."""
    return cache_folder() / "graphs"


def restore_sentence() -> str:
    """How to get the files of the weights folder back, without a full stop; `git` knows only the package's own folder."""
    if os.environ.get("BALL_WEIGHTS"):
        return f"Put the right file into {weights_folder()} ($BALL_WEIGHTS)"
    return "Restore it with `git checkout weights`"


def read_command(file: str, stability: bool = False, suggest_from: float | None = None) -> str:
    """The command that reads a file again, typed in its folder.

    Args:
        file: its name; one that looks like an option is no option.
        stability: whether small changes are tried as well.
        suggest_from: the probability that its suggestion is held to, where that is another than the validated limit.
    """
    tried = " --stability" if stability else ""
    held = "" if suggest_from is None else f" --suggest-from {100 * suggest_from:.10g}"
    return f"python -m ball read {shlex.quote(f'./{file}' if file.startswith('-') else file)}{tried}{held} --json -"


THRESHOLDS: Final = "trust.json"
"""Name of the thresholds file in the weights folder."""

CALIBRATE: Final = "python -m ball calibrate --data DATA/all --others DATA"
"""The command that makes the thresholds; DATA holds all of the folders of pictures."""


def train_command(network: str, split: str = "paper", init: str = "pbc") -> str:
    """The command that trains a network, with placeholders: DATA/all the fields, PBC the cells of the start."""
    pbc = " --pbc PBC" if init == "pbc" else ""
    return f"python -m ball train --network {network} --data DATA/all --split {split} --init {init}{pbc}"
