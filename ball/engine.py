"""The loaded networks: one pass a field gives each network's logits, last feature maps and Grad-CAM weights together.

torch runs them on an NVIDIA card, or on the processor; OpenVINO (ball/compiled.py) runs them on the processor in about
half the time, or mostly in bf16 in a third. ``auto`` takes the card, else OpenVINO in f32, else torch.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ball.compiled import SURE, CompileError, Graph, Precision, Rechecked, has_bf16, load_graph, openvino_package
from ball.logs import log_failure
from ball.names import ENGINES as ENGINES
from ball.networks import NETWORKS, Classifier, sized, standardised
from ball.weights import Store, WeightError

Kind = Literal["torch", "torch-cuda", "openvino-f32", "openvino-bf16"]

LOADED: Final = 4
"""Engines kept loaded at most, the ones used last."""

_LOG: Final = logging.getLogger(__name__)
_NOT_INSTALLED = "The compiled engine is not installed (pip install openvino), so torch was used: the same numbers, more slowly."
_NO_BF16 = "This processor does not compute in bf16, so the exact engine was used in place of the fast one."


class EngineError(ValueError):
    """An engine that does not exist, or no network could be loaded."""


@dataclass(frozen=True)
class Output:
    """What one network said of a batch, float32.

    Attributes:
        logits: (N, classes).
        maps: last feature maps, (N, channels, h, w).
        importance: Grad-CAM's weights, (N, classes, channels): the mean over a map of d logit / d map.
    """

    logits: Tensor
    maps: Tensor
    importance: Tensor

    def one(self, field: int) -> Output:
        """What it said of one field, as a batch of one."""
        return Output(*(value[field : field + 1] for value in (self.logits, self.maps, self.importance)))


Run = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]

T = TypeVar("T")

_BESIDE: Final = "beside the networks"

_NEW: Final = 0.2
"""How much the last time counts in what work usually takes: one slow turn must not change the order."""

_threads = threading.Lock()
"""Held while torch may call in another number of threads than usual: the number set last is that of every thread new to torch."""


@contextmanager
def _in_this_thread(usual: int) -> Iterator[None]:
    """Keep torch from calling in threads of its own: they spin for a while after their work, on cores that the networks need by then.

    Args:
        usual: how many it may call in afterwards. Not asked for here: a thread new to torch might have been told 1 by another.
    """
    with _threads:
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(usual)


@dataclass(frozen=True)
class _Network:
    """A network ready to run, and the side it reads at."""

    run: Run
    side: int

    def __call__(self, batch: Tensor) -> Output:
        return Output(*self.run(batch))


@dataclass(frozen=True)
class _Work:
    """Something to be called; ``kind`` is what takes as long for as many ``fields``."""

    kind: str
    fields: int
    call: Callable[[], Any]


class _Workers:
    """Two threads, each on half of the cores, that share out work so that both end at about the same time.

    What usually takes longest is begun first, which takes at most a sixth longer than the best order (Graham 1969,
    doi:10.1137/0117039). Two networks at a time, since their small last layers leave more cores idle.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, "network")
        self._usual: dict[str, float] = {}

    def do(self, work: Sequence[_Work]) -> list[Any]:
        """Do all of it; what each piece came to is given back in the order of the work.

        Where a piece fails, its error is raised once the others have ended: none goes on to write into a reading that was given up.
        """
        order = sorted(range(len(work)), key=lambda place: -work[place].fields * self._usual.get(work[place].kind, 0.0))
        running = {place: self._pool.submit(self._timed, work[place]) for place in order}
        wait(running.values())
        return [running[place].result() for place in range(len(work))]

    def _timed(self, work: _Work) -> Any:
        began = time.perf_counter()
        result = work.call()
        spent = (time.perf_counter() - began) / work.fields
        usual = self._usual.get(work.kind, spent)
        self._usual[work.kind] = usual + _NEW * (spent - usual)
        return result


