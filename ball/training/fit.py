"""Fit one network: resumable after a kill, the same weights as if never interrupted.

Checkpoints hold weights, averaged weights and optimiser moments as one safetensors file, written beside and
renamed. Chance is drawn from generators seeded by (seed, epoch, step), so an epoch does not depend on what ran
before it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from lightning.fabric import Fabric
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ball.networks import NETWORKS, Classifier, normalised
from ball.training.augment import augment
from ball.training.recipe import Recipe, Stage
from ball.training.splits import FOLDS

CHECKPOINT: Final = "last.safetensors"
"""Name of the file that a run goes on from."""

STAINS: Final = "stains"
"""Name of the head that tells stains apart, in training alone."""

State = dict[str, Tensor]
EpochLog = list[dict[str, Any]]


@dataclass(frozen=True)
class Examples:
    """Images (N, H, W, 3) uint8 and targets (N,) int64, in memory.

    ``copies`` (K, N, H, W, 3) are the same fields changed before they were segmented: each step takes the image or a copy.
    ``stains`` (N,) int64 tells the fold of the split stain: with the class, the stain cluster of a field.
    """

    images: Tensor
    targets: Tensor
    copies: Tensor | None = None
    stains: Tensor | None = None

    def __post_init__(self) -> None:
        if len(self.images) != len(self.targets) or len(self.targets) == 0:
            raise ValueError(f"expected as many images as targets and at least one, got {len(self.images)} and {len(self.targets)}")
        if self.copies is not None and self.copies.shape[1:] != self.images.shape:
            raise ValueError(f"expected copies of shape (K, {', '.join(map(str, self.images.shape))}), got {tuple(self.copies.shape)}")

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, H, W, 3) of a batch of places (B,), each the field itself or one of its copies, all alike likely."""
        images = self.images[batch]
        if self.copies is None:
            return images
        chosen = torch.randint(len(self.copies) + 1, (len(batch),), generator=generator)
        other = chosen > 0
        images[other] = self.copies[chosen[other] - 1, batch[other]]
        return images


@dataclass(frozen=True)
class Descent:
    """How weights move: the optimiser of some parameters, and its rate once a share (0..1) of the schedule is behind."""

    optimizer: Callable[[Iterable[nn.Parameter], Recipe], torch.optim.Optimizer]
    rate: Callable[[Recipe, float], float]


def warmed(recipe: Recipe, done: float) -> float:
    """Linear warm-up, then linear decay to zero; ``done`` is the share of the schedule behind."""
    rising = done / recipe.warmup if recipe.warmup else 1.0
    falling = (1 - done) / max(1 - recipe.warmup, 1e-9)
    return recipe.rate * min(rising, falling) if done else recipe.rate * 0.01


def _adamw(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay, fused=True)


ADAMW: Final = Descent(_adamw, warmed)
"""How every shipped network was trained."""


@dataclass
class Run:
    """What a fit needs besides its recipe.

    ``fingerprint`` guards a resumed run against changed data; ``side`` is that at which validation images are judged. ``start``
    are weights to begin with, their last layer left out unless ``same_classes``.
    """

    network: str
    train: Examples
    val: Examples
    folder: Path
    fingerprint: str
    classes: int
    side: int
    start: State | None = None
    same_classes: bool = False
    fabric: Fabric = field(default_factory=lambda: Fabric(accelerator="cpu", devices=1))
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)
    descent: Descent = ADAMW


class ChangedDataError(RuntimeError):
    """The data under a resumed run are not those that it began with."""


def runs_folder() -> Path:
    """Folder of all checkpoints: ``$BALL_RUNS``, else ``~/.cache/ball/runs``."""
    return Path(os.environ.get("BALL_RUNS") or Path.home() / ".cache" / "ball" / "runs")


