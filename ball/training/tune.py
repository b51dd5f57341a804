"""The paper's tuning grid: epochs 5 and 10, learning rate 0.01 and 0.001, SGD and Adam, for every network.

The rate is constant, so that the figures after 5 epochs are read off the run of 10. All is judged on the validation part;
the test part is not touched. As in the paper the last weights count: they are not averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from lightning.fabric import Fabric
from torch import nn

from ball.training.fit import Descent
from ball.training.recipe import Recipe, Stage, recipe_for
from ball.training.splits import Split
from ball.training.train import Job, Loaded, train

EPOCHS: Final = (5, 10)
RATES: Final = (0.01, 0.001)
MOMENTUM: Final = 0.9
"""Of SGD. The paper does not say it."""


def _constant(recipe: Recipe, _: float) -> float:
    return recipe.rate


def _sgd(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=recipe.rate, momentum=MOMENTUM)


def _adam(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=recipe.rate)


OPTIMISERS: Final[Mapping[str, Descent]] = MappingProxyType({"SGD": Descent(_sgd, _constant), "Adam": Descent(_adam, _constant)})
"""Every optimiser of the grid by its name on screen."""


@dataclass(frozen=True)
class Plan:
    """What all trials share: the data, the part, where they start and at which side they are trained and judged.

    Trials on PBC cells begin where the shipped network began: a start of their own at each rate would be a second thing tuned.
    """

    loaded: Loaded
    split: Split
    side: int
    init: str
    seed: int
    fabric: Fabric
    pbc: Path | None = None
    precision: str | None = None


def jobs(network: str, plan: Plan) -> list[tuple[str, Job]]:
    """The four trials of a network, with the name of the optimiser of each."""
    own = recipe_for(network, seed=plan.seed)
    # The little change of stain of the short schedules: the grid's epochs are few, too.
    stage = Stage(EPOCHS[-1], plan.side, recipe_for(network, "stain").stages[-1].augmentation)
    trials = []
    for rate, (name, descent) in product(RATES, OPTIMISERS.items()):
        recipe = replace(own.first(), stages=(stage,), side=plan.side, rate=rate, averaging=0.0, smoothing=0.0)
        tag = f"tune-{name.lower()}"
        job = Job(network, recipe, plan.split, tag, "", plan.init, plan.loaded.fields, plan.pbc, plan.fabric, plan.precision, descent, own)
        trials.append((name, job))
    return trials


def tune(network: str, plan: Plan) -> list[dict[str, Any]]:
    """Run the grid for a network, or take up where it was broken off.

    Returns:
        Eight entries: optimiser, rate, epochs, validation accuracy (0..1) and loss after them, seconds. A trial whose loss is
        no finite number has None there.
    """
    found = []
    for name, job in jobs(network, plan):
        _, log = train(job, plan.loaded)
        for epochs in EPOCHS:
            last = log[epochs - 1]
            finite = bool(torch.isfinite(torch.tensor([last["val_loss"], last["train_loss"]])).all())
            found.append({
                "optimiser": name, "rate": job.recipe.rate, "epochs": epochs,
                "val_accuracy": round(last["val_accuracy"], 6), "val_loss": round(last["val_loss"], 6) if finite else None,
                "seconds": round(sum(each["seconds"] for each in log[:epochs]), 1),
            })  # fmt: skip
    return found


def best(trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The trial of highest validation accuracy; of least loss where several reach it."""
    return max(trials, key=lambda each: (each["val_accuracy"], -each["val_loss"] if each["val_loss"] is not None else float("-inf")))
