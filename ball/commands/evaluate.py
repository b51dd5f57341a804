"""`python -m ball evaluate`: the figures of five networks and their consensus on labelled fields."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import STDOUT, UsageError, printable, progress, require_writable, say, table, write
from ball.export import csv_text, json_text
from ball.labels import LABELS

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.segmentation import Image
    from ball.training.data import Field
    from ball.training.evaluation import Results
    from ball.training.out_of_fold import OutOfFold
    from ball.weights import Store

_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "precision", "loss", "auroc", "ece")
_TRUST = ("coverage", "accuracy_when_given", "flagged", "wrong_and_unflagged")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate", help="measure networks and consensus on a folder of class folders",
        description="Measure the networks and their consensus on a folder that holds Benign, Early, Pre and Pro. All fields count, "
        "or with --split those of one part of a committed split. With --split stain --part test and no --fold, each field is read by "
        "the networks that were trained without its stain, found in the subfolders stain-0 to stain-4 of --weights. The CSV that "
        "--predictions then writes can be given in place of the folder; where it exists, what it says of networks and folds that have "
        "no weights here is kept. With --fold N the networks are those of the subfolder stain-N of the weights folder, or of --weights "
        "itself. Weights that were trained for another split or fold do not judge a part.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of class folders, or a CSV of out-of-fold predictions")
    parser.add_argument("--split", choices=("paper", "stain"), help="a committed split; goes with --part")
    parser.add_argument("--part", choices=("train", "val", "test"))
    parser.add_argument("--fold", type=int, metavar="N", help="0 to 4, for the split stain")
    parser.add_argument("--weights", metavar="FOLDER", type=Path, help="weights folder, in place of $BALL_WEIGHTS")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, - for standard output")
    parser.add_argument("--predictions", metavar="FILE", help="write a CSV of every voter's probabilities, one row a field and voter; "
                        "for the pooled folds, of every network's logits")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; 0, or 1 if some fields cannot be decoded."""
    if args.json == STDOUT == args.predictions:
        raise UsageError("--json and --predictions cannot both go to standard output.")
    from ball.files import is_file

    if is_file(args.folder):
        return _from_predictions(args)
    if (args.split, args.part, args.fold) == ("stain", "test", None):
        return _pooled(args)
    from ball.training.evaluation import prediction_rows, report

    fields = choose(args)
    require_writable(args.json, args.predictions, inputs=[field.path for field in fields])
    results = answer(args.folder, fields, _engine(_weights(args)))
    header = ("file", "label", "network", *LABELS)
    return _write(args, report(results), lambda: csv_text(header, prediction_rows(results)))


def _write(args: argparse.Namespace, document: dict[str, Any], predictions: Callable[[], str] | None = None) -> int:
    if predictions and args.predictions:
        write(args.predictions, predictions())
    if args.json:
        write(args.json, json_text(document))
    elif args.predictions != STDOUT:
        print(_summary(document))
    return 1 if document["errors"] else 0


def _from_predictions(args: argparse.Namespace) -> int:
    """Figures from a CSV of out-of-fold predictions alone: no image, no network."""
    from ball.training import out_of_fold

    if args.split or args.part or args.fold is not None or args.weights or args.predictions:
        raise UsageError(f"{args.folder} is a file of predictions: only --json goes with it.")
    require_writable(args.json, inputs=[args.folder])
    try:
        return _write(args, out_of_fold.report(out_of_fold.load(args.folder)))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def _pooled(args: argparse.Namespace) -> int:
    """The stain protocol: each fold's test part by the networks trained for that fold."""
    from ball.training import out_of_fold
    from ball.weights import weights_folder

    before = _before(args.predictions)
    stores = fold_stores(args.weights or weights_folder(), set() if before is None else set(before.folds.tolist()))
    fields = choose(args)
    require_writable(args.json, args.predictions, inputs=[field.path for field in fields])
    found, errors = hold_out(args.folder, fields, stores, before)
    try:
        document = out_of_fold.report(found, errors)
    except ValueError as error:
        raise UsageError(str(error)) from error
    for name in found.logits.keys() - set(found.complete):
        say(f"{name} was not trained for every fold; the pooled figures leave it out.")
    return _write(args, document, lambda: csv_text(out_of_fold.HEADER, out_of_fold.rows(found)))


