"""How each network is trained: every setting that shapes the weights, in one value."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ball.networks import NETWORKS
from ball.training.augment import Augmentation

STARTS: Final = ("pbc", "scratch", "imagenet")


@dataclass(frozen=True)
class Stage:
    """Epochs at one image side."""

    epochs: int
    side: int
    augmentation: Augmentation = field(default_factory=Augmentation)


def _stages(cuts: int, whole: int, stain: float, shift: float, light: float) -> tuple[Stage, ...]:
    """Epochs on cuts around a nucleus, then on whole fields, with right angles and flips and this much change of colour."""

    def how(zoom: tuple[float, float]) -> Augmentation:
        return Augmentation(zoom=zoom, squeeze=0.1, stain=stain, shift=shift, light=light, rotate=False)

    return (Stage(cuts, 112, how((0.6, 0.8))), Stage(whole, 160, how((0.85, 1.1))))


def _bold(cuts: int, whole: int) -> tuple[Stage, ...]:
    return _stages(cuts, whole, stain=0.07, shift=0.015, light=0.12)


def _mild(cuts: int, whole: int) -> tuple[Stage, ...]:
    """Stages of the networks that have not been fitted again since changes of light were made wider."""
    return _stages(cuts, whole, stain=0.05, shift=0.01, light=0.05)


@dataclass(frozen=True)
class Recipe:
    """Settings of one fit.

    The rate rises over the first ``warmup`` share of all steps and falls linearly to zero. Cuts around a nucleus come
    first, at about the scale of the whole fields that come last: cheap, and crowding is no clue in them. ``side`` is
    what the weights read at afterwards. Weights are averaged over steps (exponential, ``averaging``), batch-norm
    statistics with them.
    """

    stages: tuple[Stage, ...] = _bold(8, 8)
    pretraining: tuple[Stage, ...] = (Stage(2, 64, Augmentation(zoom=(0.7, 1.0))),)
    rate: float = 1e-3
    batch: int = 32
    pretraining_batch: int = 64
    decay: float = 0.05
    warmup: float = 0.1
    averaging: float = 0.98
    smoothing: float = 0.0
    side: int = 160
    seed: int = 0

    def start(self) -> Recipe:
        """The recipe of the start alone: equal for fits that can share it."""
        return replace(self, stages=self.pretraining, batch=self.pretraining_batch, side=self.pretraining[-1].side)

    def digest(self) -> str:
        """Short hash of all settings; names the folder of the checkpoint."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()[:10]

    def document(self) -> dict[str, Any]:
        """All settings as JSON values."""
        return asdict(self)


_BRIEF_START: Final = (Stage(1, 64, Augmentation(zoom=(0.7, 1.0))),)

_RECIPES: Final[dict[str, Recipe]] = {
    "densenet121": Recipe(stages=_mild(2, 2), pretraining=_BRIEF_START),
    "resnet50": Recipe(stages=_mild(3, 2), pretraining=_BRIEF_START, side=144),
    "alexnet": Recipe(stages=_bold(12, 12), rate=2e-4),
    "efficientnet_b0": Recipe(stages=_mild(6, 5), rate=1.5e-3),
    "googlenet": Recipe(),
}


def recipe_for(network: str, **changes: Any) -> Recipe:
    """Return the recipe of a network, with changes where given.

    Raises:
        ValueError: an unknown network name.
    """
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; expected one of {', '.join(NETWORKS)}")
    return replace(_RECIPES.get(network, Recipe()), **changes)
