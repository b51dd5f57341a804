"""Which compiled engine? OpenVINO and ONNX Runtime on the five networks, and torch, network by network in turn.

    pip install onnxruntime onnx onnxscript
    OMP_WAIT_POLICY=passive python -m benchmarks.engines --json weights/benchmark/engines.json

ONNX Runtime is no requirement of the project; it is installed for this comparison alone. bf16 is measured where the
processor computes in it; ``bf16`` in the file says whether it does. OpenVINO runs the graphs that a reading runs.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ball.benchmark.speeds import ENGINES
from ball.compiled import Graph, Precision, convert, has_bf16, openvino_package
from ball.networks import NETWORKS, Classifier
from ball.weights import Store
from benchmarks.speed import processor

BATCHES = (1, 8)
Run = Callable[[Tensor], Any]


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time of one thread, for a busy machine")
    arguments = parser.parse_args()
    if arguments.clock == "cpu":
        torch.set_num_threads(1)
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    found = {name: network(Store().load(name), arguments.turns, clock) for name in NETWORKS}
    sums = {
        f"batch {count}": {engine: round(sum(rows[f"batch {count}"][engine] for rows in found.values()), 1) for engine in rows}
        for count in BATCHES
        for rows in [next(iter(found.values()))[f"batch {count}"]]
    }
    import onnxruntime

    document = {
        "command": ENGINES, "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(), "bf16": has_bf16(),
        "versions": {"torch": torch.__version__, "openvino": openvino_package().__version__, "onnxruntime": onnxruntime.__version__},
        "threads": torch.get_num_threads(), "clock": arguments.clock, "unit": "ms a batch, median",
        "networks": found, "sum": sums,
    }
    print(json.dumps(sums, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def network(classifier: Classifier, turns: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Median milliseconds of every engine, by size of the batch."""
    engines = runs(classifier)
    rows = {}
    for count in BATCHES:
        batch = torch.randn(count, 3, classifier.side, classifier.side, generator=torch.Generator().manual_seed(0))
        spent: dict[str, list[float]] = {name: [] for name in engines}
        for turn in range(turns + 2):
            for name, run in engines.items():
                # The first call pays for what the engine before it left: cold caches, and threads that still wait for work.
                run(batch)
                began = clock()
                run(batch)
                if turn >= 2:
                    spent[name].append(clock() - began)
        rows[f"batch {count}"] = {name: round(float(np.median(values)) * 1e3, 2) for name, values in spent.items()}
    print(classifier.network.title, rows, flush=True)
    return rows


def runs(classifier: Classifier) -> dict[str, Run]:
    """The network in every engine, each on all cores and with fixed shapes where the engine takes them."""
    import onnxruntime

    model, threads = convert(classifier), torch.get_num_threads()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx(classifier), options, providers=["CPUExecutionProvider"])
    precisions: tuple[Precision, ...] = ("f32", "bf16") if has_bf16() else ("f32",)
    together = bool(classifier.network.quantised)
    return {
        "torch": torch.no_grad()(lambda batch: _Pair(classifier)(batch)),
        **{f"openvino {each}": Graph(model.clone(), classifier.side, each, threads, together) for each in precisions},
        "onnxruntime f32": lambda batch: session.run(None, {"batch": batch.numpy()}),
    }


class _Pair(nn.Module):
    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.classifier.maps(batch)
        return self.classifier.head(maps), maps


def onnx(classifier: Classifier) -> bytes:
    """The network as ONNX; by torch's exporter for graphs, since the one for traces refuses AlexNet's pooling."""
    side = classifier.side
    program = torch.onnx.export(
        _Pair(classifier).eval(), (torch.zeros(2, 3, side, side),), dynamo=True, input_names=["batch"], verbose=False,
        dynamic_shapes={"batch": {0: torch.export.Dim("count", min=1, max=64)}},
    )
    stream = io.BytesIO()
    if program is None:
        raise RuntimeError("torch exported nothing")
    program.save(stream)  # type: ignore[arg-type]  # It takes a stream as well as a path.
    return stream.getvalue()


if __name__ == "__main__":
    main()