def _weights(args: argparse.Namespace) -> Path | None:
    """The weights that may judge these fields: those that were trained for the same split and fold; None for the usual ones.

    Raises:
        UsageError: there are none for the fold, or they learned from another split or fold.
    """
    from ball.training.splits import FOLDS
    from ball.weights import weights_folder

    if args.split is None:
        return args.weights  # type: ignore[no-any-return]
    if args.weights is None and args.fold is not None:
        return fold_stores(weights_folder(), set(range(FOLDS)) - {args.fold})[args.fold].folder
    _require_trained_for(args.weights or weights_folder(), f"--split {args.split}" + ("" if args.fold is None else f" --fold {args.fold}"))
    return args.weights  # type: ignore[no-any-return]


def _require_trained_for(folder: Path, wanted: str) -> None:
    """Refuse weights whose training commands name another split or fold.

    Raises:
        UsageError: they do.
    """
    other = next((made for made in _trained_for(folder) if made != wanted), None)
    if other:
        raise UsageError(f"The weights in {folder} were trained with {other}: they learned from fields that are to be judged. "
                         f"Name weights trained with {wanted}.")


def _trained_for(folder: Path) -> list[str]:
    """The split and fold in the training commands that a manifest records, as options; none where it cannot be read or says none."""
    from ball.weights import Store, WeightError

    try:
        entries = Store(folder).manifest()["networks"].values()
    except WeightError:  # Loading the networks says so.
        return []
    commands = [str(entry.get("command", "")) for entry in entries if isinstance(entry, dict)]
    return [found[0] for found in (re.search(r"--split \w+(?: --fold \d+)?", command) for command in commands) if found]


def _before(path: str | None) -> OutOfFold | None:
    """What a file that is to be written says already: folds take hours each, and are trained on more than one machine.

    Raises:
        UsageError: it holds something else.
    """
    from ball.files import exists
    from ball.training import out_of_fold

    if path in (None, STDOUT) or not exists(Path(str(path))):
        return None
    try:
        return out_of_fold.load(Path(str(path)))
    except (OSError, ValueError) as error:
        raise UsageError(f"{error} Name another file for --predictions.") from error


def fold_stores(folder: Path, known: Collection[int] = ()) -> dict[int, Store]:
    """The weights of the folds, by fold.

    Args:
        folder: holds the subfolders stain-0 to stain-4.
        known: folds that need none.

    Raises:
        UsageError: another fold has none.
    """
    from ball.files import is_file
    from ball.training.splits import FOLDS
    from ball.weights import Store

    stores = {fold: Store(folder / f"stain-{fold}") for fold in range(FOLDS)}
    there = {fold: store for fold, store in stores.items() if is_file(store.folder / "manifest.json")}
    for fold, store in there.items():
        _require_trained_for(store.folder, f"--split stain --fold {fold}")
    absent = [fold for fold in stores if fold not in there and fold not in known]
    if absent:
        command = f"python -m ball train --split stain --fold {absent[0]} --out {stores[absent[0]].folder} --data FOLDER"
        names = ", ".join(stores[fold].folder.name for fold in absent)
        raise UsageError(f"{folder} holds no weights in {names}. Train them, for example: {command}")
    return there


def hold_out(
    folder: Path, fields: Sequence[Field], stores: Mapping[int, Store], before: OutOfFold | None = None
) -> tuple[OutOfFold, list[str]]:
    """Read each field by the networks of the fold that held it out; files that cannot be decoded come second.

    Args:
        folder: what the names of files are relative to.
        fields: all that count.
        stores: weights by fold; a fold without them has what ``before`` says of it.
        before: earlier predictions, kept where no network here makes them again.

    Raises:
        UsageError: a fold has no network that loads, or no field.
    """
    from ball.training.data import twin_groups
    from ball.training.out_of_fold import filled, join
    from ball.training.splits import FOLDS, load_split

    parts, kept, errors = [], [], []
    for fold in range(FOLDS):
        names = load_split("stain", fold).test
        mine = [field for field in fields if field.name in names]
        if not mine:
            raise UsageError(f"{folder} holds no file of fold {fold} of the split stain: nothing can be pooled.")
        say(f"fold {fold}: {len(mine)} fields")
        part, read, bad = _fold(folder, mine, fold, _engine(stores[fold].folder)) if fold in stores else _unread(folder, mine, fold)
        parts.append(part if before is None else filled(part, before))
        if before is not None:
            _say_kept(fold, parts[-1].logits.keys() - part.logits.keys())
        kept += read
        errors += bad
    return join(parts, twin_groups(kept)), errors


