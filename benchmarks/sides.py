"""At which side do the shipped weights read best? Validation fields of the paper split alone; the test part is not touched.

    python -m benchmarks.sides DATA/all --json weights/benchmark/sides.json

Weights trained on small images need not read best at 224 pixels (Touvron et al. 2019, arXiv:1906.06423). A network reads at
the side of its last epochs; another side belongs into its recipe and manifest entry where it reads more fields right there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ball.networks import NETWORKS, Classifier, normalised
from ball.training.data import find_fields, load_masked
from ball.training.splits import load_split
from ball.weights import Store

SIDES = (128, 144, 160, 176, 192, 224)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder of class folders")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--network", choices=NETWORKS, action="append", help="default: all that the weights folder holds")
    arguments = parser.parse_args()
    names = load_split("paper").val
    fields = [field for field in find_fields(arguments.data) if field.name in names]
    images = torch.from_numpy(load_masked(fields))
    targets = torch.tensor([field.target for field in fields])
    known = Store().manifest()["networks"]
    chosen = arguments.network or [name for name in NETWORKS if name in known]
    found = {name: {"weights": known[name]["sha256"], **sides(Store().load(name), images, targets)} for name in chosen}
    command = "python -m benchmarks.sides DATA/all --json weights/benchmark/sides.json"
    if arguments.json:
        # Networks not measured this time keep what the file says of them.
        before = json.loads(arguments.json.read_text(encoding="utf-8"))["networks"] if arguments.json.exists() else {}
        merged = {name: {**before, **found}[name] for name in NETWORKS if name in before or name in found}
        document = {"command": command, "part": "val", "n": len(fields), "networks": merged}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


@torch.no_grad()
def sides(model: Classifier, images: Tensor, targets: Tensor) -> dict[str, Any]:
    """Accuracy and loss at each side, and the side of least loss."""
    rows = []
    for side in SIDES:
        logits = torch.cat([model(normalised(batch, side)) for batch in torch.split(images, 32)])
        accuracy = float((logits.argmax(1) == targets).float().mean())
        loss = float(functional.cross_entropy(logits, targets))
        rows.append({"side": side, "accuracy": round(accuracy, 4), "loss": round(loss, 4)})
        print(f"{model.network.title:16} {side:4} px: accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
    return {"read_at": model.side, "least_loss": min(rows, key=lambda row: row["loss"])["side"], "sides": rows}


if __name__ == "__main__":
    main()