def fit(run: Run, recipe: Recipe) -> tuple[State, EpochLog]:
    """Train to the end of the schedule, resuming where a checkpoint lies.

    Returns:
        Averaged weights of the torchvision network (float32, CPU) and the log, one entry an epoch.

    Raises:
        ChangedDataError: the checkpoint was written on other data.
        OSError: a checkpoint could not be written; the one before it is whole.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    fabric = run.fabric
    model, average, optimizer = begin(run, recipe)
    log = _resume(run, model, average, optimizer)
    wrapped, optimizer = fabric.setup(Objective(model, recipe), optimizer)
    plan = [stage for stage in recipe.stages for _ in range(stage.epochs)]
    began, first = time.perf_counter(), len(log)
    for epoch in range(first, len(plan)):
        loss, seconds = one_epoch(run, recipe, (wrapped, model), average, optimizer, plan[epoch], epoch, len(plan))
        accuracy, val_loss = _validate(average.module, run.val, run.side, fabric)
        log.append({"epoch": epoch + 1, "side": plan[epoch].side, "train_loss": loss, "val_loss": val_loss,
                    "val_accuracy": accuracy, "seconds": round(seconds, 1)})
        if fabric.is_global_zero:
            _save(run, model, average, optimizer, log)
            left = _seconds_left([stage.side for stage in plan], first, epoch + 1, time.perf_counter() - began)
            run.say(f"{run.network} epoch {epoch + 1}/{len(plan)} at {plan[epoch].side} px: loss {loss:.4f}, "
                    f"validation loss {val_loss:.4f}, accuracy {accuracy:.4f}; about {left / 60:.0f} min left")
    averaged: State = average.module.get_submodule("net").state_dict()
    return {key: value.detach().cpu().clone() for key, value in averaged.items()}, log


def _seconds_left(sides: list[int], first: int, done: int, spent: float) -> float:
    """Time left, an epoch weighed by its pixels; ``spent`` went into the epochs from ``first`` up to ``done``."""
    cost = [side**2 for side in sides]
    return spent / max(sum(cost[first:done]), 1) * sum(cost[done:])


class Objective(nn.Module):
    """What a step makes small: cross-entropy, and where the recipe asks for it the part of the class map beside the cells.

    That a network be held to look where a person would is the idea of Ross et al. (2017, doi:10.24963/ijcai.2017/371); the
    map here is Grad-CAM in closed form, which costs no second pass. Against the stain works an adversary (Ganin et al. 2016,
    https://jmlr.org/papers/v17/15-239.html): a head of its own learns to tell the stains of a class apart by the mean of the
    last maps, and the maps are moved the other way. Within a class, since a stain tells the class here.
    """

    def __init__(self, model: Classifier, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe

    def forward(self, images: Tensor, targets: Tensor, stains: Tensor | None = None) -> Tensor:
        """Loss of a batch: images (N, side, side, 3) in 0..255, black beside the cells; targets (N,); stains (N,)."""
        maps = self.model.maps(normalised(images, images.shape[1]))
        loss = functional.cross_entropy(self.model.head(maps).float(), targets, label_smoothing=self.recipe.smoothing)
        if stains is not None:
            loss = loss + self._against(maps, targets, stains)
        if not self.recipe.attention:
            return loss
        _, importance = self.model.explained(maps)
        own = importance[torch.arange(len(targets), device=targets.device), targets]
        heat = torch.einsum("nc,nchw->nhw", own, maps).clamp(min=0)
        return loss + self.recipe.attention * off_cells(heat, images.amax(dim=3) > 0)

    def _against(self, maps: Tensor, targets: Tensor, stains: Tensor) -> Tensor:
        """What the head of stains errs by; what it learns from comes back to the maps with the sign turned."""
        seen = maps.mean(dim=(2, 3))
        strength = self.recipe.adversary
        told = self.model.get_submodule(STAINS)((1 + strength) * seen.detach() - strength * seen)
        own = told.unflatten(1, (-1, FOLDS))[torch.arange(len(targets), device=targets.device), targets]
        return functional.cross_entropy(own.float(), stains)


_LEAST: Final = 1e-6
"""Energy from which on a map counts: the gradient of a share of next to nothing has no bound."""


def off_cells(heat: Tensor, cells: Tensor) -> Tensor:
    """How much of the maps lies beside the cells, 0 where they have as much on them as a map that follows them.

    `ball.focus` measures the same, but for squares that are no whole number of pixels, of which the edges are shared otherwise.
    A map that is 0 everywhere costs nothing: how many there are is told with the figures of the maps.

    Args:
        heat: (N, h, w), at least 0.
        cells: (N, H, W) bool.

    Returns:
        The mean over the fields that show cells and have a map, a scalar.
    """
    covered = functional.adaptive_avg_pool2d(cells.float()[:, None], (heat.shape[1], heat.shape[2]))[:, 0]
    ideal = covered.square().sum(dim=(1, 2)) / covered.sum(dim=(1, 2)).clamp(min=_LEAST)
    energy = heat.sum(dim=(1, 2))
    seen = (energy > _LEAST) & (ideal > _LEAST)
    share = (heat * covered).sum(dim=(1, 2)) / energy.clamp(min=_LEAST) / ideal.clamp(min=_LEAST)
    return torch.where(seen, (1 - share).clamp(min=0), 0.0).sum() / seen.sum().clamp(min=1)


def begin(run: Run, recipe: Recipe) -> tuple[Classifier, AveragedModel, torch.optim.Optimizer]:
    """The network before its first step, its average and its optimiser."""
    torch.manual_seed(recipe.seed)
    model = Classifier(NETWORKS[run.network], run.classes)
    _quiet_classifier(model)
    if run.start is not None:
        if run.same_classes:
            model.net.load_state_dict(run.start)
        else:
            load_trunk(model, run.start)
    if recipe.adversary:
        channels = model.eval().maps(torch.zeros(1, 3, 64, 64)).shape[1]
        model.add_module(STAINS, nn.Linear(channels, run.classes * FOLDS))
    model = model.to(run.fabric.device).to(memory_format=torch.channels_last)
    optimizer = run.descent.optimizer(model.parameters(), recipe)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging), use_buffers=True)  # type: ignore[no-untyped-call]
    return model, average, optimizer


def one_epoch(
    run: Run, recipe: Recipe, models: tuple[nn.Module, nn.Module], average: AveragedModel, optimizer: Any,
    stage: Stage, epoch: int, epochs: int,
) -> tuple[float, float]:
    """One pass over the training part.

    Args:
        run: gives the images.
        recipe: gives batch, rate and seed.
        models: the network as Fabric wraps it, and itself.
        average: of the weights, moved after each step.
        optimizer: as Fabric wraps it.
        stage: gives side and augmentation.
        epoch: how many lie behind.
        epochs: of the whole schedule.

    Returns:
        The mean loss and the seconds.
    """
    wrapped, model = models
    began, fabric = time.perf_counter(), run.fabric
    order = torch.randperm(len(run.train.targets), generator=_generator(recipe.seed, epoch, 0))
    whole = len(order) // recipe.batch * recipe.batch
    batches = torch.split(order[:whole], recipe.batch) if whole else (order,)
    total = torch.zeros((), device=fabric.device)
    wrapped.train()
    for step, batch in enumerate(batches):
        generator = _generator(recipe.seed, epoch, step + 1, fabric.global_rank)
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        _set_rate(optimizer, run.descent.rate(recipe, (epoch + step / len(batches)) / epochs))
        mine = batch[fabric.global_rank :: fabric.world_size]
        images = augment(run.train.draw(mine, generator).to(fabric.device), stage.side, stage.augmentation, generator)
        stains = None if run.train.stains is None else run.train.stains[mine].to(fabric.device)
        loss = wrapped(images, run.train.targets[mine].to(fabric.device), stains)
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update_parameters(model)
        total += loss.detach()
    return float(total) / len(batches), time.perf_counter() - began


def _generator(*seeds: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1)))


def _set_rate(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def _validate(model: nn.Module, examples: Examples, side: int, fabric: Fabric) -> tuple[float, float]:
    """Accuracy and loss of the averaged weights on whole fields."""
    model.eval()
    logits = torch.cat([model(normalised(images.to(fabric.device), side)).float().cpu() for images in torch.split(examples.images, 32)])
    loss = float(functional.cross_entropy(logits, examples.targets))
    return float((logits.argmax(1) == examples.targets).float().mean()), loss


def _quiet_classifier(model: Classifier) -> None:
    """Draw the last linear layer small: EfficientNet's own start gives logits so large that learning stalls."""
    last: Any = model.net.get_submodule(model.network.classifier)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)


