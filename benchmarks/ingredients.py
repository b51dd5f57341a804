"""What each ingredient of training buys where the stain is new: GoogLeNet, judged on stains held out within the training part.

    python -m benchmarks.ingredients DATA --json weights/benchmark/ingredients.json [--arm NAME[,NAME]] [--start NETWORK[,NETWORK]]
        [--exam]

DATA holds ``all`` and ``pbc128``. Fold 0 of the split stain, the hardest, stays out of sight. Of the other four, two are held
out in turn as validation and the other three are learned from, so that ingredients are chosen on stains that were not learned
from, and that no figure of fold 0 had a part in. (The two are those on which mistakes were made at all: on folds 2 and 3 any
recipe reaches 98 %.) Small sides and few epochs: the order of the arms counts, not their height. The two starts, PBC cells and
random, are measured for a second network as well. Last, copies that lack cells are learned from at the size of the
folds, with fewer epochs on whole fields, and the unseen fold is read once (--exam). Arms that share no fit can run side by side;
checkpoints lie in ``$BALL_RUNS``, and what was not named keeps what the file says of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab
from sklearn.metrics import confusion_matrix, log_loss, recall_score
from torch.nn import functional

from ball.benchmark.trials import INGREDIENTS
from ball.labels import LABELS
from ball.networks import NETWORKS, Classifier, normalised
from ball.training.augment import Augmentation
from ball.training.fit import State
from ball.training.recipe import Recipe, Stage, recipe_for
from ball.training.splits import FOLDS, Split, load_split
from ball.training.train import Job, Loaded, load, train

NETWORK: Final = "googlenet"
UNSEEN: Final = 0
"""The fold that no choice is made on."""

HELD: Final = (1, 4)
"""The folds that are judged, in turn."""

EXAMINED: Final = "thinned"
"""What is fitted at full size: copies that lack cells, which the arms of highest macro recall have in common."""

EXAM_WHOLE: Final = 4
"""Epochs on whole fields: with fold 4 as validation a fit of full size gained nothing after three of the eight that the folds have."""

_PLAIN: Final = Augmentation(zoom=(0.85, 1.1), squeeze=0.1, stain=0.0, shift=0.0, light=0.0, rotate=False)
_JITTER: Final = replace(_PLAIN, stain=0.07, shift=0.015, light=0.12)
_MIX: Final = replace(_JITTER, mix=0.8)


@dataclass(frozen=True)
class Arm:
    """A way of training. ``how``: augmentation of whole fields; ``even``: whether what is said is corrected for how common each
    class was in training (Menon et al. 2021, https://arxiv.org/abs/2007.07314, with its strength of 1); ``one_stain``: whether
    fields are brought to one stain before they are learned from and read; ``more``: what else differs in the recipe."""

    title: str
    how: Augmentation
    init: str = "pbc"
    even: bool = False
    one_stain: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


ARMS: Final = {
    "plain": Arm("Turns and flips alone", _PLAIN),
    "scratch": Arm("Little stain jitter, from a random start", _JITTER, init="scratch"),
    "jitter": Arm("Little stain jitter", _JITTER),
    "even": Arm("Little stain jitter, no class likelier beforehand", _JITTER, even=True),
    "strong": Arm("Strong stain jitter", replace(_JITTER, stain=0.2, shift=0.04)),
    "mix": Arm("Stains mixed between fields", _MIX),
    "grey": Arm("Half the fields without colour", replace(_JITTER, grey=0.5)),
    "mix-grey": Arm("Stains mixed, a quarter without colour", replace(_MIX, grey=0.25)),
    "mix-window": Arm("Stains mixed, crowding blanked", replace(_MIX, window=(0.4, 2.2))),
    "copies": Arm("Little stain jitter, and copies changed before the mask is made", _JITTER, more={"copies": 3}),
    "bare": Arm("The same copies, one more without the mask", _JITTER, more={"copies": 3, "bare": 1}),
    "attention": Arm("Little stain jitter, class maps held to the cells", _JITTER, more={"attention": 0.5}),
    "window": Arm("Little stain jitter, crowding blanked", replace(_JITTER, window=(0.4, 2.2))),
    "thinned": Arm("Little stain jitter, and copies that lack cells", _JITTER, more={"thinned": 3}),
    "thinned-even": Arm("Copies that lack cells, no class likelier beforehand", _JITTER, even=True, more={"thinned": 3}),
    "thinned-more": Arm("Little stain jitter, and more copies that lack cells", _JITTER, more={"thinned": 9}),
    "thinned-window": Arm("Copies that lack cells, and crowding blanked", replace(_JITTER, window=(0.4, 2.2)), more={"thinned": 3}),
    "thinned-copies": Arm("Copies that lack cells, and others changed before the mask", _JITTER, more={"thinned": 3, "copies": 3}),
    "one-stain": Arm("Little stain jitter, nuclei brought to one stain", _JITTER, one_stain=True),
    "adversary": Arm("Little stain jitter, an adversary against the stain", _JITTER, more={"adversary": 0.3}),
}
"""Every arm; those that differ in nothing that is fitted share their fits."""

STARTED: Final = ("densenet121",)
"""The other networks whose two starts are measured."""

STARTS: Final = {"pbc": "jitter", "scratch": "scratch"}
"""The arms that differ in nothing but their start."""


def recipe(arm: Arm, network: str = NETWORK) -> Recipe:
    """A short recipe: cuts around a nucleus, then whole fields."""
    stages = (Stage(3, 64, replace(arm.how, zoom=(0.6, 0.8))), Stage(4, 80, arm.how))
    return replace(recipe_for(network).first(), stages=stages, side=80, **arm.more)


def inner(held: int) -> Split:
    """Three folds to learn from and the one to be judged on; never `UNSEEN`."""
    names = {fold: load_split("stain", fold).test for fold in range(FOLDS)}
    learned = frozenset().union(*(names[fold] for fold in names if fold not in (UNSEEN, held)))
    return Split(learned, names[held], names[UNSEEN])


def one_stain(loaded: Loaded, learned: frozenset[str]) -> Loaded:
    """Every field with the cells' mean and deviation in Lab that the learned ones have in the middle (after Reinhard et al. 2001)."""
    images = loaded.images.numpy().copy()
    cells = [image.any(axis=2) for image in images]
    labs = [rgb2lab(image[on]) if on.any() else np.zeros((1, 3)) for image, on in zip(images, cells, strict=True)]
    means, deviations = (np.array([how(lab, axis=0) for lab in labs]) for how in (np.mean, np.std))
    chosen = [index for index, each in enumerate(loaded.fields) if each.name in learned]
    mean, deviation = (np.median(each[chosen], axis=0) for each in (means, deviations))
    for image, on, lab, own, spread in zip(images, cells, labs, means, deviations, strict=True):
        # Black stays the mark of what is beside the cells.
        image[on] = np.maximum(np.rint(lab2rgb((lab - own) / np.maximum(spread, 1) * deviation + mean) * 255), 1)
    return replace(loaded, images=torch.from_numpy(images), fingerprint=f"{loaded.fingerprint}-one-stain")


@torch.no_grad()
def logits(network: str, state: State, images: torch.Tensor, side: int) -> NDArray[np.float64]:
    """Logits (n, classes) of masked fields."""
    model = Classifier(NETWORKS[network], len(LABELS))
    model.net.load_state_dict(state)
    model.eval()
    return torch.cat([model(normalised(part, side)) for part in torch.split(images, 64)]).double().numpy()


def measure(name: str, loaded: Loaded, pbc: Path, precision: str | None, network: str = NETWORK) -> dict[str, Any]:
    """Fit one arm for each held-out fold, and pool what it says of the held-out stains."""
    fabric = Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
    arm = ARMS[name]
    said, truth, folds = [], [], []
    for held in HELD:
        split = inner(held)
        tag = f"ingredients-{held}" + ("-one-stain" if arm.one_stain else "")
        job = Job(network, recipe(arm, network), split, tag, INGREDIENTS, arm.init, loaded.fields, pbc, fabric, precision)
        shown = one_stain(loaded, split.train) if arm.one_stain else loaded
        state, _ = train(job, shown)
        judged = shown.part(split.val)
        found = logits(network, state, judged.images, job.recipe.side)
        if arm.even:
            found -= np.log(np.bincount(loaded.part(split.train).targets.numpy(), minlength=len(LABELS)) / len(split.train))
        said.append(found)
        truth.append(judged.targets.numpy())
        folds.append({"fold": held, "n": len(found), "accuracy": round(float((found.argmax(1) == truth[-1]).mean()), 4)})
    return _told(arm, precision, np.concatenate(said), np.concatenate(truth)) | {"folds": folds}


def exam(name: str, loaded: Loaded, pbc: Path, precision: str | None) -> dict[str, Any]:
    """What an arm that differs from the usual one in ``more`` alone comes to on the fold that no choice is made on.

    Fitted as the folds are, but for that and for fewer epochs on whole fields.
    """
    fabric = Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
    arm, split = ARMS[name], load_split("stain", UNSEEN)
    usual = recipe_for(NETWORK, "stain")
    cuts, whole = usual.stages
    full = replace(usual, stages=(cuts, replace(whole, epochs=EXAM_WHOLE)), **arm.more)
    job = Job(NETWORK, full, split, f"stain-{UNSEEN}", INGREDIENTS, arm.init, loaded.fields, pbc, fabric, precision)
    state, _ = train(job, loaded)
    judged = loaded.part(split.test)
    found = _told(arm, precision, logits(NETWORK, state, judged.images, full.side), judged.targets.numpy())
    return found | {"arm": name, "epochs_on_whole_fields": EXAM_WHOLE, "of_the_folds": whole.epochs}


def _told(arm: Arm, precision: str | None, said: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Measures of logits (n, classes)."""
    called = said.argmax(1)
    chances = functional.softmax(torch.from_numpy(said), dim=1).numpy()
    order = list(range(len(LABELS)))
    return {
        "title": arm.title, "init": arm.init, "precision": precision or "32-true", "n": len(truth),
        "accuracy": round(float((called == truth).mean()), 4),
        "macro_recall": round(float(recall_score(truth, called, average="macro")), 4),
        "loss": round(float(log_loss(truth, chances, labels=order)), 4),
        "recall": dict(zip(LABELS, recall_score(truth, called, average=None).round(4).tolist(), strict=True)),
        "confusion": confusion_matrix(truth, called, labels=order).tolist(),
    }  # fmt: skip


def kept(path: Path | None, data: str) -> dict[str, dict[str, Any]]:
    """Arms, starts and exam that the file tells of already, where they were measured on the same fields."""
    document = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    same = document.get("data") == data
    return {key: dict(document.get(key, {})) if same else {} for key in ("arms", "starts", "exam")}


def written(path: Path | None, data: str, key: str, found: Mapping[str, Any]) -> None:
    """Print what was found, and put it into the file beside what the file says of others."""
    print(key, json.dumps(found), flush=True)
    if path is None:
        return
    parts = kept(path, data)
    parts[key] |= found
    facts = {"command": INGREDIENTS, "network": NETWORK, "unseen_fold": UNSEEN, "held_out": list(HELD), "data": data}
    arms = {each: parts["arms"][each] for each in ARMS if each in parts["arms"]}
    path.write_text(json.dumps({**facts, **parts, "arms": arms}, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write after every arm."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds all and pbc128")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--arm", help=f"some of {', '.join(ARMS)}")
    parser.add_argument("--start", metavar="NETWORK", help=f"networks whose two starts are measured, as for {', '.join(STARTED)}")
    parser.add_argument("--exam", action="store_true", help=f"what the arm {EXAMINED} comes to on the unseen fold")
    parser.add_argument("--precision", help="passed to Lightning Fabric, bf16-mixed for example; default 32 bits")
    given = parser.parse_args(arguments)
    loaded = load(given.data / "all")
    every = not (given.arm or given.start or given.exam)
    pbc = given.data / "pbc128"
    for name in list(ARMS) if every else _listed(given.arm):
        written(given.json, loaded.fingerprint, "arms", {name: measure(name, loaded, pbc, given.precision)})
    for network in STARTED if every else _listed(given.start):
        found = {start: measure(arm, loaded, pbc, given.precision, network) for start, arm in STARTS.items()}
        written(given.json, loaded.fingerprint, "starts", {network: found})
    if every or given.exam:
        written(given.json, loaded.fingerprint, "exam", exam(EXAMINED, loaded, pbc, given.precision))


def _listed(names: str | None) -> list[str]:
    return names.split(",") if names else []


if __name__ == "__main__":
    main()
