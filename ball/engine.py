"""The loaded networks: one pass a field gives each network's logits and last feature maps together."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ball.networks import NETWORKS, Classifier, normalised
from ball.weights import Store, WeightError

ENGINES = ("auto", "torch")
"""Engines that can be asked for; ``auto`` picks the best one present."""


class EngineError(ValueError):
    """An engine that does not exist, or no network could be loaded."""


@dataclass(frozen=True)
class Output:
    """What one network said of a batch: logits (N, classes) and last feature maps (N, channels, h, w), float32."""

    logits: Tensor
    maps: Tensor


class Engine:
    """The networks of one weights folder.

    Networks whose file is missing or damaged are left out and named in ``missing``. Predicting is safe from
    several threads: the networks are never changed.
    """

    def __init__(self, store: Store, name: str = "auto") -> None:
        if name not in ENGINES:
            raise EngineError(f"There is no engine named {name!r}. Choose one of: {', '.join(ENGINES)}.")
        cuda = torch.cuda.is_available()
        self.folder = store.folder
        self.name = "torch-cuda" if cuda else "torch"
        self.device = torch.device("cuda" if cuda else "cpu")
        if cuda:  # TF32 keeps ten bits: votes would differ from those of a CPU.
            torch.backends.cudnn.allow_tf32 = False
        models: dict[str, Classifier] = {}
        missing: dict[str, str] = {}
        for network in NETWORKS:
            try:
                models[network] = store.load(network).to(self.device)
            except WeightError as error:
                missing[network] = str(error)
        entries = store.manifest()["networks"] if models else {}
        self.models: Mapping[str, Classifier] = MappingProxyType(models)
        self.missing: Mapping[str, str] = MappingProxyType(missing)
        self.hashes: Mapping[str, str] = MappingProxyType({key: entries[key]["sha256"] for key in models})

    @torch.no_grad()
    def predict(self, masked: NDArray[np.uint8]) -> dict[str, Output]:
        """Run every network once.

        Args:
            masked: (N, 224, 224, 3) uint8 masked fields.

        Returns:
            Output by network name, on the CPU.
        """
        images = torch.from_numpy(masked).to(self.device)
        batches = {side: normalised(images, side) for side in {model.side for model in self.models.values()}}
        outputs = {}
        for name, model in self.models.items():
            maps = model.maps(batches[model.side])
            outputs[name] = Output(model.head(maps).float().cpu(), maps.float().cpu())
        return outputs


_lock = threading.Lock()
_engines: dict[tuple[str, str, str], Engine] = {}


def load_engine(store: Store | None = None, name: str = "auto") -> Engine:
    """Return the engine of a weights folder, loaded once a process and anew when the folder's files change."""
    chosen = store or Store()
    key = (str(chosen.folder.resolve()), "torch" if name == "auto" else name, _state(chosen))
    with _lock:
        if key not in _engines:
            for stale in [other for other in _engines if other[:2] == key[:2]]:
                del _engines[stale]
            _engines[key] = Engine(chosen, name)
        return _engines[key]


def _state(store: Store) -> str:
    """Changes when a weight file or the manifest is replaced."""
    names = ["manifest.json", *(network.file for network in NETWORKS.values())]
    found = [(store.folder / name) for name in names]
    stats = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in found if path.exists()]
    return hashlib.sha256(repr(stats).encode()).hexdigest()
