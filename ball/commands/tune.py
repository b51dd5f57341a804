"""`python -m ball tune`: the paper's grid of epochs, learning rate and optimiser, judged on validation."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ball.commands._output import UsageError, make_folder, say, table, write
from ball.commands.data import undecodable
from ball.commands.train import check_data, networks, start_fabric, the_split
from ball.export import json_text
from ball.labels import LABELS

SIDE = 96
"""Image side of the grid unless told otherwise: a full size grid takes days on two cores."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "tune", help="the paper's grid: epochs, learning rate, optimiser; judged on validation",
        description="Train every network with epochs 5 and 10, learning rate 0.01 and 0.001, SGD and Adam, and judge each on the "
        "validation part. The rate is constant: the figures after 5 epochs are read off the run of 10. A grid that was stopped goes on "
        "where it stopped. Networks that are not named keep what the file says of them.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of class folders")
    parser.add_argument("--network", default="all", metavar="NAME[,NAME]", help="networks by name, or all (default)")
    parser.add_argument("--side", type=int, default=SIDE, metavar="PX", help=f"height and width of the images; default {SIDE}")
    parser.add_argument("--split", choices=("paper", "stain"), default="paper", help="default paper")
    parser.add_argument("--fold", type=int, metavar="N", help="0 to 4, for the split stain")
    parser.add_argument("--init", choices=("pbc", "scratch", "imagenet"), default="pbc", help="as for train; default pbc")
    parser.add_argument("--pbc", type=Path, metavar="FOLDER", help="folder of PBC cells, one folder a class; for --init pbc")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default benchmark/tuning.json in the weights folder")
    parser.add_argument("--accelerator", default="auto", help="passed to Lightning Fabric: auto (default), cpu, cuda, mps")
    parser.add_argument("--precision", metavar="NAME", help="passed to Lightning Fabric, bf16-mixed for example; default 32 bits")
    parser.set_defaults(run=run, devices="1", nodes=1)


def run(args: argparse.Namespace) -> int:
    """Run the grid and write it after every network."""
    names = networks(args.network)
    if not 32 <= args.side <= 224:
        raise UsageError(f"--side takes 32 to 224 pixels; got {args.side}.")
    split = the_split(args)
    check_data(args, split)
    from ball.images import ImageError
    from ball.places import weights_folder
    from ball.training import train, tune
    from ball.training.fit import ChangedDataError, runs_folder

    make_folder(runs_folder())
    path = args.json or weights_folder() / "benchmark" / "tuning.json"
    make_folder(path.parent)
    try:
        loaded = train.load(args.data)
        plan = tune.Plan(loaded, split, args.side, args.init, args.seed, start_fabric(args), args.pbc, args.precision)
        facts = {"command": command(args), "side": args.side, "init": args.init, "split": args.split, "fold": args.fold, "part": "val",
                 "n": len(loaded.part(split.val).targets), "classes": list(LABELS), "momentum": tune.MOMENTUM,
                 "precision": args.precision or "32", "data": loaded.fingerprint}
        found = _kept(path, facts)
        train.check_room([job for name in names for _, job in tune.jobs(name, plan)])
        for name in names:
            found[name] = tune.tune(name, plan)
            _save(path, facts, found)
    except (ChangedDataError, OSError) as error:
        raise UsageError(str(error)) from error
    except ImageError as error:
        raise undecodable(error, args.data) from error
    print(_summary(found))
    return 0


def command(args: argparse.Namespace) -> str:
    """The command that makes the whole file again, with placeholders for folders."""
    fold = "" if args.fold is None else f" --fold {args.fold}"
    pbc = " --pbc PBC" if args.init == "pbc" else ""
    seed = f" --seed {args.seed}" if args.seed else ""
    precision = f" --precision {args.precision}" if args.precision else ""
    return f"python -m ball tune --data DATA/all --side {args.side} --split {args.split}{fold} --init {args.init}{pbc}{seed}{precision}"


def _kept(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Networks that the file holds already, where all else in it is the same."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return dict(document["networks"]) if {key: document[key] for key in facts} == facts else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _save(path: Path, facts: dict[str, Any], found: dict[str, Any]) -> None:
    from ball.names import TITLES

    write(path, json_text({**facts, "networks": {name: found[name] for name in TITLES if name in found}}))
    say(f"wrote {path}")


def _summary(found: dict[str, Any]) -> str:
    rows = [
        (name, each["optimiser"], each["rate"], each["epochs"], f"{each['val_accuracy']:.4f}", "-" if each["val_loss"] is None else
         f"{each['val_loss']:.4f}")
        for name, trials in found.items()
        for each in trials
    ]  # fmt: skip
    return table(("network", "optimiser", "rate", "epochs", "accuracy", "loss"), rows)
