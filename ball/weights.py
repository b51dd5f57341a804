"""Weight files: safetensors, checked by SHA-256 against the manifest, restored to float32.

Matrices are stored in half precision, vectors (biases, batch-norm statistics) in full, and the large dense
layers that a network names as ``quantised`` in 8 bits with one scale a row.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ball.labels import LABELS
from ball.networks import MEAN, NETWORKS, STD, Classifier
from ball.places import restore_sentence, train_command
from ball.places import weights_folder as weights_folder
from ball.segmentation import CLUSTERS, MIN_OBJECT, SIZE

PREPROCESSING: Final[dict[str, Any]] = {
    "size": SIZE, "clusters": CLUSTERS, "min_object": MIN_OBJECT, "mean": list(MEAN), "std": list(STD),
}
"""How fields are brought before the networks; weights trained on other fields are not these networks' weights."""

_SCALE: Final = ".row_scale"


class WeightError(RuntimeError):
    """A weight file is missing, damaged or not the one that the manifest names. The text says what to do."""


@dataclass(frozen=True)
class Store:
    """A folder of weight files with its manifest."""

    folder: Path = field(default_factory=weights_folder)

    def manifest(self) -> dict[str, Any]:
        """The manifest as it stands.

        Raises:
            WeightError: it is missing or unreadable, or made for other classes or another preprocessing.
        """
        path = self.folder / "manifest.json"
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            document["networks"].items()
            if document.get("classes", list(LABELS)) != list(LABELS):
                raise ValueError(f"its classes are {document['classes']}, expected {list(LABELS)}")
            if document.get("preprocessing", PREPROCESSING) != PREPROCESSING:
                raise ValueError(f"its preprocessing is {document['preprocessing']}, expected {PREPROCESSING}")
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            what = error.strerror if isinstance(error, OSError) else error
            raise WeightError(f"{path.name} is missing or unreadable ({what}). {restore_sentence()}.") from error
        return document

    def load(self, name: str) -> Classifier:
        """Build a network with its weights, in evaluation mode.

        Raises:
            WeightError: no entry, no file, another SHA-256, or tensors that do not fit or hold no finite numbers.
            KeyError: unknown network.
        """
        network = NETWORKS[name]
        try:
            state = restore(load(self.checked_bytes(name)))
            model = Classifier(network, side=self.side(name))
            model.net.load_state_dict(state, strict=True)
        except WeightError:
            raise
        except (SafetensorError, RuntimeError, KeyError) as error:
            raise WeightError(f"{network.file} does not fit {network.title}. {_how(name)} ({error})") from error
        if not all(bool(torch.isfinite(value).all()) for value in state.values()):
            raise WeightError(f"{network.file} holds weights that are no finite numbers. {_how(name)}")
        return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def side(self, name: str) -> int:
        """Height and width in pixels that the weights of a network read at; that of the masked image where not said.

        Raises:
            WeightError: the manifest is unreadable, or gives no whole number from 64 to 1024.
        """
        side = self.manifest()["networks"].get(name, {}).get("side", SIZE)
        if not isinstance(side, int) or not 64 <= side <= 1024:
            raise WeightError(f"The manifest gives {side!r} for the side that {NETWORKS[name].title} reads at. {_how(name)}")
        return side

    def checked_bytes(self, name: str) -> bytes:
        """Content of a weight file whose SHA-256 is the manifest's.

        Raises:
            WeightError: no entry, no file, or another SHA-256.
        """
        network = NETWORKS[name]
        entry = self.manifest()["networks"].get(name)
        if not isinstance(entry, dict) or "sha256" not in entry:
            raise WeightError(f"The manifest has no entry with a SHA-256 for {network.title}. {_how(name)}")
        try:
            data = (self.folder / network.file).read_bytes()
        except OSError as error:
            raise WeightError(f"{network.file} is missing or cannot be read. {_how(name)}") from error
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise WeightError(f"{network.file} is not the file that the manifest names: its SHA-256 differs. {_how(name)}")
        return data

    def save(self, name: str, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write a weight file and its manifest entry, each beside and then renamed.

        Args:
            name: network.
            state: torchvision state, float32.
            facts: what else the manifest should say (``side`` read at, command, data fingerprint, recipe).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        data = save(compress(state, NETWORKS[name].quantised))
        _replace(self.folder / NETWORKS[name].file, data)
        path = self.folder / "manifest.json"
        try:
            document = self.manifest()
        except WeightError:  # Nothing loads by such a manifest, so nothing of it is worth keeping.
            document = {"networks": {}}
        entry = {"file": NETWORKS[name].file, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **facts}
        entries = {**document["networks"], name: entry}
        document = {
            "classes": list(LABELS),
            "preprocessing": PREPROCESSING,
            "networks": {key: entries[key] for key in NETWORKS if key in entries},
        }
        _replace(path, (json.dumps(document, indent=1) + "\n").encode())


def compress(state: dict[str, Tensor], quantised: tuple[str, ...]) -> dict[str, Tensor]:
    """Store form of a float32 state."""
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if key in quantised:
            stored[key], stored[key + _SCALE] = eight_bits(value)
        else:
            stored[key] = value.half() if value.is_floating_point() and value.ndim > 1 else value
    return {key: value.contiguous() for key, value in stored.items()}


def eight_bits(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix (rows, columns) as int8 of the same shape, and the scale (rows, 1) float32 that gives it back."""
    scale = matrix.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
    return torch.round(matrix / scale).to(torch.int8), scale


def restore(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """float32 state from its store form."""
    state: dict[str, Tensor] = {}
    for key, value in stored.items():
        if key.endswith(_SCALE):
            continue
        scale = stored.get(key + _SCALE)
        state[key] = value.float() * scale if scale is not None else value.float() if value.is_floating_point() else value
    return state


def _how(name: str) -> str:
    return f"{restore_sentence()}, or train it: `{train_command(name)}`."


def _replace(path: Path, data: bytes) -> None:
    """Write beside and rename, so that no reader sees half a file; nothing is left beside where writing fails."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
