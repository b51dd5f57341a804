"""`python -m ball evaluate`: the figures of five networks and their consensus on labelled fields."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import STDOUT, UsageError, printable, progress, require_writable, say, table, write
from ball.export import csv_text, json_text
from ball.labels import LABELS

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.training.data import Field
    from ball.training.evaluation import Results

_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "precision", "loss", "auroc", "ece")
_TRUST = ("coverage", "accuracy_when_given", "flagged", "wrong_and_unflagged")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate", help="measure networks and consensus on a folder of class folders",
        description="Measure the networks and their consensus on a folder that holds Benign, Early, Pre and Pro. All fields count, "
        "or with --split those of one part of a committed split.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of class folders")
    parser.add_argument("--split", choices=("paper", "stain"), help="a committed split; goes with --part")
    parser.add_argument("--part", choices=("train", "val", "test"))
    parser.add_argument("--fold", type=int, metavar="N", help="0 to 4, for the split stain")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, - for standard output")
    parser.add_argument("--predictions", metavar="FILE", help="write a CSV of every voter's probabilities, one row a field and voter")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; 0, or 1 if some fields cannot be decoded."""
    from ball.training.evaluation import prediction_rows, report

    if args.json == STDOUT == args.predictions:
        raise UsageError("--json and --predictions cannot both go to standard output.")
    fields = choose(args)
    require_writable(args.json, args.predictions, inputs=[field.path for field in fields])
    results = answer(args.folder, fields)
    document = report(results)
    if args.predictions:
        rows, fold = prediction_rows(results), [] if args.fold is None else [args.fold]
        header = ("file", "label", "network", *LABELS, *(["fold"] if fold else []))
        write(args.predictions, csv_text(header, [[*row, *fold] for row in rows]))
    if args.json:
        write(args.json, json_text(document))
    elif args.predictions != STDOUT:
        print(_summary(document))
    return 1 if results.errors else 0


def choose(args: argparse.Namespace) -> list[Field]:
    """The fields to evaluate.

    Raises:
        UsageError: no such folder, unknown class folder, options that do not go together, or no field of the part.
    """
    from ball.training.data import find_fields
    from ball.training.splits import load_split

    if (args.split is None) != (args.part is None) or (args.split is None and args.fold is not None):
        raise UsageError("--split and --part go together, and --fold with both: for example --split stain --part test --fold 0.")
    try:
        split = load_split(args.split, args.fold) if args.split else None
        fields = find_fields(args.folder)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    if split is None:
        return fields
    known = split.train | split.val | split.test
    unnamed = sum(field.name not in known for field in fields)
    if unnamed:
        say(f"{unnamed} of {len(fields)} files are in no part of the split {args.split}; they are passed over.")
    chosen = [field for field in fields if field.name in split.part(args.part)]
    if not chosen:
        raise UsageError(f"{args.folder} holds no file of the part {args.part} of the split {args.split}.")
    return chosen


def answer(folder: Path, fields: Sequence[Field]) -> Results:
    """Read every field; those that cannot be decoded are named on standard error.

    Raises:
        UsageError: no network loads, or no field can be decoded.
    """
    from ball.reading import read
    from ball.training.data import twin_groups
    from ball.training.evaluation import collect

    engine = _engine()
    names, readings, decoded, errors = [], [], [], []
    for field in progress(fields, "field"):
        reading = read(field.path, engine=engine, maps=False)
        name = field.path.relative_to(folder).as_posix()
        if reading.status == "error":
            say(f"{printable(name)}: {reading.reason}")
            errors.append(name)
        else:
            names.append(name)
            decoded.append(field)
            readings.append(reading)
    if not readings:
        raise UsageError(f"None of the {len(fields)} files could be decoded: there is nothing to measure.")
    return collect(names, [field.target for field in decoded], readings, twin_groups(decoded), errors)


def _engine() -> Engine:
    from ball.engine import load_engine

    engine = load_engine()
    for reason in dict.fromkeys(engine.missing.values()):
        say(reason)
    if not engine.models:
        raise UsageError("None of the five networks could be loaded: there is nothing to measure.")
    return engine


def _summary(document: dict[str, Any]) -> str:
    voters = {**document["networks"], "consensus": document["consensus"]}
    rows = [(name, *(_figure(figures[key]) for key in _SHOWN)) for name, figures in voters.items()]
    trust = ", ".join(f"{key.replace('_', ' ')} {_figure(document['consensus'][key])}" for key in _TRUST)
    return f"{document['n']} fields\n{table(('', *(key.replace('_', ' ') for key in _SHOWN)), rows)}\nconsensus: {trust}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
