"""How each network is trained: every setting that shapes the weights, in one value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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


def _stages(cuts: int, whole: int, light: float = 0.2, stain: float = 0.12, shift: float = 0.02) -> tuple[Stage, ...]:
    """Epochs on cuts around a nucleus, then on whole fields, with right angles and flips and this much change of colour.

    How far stain and light change in training decides what another stain or a brighter field costs afterwards (robustness.json).
    """
    how = Augmentation(zoom=(0.6, 0.8), squeeze=0.1, stain=stain, shift=shift, light=light, rotate=False)
    return (Stage(cuts, 112, how), Stage(whole, 160, replace(how, zoom=(0.85, 1.1))))


@dataclass(frozen=True)
class Refinement:
    """A second, short fit from where the first one ended, with the class maps held to the cells.

    ``attention``: weight of the part of the class map beside the cells. It waits until the classes are known: before, there is
    no map worth holding.
    """

    stages: tuple[Stage, ...]
    rate: float
    attention: float


@dataclass(frozen=True)
class Recipe:
    """Settings of one fit.

    The rate rises over the first ``warmup`` share of all steps and falls linearly to zero. Cuts around a nucleus come
    first, at about the scale of the whole fields that come last: cheap, and crowding is no clue in them. ``side`` is
    what the weights read at afterwards. Weights are averaged over steps (exponential, ``averaging``), batch-norm
    statistics with them. ``attention`` is as in `Refinement`. ``copies``: how many a field, of other light, stain and
    compression and masked afterwards; ``bare``: how many more that show the field without its mask; ``thinned``: how many more
    that lack some of its cells (`ball.training.copies`). ``adversary``: how strongly the last maps are kept from telling one
    stain of a class from another (`ball.training.fit.Objective`).
    """

    stages: tuple[Stage, ...] = _stages(12, 12)
    pretraining: tuple[Stage, ...] = (Stage(2, 64, Augmentation(zoom=(0.7, 1.0))),)
    rate: float = 1e-3
    batch: int = 32
    pretraining_batch: int = 64
    decay: float = 0.05
    warmup: float = 0.1
    averaging: float = 0.98
    smoothing: float = 0.0
    attention: float = 0.0
    copies: int = 0
    bare: int = 0
    thinned: int = 0
    adversary: float = 0.0
    side: int = 160
    seed: int = 0
    refinement: Refinement | None = None

    def start(self) -> Recipe:
        """The recipe of the start alone: equal for fits that can share it."""
        return replace(
            self.first(), stages=self.pretraining, batch=self.pretraining_batch, side=self.pretraining[-1].side,
            attention=0.0, copies=0, bare=0, thinned=0, adversary=0.0,
        )  # fmt: skip

    def first(self) -> Recipe:
        """The recipe of the first fit, without what refines it."""
        return replace(self, refinement=None)

    def second(self) -> Recipe | None:
        """The recipe of the second fit, None where there is none."""
        more = self.refinement
        return replace(self.first(), stages=more.stages, rate=more.rate, attention=more.attention) if more else None

    def digest(self) -> str:
        """Short hash of all settings; names the folder of the checkpoint."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()[:10]

    def document(self) -> dict[str, Any]:
        """All settings as JSON values, without those of `_OPTIONAL` that it does not ask for."""
        return {name: value for name, value in asdict(self).items() if value or name not in _OPTIONAL}


_OPTIONAL: Final = ("attention", "copies", "bare", "thinned", "adversary", "refinement")
"""Settings that came later: a recipe without them keeps its digest, and with it its checkpoints and what is recorded of it."""


def _little(cuts: int, whole: int, light: float = 0.2) -> tuple[Stage, ...]:
    """Stages with little change of stain, as is better where whole stains are held out (ingredients.json)."""
    return _stages(cuts, whole, light, stain=0.07, shift=0.015)


_REFINED: Final = Refinement(_stages(0, 4)[1:], rate=3e-4, attention=0.5)
"""Four epochs on whole fields: on validation fields the maps then have on the cells 97 % (GoogLeNet) and 101 % (EfficientNet-B0) of what
a map that follows them has, for 46 % and 48 %, and the accuracy falls by no more than a field."""

# On validation fields maps of DenseNet121 and ResNet50 have 60 and 62 % there without being asked to. Twelve epochs more of either
# (rate 5e-4, weight 0.5) hold them wholly, and read no more fields right to speak of: 97.4 % as before, and 97.4 % for 97.0 %.
# A start of fourteen epochs on PBC cells for two, half of them masked, buys GoogLeNet nothing: 96.7 % on validation for 97.0 %.
# Nor do six epochs more at the fields' own 224 px (95.7 %, loss 0.139 for 0.085), or turning fields freely where they are not
# squeezed (nine epochs: 92.1 % for 92.4 %, loss 0.192 for 0.199).
# Four to eight epochs more in which half of the fields keep their own stain and light lower the loss there (ResNet50 0.106 to 0.084,
# GoogLeNet 0.085 to 0.066, AlexNet 0.169 to 0.141; not DenseNet121's), but then a brighter field costs the consensus more (4.3 points
# for 2.6 on test fields).
_RECIPES: Final[dict[str, Recipe]] = {
    # With the wider changes of the others: 91.1 % on validation for 93.8 %. With twice the epochs and light: 93.4 %.
    # Twice the weight of the maps, or twice the rate, holds its maps wholly, and reads 92.8 %.
    # The second fit of the weights in use follows on a first that another processor made; the whole run anew: refit-alexnet.json.
    "alexnet": Recipe(
        stages=_little(12, 12, light=0.12), rate=2e-4, refinement=Refinement(_little(0, 4, light=0.12)[1:], rate=1e-4, attention=0.5)
    ),
    "efficientnet_b0": Recipe(rate=1.5e-3, refinement=_REFINED),
    "googlenet": Recipe(refinement=_REFINED),
}

_FOLDS: Final[dict[str, dict[str, Any]]] = {
    "densenet121": {"stages": _little(5, 5)},
    "resnet50": {"stages": _little(5, 5), "side": 144},
    "efficientnet_b0": {"stages": _little(8, 8)},
    "googlenet": {"stages": _little(8, 8, light=0.12)},
}
"""What differs for the five folds of the split stain: fewer epochs, since there are five times as many fits, and little change of
stain; and nothing is refined, which would cost as much again. Fewer epochs at 160 px left ResNet50 reading best at 144 px."""


def held_to_cells(recipe: Mapping[str, Any]) -> float:
    """Weight with which a recipe, as `Recipe.document` writes it, holds the class maps to the cells; 0 where it does not."""
    return float((recipe.get("refinement") or recipe).get("attention", 0.0))


def recipe_for(network: str, split: str = "paper", **changes: Any) -> Recipe:
    """Return the recipe of a network on a split, with changes where given.

    Raises:
        ValueError: an unknown network name.
    """
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; expected one of {', '.join(NETWORKS)}")
    own = _RECIPES.get(network, Recipe())
    folds = {"refinement": None, **_FOLDS.get(network, {})} if split == "stain" else {}
    return replace(own, **{**folds, **changes})
