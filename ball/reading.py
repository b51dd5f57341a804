"""The one value that every front end takes, and the one function that makes it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ball.cells import Cell, find_cells, summary
from ball.engine import Engine, Output, load_engine
from ball.explain import class_maps
from ball.files import read_bytes
from ball.images import Decoded, ImageError, decode
from ball.labels import LABELS, UNIDENTIFIED
from ball.networks import NETWORKS
from ball.segmentation import Segmentation, segment
from ball.values import require_rgb

Source = Path | str | bytes | NDArray[np.uint8]
Status = Literal["read", "refused", "error"]

_LOG: Final = logging.getLogger(__name__)
_NO_NUCLEI = "No stained nucleus was found in this picture, so the networks saw nothing but black."


@dataclass(frozen=True)
class Vote:
    """What one network said of one field. ``probabilities`` is its raw softmax in contract order."""

    network: str
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        inside = all(0 <= value <= 1 for value in self.probabilities)
        if len(self.probabilities) != len(LABELS) or not inside or abs(sum(self.probabilities) - 1) > 1e-3:
            raise ValueError(f"expected {len(LABELS)} probabilities from 0 to 1 that sum to 1, got {self.probabilities}")

    @property
    def label(self) -> str:
        """Label of the largest probability."""
        return LABELS[int(np.argmax(self.probabilities))]


@dataclass(frozen=True)
class Evidence:
    """What a reading rests on: the field (H, W, 3), its segmentation, its cells, and class maps by network.

    ``maps`` holds (classes, h, w) arrays in 0..1, and is empty where they were not asked for.
    """

    rgb: NDArray[np.uint8]
    segmentation: Segmentation
    cells: tuple[Cell, ...]
    maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One field, read.

    ``probability`` is the consensus of the leading label, ``agreement`` the number of votes equal to it. Flags
    ("code: sentence") are reasons to doubt the suggestion; notices are about operation only.
    """

    file: str
    sha256: str
    status: Status
    reason: str | None = None
    suggestion: str | None = None
    probability: float | None = None
    agreement: int | None = None
    votes: tuple[Vote, ...] = ()
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    engine: str = ""
    weights: dict[str, str] = field(default_factory=dict)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def consensus(self) -> tuple[float, ...]:
        """Averaged softmax of the votes in contract order; empty without votes."""
        return consensus([vote.probabilities for vote in self.votes]) if self.votes else ()

    @property
    def leading(self) -> str | None:
        """Label of the largest consensus probability, whether or not it is suggested."""
        return LABELS[int(np.argmax(self.consensus))] if self.votes else None

    @property
    def dissenters(self) -> tuple[str, ...]:
        """Networks whose vote differs from the leading label."""
        return tuple(vote.network for vote in self.votes if vote.label != self.leading)

    def document(self) -> dict[str, Any]:
        """The reading as JSON values, every key of the contract present."""
        return {
            "file": self.file,
            "sha256": self.sha256 or None,
            "status": self.status,
            "reason": self.reason,
            "suggestion": self.suggestion,
            "probability": self.probability,
            "agreement": self.agreement,
            "votes": [
                {"network": vote.network, "label": vote.label, "probabilities": dict(zip(LABELS, vote.probabilities, strict=True))}
                for vote in self.votes
            ],
            "missing": list(self.missing),
            "flags": list(self.flags),
            "notices": list(self.notices),
            "cells": None if self.evidence is None else summary(self.evidence.cells),
            "seconds": dict(self.seconds),
            "engine": self.engine,
            "weights": dict(self.weights),
        }


