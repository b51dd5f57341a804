"""Training images a second, as ratios measured in one run: torchvision's reference recipe, ours, in turn.

    python -m benchmarks.training DATA --json weights/benchmark/training-speed.json

DATA holds ``all`` (fields in class folders). Both paths train the same network on the same files, at the same batch and
image side, on the same device: the naive one in f32, since its mixed precision is for CUDA alone, ours in f32 and in bf16, in
which some of the weights here were fitted (manifest.json).

The naive path is torchvision's references/classification/train.py with its defaults: each epoch decodes every JPEG by PIL,
cuts and scales (RandomResizedCrop), flips, makes a tensor and normalises it in the workers of a DataLoader; the network lies
in memory as torchvision builds it (NCHW), and plain SGD with momentum moves it. It is spared what the recipe has beside the
steps: its log of accuracies, and starting the workers anew each epoch.

Ours is an epoch of `ball.training.fit`: images decoded and masked once, then held in memory; a batch augmented at a time (zoom,
right angles, mirror, stain, light); channels last; AdamW, and an average of the weights. Decoding and masking once is counted, too,
shared out over the epochs of the recipe.

``network alone`` is forward and backward on a batch that lies ready, in the memory format and precision of each path: no path can
be faster than its own.
Run it on a quiet machine; ``--clock cpu`` gives one thread to each path, without workers, and counts processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from lightning.fabric import Fabric
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from ball.benchmark.speeds import TRAINING
from ball.labels import LABELS
from ball.networks import MEAN, NETWORKS, STD
from ball.training.data import Field, find_fields, load_masked
from ball.training.fit import Examples, Objective, Run, begin, one_epoch
from ball.training.recipe import Stage, recipe_for
from benchmarks.speed import processor, ratio

GOALS: Final = {"cpu": 1.5, "cuda": 5.0}
clock: Callable[[], float] = time.perf_counter


class Files(Dataset[tuple[Tensor, int]]):
    """Fields as torchvision's ImageFolder and its training preset give them: decoded, cut, flipped and normalised at every access."""

    def __init__(self, fields: Sequence[Field], side: int) -> None:
        from torchvision import transforms

        self.fields = fields
        self.transform = transforms.Compose([
            transforms.RandomResizedCrop(side), transforms.RandomHorizontalFlip(0.5), transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float), transforms.Normalize(MEAN, STD),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        field = self.fields[index]
        with Image.open(field.path) as picture:
            return self.transform(picture.convert("RGB")), field.target


class Naive:
    """torchvision's reference recipe."""

    def __init__(self, network: str, fields: Sequence[Field], batch: int, side: int, device: torch.device, workers: int) -> None:
        self.device = device
        self.model = NETWORKS[network].build(num_classes=len(LABELS)).to(device).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
        self.loss = nn.CrossEntropyLoss()
        self.loader = DataLoader(
            Files(fields, side), batch_size=batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0,
            pin_memory=device.type == "cuda", drop_last=True,
        )  # fmt: skip

    def epoch(self) -> None:
        """One pass over all files."""
        for images, targets in self.loader:
            images, targets = images.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)
            loss = self.loss(self.model(images), targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


class Ours:
    """`ball.training.fit`, an epoch at a time."""

    def __init__(self, network: str, fields: Sequence[Field], batch: int, side: int, fabric: Fabric, folder: Path) -> None:
        began = clock()
        images = torch.from_numpy(load_masked(fields))
        self.once = clock() - began
        examples = Examples(images, torch.tensor([field.target for field in fields]))
        self.recipe = recipe_for(network, batch=batch)
        self.epochs = sum(stage.epochs for stage in self.recipe.stages)
        self.stage = Stage(1, side, self.recipe.stages[-1].augmentation)
        self.run = Run(network, examples, examples, folder, "", len(LABELS), side, fabric=fabric)
        self.model, self.average, optimizer = begin(self.run, self.recipe)
        self.wrapped, self.optimizer = fabric.setup(Objective(self.model, self.recipe), optimizer)

    def epoch(self) -> None:
        """One pass over all images."""
        models = (self.wrapped, self.model)
        one_epoch(self.run, self.recipe, models, self.average, self.optimizer, self.stage, self.epochs // 2, self.epochs)


def alone(network: str, batch: int, side: int, fabric: Fabric, layout: torch.memory_format) -> Callable[[], None]:
    """One forward and backward pass of a network on a batch that lies ready, in the precision of ``fabric``."""
    device = fabric.device
    model = NETWORKS[network].build(num_classes=len(LABELS)).to(device).to(memory_format=layout).train()
    images = torch.randn(batch, 3, side, side, device=device).to(memory_format=layout)
    targets = torch.zeros(batch, dtype=torch.long, device=device)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        with fabric.autocast():
            logits = model(images)
        loss: Any = functional.cross_entropy(logits.float(), targets)
        loss.backward()

    return step


def seconds(action: Callable[[], None], device: torch.device) -> float:
    """How long an action takes, what it left running on a card included."""
    began = clock()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - began


def measure(network: str, fields: Sequence[Field], batch: int, side: int, fabric: Fabric, turns: int, workers: int) -> dict[str, Any]:
    """Train one network by both paths in turn, and say how fast each was."""
    device, plain = fabric.device, Fabric(accelerator=fabric.device.type, devices=1)
    count = len(fields) // batch * batch
    with tempfile.TemporaryDirectory() as folder:
        naive = Naive(network, fields, batch, side, device, workers)
        ours = Ours(network, fields, batch, side, fabric, Path(folder))
    paths = {
        "naive": (naive.epoch, count), "ours": (ours.epoch, count),
        "network alone, as torchvision builds it": (alone(network, batch, side, plain, torch.contiguous_format), batch),
        "network alone, as ours has it": (alone(network, batch, side, fabric, torch.channels_last), batch),
    }  # fmt: skip
    spent: dict[str, list[float]] = {key: [] for key in paths}
    for turn in range(turns + 1):
        for key, (action, images) in paths.items():
            took = seconds(action, device) / images
            if turn:  # The first turn warms up.
                spent[key].append(took)
    # Seconds an image: its share of what is done once, and its step.
    once = ours.once / len(fields) / ours.epochs
    spent["ours"] = [once + took for took in spent["ours"]]
    middle = {key: float(np.median(values)) for key, values in spent.items()}
    return {
        "times_faster": ratio(spent["naive"], spent["ours"]),
        "images_a_second": {key: round(1 / value, 2) for key, value in middle.items()},
        "share_of_naive_in_the_network": round(middle["network alone, as torchvision builds it"] / middle["naive"], 3),
        "share_of_ours_in_the_network": round(middle["network alone, as ours has it"] / middle["ours"], 3),
        "seconds_of_decoding_and_masking_once_an_image": round(ours.once / len(fields), 5), "epochs_that_share_it": ours.epochs,
    }  # fmt: skip


def spread(data: Path, count: int) -> list[Field]:
    """Fields spread over the classes."""
    found = find_fields(data / "all")
    return [found[index] for index in np.linspace(0, len(found) - 1, count).astype(int)]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure every network asked for."""
    fabrics = {name: Fabric(accelerator=arguments.accelerator, devices=1, precision=name) for name in arguments.precision}
    workers = 0 if arguments.clock == "cpu" else os.cpu_count() or 1
    fields = spread(arguments.data, arguments.images)
    found: dict[str, dict[str, Any]] = {network: {} for network in arguments.network}
    for network, (name, fabric) in product(found, fabrics.items()):
        found[network][name] = measure(network, fields, arguments.batch, arguments.side, fabric, arguments.turns, workers)
        print(network, name, json.dumps(found[network][name]), flush=True)
    device = next(iter(fabrics.values())).device
    kind = device.type
    return {
        "command": TRAINING, "date": datetime.now(UTC).date().isoformat(), "processor": processor(),
        "device": torch.cuda.get_device_name(device) if kind == "cuda" else "cpu", "threads": torch.get_num_threads(),
        "workers": workers, "clock": arguments.clock, "torch": torch.__version__, "images_an_epoch": arguments.images,
        "batch": arguments.batch, "side": arguments.side, "turns": arguments.turns, "goal": GOALS.get(kind), "networks": found,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds all")
    parser.add_argument("--network", nargs="+", choices=tuple(NETWORKS), default=["googlenet"])
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=160, help="of the images, in pixels")
    parser.add_argument("--images", type=int, default=128, help="fields an epoch")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--accelerator", default="auto", help="passed to Lightning Fabric: auto (default), cpu, cuda")
    parser.add_argument("--precision", nargs="+", default=["32-true", "bf16-mixed"], metavar="NAME", help="of ours, as Lightning Fabric "
                        "takes it; default 32-true and bf16-mixed")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time of one thread, for a busy machine")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.batch <= arguments.images:
        parser.error(f"an epoch of {arguments.images} images holds no batch of {arguments.batch}")
    if arguments.clock == "cpu":
        global clock
        clock = time.process_time
        torch.set_num_threads(1)
    document = run(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