def _say_kept(fold: int, networks: Collection[str]) -> None:
    if networks:
        say(f"fold {fold}: {', '.join(sorted(networks))} as the file of predictions has it, since its weights are not here")


def _unread(folder: Path, fields: list[Field], fold: int) -> tuple[OutOfFold, list[Field], list[str]]:
    """A fold that no network here reads: its fields that can be decoded, those fields, and the files that cannot."""
    errors: list[str] = []
    kept = [field for field, _ in _decoded(folder, fields, fold, errors)]
    return _part(folder, kept, fold, {}, {}), kept, errors


def _decoded(folder: Path, fields: Sequence[Field], fold: int, errors: list[str]) -> Iterator[tuple[Field, Image]]:
    """The fields of a fold with their pictures; a file that cannot be decoded is said, and put into ``errors`` (empty before).

    Raises:
        UsageError: none of them can be decoded.
    """
    from ball.files import read_bytes
    from ball.images import ImageError, decode

    for field in progress(fields, "field"):
        try:
            rgb = decode(read_bytes(field.path)).rgb
        except ImageError as error:
            errors.append(field.path.relative_to(folder).as_posix())
            say(f"{printable(errors[-1])}: {error}")
            continue
        yield field, rgb
    if len(errors) == len(fields):
        raise UsageError(f"None of the files of fold {fold} could be decoded: nothing can be pooled.")


def _part(
    folder: Path, fields: Sequence[Field], fold: int, logits: Mapping[str, Any], weights: Mapping[str, Mapping[int, str]]
) -> OutOfFold:
    import numpy as np

    from ball.training.out_of_fold import OutOfFold

    names = tuple(field.path.relative_to(folder).as_posix() for field in fields)
    targets, count = np.array([field.target for field in fields], dtype=np.intp), len(fields)
    return OutOfFold(names, np.full(count, fold), targets, np.zeros(count, dtype=np.intp), logits, weights)


def _fold(folder: Path, fields: Sequence[Field], fold: int, engine: Engine) -> tuple[OutOfFold, list[Field], list[str]]:
    """Logits of one fold's fields, those fields, and the files that cannot be decoded."""
    import numpy as np

    from ball.segmentation import segment
    from ball.training.evaluation import DIGITS

    kept, logits = [], []
    errors: list[str] = []
    for field, rgb in _decoded(folder, fields, fold, errors):
        kept.append(field)
        outputs = engine.predict(segment(rgb).masked[None])
        logits.append({key: output.logits[0].double().numpy() for key, output in outputs.items()})
    # Rounded as the CSV is, so that its figures are the same whether made at once or from it.
    columns = {key: np.stack([each[key] for each in logits]).round(DIGITS) for key in logits[0]}
    weights = {key: {fold: engine.hashes[key]} for key in columns}
    return _part(folder, kept, fold, columns, weights), kept, errors


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
        fields = find_fields(args.folder)
        if (args.split, args.part, args.fold) == ("stain", "test", None):
            return fields
        split = load_split(args.split, args.fold) if args.split else None
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


def answer(folder: Path, fields: Sequence[Field], engine: Engine) -> Results:
    """Read every field; those that cannot be decoded are named on standard error.

    Raises:
        UsageError: no field can be decoded.
    """
    from ball.reading import read
    from ball.training.data import twin_groups
    from ball.training.evaluation import collect

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


def _engine(folder: Path | None) -> Engine:
    """The networks of a weights folder, of `$BALL_WEIGHTS` where it is None; those that do not load are named.

    Raises:
        UsageError: none loads.
    """
    from ball.engine import load_engine
    from ball.weights import Store

    engine = load_engine(None if folder is None else Store(folder))
    for reason in dict.fromkeys(engine.missing.values()):
        say(reason)
    if not engine.models:
        raise UsageError("None of the five networks could be loaded: there is nothing to measure.")
    return engine


def _summary(document: dict[str, Any]) -> str:
    voters = {**document["networks"], "consensus": document["consensus"]}
    rows = [(name, *(_figure(figures[key]) for key in _SHOWN)) for name, figures in voters.items()]
    trust = ", ".join(f"{key.replace('_', ' ')} {_figure(document['consensus'][key])}" for key in _TRUST if key in document["consensus"])
    last = f"\nconsensus: {trust}" if trust else ""
    return f"{document['n']} fields\n{table(('', *(key.replace('_', ' ') for key in _SHOWN)), rows)}{last}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
