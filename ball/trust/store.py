"""The one thresholds file beside the weights, ``trust.json``, and the gate's memory, ``trust.safetensors``.

`python -m ball calibrate` writes both. They say which weights they were made from; a reading by other weights is not
calibrated, and says so.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ball.places import CALIBRATE, THRESHOLDS, weights_folder
from ball.trust.calibration import PLAIN, Calibration
from ball.trust.familiarity import Familiarity

FILE: Final = THRESHOLDS
BANK: Final = "trust.safetensors"

_TENSORS: Final = ("centre", "low", "high", "whiten", "bank")


class TrustError(RuntimeError):
    """The thresholds file is missing, damaged, or not the one that goes with its memory. A sentence that says what to do."""


@dataclass(frozen=True)
class Limits:
    """What an answer is held to.

    ``suggest``: probability from which on a label is suggested. ``target``: share of all fields that may be suggested wrongly
    by it. ``label_set``: probability from which on a label is not ruled out, which keeps the right one in a share of ``coverage``
    or more. ``refuse``: strangeness from which on a field is refused; from 1 on it is flagged. ``basis``: "validation", fields of
    the stains of training, or "stain", fields of stains held out.

    Raises:
        ValueError: a probability outside 0..1, an unknown basis, or a refusal below the flag.
    """

    suggest: float
    target: float
    label_set: float
    coverage: float
    refuse: float
    basis: str

    def __post_init__(self) -> None:
        if not all(0 <= value <= 1 for value in (self.suggest, self.target, self.label_set, self.coverage)):
            raise ValueError(f"expected probabilities from 0 to 1, got {self}")
        if self.basis not in ("validation", "stain") or not self.refuse >= 1:
            raise ValueError(f"expected basis validation or stain and refusal from 1 on, got {self.basis!r} and {self.refuse}")


@dataclass(frozen=True, eq=False)
class Trust:
    """All that a judgement needs. ``weights``: SHA-256 by network of the weights that the calibration was made from.

    ``slide``: the ``limit`` of a slide, see `ball.trust.slide`; empty where none was made.
    """

    calibration: Calibration
    limits: Limits
    familiarity: Familiarity
    weights: Mapping[str, str]
    slide: Mapping[str, float]
    made_from: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, weights: Mapping[str, str]) -> bool:
        """Whether these weights, all or some of them, are those that the calibration was made from."""
        return bool(weights) and all(self.weights.get(name) == sha256 for name, sha256 in weights.items())

    @property
    def tried(self) -> tuple[str, ...]:
        """Networks whose answers on held-out stains the calibration was made from; empty where there were none."""
        return tuple(self.made_from.get("stain", {}).get("networks", ()))

    def document(self, bank: str) -> dict[str, Any]:
        """The thresholds file; ``bank`` is the SHA-256 of the memory's file."""
        limits = self.limits
        return {
            "command": CALIBRATE,
            "calibration": self.calibration.document(),
            "limits": {name: getattr(limits, name) for name in limits.__dataclass_fields__},
            "slide": dict(self.slide),
            "unit": self.familiarity.unit,
            "usual": self.familiarity.usual,
            "weights": dict(self.weights),
            "bank": bank,
            "made_from": dict(self.made_from),
        }


def files(trust: Trust) -> dict[str, bytes]:
    """The two files by name, the memory in half precision."""
    known = trust.familiarity
    precision = {name: np.float16 if name in ("whiten", "bank") else np.float32 for name in _TENSORS}
    # In rows: `save` writes memory as it lies, and would turn a transposed array into another one without a word.
    bank = bytes(save({name: np.ascontiguousarray(getattr(known, name), dtype=precision[name]) for name in _TENSORS}))
    text = json.dumps(trust.document(hashlib.sha256(bank).hexdigest()), indent=1) + "\n"
    return {BANK: bank, FILE: text.encode()}


def parse(text: bytes, bank: bytes) -> Trust:
    """A `Trust` from the content of its two files.

    Raises:
        TrustError: they do not belong together, or one is not as expected.
    """
    try:
        document = json.loads(text)
        if hashlib.sha256(bank).hexdigest() != document["bank"]:
            raise TrustError(f"{BANK} is not the file that {FILE} names: its SHA-256 differs. {_HOW}")
        tensors = {name: value.astype(np.float64) for name, value in load(bank).items()}
        unit, usual = float(document["unit"]), float(document["usual"])
        familiarity = Familiarity(**{name: tensors[name] for name in _TENSORS}, unit=unit, usual=usual)
        return Trust(
            Calibration(**document["calibration"]), Limits(**document["limits"]), familiarity,
            document["weights"], document["slide"], document["made_from"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise TrustError(f"{FILE} or {BANK} is not as expected ({error}). {_HOW}") from error


_HOW: Final = f"Make them anew: `{CALIBRATE}`."
_lock = threading.Lock()
_loaded: dict[Path, tuple[tuple[float, ...], Trust]] = {}


def load_trust(folder: Path | None = None) -> Trust:
    """The trust of a weights folder, read once and anew when its files change.

    Raises:
        TrustError: missing, unreadable or damaged.
    """
    chosen = (folder or weights_folder()).resolve()
    try:
        state = tuple(value for name in (FILE, BANK) for value in _state(chosen / name))
        with _lock:
            if chosen not in _loaded or _loaded[chosen][0] != state:
                _loaded[chosen] = state, parse((chosen / FILE).read_bytes(), (chosen / BANK).read_bytes())
            return _loaded[chosen][1]
    except OSError as error:
        raise TrustError(f"{FILE} or {BANK} is missing or cannot be read. {_HOW}") from error


def find_trust(folder: Path | None = None) -> Trust | None:
    """As `load_trust`, but None where the thresholds cannot be had: what follows then says that it is not calibrated."""
    try:
        return load_trust(folder)
    except TrustError:
        return None


def calibration_for(trust: Trust | None, weights: Mapping[str, str]) -> Calibration:
    """The calibration that goes with these weights; the plain mean where there is none."""
    return trust.calibration if trust is not None and trust.fits(weights) else PLAIN


def _state(path: Path) -> tuple[float, float]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
