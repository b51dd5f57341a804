"""`python -m ball audit`: what colour or cells alone achieve, and how far the networks fall on changed fields."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import UsageError, make_folder, progress, say, table, write
from ball.commands.data import undecodable
from ball.export import json_text

if TYPE_CHECKING:
    from ball.segmentation import Image
    from ball.training.data import Field

PARTS = ("baselines", "robustness")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "audit", help="what colour or cells alone achieve, and how far the networks fall on changed fields",
        description="Train baselines that see colour alone, or size and shape of the cells alone, on exactly the splits of the networks "
        "(baselines.json), and read the test part of the split paper again with its fields changed: stain, light, JPEG, scale bar, "
        "fewer cells, no mask, first size (robustness.json).",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of class folders")
    parser.add_argument("--only", choices=PARTS, help="one of the two files; default both")
    parser.add_argument("--part", choices=("val", "test"), default="test", help="of the split paper, whose fields are changed; default "
                        "test: choose between weights on val")
    parser.add_argument("--hires", metavar="FOLDER", type=Path, help="class folders of originals that the data set holds small copies of")
    parser.add_argument("--limit", metavar="N", type=int, help="read N of these fields alone, evenly spread: a trial, not a figure to keep")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="folder to write to; default benchmark in the weights folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Audit and write; 0."""
    from ball.places import weights_folder
    from ball.training.data import find_fields

    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit takes a number of fields from 1 up; got {args.limit}.")
    try:
        fields = find_fields(args.folder)
        large = find_fields(args.hires) if args.hires else []
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    out = make_folder(args.out or weights_folder() / "benchmark")
    if args.only != "robustness":
        write(out / "baselines.json", json_text(_baselines(fields)))
        say(f"wrote {out / 'baselines.json'}")
    if args.only != "baselines":
        document = _robustness(fields, large, args.part, args.limit)
        path = out / ("robustness.json" if args.part == "test" else f"robustness-{args.part}.json")
        write(path, json_text(document))
        say(f"wrote {path}")
        print(_summary(document))
    return 0


def _baselines(fields: Sequence[Field]) -> dict[str, Any]:
    from ball.segmentation import segment
    from ball.training import audit
    from ball.training.data import fingerprint, twin_groups

    _require_parts(fields)
    features = audit.describe(segment(image) for image in _images(fields))
    found = audit.baselines(fields, features, twin_groups(fields), say)
    return {"command": "python -m ball audit DATA/all --only baselines", "trees": audit.TREES, "data": fingerprint(fields), **found}


def _require_parts(fields: Sequence[Field]) -> None:
    """Both protocols need fields to learn from and fields to be measured on.

    Raises:
        UsageError: a part has no file here.
    """
    from ball.training.splits import FOLDS, load_split

    names = {field.name for field in fields}
    for called, split in [("paper", load_split("paper")), *((f"stain, fold {fold}", load_split("stain", fold)) for fold in range(FOLDS))]:
        if not names & split.train or not names & split.test:
            raise UsageError(f"The folder holds no training or no test file of the split {called}; splits know files by name.")


def _robustness(fields: Sequence[Field], large: Sequence[Field], part: str, limit: int | None) -> dict[str, Any]:
    import numpy as np

    from ball.training import audit
    from ball.training.data import fingerprint
    from ball.training.splits import load_split

    engine = _engine()
    names = load_split("paper").part(part)
    found = [field for field in fields if field.name in names]
    if not found:
        raise UsageError(f"The folder holds no file of the part {part} of the split paper; splits know files by name.")
    every = 1 if limit is None else max(len(found) // limit, 1)
    chosen = found[::every][:limit]
    targets = np.array([field.target for field in chosen], dtype=np.intp)
    images = list(_images(chosen))
    # Before the networks' hours of work: these are all fields, and one may not decode.
    known = _thumbnails(fields) if large else None
    asked = "" if part == "test" else f" --part {part}"
    command = f"python -m ball audit DATA/all --only robustness --hires DATA/hires{asked}"
    document = {"command": command, "part": f"paper, {part}", "n": len(chosen), "of": len(found), "data": fingerprint(fields),
                "weights": dict(engine.hashes), "calibrated": _calibrated(engine),
                "conditions": audit.robustness(images, targets, engine, progress=lambda items: progress(items, "condition"))}
    originals = [(f"{field.path.parent.name}/{field.name}", _image(field)) for field in large]
    pairs = [] if known is None else audit.originals(originals, fields, known, _image, engine)
    return {**document, "originals": pairs}


def _calibrated(engine: Any) -> bool:
    """Whether the consensus is the calibrated one; without it, weights are not to be compared by their consensus."""
    from ball.trust.store import find_trust

    trust = find_trust(engine.folder)
    fits = trust is not None and trust.fits(engine.hashes)
    if not fits:
        say("There are no thresholds for these weights, so the consensus is the plain mean of the votes: run `python -m ball calibrate`.")
    return fits


def _engine() -> Any:
    from ball.engine import load_engine

    engine = load_engine()
    for reason in dict.fromkeys(engine.missing.values()):
        say(reason)
    if not engine.models:
        raise UsageError("None of the five networks could be loaded: there is nothing to audit.")
    return engine


def _images(fields: Sequence[Field]) -> Any:
    return (_image(field) for field in progress(fields, "field"))


def _image(field: Field) -> Image:
    """A decoded field; raises as `_named`."""
    from ball.training.data import decoded

    with _named():
        return decoded(field.path)


def _thumbnails(fields: Sequence[Field]) -> Any:
    """A small grey copy of every field; raises as `_named`."""
    from ball.training.data import thumbnails

    with _named():
        return thumbnails(fields)


@contextmanager
def _named() -> Iterator[None]:
    """Read fields within.

    Raises:
        UsageError: one of them cannot be decoded; it is named.
    """
    from ball.images import ImageError

    try:
        yield
    except ImageError as error:
        raise undecodable(error) from error


def _summary(document: dict[str, Any]) -> str:
    conditions = document["conditions"]
    voters = list(conditions[0]["voters"])
    rows = [(each["title"], *(f"{100 * each['voters'][name]['accuracy']:.2f}" for name in voters)) for each in conditions]
    moved = [(f"{each['file']} ({each['copy']})", *(f"{each['voters'][name]['moved']:.3f}" for name in voters))
             for each in document["originals"]]  # fmt: skip
    lines = [f"{document['n']} fields, accuracy in %", table(("", *voters), rows)]
    if moved:
        lines += ["originals against their copies: how far the probability moves", table(("", *voters), moved)]
    return "\n".join(lines)
