"""The one value that every front end takes, and the one function that makes it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ball.cells import Cell, find_cells, require_scale, summary
from ball.engine import Engine, Output, load_engine
from ball.explain import grad_cam
from ball.files import Part, read_bytes
from ball.images import MAX_PIXELS, Decoded, ImageError, decode
from ball.labels import LABELS
from ball.logs import log_failure
from ball.networks import NETWORKS
from ball.segmentation import Segmentation, segment
from ball.trust import Judgement, consensus, find_trust, judge
from ball.trust.appearance import Appearance, described
from ball.values import require_rgb

Source = Path | str | bytes | Part | NDArray[np.uint8]
Status = Literal["read", "refused", "error"]

BATCH: Final = 8
"""Fields that come before the networks together."""

AHEAD: Final = 2 * BATCH
"""Fields at most that are decoded and segmented before the networks come to them."""

BUDGET: Final = 2**28
"""Bytes that their pictures may take; of the largest pictures fewer are prepared."""

_LARGEST: Final = 3 * MAX_PIXELS
"""Bytes of the largest picture that is decoded."""

_LOG: Final = logging.getLogger(__name__)


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

    ``probability`` is the calibrated consensus of the leading label, ``agreement`` the number of votes equal to it. Flags
    ("code: sentence") are reasons to doubt the suggestion; notices are about operation only. ``judgement`` says how the
    suggestion came about; without one the consensus is the plain mean of the votes.
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
    judgement: Judgement | None = field(default=None, repr=False)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def consensus(self) -> tuple[float, ...]:
        """Calibrated probabilities in contract order; empty without votes."""
        if self.judgement is not None:
            return self.judgement.consensus
        return consensus({vote.network: vote.probabilities for vote in self.votes}) if self.votes else ()

    @property
    def leading(self) -> str | None:
        """Label of the largest consensus probability, whether or not it is suggested."""
        return LABELS[int(np.argmax(self.consensus))] if self.votes else None

    @property
    def label_set(self) -> tuple[str, ...]:
        """Labels that cannot be ruled out, the likeliest first; empty where there are no thresholds to tell by."""
        return self.judgement.label_set if self.judgement is not None else ()

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


def read(
    source: Source, *, name: str | None = None, engine: Engine | None = None, maps: bool = True, scale: float | None = None
) -> Reading:
    """Read one field.

    Args:
        source: a path, the bytes of a file, a part of one (`ball.files.fields_in`), or an RGB uint8 array (H, W, 3).
        name: what to call it; the path as given, else ``<bytes>`` or ``<array>``.
        engine: loaded networks; None for those of the weights folder.
        maps: whether to explain every vote as well.
        scale: height of the field in micrometres, where it is known: cells are measured in them, too.

    Returns:
        A reading. What cannot be decoded, or breaks the software, gives one with status ``error`` and a reason.

    Raises:
        TypeError: no path, bytes or array.
        ValueError: an array that is not RGB uint8, or a scale that is not above 0.
    """
    require_scale(scale)
    chosen = engine or load_engine()
    return _answered([_prepared(source, name, chosen)], chosen, maps, scale)[0]


def read_many(
    sources: Iterable[Source], *, names: Iterable[str | None] | None = None, engine: Engine | None = None, maps: bool = False,
    scale: float | None = None,
) -> Iterator[Reading]:
    """Read fields in the order given; equal to `read` on each.

    While the networks read some, a thread decodes and segments the next. The first is read by itself, so that it is
    there at once, the others in batches. No more than `AHEAD` sources are taken before their readings are asked for,
    fewer where pictures are large. Closing the iterator drops what was prepared.

    Args:
        sources: as for `read`.
        names: what to call each, as for `read`.
        engine: loaded networks; None for those of the weights folder.
        maps: whether to explain every vote as well.
        scale: of all of them, as for `read`.

    Raises:
        ValueError: a scale that is not above 0.
    """
    require_scale(scale)
    chosen = engine or load_engine()
    named = zip(sources, repeat(None) if names is None else names, strict=False)
    waiting: deque[Future[Prepared | Reading]] = deque()
    pool = ThreadPoolExecutor(1, "prepare")
    largest, size = 0, 1

    def take(held: int) -> int:
        """Prepare as many more as there is room for beside those held; return the room. Until one was seen, any may be the largest."""
        room = max(1, min(AHEAD, BUDGET // (largest or _LARGEST)))
        waiting.extend(pool.submit(_prepared, *each, chosen) for each in islice(named, max(0, room - held)))
        return room

    try:
        while True:
            room = take(len(waiting))
            if not waiting:
                return
            batch = [waiting.popleft().result() for _ in range(min(size, room, len(waiting)))]
            largest = max([largest, *(each.decoded.rgb.nbytes for each in batch if isinstance(each, Prepared))])
            # Once more, now that a size is known: others are prepared while the networks read the very first.
            take(len(batch) + len(waiting))
            yield from _answered(batch, chosen, maps, scale)
            batch.clear()
            size = BATCH
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Prepared:
    """A field ready for the networks: decoded and segmented."""

    name: str
    sha256: str
    decoded: Decoded
    segmentation: Segmentation
    seconds: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """What is found in a field without any network."""

    cells: tuple[Cell, ...]
    appearance: Appearance


def _prepared(source: Source, name: str | None, engine: Engine) -> Prepared | Reading:
    """Bring a source before the networks; the reading of an error where that fails."""
    seconds: dict[str, float] = {}
    kind = _kind(source)
    called = name if name is not None else source.name if isinstance(source, Part) else str(source) if kind == "path" else f"<{kind}>"
    sha256 = ""
    try:
        with _timed(seconds, "decode"):
            content = read_bytes(Path(source)) if isinstance(source, (str, Path)) else source
            content = content.content() if isinstance(content, Part) else content
            sha256 = hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
            decoded = decode(content) if isinstance(content, bytes) else Decoded(content, "array", content.shape[1::-1])
        if not engine.models:
            why = next(iter(engine.missing.values()))
            return _error(called, sha256, f"None of the five networks could be loaded. {why}", engine, seconds)
        with _timed(seconds, "segment"):
            segmentation = segment(decoded.rgb)
        return Prepared(called, sha256, decoded, segmentation, seconds)
    except ImageError as error:
        return _error(called, sha256, str(error), engine, seconds)
    except Exception as error:  # noqa: BLE001  whatever one file breaks, the others are still read
        return _broken(called, sha256, error, engine, seconds)


def _answered(batch: list[Prepared | Reading], engine: Engine, maps: bool, scale: float | None) -> list[Reading]:
    """Readings of fields that the networks read together; where that fails, of each by itself."""
    fields = [each for each in batch if isinstance(each, Prepared)]
    readings: Iterator[Reading] = iter(())
    if fields:
        began = time.perf_counter()
        try:
            masked = np.stack([each.segmentation.masked for each in fields])
            outputs, measured = engine.predict_beside(masked, lambda: [_measured(each, scale) for each in fields])
        except Exception as error:  # noqa: BLE001  as above
            if len(fields) > 1:
                return [reading for each in batch for reading in _answered([each], engine, maps, scale)]
            return [_broken(fields[0].name, fields[0].sha256, error, engine, fields[0].seconds)]
        share = round((time.perf_counter() - began) / len(fields), 6)
        readings = (
            _finished(each, measured[index], {key: output.one(index) for key, output in outputs.items()}, share, engine, maps)
            for index, each in enumerate(fields)
        )
    return [next(readings) if isinstance(each, Prepared) else each for each in batch]


def _measured(field: Prepared, scale: float | None) -> Measured:
    with _timed(field.seconds, "measure"):
        cells = find_cells(field.segmentation, field.decoded.rgb.shape[:2], scale=scale)
        return Measured(cells, described(field.decoded.rgb, field.segmentation))


def _finished(field: Prepared, measured: Measured, outputs: dict[str, Output], predict: float, engine: Engine, maps: bool) -> Reading:
    seconds = {**field.seconds, "predict": predict}
    try:
        found = {}
        if maps:
            with _timed(seconds, "explain"):
                found = {key: grad_cam(output) for key, output in outputs.items()}
        return _judged(field, measured, outputs, found, engine, seconds)
    except Exception as error:  # noqa: BLE001  as above
        return _broken(field.name, field.sha256, error, engine, seconds)


def _judged(
    field: Prepared, measured: Measured, outputs: dict[str, Output], maps: dict[str, NDArray[np.float32]], engine: Engine,
    seconds: dict[str, float],
) -> Reading:
    """What the votes come to: the place for every rule between the networks and the reader."""
    segmentation = field.segmentation
    votes = tuple(Vote(key, _softmax(output)) for key, output in outputs.items())
    with _timed(seconds, "judge"):
        said = {vote.network: vote.probabilities for vote in votes}
        judgement = judge(said, segmentation, engine.hashes, find_trust(engine.folder), measured.appearance)
    return Reading(
        file=field.name,
        sha256=field.sha256,
        status=judgement.status,
        reason=judgement.reason,
        suggestion=judgement.suggestion,
        probability=judgement.probability,
        agreement=sum(vote.label == judgement.leading for vote in votes),
        votes=votes,
        missing=tuple(engine.missing),
        flags=(*judgement.flags, *_missing(engine)),
        notices=(*field.decoded.notices, *engine.notices),
        seconds=seconds,
        engine=engine.name,
        weights=dict(engine.hashes),
        judgement=judgement,
        evidence=Evidence(field.decoded.rgb, segmentation, measured.cells, maps),
    )


def _missing(engine: Engine) -> tuple[str, ...]:
    if not engine.missing:
        return ()
    titles = ", ".join(NETWORKS[name].title for name in engine.missing)
    return (f"missing_networks: Without {titles} the consensus is not the validated one.",)


def _error(name: str, sha256: str, reason: str, engine: Engine, seconds: dict[str, float]) -> Reading:
    return Reading(
        name, sha256, "error", reason, missing=tuple(engine.missing), seconds=seconds, engine=engine.name, weights=dict(engine.hashes)
    )


def _broken(name: str, sha256: str, error: Exception, engine: Engine, seconds: dict[str, float]) -> Reading:
    log_failure(_LOG, "A field could not be read", error)
    return _error(name, sha256, f"The software failed on this file ({type(error).__name__}); its log says more.", engine, seconds)


def _softmax(output: Output) -> tuple[float, ...]:
    return tuple(torch.softmax(output.logits[0].double(), dim=0).tolist())


def _kind(source: Source) -> str:
    if isinstance(source, (str, Path)):
        return "path"
    if isinstance(source, (bytes, Part)):
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