def load_trunk(model: Classifier, state: State) -> None:
    """Load all of ``state`` but the last linear layer, whose classes differ.

    Raises:
        RuntimeError: a tensor is missing, unknown or of another shape.
    """
    last = (f"{model.network.classifier}.weight", f"{model.network.classifier}.bias")
    own = model.net.state_dict()
    model.net.load_state_dict({**state, **{key: own[key] for key in last}}, strict=True)


def _save(run: Run, model: nn.Module, average: AveragedModel, optimizer: Any, log: EpochLog) -> None:
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    metadata = {"log": json.dumps(log), "fingerprint": run.fingerprint}
    path = run.folder / CHECKPOINT
    beside = path.with_suffix(".part")
    try:
        save_file(tensors, beside, metadata)
        beside.replace(path)
    except (SafetensorError, OSError) as error:  # The library's own error where the disk is full is no OSError.
        beside.unlink(missing_ok=True)
        kept = "The one before it is whole: make room and give the same command again." if path.exists() else "Make room and start again."
        raise OSError(f"The checkpoint {path} could not be written ({error}). {kept}") from error


def require_room(folder: Path, new: Iterable[str], networks: Iterable[str]) -> None:
    """Prove that checkpoints fit on the disk.

    Args:
        folder: exists, on that disk.
        new: networks that have no checkpoint yet, once a run.
        networks: all those to be trained.

    Raises:
        OSError: they do not fit.
    """
    # A new checkpoint is whole before the old one goes.
    needed = sum(map(checkpoint_bytes, new)) + max(map(checkpoint_bytes, set(networks)), default=0)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"Checkpoints need {needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free. Make room, or set $BALL_RUNS.")


