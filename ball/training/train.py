"""`python -m ball train`: from a data folder to a weight file and its log."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import Tensor

from ball.images import ImageError
from ball.labels import LABELS
from ball.networks import NETWORKS
from ball.training.copies import load_copies
from ball.training.data import Field, find_fields, fingerprint, load_masked, load_plain
from ball.training.fit import ADAMW, CHECKPOINT, Descent, EpochLog, Examples, Run, State, fit, require_room, runs_folder
from ball.training.recipe import Recipe
from ball.training.splits import FOLDS, Split, load_split
from ball.weights import Store

PBC_SIDE = 128


@dataclass
class Job:
    """One network on one split.

    ``tag`` names the split in folders, ``command`` is what reproduces it. ``start`` is the recipe whose start this fit begins
    from, its own where None.
    """

    network: str
    recipe: Recipe
    split: Split
    tag: str
    command: str
    init: str
    fields: Sequence[Field]
    pbc: Path | None = None
    fabric: Fabric = field(default_factory=lambda: Fabric(accelerator="auto", devices=1))
    precision: str | None = None
    descent: Descent = ADAMW
    start: Recipe | None = None

    def folder(self, name: str) -> Path:
        """Folder of a run; a precision other than the default's has runs of its own."""
        return runs_folder() / (f"{name}-{self.precision}" if self.precision else name)

    def run_folder(self, recipe: Recipe) -> Path:
        """Folder of a fit by a recipe."""
        return self.folder(f"{self.tag}-{self.network}-{self.init}-{recipe.digest()}")

    @property
    def run_folders(self) -> list[Path]:
        """Folders of the fit itself, and of the one that refines it."""
        refined = [self.run_folder(self.recipe)] if self.recipe.refinement else []
        return [self.run_folder(self.recipe.first()), *refined]


@dataclass(frozen=True)
class Loaded:
    """The whole data set, masked, in memory; shared by all jobs of one command."""

    fields: tuple[Field, ...]
    images: Tensor
    fingerprint: str

    def part(self, names: frozenset[str]) -> Examples:
        """Examples of the fields with these names."""
        keep = [index for index, each in enumerate(self.fields) if each.name in names]
        targets = torch.tensor([self.fields[index].target for index in keep], dtype=torch.int64)
        return Examples(self.images[keep], targets)

    def varied(self, names: frozenset[str], recipe: Recipe) -> Examples:
        """The same, with the copies that a recipe asks for, and with the stains where it works against them."""
        found = self.part(names)
        chosen = [each for each in self.fields if each.name in names]
        if recipe.adversary:
            stain_of = {name: fold for fold in range(FOLDS) for name in load_split("stain", fold).test}
            found = replace(found, stains=torch.tensor([stain_of[each.name] for each in chosen]))
        if recipe.copies + recipe.bare + recipe.thinned:
            copies = load_copies(chosen, recipe.copies, recipe.bare, recipe.seed, recipe.thinned)
            found = replace(found, copies=torch.from_numpy(copies))
        return found


def load(folder: Path) -> Loaded:
    """Read and mask a data folder.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ImageError: a file that cannot be decoded, named.
    """
    fields = tuple(find_fields(folder))
    return Loaded(fields, torch.from_numpy(load_masked(fields)), fingerprint(fields))


def train(job: Job, loaded: Loaded) -> tuple[State, EpochLog]:
    """Run one job to its end: its start, the fit itself, and the second one where the recipe asks for it.

    The second one's checkpoint is bound to the weights that it began from, as every checkpoint is to its data.

    Raises:
        ChangedDataError: a checkpoint was written on other data, or from other weights.
    """
    first, second = job.recipe.first(), job.recipe.second()
    state, log = fit(_run(job, loaded, first, job.run_folder(first), _start(job)), first)
    if second is None:
        return state, log
    if job.fabric.is_global_zero:
        print(f"{job.network}: held to the cells from here on, for {sum(stage.epochs for stage in second.stages)} epochs", file=sys.stderr)
    run = _run(job, loaded, second, job.run_folder(job.recipe), state)
    run.same_classes, run.fingerprint = True, f"{loaded.fingerprint}-{state_fingerprint(state)}"
    state, more = fit(run, second)
    return state, [*log, *({**entry, "epoch": entry["epoch"] + len(log)} for entry in more)]


