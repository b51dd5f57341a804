"""`python -m ball train`: fit networks and write their weight files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import UsageError, make_folder
from ball.commands.data import undecodable
from ball.labels import LABELS, UnknownClassError
from ball.places import train_command

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from ball.training.splits import Split


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train", help="fit networks and write their weight files",
        description="Fit networks and write their weight files. A run that was stopped goes on where it stopped (checkpoints lie in "
        "$BALL_RUNS, else ~/.cache/ball/runs).",
    )
    parser.add_argument("--network", default="all", metavar="NAME[,NAME]", help="networks by name, or all (default)")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of class folders")
    parser.add_argument("--split", choices=("paper", "stain"), default="paper", help="default paper")
    parser.add_argument("--fold", type=int, metavar="N", help="0 to 4, for the split stain")
    parser.add_argument("--init", choices=("pbc", "scratch", "imagenet"), default="pbc", help="start: learned on PBC cells (default), "
                        "random, or torchvision's ImageNet weights (downloaded)")
    parser.add_argument("--pbc", type=Path, metavar="FOLDER", help="folder of PBC cells, one folder a class; for --init pbc")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="weights folder; default the package's own, and its subfolder stain-N "
                        "for a fold of the split stain")
    parser.add_argument("--accelerator", default="auto", help="passed to Lightning Fabric: auto (default), cpu, cuda, mps")
    parser.add_argument("--devices", default="1", metavar="N", help="processes, passed to Lightning Fabric; default 1")
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="machines, each started with the same command under torchrun or "
                        "SLURM; default 1")
    parser.add_argument("--precision", metavar="NAME", help="passed to Lightning Fabric, bf16-mixed for example; default 32 bits")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check what can be checked, then train each network."""
    names = networks(args.network)
    split = the_split(args)
    check_data(args, split)
    from ball.images import ImageError
    from ball.training import train
    from ball.training.fit import ChangedDataError, runs_folder
    from ball.training.recipe import recipe_for

    make_folder(runs_folder())
    out = make_folder(args.out or default_out(args))
    fabric = start_fabric(args)
    tag = args.split if args.fold is None else f"{args.split}-{args.fold}"
    try:
        loaded = train.load(args.data)
        jobs = [
            train.Job(name, recipe_for(name, args.split, seed=args.seed), split, tag, command(name, args), args.init, loaded.fields,
                      args.pbc, fabric, args.precision)
            for name in names
        ]
        train.check_room(jobs)
        for job in jobs:
            state, log = train.train(job, loaded)
            if fabric.is_global_zero:
                train.publish(job, loaded, state, log, out)
    except (ChangedDataError, OSError) as error:
        raise UsageError(str(error)) from error
    except ImageError as error:
        raise undecodable(error, args.data) from error
    return 0


def networks(given: str) -> list[str]:
    """Names of the networks to train, in the order given.

    Raises:
        UsageError: an unknown name.
    """
    from ball.networks import NETWORKS

    names = list(NETWORKS) if given == "all" else list(dict.fromkeys(given.split(",")))
    for name in names:
        if name not in NETWORKS:
            raise UsageError(f"There is no network named {name!r}. Choose all, or some of: {', '.join(NETWORKS)}.")
    return names


def default_out(args: argparse.Namespace) -> Path:
    """The weights folder, or a subfolder of it for a fold, so that a fold never replaces the weights in use."""
    from ball.weights import weights_folder

    return weights_folder() if args.fold is None else weights_folder() / f"{args.split}-{args.fold}"


def command(name: str, args: argparse.Namespace) -> str:
    """The command that trains this network again, with placeholders for folders."""
    fold = "" if args.fold is None else f" --fold {args.fold}"
    seed = f" --seed {args.seed}" if args.seed else ""
    precision = f" --precision {args.precision}" if args.precision else ""
    return f"{train_command(name, f'{args.split}{fold}', args.init)}{seed}{precision}"


def the_split(args: argparse.Namespace) -> Split:
    """The split that ``--split`` and ``--fold`` name.

    Raises:
        UsageError: a fold that is missing, or given in vain.
    """
    from ball.training.splits import load_split

    try:
        return load_split(args.split, args.fold)
    except ValueError as error:
        raise UsageError(f"{error}.") from error


def check_data(args: argparse.Namespace, split: Split) -> None:
    """Whether the folders hold what training needs.

    Raises:
        UsageError: a folder is missing or empty, a class is missing, a field is mislabelled, or a part of the split has no file here.
    """
    from ball.training.data import MislabelledError, find_fields, require_labels

    try:
        fields = find_fields(args.data)
    except (OSError, UnknownClassError) as error:
        raise UsageError(str(error)) from error
    absent = [label for label in LABELS if label not in {field.label for field in fields}]
    if absent:
        raise UsageError(f"{args.data} holds no field of {', '.join(absent)}: all four classes are needed to train.")
    for part in ("train", "val"):
        if not any(field.name in split.part(part) for field in fields):
            raise UsageError(f"{args.data} holds no file of the part {part} of the split {args.split}; splits know files by name.")
    try:
        require_labels(fields)
    except (OSError, MislabelledError) as error:
        raise UsageError(str(error)) from error
    if args.init == "pbc" and (args.pbc is None or not any(args.pbc.glob("*/*.jpg"))):
        came = "none was given" if args.pbc is None else f"{args.pbc} holds no */*.jpg"
        raise UsageError(f"--init pbc needs --pbc FOLDER, the PBC cells, one folder a class; {came}. Or choose --init scratch.")


def start_fabric(args: argparse.Namespace) -> Fabric:
    """Lightning Fabric, launched: with several processes each runs the command from here on.

    Raises:
        UsageError: it cannot run so.
    """
    from lightning.fabric import Fabric

    devices = int(args.devices) if args.devices.lstrip("-").isdigit() else args.devices
    try:
        fabric = Fabric(accelerator=args.accelerator, devices=devices, num_nodes=args.nodes, precision=args.precision)
        fabric.launch()
    except (ValueError, TypeError, RuntimeError) as error:
        raise UsageError(f"Lightning Fabric cannot run so: {error}") from error
    return fabric