class Engine:
    """The networks of one weights folder.

    Networks whose file is missing or damaged are left out and named in ``missing``; ``notices`` tell what was done in
    place of what was asked for. Predicting is safe from several threads: the networks are never changed.
    """

    def __init__(self, store: Store, name: str = "auto", sure: float = SURE) -> None:
        """Load the networks.

        Args:
            store: the weights folder.
            name: one of `ENGINES`.
            sure: for the fast engine, see `ball.compiled.Rechecked`; 0 rounds whatever the answer.
        """
        self.name, self.notices = choose(name)
        with _threads:
            self._threads = torch.get_num_threads()
        self.folder: Path = store.folder
        self._sure = sure
        self.device = torch.device("cuda" if self.name == "torch-cuda" else "cpu")
        if self.name == "torch-cuda":  # TF32 keeps ten bits: votes would differ from those of a CPU.
            torch.backends.cudnn.allow_tf32 = False
        self._workers = _Workers() if self.name.startswith("openvino") else None
        networks: dict[str, _Network] = {}
        missing: dict[str, str] = {}
        self._in_torch: dict[str, Classifier] = {}
        # The largest first: what it takes to compile it comes and goes before the others are held.
        for network in sorted(NETWORKS, key=partial(_bytes, store), reverse=True):
            try:
                networks[network] = self._load(store, network)
            except WeightError as error:
                missing[network] = str(error)
        networks = {name: networks[name] for name in NETWORKS if name in networks}
        missing = {name: missing[name] for name in NETWORKS if name in missing}
        entries = store.manifest()["networks"] if networks else {}
        self._networks = networks
        self.models: Mapping[str, Classifier] = _Models(store, tuple(networks), self._in_torch)
        self.missing: Mapping[str, str] = MappingProxyType(missing)
        self.hashes: Mapping[str, str] = MappingProxyType({key: entries[key]["sha256"] for key in networks})

    def _load(self, store: Store, network: str) -> _Network:
        if self.name.startswith("openvino"):
            try:
                return _Network(self._compiled(store, network), store.side(network))
            except CompileError as error:
                log_failure(_LOG, "A network could not be compiled", error)
                self._notice(f"{NETWORKS[network].title} runs in torch: it could not be compiled here.")
        model = self._in_torch[network] = store.load(network).to(self.device)
        return _Network(_in_torch(model), model.side)

    def _compiled(self, store: Store, network: str) -> Run:
        rounded = self.name == "openvino-bf16" and NETWORKS[network].rounds
        found: dict[Precision, Graph] = {}
        precisions: tuple[Precision, ...] = ("bf16", "f32") if rounded and self._sure else ("bf16",) if rounded else ("f32",)
        for precision in precisions:
            found[precision], notice = load_graph(store, network, precision, max(1, self._threads // 2))
            self._notice(notice)
        return Rechecked(found["bf16"], found["f32"], self._sure) if len(found) > 1 else found[precisions[0]]

    def _notice(self, text: str | None) -> None:
        if text and text not in self.notices:
            self.notices = (*self.notices, text)

    def predict(self, masked: NDArray[np.uint8]) -> dict[str, Output]:
        """Run every network once. What is said of a field does not depend on those read with it.

        Args:
            masked: (N, 224, 224, 3) uint8 masked fields.

        Returns:
            Output by network name, on the CPU.
        """
        return self.run(self.batches(masked))

    def predict_beside(self, masked: NDArray[np.uint8], beside: Callable[[], T]) -> tuple[dict[str, Output], T]:
        """Run every network once, and do what else there is to do for these fields.

        Where the networks run in threads of their own it takes its turn among them: as a third thread it would take the cores
        from them while they run.

        Args:
            masked: as for `predict`.
            beside: what else there is to do.

        Returns:
            What `predict` does, and what ``beside`` came to.
        """
        *outputs, other = self._done([*self._calls(self.batches(masked)), _Work(_BESIDE, len(masked), beside)])
        return dict(zip(self._networks, outputs, strict=True)), other

    @torch.no_grad()
    def batches(self, masked: NDArray[np.uint8]) -> dict[int, Tensor]:
        """The fields as the networks take them, (N, 3, side, side), by the side read at."""
        with _in_this_thread(self._threads) if self._workers else nullcontext():
            fields = standardised(torch.from_numpy(masked).to(self.device))
            return {side: sized(fields, side) for side in {network.side for network in self._networks.values()}}

    def run(self, batches: Mapping[int, Tensor]) -> dict[str, Output]:
        """Run every network once on batches that `batches` made."""
        return dict(zip(self._networks, self._done(self._calls(batches)), strict=True))

    def _calls(self, batches: Mapping[int, Tensor]) -> list[_Work]:
        networks = self._networks.items()
        return [_Work(name, len(batches[network.side]), partial(network, batches[network.side])) for name, network in networks]

    def _done(self, work: Sequence[_Work]) -> list[Any]:
        """What each piece of work came to, in the order of the work."""
        return [each.call() for each in work] if self._workers is None else self._workers.do(work)


class _Models(Mapping[str, Classifier]):
    """The networks as torch modules, each loaded when it is first asked for: reading needs none where graphs run."""

    def __init__(self, store: Store, names: tuple[str, ...], loaded: dict[str, Classifier]) -> None:
        self._store, self._names, self._loaded = store, names, loaded
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Classifier:
        if name not in self._names:
            raise KeyError(name)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._store.load(name)
            return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def choose(name: str) -> tuple[Kind, tuple[str, ...]]:
    """The engine that an asked-for name stands for on this machine, and notices where it is not quite that one.

    Raises:
        EngineError: unknown name.
    """
    if name not in ENGINES:
        raise EngineError(f"There is no engine named {name!r}. Choose one of: {', '.join(ENGINES)}.")
    if name == "torch" or (name == "auto" and torch.cuda.is_available()):
        return "torch-cuda" if torch.cuda.is_available() else "torch", ()
    if openvino_package() is None:
        return "torch", () if name == "auto" else (_NOT_INSTALLED,)
    if name == "fast":
        return ("openvino-bf16", ()) if has_bf16() else ("openvino-f32", (_NO_BF16,))
    return "openvino-f32", ()


def _bytes(store: Store, network: str) -> int:
    path = store.folder / NETWORKS[network].file
    return path.stat().st_size if path.exists() else 0


def _in_torch(model: Classifier) -> Run:
    @torch.no_grad()
    def run(batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = model.maps(batch)
        logits, importance = model.explained(maps)
        return logits.float().cpu(), maps.float().cpu(), importance.float().cpu()

    return run


_lock = threading.Lock()
_engines: dict[tuple[str, Kind, tuple[str, ...], str], Engine] = {}


def load_engine(store: Store | None = None, name: str = "auto") -> Engine:
    """Return the engine of a weights folder, loaded once a process and anew when the folder's files change.

    Raises:
        EngineError: unknown name.
    """
    chosen = store or Store()
    key = (str(chosen.folder.resolve()), *choose(name), _state(chosen))
    with _lock:
        engine = _engines.pop(key, None)
        for stale in [other for other in _engines if other[:3] == key[:3]]:
            del _engines[stale]
        _engines[key] = engine or Engine(chosen, name)
        while len(_engines) > LOADED:
            del _engines[next(iter(_engines))]
        return _engines[key]


def _state(store: Store) -> str:
    """Changes when a weight file or the manifest is replaced."""
    names = ["manifest.json", *(network.file for network in NETWORKS.values())]
    found = [(store.folder / name) for name in names]
    stats = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in found if path.exists()]
    return hashlib.sha256(repr(stats).encode()).hexdigest()
