"""Networks compiled for the processor by OpenVINO: graphs made from the weight files, kept in the cache folder.

Why OpenVINO and not ONNX Runtime: `python -m benchmarks.engines` times both on the five networks (figures in
weights/benchmark/engines.json). In f32 they are equal within a few percent; OpenVINO alone computes in bf16, which
takes little more than half the time again, and it takes torch's modules as they are. ONNX needs three more packages to
export them, and its exporter for traced modules refuses AlexNet's pooling below 224 pixels.

A kept graph is used only if the weights' SHA-256, the side read at, the versions of the libraries and `FORMAT` are
those it was made of, and its own files have the checksums noted beside them. Before a graph is kept, it must give
torch's answer to a drawn picture. The processor's precision is chosen when a graph is compiled, so f32 and bf16 share it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ball.networks import Classifier
from ball.places import cache_folder
from ball.weights import Store

if TYPE_CHECKING:
    import openvino

Precision = Literal["f32", "bf16"]

FORMAT: Final = 1
"""Counts up whenever graphs are made another way, so that none of the old ones is used."""

BATCH: Final = 8
"""Fields that a graph takes at once where there are as many; the rest go one by one. The answers are the same, bit by bit."""

KEPT: Final = 4
"""Graphs kept of one network: as many weights folders can be read in turn without making them anew."""

TOLERANCE: Final = 1e-3
"""Largest difference from torch, as a share of the largest value, that a new graph may show."""

_LOG: Final = logging.getLogger(__name__)
_OUTPUTS: Final = 3


class CompileError(RuntimeError):
    """A network could not be compiled, or answers otherwise than torch."""


def openvino_package() -> Any:
    """OpenVINO, or None where it is not installed or does not load.

    Its converter reports each use to the maker if it finds the package openvino_telemetry. It finds none: a name that
    stands for None in ``sys.modules`` counts as not installed, and the converter then takes its own empty stand-in.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    except ImportError:
        return None
    return openvino