def consensus(probabilities: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """Combine the softmax of several networks: their mean."""
    return tuple(float(value) for value in np.mean(list(probabilities), axis=0))


def read(source: Source, *, name: str | None = None, engine: Engine | None = None, maps: bool = True) -> Reading:
    """Read one field.

    Args:
        source: a path, the bytes of a file, or an RGB uint8 array (H, W, 3).
        name: what to call it; the path as given, else ``<bytes>`` or ``<array>``.
        engine: loaded networks; None for those of the weights folder.
        maps: whether to explain every vote as well.

    Returns:
        A reading. What cannot be decoded, or breaks the software, gives one with status ``error`` and a reason.

    Raises:
        TypeError: no path, bytes or array.
        ValueError: an array that is not RGB uint8.
    """
    chosen = engine or load_engine()
    seconds: dict[str, float] = {}
    kind = _kind(source)
    called = name if name is not None else str(source) if kind == "path" else f"<{kind}>"
    sha256 = ""
    try:
        with _timed(seconds, "decode"):
            content = read_bytes(Path(source)) if isinstance(source, (str, Path)) else source
            sha256 = hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
            decoded = decode(content) if isinstance(content, bytes) else Decoded(content, "array", content.shape[1::-1])
        if not chosen.models:
            why = next(iter(chosen.missing.values()))
            return _error(called, sha256, f"None of the five networks could be loaded. {why}", chosen, seconds)
        return _read_decoded(decoded, called, sha256, chosen, seconds, maps)
    except ImageError as error:
        return _error(called, sha256, str(error), chosen, seconds)
    except Exception as error:  # noqa: BLE001  whatever one file breaks, the others are still read
        _LOG.exception("A field could not be read")
        return _error(called, sha256, f"The software failed on this file ({type(error).__name__}); its log says more.", chosen, seconds)


def read_many(sources: Iterable[Source], *, engine: Engine | None = None, maps: bool = False) -> Iterator[Reading]:
    """Read fields one after the other, each as soon as it is asked for; equal to `read` on each."""
    chosen = engine or load_engine()
    for source in sources:
        yield read(source, engine=chosen, maps=maps)


def _read_decoded(decoded: Decoded, name: str, sha256: str, engine: Engine, seconds: dict[str, float], maps: bool) -> Reading:
    with _timed(seconds, "segment"):
        segmentation = segment(decoded.rgb)
        cells = find_cells(segmentation, decoded.rgb.shape[:2])
    with _timed(seconds, "predict"):
        outputs = engine.predict(segmentation.masked[None])
    found = {}
    if maps:
        with _timed(seconds, "explain"):
            found = {key: class_maps(engine.models[key], output.maps) for key, output in outputs.items()}
    votes = tuple(Vote(key, _softmax(output)) for key, output in outputs.items())
    mean = consensus(vote.probabilities for vote in votes)
    leading = LABELS[int(np.argmax(mean))]
    return Reading(
        file=name,
        sha256=sha256,
        status="refused" if segmentation.empty else "read",
        reason=_NO_NUCLEI if segmentation.empty else None,
        suggestion=UNIDENTIFIED if segmentation.empty else leading,
        probability=max(mean),
        agreement=sum(vote.label == leading for vote in votes),
        votes=votes,
        missing=tuple(engine.missing),
        flags=_flags(segmentation, engine),
        notices=decoded.notices,
        seconds=seconds,
        engine=engine.name,
        weights=dict(engine.hashes),
        evidence=Evidence(decoded.rgb, segmentation, cells, found),
    )


def _flags(segmentation: Segmentation, engine: Engine) -> tuple[str, ...]:
    flags = []
    if segmentation.empty:
        flags.append(f"no_nuclei: {_NO_NUCLEI}")
    if engine.missing:
        titles = ", ".join(NETWORKS[name].title for name in engine.missing)
        flags.append(f"missing_networks: Without {titles} the consensus is not the validated one.")
    return tuple(flags)


def _error(name: str, sha256: str, reason: str, engine: Engine, seconds: dict[str, float]) -> Reading:
    return Reading(
        name, sha256, "error", reason, missing=tuple(engine.missing), seconds=seconds, engine=engine.name, weights=dict(engine.hashes)
    )


def _softmax(output: Output) -> tuple[float, ...]:
    return tuple(torch.softmax(output.logits[0].double(), dim=0).tolist())


def _kind(source: Source) -> str:
    if isinstance(source, (str, Path)):
        return "path"
    if isinstance(source, bytes):
        return "bytes"
    if isinstance(source, np.ndarray):
        require_rgb(source)
        return "array"
    raise TypeError(f"expected a path, bytes or an RGB uint8 array, got {type(source).__name__}")


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = round(time.perf_counter() - began, 6)
