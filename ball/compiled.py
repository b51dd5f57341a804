"""Networks compiled for the processor by OpenVINO: graphs made from the weight files, kept in the cache folder.

Why OpenVINO and not ONNX Runtime: `python -m benchmarks.engines` times both on the five networks (engines.json). One field
takes them equally long in f32 within a few percent; OpenVINO alone computes in bf16, which takes little more than half the
time again on a processor that has it, and it takes torch's modules as they are. ONNX needs three more packages to export
them, and its exporter for traced modules refuses AlexNet's pooling below 224 pixels.

A kept graph is used only if the weights' SHA-256, the side read at, the versions of the libraries and `FORMAT` are
those it was made of, and its own files have the checksums noted beside them. Before a graph is kept, it must give
torch's answer to drawn pictures. The processor's precision is chosen when a graph is compiled, so f32 and bf16 share it.

Memory: a network is compiled once, since each compiled graph holds its weights anew. The one graph takes one field at a
time: on two cores eight at once gain nothing, except on AlexNet, whose dense layers take longer to fetch than to multiply.
Those stay in the 8 bits of the weight file, and its graph is open to any number of fields.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ball.logs import log_failure
from ball.networks import NETWORKS, Classifier
from ball.places import cache_folder, graphs_folder
from ball.weights import Store, eight_bits

if TYPE_CHECKING:
    import openvino

Precision = Literal["f32", "bf16"]

FORMAT: Final = 2
"""Counts up whenever graphs are made another way, so that none of the old ones is used."""

KEPT: Final = 4
"""Graphs kept of one network: as many weights folders can be read in turn without making them anew."""

TOLERANCE: Final = 1e-3
"""Largest difference from torch, as a share of the largest value, that a new graph may show."""

SURE: Final = 0.97
"""Leading probability from which on an answer in bf16 stands: on validation fields no label turns above it, and no
probability moves by more than 0.03 (`python -m benchmarks.rounding`)."""

_LOG: Final = logging.getLogger(__name__)
_OUTPUTS: Final = 3


class CompileError(RuntimeError):
    """A network could not be compiled, or answers otherwise than torch."""


_FIRST = threading.Lock()


def openvino_package() -> Any:
    """OpenVINO, or None where it is not installed or does not load.

    Its converter reports each use to the maker if it finds the package openvino_telemetry. It finds none: a name that
    stands for None in ``sys.modules`` counts as not installed, and the converter then takes its own empty stand-in.
    """
    with _FIRST:
        if "openvino" not in sys.modules:
            sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        try:
            import openvino
        except ImportError:
            return None
        # Its binding looks numpy up at the first array it makes and lets go of Python's lock meanwhile. Two threads that make
        # the first array at once stand still for good: one waits for the look-up, and holds the lock that the look-up waits for.
        _ = openvino.Tensor(openvino.Type.f32, openvino.Shape([1])).data
        return openvino


def has_bf16() -> bool:
    """Whether this processor computes in bf16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class Graph:
    """One network, compiled: (N, 3, side, side) float32 in; logits, last feature maps and Grad-CAM's weights out.

    Calls from several threads wait for each other.
    """

    def __init__(self, model: openvino.Model, side: int, precision: Precision, threads: int, together: bool = False) -> None:
        """Compile the network.

        Args:
            model: for any number of fields; its shape is fixed here.
            side: height and width that the network reads at.
            precision: computed in.
            threads: cores that it may take.
            together: whether all fields of a call go through at once. A graph of fixed shape, one field after the other,
                takes a fifth less time where weights are small.

        Raises:
            CompileError: OpenVINO cannot compile it.
        """
        self._together = together
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            # Two networks run side by side, each on its share of the cores; pinned, both would sit on the same ones.
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
            # Weights of 8 bits are no reason to round what they are multiplied with.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        }
        self._lock = threading.Lock()
        try:
            model.reshape([-1 if together else 1, 3, side, side])
            self._request = _core().compile_model(model, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise CompileError(str(error)) from error

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network.

        Raises:
            CompileError: the graph cannot be run.
        """
        images = batch.numpy()
        parts = [images] if self._together else [images[index : index + 1] for index in range(len(images))]
        try:
            with self._lock:
                found = [self._run(part) for part in parts]
        except RuntimeError as error:
            raise CompileError(str(error)) from error
        joined = (np.concatenate(output) if len(found) > 1 else output[0] for output in zip(*found, strict=True))
        logits, maps, importance = (torch.from_numpy(output) for output in joined)
        return logits, maps, importance

    def _run(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self._request.infer({0: images})
        return [self._request.get_output_tensor(index).data.astype(np.float32, copy=True) for index in range(_OUTPUTS)]


class Rechecked:
    """A graph in bf16, and the same in f32, which reads again what the first is not sure of.

    bf16 keeps 8 bits of a number. Where a network is sure that changes nothing; where two labels are close it moves the
    probability most, and may turn the vote.
    """

    def __init__(self, rounded: Graph, exact: Graph, sure: float = SURE) -> None:
        """Join two graphs of one network; ``sure`` is the leading probability from which on the first has the word."""
        self._rounded, self._exact, self._sure = rounded, exact, sure

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network, as `Graph` does."""
        found = self._rounded(batch)
        unsure = found[0].softmax(dim=1).amax(dim=1) < self._sure
        if unsure.any():
            for rounded, exact in zip(found, self._exact(batch[unsure]), strict=True):
                rounded[unsure] = exact
        return found


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
    folder = graphs_folder() / f"{name}-{_key(sha256, side)}"
    together = bool(NETWORKS[name].quantised)
    if _whole(folder):
        try:
            return Graph(_kept(folder), side, precision, threads, together), None
        except CompileError as error:
            log_failure(_LOG, "A kept graph cannot be used and is made anew", error)
    model = _checked(store.load(name), threads, together)
    notice = _keep(model, folder)
    return Graph(model if notice else _kept(folder), side, precision, threads, together), notice


def _checked(classifier: Classifier, threads: int, together: bool) -> Any:
    """The classifier as a model that was held against torch."""
    model = convert(classifier)
    _require_same(classifier, Graph(model.clone(), classifier.side, "f32", threads, together))
    return model


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
        model = package.convert_model(traced, example_input=example, input=[-1, 3, side, side])
        for key in classifier.network.quantised:
            _hold_in_eight_bits(model, classifier.net.get_parameter(key).detach())
        return model
    except Exception as error:  # Converters raise nearly anything.
        raise CompileError(f"{classifier.network.title} could not be compiled ({type(error).__name__}).") from error


def _hold_in_eight_bits(model: Any, matrix: Tensor) -> None:
    """Put a matrix of a model into the 8 bits and one scale a row that the weight file holds it in.

    The processor multiplies with the 8 bits as they are: a quarter of the memory, and of the time to fetch them. A
    matrix that 8 bits do not give back (no weight file holds such a one) stays as it is.
    """
    opset = openvino_package().opset13
    rows, scale = (part.numpy() for part in eight_bits(matrix))
    weights = matrix.numpy()
    if not np.allclose(rows * scale, weights, rtol=1e-6, atol=0):
        return
    for node in model.get_ops():
        if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
            continue
        held = node.input_value(1).get_node()
        if held.get_type_name() != "Constant" or sorted(held.shape) != sorted(weights.shape):
            continue
        if np.array_equal(held.data, weights):
            exact = opset.multiply(opset.convert(opset.constant(rows), "f32"), opset.constant(scale))
        elif np.array_equal(held.data, weights.T):
            # A scale for each number that comes in is computed wrongly for a single field (OpenVINO 2026.4), so what
            # comes in is scaled. Without any scale behind it the matrix would be unfolded into 32 bits: hence the ones.
            scaled = opset.multiply(node.input_value(0), opset.constant(scale.T.copy()))
            node.input(0).replace_source_output(scaled.output(0))
            ones = opset.constant(np.ones((len(rows.T), 1), np.float32))
            exact = opset.multiply(opset.convert(opset.constant(rows.T.copy()), "f32"), ones)
        else:
            continue
        node.input(1).replace_source_output(exact.output(0))


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
    """Hold a new graph against torch on drawn pictures, one alone and two together: for other counts other code runs.

    Raises:
        CompileError: an output differs by more than `TOLERANCE`.
    """
    side = classifier.side
    pictures = torch.linspace(-2, 2, 6 * side**2).sin().reshape(2, 3, side, side)
    for batch in (pictures[:1], pictures):
        maps = classifier.maps(batch)
        logits, importance = classifier.explained(maps)
        for got, expected in zip(graph(batch), (logits, maps, importance), strict=True):
            if not float((got - expected).abs().max()) <= TOLERANCE * float(expected.abs().max().clamp(min=1e-6)):
                raise CompileError(f"{classifier.network.title} answers otherwise when compiled.")