def has_bf16() -> bool:
    """Whether this processor computes in bf16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class Graph:
    """One network, compiled: (N, 3, side, side) float32 in; logits, last feature maps and Grad-CAM's weights out.

    Calls from several threads wait for each other.
    """

    def __init__(self, model: openvino.Model, precision: Precision, threads: int) -> None:
        self._model = model
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            # Two networks run side by side, each on its share of the cores; pinned, both would sit on the same ones.
            "ENABLE_CPU_PINNING": False,
            # Weights kept in 8 bits must not bring 8-bit inputs with them: these would change the answers.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._requests: dict[int, openvino.InferRequest] = {}
        self._lock = threading.Lock()

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network.

        Raises:
            CompileError: the graph cannot be compiled or run.
        """
        images = np.ascontiguousarray(batch.numpy())
        try:
            with self._lock:
                parts = [self._run(part) for part in _parts(images)]
        except RuntimeError as error:
            raise CompileError(str(error)) from error
        joined = (np.concatenate(output) if len(parts) > 1 else output[0] for output in zip(*parts, strict=True))
        logits, maps, importance = (torch.from_numpy(output) for output in joined)
        return logits, maps, importance

    def _run(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        request = self._request(images)
        request.infer({0: images}, share_inputs=True)
        return [request.get_output_tensor(index).data.astype(np.float32, copy=True) for index in range(_OUTPUTS)]

    def _request(self, images: NDArray[np.float32]) -> Any:
        """The compiled graph for so many fields: fixed shapes run a fifth faster on one field than open ones."""
        count = len(images)
        if count not in self._requests:
            shaped = self._model.clone()
            shaped.reshape(list(images.shape))
            self._requests[count] = _core().compile_model(shaped, "CPU", self._settings).create_infer_request()
        return self._requests[count]


def load_graph(store: Store, name: str, precision: Precision, threads: int) -> tuple[Graph, str | None]:
    """A network's graph from the cache, or made anew and kept there.

    Returns:
        The graph, and a notice where it could not be kept.

    Raises:
        WeightError: the weight file cannot be used.
        CompileError: the network cannot be converted, or answers otherwise than torch.
    """
    sha256 = hashlib.sha256(store.checked_bytes(name)).hexdigest()
    folder = cache_folder() / "graphs" / f"{name}-{_key(sha256, store.side(name))}"
    found = _kept(folder)
    if found is not None:
        return Graph(found, precision, threads), None
    classifier = store.load(name)
    model = convert(classifier)
    _require_same(classifier, Graph(model, "f32", threads))
    notice = _keep(model, folder)
    # Read back, weights are mapped from the file and need not be held twice.
    return Graph(_kept(folder) or model, precision, threads), notice


def convert(classifier: Classifier) -> Any:
    """The classifier as an OpenVINO model with three outputs, for any number of fields.

    Raises:
        CompileError: OpenVINO cannot take it.
    """
    side = classifier.side
    example = torch.zeros(1, 3, side, side)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # torch means to give up tracing one day; OpenVINO takes nothing else without further packages.
            warnings.simplefilter("ignore", FutureWarning)
            traced = torch.jit.trace(_Explained(classifier).eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        package = openvino_package()
        return package.convert_model(traced, example_input=example, input=[-1, 3, side, side])
    except Exception as error:  # Converters raise nearly anything.
        raise CompileError(f"{classifier.network.title} could not be compiled ({type(error).__name__}).") from error


class _Explained(nn.Module):
    """What a graph computes."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.classifier.maps(batch)
        logits, importance = self.classifier.explained(maps)
        return logits, maps, importance


def _core() -> Any:
    global _the_core
    if _the_core is None:
        _the_core = openvino_package().Core()
    return _the_core


_the_core: Any = None


def _parts(images: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    whole = len(images) // BATCH * BATCH
    for start in range(0, whole, BATCH):
        yield images[start : start + BATCH]
    for start in range(whole, len(images)):
        yield images[start : start + 1]


def _key(sha256: str, side: int) -> str:
    facts = (sha256, side, FORMAT, openvino_package().__version__, torch.__version__)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _kept(folder: Path) -> Any:
    """The model kept in a folder; None where there is none, or its files are not those that were written."""
    try:
        sums = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
        if sums != _sums(folder):
            raise ValueError("checksums differ")
        model = _core().read_model(folder / "graph.xml")
        folder.touch()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RuntimeError) as error:
        _LOG.warning("A kept graph is damaged and is made anew: %s", error)
        return None
    return model


def _sums(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("graph.xml", "graph.bin")}


def _keep(model: Any, folder: Path) -> str | None:
    """Write a model beside, then rename it into place; a notice where that fails."""
    beside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.part")
    try:
        beside.mkdir(parents=True)
        openvino_package().save_model(model, beside / "graph.xml", compress_to_fp16=False)
        (beside / "sums.json").write_text(json.dumps(_sums(beside)), encoding="utf-8")
        # OpenVINO does not tell of a disk that fills up: what was written must be readable.
        _core().read_model(beside / "graph.xml")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        _drop_old(folder)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        _LOG.warning("A compiled network could not be kept: %s", error)
        return (
            f"The compiled networks could not be kept in {cache_folder()}, so each start takes longer. "
            "Free space there, or name another folder in $BALL_CACHE."
        )
    return None


def _drop_old(folder: Path) -> None:
    """Keep the graphs of this network that were used last."""
    network = folder.name.partition("-")[0]
    own = [path for path in folder.parent.glob(f"{network}-*") if path.suffix != ".part"]
    for path in sorted(own, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


@torch.no_grad()
def _require_same(classifier: Classifier, graph: Graph) -> None:
    """Hold a new graph against torch on a drawn picture.

    Raises:
        CompileError: an output differs by more than `TOLERANCE`.
    """
    picture = torch.linspace(-2, 2, 3 * classifier.side**2).sin().reshape(1, 3, classifier.side, classifier.side)
    maps = classifier.maps(picture)
    logits, importance = classifier.explained(maps)
    for got, expected in zip(graph(picture), (logits, maps, importance), strict=True):
        if not float((got - expected).abs().max()) <= TOLERANCE * float(expected.abs().max().clamp(min=1e-6)):
            raise CompileError(f"{classifier.network.title} answers otherwise when compiled.")
