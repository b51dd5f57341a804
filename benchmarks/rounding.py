"""How far bf16 moves each network's answers, by how sure the network is: what `ball.compiled.SURE` and ``Network.rounds`` rest on.

    python -m benchmarks.rounding DATA/all --json weights/benchmark/rounding.json

Fields of the validation part. For each limit: how many of a network's answers fall below it, and how far those from it on
move against f32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ball.benchmark.speeds import ROUNDING
from ball.compiled import SURE, has_bf16, load_graph
from ball.images import decode
from ball.networks import NETWORKS, normalised
from ball.segmentation import segment
from ball.training.data import find_fields
from ball.training.splits import load_split
from ball.weights import Store
from benchmarks.speed import processor

LIMITS: Final = (0.0, 0.8, 0.9, 0.95, 0.97, 0.99)

Floats = NDArray[np.float64]


def probabilities(masked: NDArray[np.uint8], name: str, precision: Any) -> Floats:
    """Softmax (N, classes) of one network on masked fields (N, H, W, 3)."""
    import torch

    store = Store()
    graph, _ = load_graph(store, name, precision, torch.get_num_threads())
    batch = normalised(torch.from_numpy(masked), store.side(name))
    return np.concatenate([graph(batch[index : index + 1])[0].double().softmax(dim=1).numpy() for index in range(len(batch))])


def moved(exact: Floats, rounded: Floats) -> list[dict[str, Any]]:
    """For each limit, the share of answers below it, and of the others how many labels turn and how far one moves at most."""
    far, turned = np.abs(exact - rounded).max(axis=1), exact.argmax(axis=1) != rounded.argmax(axis=1)
    found = []
    for limit in LIMITS:
        sure = rounded.max(axis=1) >= limit
        found.append({
            "limit": limit, "below": round(float(1 - sure.mean()), 4), "turned": int(turned[sure].sum()),
            "largest_difference": round(float(far[sure].max(initial=0)), 4),
        })  # fmt: skip
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of class folders")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    if not has_bf16():
        raise SystemExit("This processor does not compute in bf16: there is nothing to measure.")
    names = load_split("paper").val
    paths = [field.path for field in find_fields(arguments.data) if field.name in names]
    masked = np.stack([segment(decode(path.read_bytes()).rgb).masked for path in paths])
    found = {name: moved(probabilities(masked, name, "f32"), probabilities(masked, name, "bf16")) for name in NETWORKS}
    document = {
        "command": ROUNDING, "processor": processor(), "fields": len(paths), "sure": SURE,
        "f32_only": [name for name, network in NETWORKS.items() if not network.rounds], "networks": found,
        "weights": {name: Store().manifest()["networks"][name]["sha256"] for name in NETWORKS},
    }  # fmt: skip
    print(json.dumps(document, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
