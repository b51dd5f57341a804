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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ball.logs import log_failure
from ball.networks import NETWORKS, Classifier
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

    def __init__(self, read: Callable[[], openvino.Model], side: int, precision: Precision, threads: int, large: bool = False) -> None:
        """Compile the network for one field; for more it is compiled when they first come.

        Args:
            read: gives the model each time it is compiled; held no longer, so that its weights are in memory once.
            side: height and width that the network reads at.
            precision: computed in.
            threads: cores that it may take.
            large: whether its weights are too large to be held once for each count of fields: then one graph of open
                shape serves all counts, a little more slowly.

        Raises:
            CompileError: OpenVINO cannot compile it.
        """
        self._read, self._side, self._large = read, side, large
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            # Two networks run side by side, each on its share of the cores; pinned, both would sit on the same ones.
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._requests: dict[int, openvino.InferRequest] = {}
        self._lock = threading.Lock()
        try:
            self._request(1)
        except RuntimeError as error:
            raise CompileError(str(error)) from error

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network.

        Raises:
            CompileError: the graph cannot be compiled or run.
        """
        images = np.ascontiguousarray(batch.numpy())
        try:
            with self._lock:
                parts = [self._run(part) for part in ([images] if self._large else _parts(images))]
        except RuntimeError as error:
            raise CompileError(str(error)) from error
        joined = (np.concatenate(output) if len(parts) > 1 else output[0] for output in zip(*parts, strict=True))
        logits, maps, importance = (torch.from_numpy(output) for output in joined)
        return logits, maps, importance

    def _run(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        request = self._request(len(images))
        request.infer({0: images}, share_inputs=True)
        return [request.get_output_tensor(index).data.astype(np.float32, copy=True) for index in range(_OUTPUTS)]

    def _request(self, count: int) -> Any:
        """The compiled graph for so many fields: fixed shapes run a fifth faster on one field than open ones."""
        key = 0 if self._large else count
        if key not in self._requests:
            model = self._read()
            if not self._large:
                model.reshape([count, 3, self._side, self._side])
            self._requests[key] = _core().compile_model(model, "CPU", self._settings).create_infer_request()
        return self._requests[key]


def load_graph(store: Store, name: str, precision: Precision, threads: int) -> tuple[Graph, str | None]:
    """A network's graph from the cache, or made anew and kept there.

    Returns:
        The graph, and a notice where it could not be kept.

    Raises:
        WeightError: the weight file cannot be used.
        CompileError: the network cannot be converted, or answers otherwise than torch.
    """
    sha256 = hashlib.sha256(store.checked_bytes(name)).hexdigest()
    side = store.side(name)
    folder = cache_folder() / "graphs" / f"{name}-{_key(sha256, side)}"
    large = bool(NETWORKS[name].quantised)
    if _whole(folder):
        try:
            return Graph(partial(_kept, folder), side, precision, threads, large), None
        except CompileError as error:
            log_failure(_LOG, "A kept graph cannot be used and is made anew", error)
    classifier = store.load(name)
    model = convert(classifier)
    _require_same(classifier, Graph(model.clone, side, "f32", threads, large=True))
    notice = _keep(model, folder)
    return Graph(partial(_kept, folder) if notice is None else model.clone, side, precision, threads, large), notice


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


def _whole(folder: Path) -> bool:
    """Whether a folder holds a graph, and just as it was written."""
    try:
        sums = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
        whole = bool(sums == _sums(folder))
        folder.touch()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        log_failure(_LOG, "A kept graph cannot be read and is made anew", error)
        return False
    return whole


def _kept(folder: Path) -> Any:
    return _core().read_model(folder / "graph.xml")


def _sums(folder: Path) -> dict[str, str]:
    sums = {}
    for name in ("graph.xml", "graph.bin"):
        with (folder / name).open("rb") as file:
            sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _keep(model: Any, folder: Path) -> str | None:
    """Write a model beside, then rename it into place; a notice where that fails."""
    beside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.part")
    try:
        beside.mkdir(parents=True)
        openvino_package().save_model(model, beside / "graph.xml", compress_to_fp16=False)
        (beside / "sums.json").write_text(json.dumps(_sums(beside)), encoding="utf-8")
        # OpenVINO does not tell of a disk that fills up: what was written must be readable.
        _kept(beside)
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