def _run(job: Job, loaded: Loaded, recipe: Recipe, folder: Path, start: State | None) -> Run:
    learned, judged = loaded.varied(job.split.train, recipe), loaded.part(job.split.val)
    return Run(
        job.network, learned, judged, folder, loaded.fingerprint, len(LABELS), recipe.side, start, fabric=job.fabric, descent=job.descent
    )


def state_fingerprint(state: State) -> str:
    """SHA-256 over the names and values of some weights."""
    total = hashlib.sha256()
    for name in sorted(state):
        total.update(name.encode() + state[name].contiguous().numpy().tobytes())
    return total.hexdigest()


def check_room(jobs: Sequence[Job]) -> None:
    """Prove, before hours are spent, that the checkpoints of all jobs fit on the disk.

    Raises:
        OSError: they do not.
    """
    new = [job.network for job in jobs for folder in job.run_folders if not (folder / CHECKPOINT).exists()]
    require_room(runs_folder(), new, [job.network for job in jobs])


def _start(job: Job) -> State | None:
    """Weights to begin with, None for a random start."""
    if job.init == "imagenet":
        return _imagenet(job.network)
    if job.init == "pbc":
        return pretrain(job)
    return None


def _imagenet(network: str) -> State:
    """torchvision's ImageNet weights, downloaded when first asked for."""
    from torchvision import models

    return dict(models.get_model(network, weights=NETWORKS[network].imagenet).state_dict())


def pretrain(job: Job) -> State:
    """Learn the classes of the PBC folder (Acevedo et al. 2020, doi:10.1016/j.dib.2020.105474), and keep the result.

    Raises:
        OSError: there is no such folder, or a cell cannot be decoded; the text names it.
    """
    if job.pbc is None or not job.pbc.is_dir():
        raise FileNotFoundError(f"--init pbc needs the folder of PBC cells (one folder a class); got {job.pbc}")
    start = (job.start or job.recipe).start()
    classes = sorted(child.name for child in job.pbc.iterdir() if child.is_dir() and not child.name.startswith("."))
    paths = [path for name in classes for path in sorted((job.pbc / name).glob("*.jpg"))]
    targets = torch.tensor([classes.index(path.parent.name) for path in paths])
    try:
        images = torch.from_numpy(load_plain(paths, PBC_SIDE))
    except ImageError as error:
        raise OSError(f"A cell of the folder {job.pbc} cannot be decoded: copy that folder anew. {error}") from error
    # A tenth, each tenth file of a class, is held back to see how far the start has come.
    held = torch.arange(len(paths)) % 10 == 0
    run = Run(
        job.network, Examples(images[~held], targets[~held]), Examples(images[held], targets[held]),
        job.folder(f"pbc-{job.network}-{start.digest()}"), pbc_fingerprint(paths), len(classes),
        start.side, fabric=job.fabric,
    )
    state, _ = fit(run, start)
    return state


def pbc_fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over the names (class folder and file) and contents of the PBC cells."""
    total = hashlib.sha256()
    for name, path in sorted((f"{path.parent.name}/{path.name}", path) for path in paths):
        total.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def publish(job: Job, loaded: Loaded, state: State, log: EpochLog, folder: Path) -> None:
    """Write the weight file, its manifest entry and the training log."""
    facts = {"side": job.recipe.side, "command": job.command, "data": loaded.fingerprint, "recipe": job.recipe.document(), "init": job.init}
    Store(folder).save(job.network, state, facts)
    path = folder / "benchmark" / f"training-{job.network}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {job.network: Store(folder).manifest()["networks"][job.network]["sha256"]}
    document = {"network": job.network, "command": job.command, "weights": weights, "epochs": log}
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
    print(f"{job.network}: wrote {folder / NETWORKS[job.network].file}", file=sys.stderr)