@cache
def checkpoint_bytes(network: str) -> int:
    """Size of a checkpoint: weights, averaged weights and two moments."""
    with torch.device("meta"):
        model = NETWORKS[network].build(num_classes=1000)
    return 4 * sum(int(value.numel() * value.element_size()) for value in model.state_dict().values())


def _resume(run: Run, model: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> EpochLog:
    path = run.folder / CHECKPOINT
    if not path.exists():
        return []
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        if metadata["fingerprint"] != run.fingerprint:
            raise ChangedDataError(
                f"The data changed since the run in {run.folder} began, or it began from other weights. Delete that folder to start anew, "
                "or restore the data."
            )
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    model.load_state_dict(_under("model.", tensors))
    average.load_state_dict(_under("average.", tensors))
    optimizer.load_state_dict({"state": _moments(optimizer, tensors), "param_groups": optimizer.state_dict()["param_groups"]})
    log: EpochLog = json.loads(metadata["log"])
    if run.fabric.is_global_zero:
        run.say(f"{run.network}: resumed after epoch {len(log)} from {path}")
    return log


def _moments(optimizer: torch.optim.Optimizer, tensors: State) -> dict[int, State]:
    """Optimiser moments by parameter, laid out in memory as the parameters are.

    The fused optimiser walks parameter and moments side by side in memory, whatever their strides say: moments in
    another memory format than their parameter would be applied to the wrong weights.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments: dict[int, State] = {}
    for key, value in _under("optimizer.", tensors).items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter.detach(), dtype=value.dtype).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    return moments


def _under(prefix: str, tensors: State) -> State:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
