"""`python -m ball read`: read fields and print, per field, what the networks and their consensus say."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands import _slides as slides
from ball.commands._output import (
    UsageError,
    above_zero,
    make_folder,
    printable,
    progress,
    require_writable,
    say,
    table,
    write,
    write_image,
)
from ball.export import STABILITY, USE, readings_csv, readings_json
from ball.labels import LABELS
from ball.names import ENGINES
from ball.thresholds import ASKED
from ball.wording import not_ruled_out

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.reading import Reading
    from ball.trust.slide import SlideField

_LONGEST = 1024
"""Longer side in pixels of a map at most; a smaller field keeps its size."""

Document = dict[str, Any]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "read", help="read fields: votes, consensus, flags",
        description="Read fields. Folders are walked. Every page of a TIFF, frame of a DICOM file and picture of a ZIP archive is a field "
        f"of its own, named after its file: 'a.tif, page 2'. Without --json or --csv a table is printed. {USE}",
        epilog="Exit status: 0 all read, 1 some could not be decoded, 2 wrong usage or no image at all.",
    )
    parser.add_argument("inputs", metavar="FILE_OR_FOLDER", nargs="+", help="images of fields, or folders of them")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, - for standard output")
    parser.add_argument("--csv", metavar="FILE", help="write CSV to FILE, one row a field")
    parser.add_argument("--maps", metavar="FOLDER", type=Path, help="write where each network looked for its vote, one PNG a vote")
    parser.add_argument("--height-um", type=above_zero, metavar="UM",
                        help="height of every field in micrometres: the cells' median diameter is given in them, too")
    parser.add_argument("--stability", action="store_true",
                        help="read each field under seven changes of stain, light and compression, too: a vote that turns over is "
                        "flagged, and the probability's spread is written (takes several times as long)")
    parser.add_argument("--suggest-from", type=_limit, metavar="PERCENT",
                        help=f"suggest a class from this probability on, {ASKED[0]:g} to {ASKED[1]:g}, instead of the validated limit: "
                        "as the slider of the app's Read page")
    slides.add(parser)
    parser.add_argument(
        "--engine", metavar="NAME", default="auto",
        help=f"what runs the networks: {', '.join(ENGINES)}; default auto, the best exact one present; fast takes bf16 where it can",
    )
    parser.set_defaults(run=run)


def _limit(text: str) -> float:
    """A limit in percent as a probability, for `argparse`."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not ASKED[0] <= value <= ASKED[1]:
        raise argparse.ArgumentTypeError(f"expected a percentage from {ASKED[0]:g} to {ASKED[1]:g}, got {text!r}")
    return round(value / 100, 6)


def run(args: argparse.Namespace) -> int:
    """Read; 0, 1 if some files could not be decoded, 130 if interrupted (what was read until then is written)."""

    files = named_files(args.inputs)
    require_writable(args.json, args.csv, inputs=[path for _, path in files])
    if args.json == "-" == args.csv:
        raise UsageError("--json and --csv cannot both go to standard output.")
    if args.maps is not None:
        _require_apart(args.maps, args.inputs)
        make_folder(args.maps)
    engine = _engine(args.engine)
    if args.suggest_from is not None:
        _warn(engine, args.suggest_from)
    from ball.trust.slide import SlideField

    documents: list[Document] = []
    gathered: list[SlideField] = []
    doubts: list[str] = []
    status = 0
    try:
        for reading in _readings(files, engine, args.maps is not None, args.height_um):
            field = SlideField.of(reading)
            documents.append(_document(reading, args.maps, engine if args.stability else None, args.suggest_from))
            gathered.append(field)
            doubts.append(", ".join(not_ruled_out(reading)))
            status = status or int(documents[-1]["status"] == "error")
    except KeyboardInterrupt:
        say(f"Interrupted; what was read until then is written: {len(documents)} of the fields of {len(files)} files.")
        status = 130
    if args.slide:
        slides.output(documents, gathered, args)
    else:
        _output(documents, doubts, args)
    return status


def named_files(inputs: Iterable[str]) -> list[tuple[str, Path]]:
    """Every file to read, with the name to report: as given, or the folder as given and the path within.

    Raises:
        UsageError: there is no file at all.
    """
    from ball.files import exists, find_files

    files = [(str(path) if path != Path(given) else given, path) for given in inputs for path in find_files([Path(given)])]
    if not any(exists(path) for _, path in files):
        missing = ", ".join(printable(name) for name, _ in files[:3])
        why = f"{missing} not found, or in a folder that may not be opened" if files else "the folders hold none"
        raise UsageError(f"There is no image at all: {why}.")
    return files


def _require_apart(maps: Path, inputs: Iterable[str]) -> None:
    """Refuse maps among the fields: they would be read as fields the next time.

    Raises:
        UsageError: the folder is, or lies inside, an input folder.
    """
    from ball.files import is_folder

    for folder in (Path(given) for given in inputs if is_folder(Path(given))):
        if maps.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"The maps cannot go to {maps}: it lies in the input folder {folder}, whose images are read as fields.")


def _engine(name: str) -> Engine:
    from ball.engine import EngineError, load_engine

    try:
        engine = load_engine(name=name)
    except EngineError as error:
        raise UsageError(str(error)) from error
    for text in dict.fromkeys((*engine.missing.values(), *engine.notices)):
        say(text)
    return engine


def _warn(engine: Engine, limit: float) -> None:
    """Say what a limit below the validated one means, or that without a validated one there is nothing to move."""
    from ball.trust.limit import warning
    from ball.trust.store import find_trust

    trust = find_trust(engine.folder)
    if trust is None or not trust.fits(engine.hashes):
        say("--suggest-from changes nothing: there is no validated limit for these weights.")
    elif said := warning(limit, trust.limits.suggest):
        say(said)


def _readings(files: Sequence[tuple[str, Path]], engine: Engine, maps: bool, scale: float | None) -> Iterator[Reading]:
    from ball.files import fields_at
    from ball.reading import read_many

    # A file may hold many fields, so it is files that are counted, as they are taken up.
    fields = (part for name, path in progress(files, "file") for part in fields_at(path, name))
    return read_many(fields, engine=engine, maps=maps, scale=scale)


def _document(reading: Reading, maps: Path | None, changing: Engine | None, limit: float | None) -> Document:
    """Name a field that could not be read on standard error, write the maps of another; keep nothing but its document.

    With ``changing`` the field is read again under small changes, and what they do is part of the document. With ``limit``
    its suggestion is held to that instead of the validated one.
    """
    from ball.trust.limit import suggest_from

    if reading.status == "error":
        say(f"{printable(reading.file)}: {reading.reason}")
    elif maps is not None:
        _write_maps(reading, maps)
    tried: Document = {}
    if changing is not None:
        from ball.trust.stability import try_changes

        found = try_changes(reading, changing)
        reading, tried = (found.flagged(reading) if found else reading), {STABILITY: found.document() if found else None}
    return (reading if limit is None else suggest_from(reading, limit)).document() | tried


def _write_maps(reading: Reading, folder: Path) -> None:
    """Lay each network's map for its own vote over the field."""
    from ball.explain import overlay, small

    if reading.evidence is None:
        return
    field = small(reading.evidence.rgb, _LONGEST)
    for vote in reading.votes:
        heat = reading.evidence.maps[vote.network][LABELS.index(vote.label)]
        write_image(folder / f"{reading.sha256[:8]}_{vote.network}_{vote.label}.png", overlay(field, heat))


def _output(documents: Sequence[Document], doubts: Sequence[str], args: argparse.Namespace) -> None:
    """Write the documents, or print a table; ``doubts`` holds the labels of each that cannot be ruled out either."""
    if args.json:
        write(args.json, readings_json(documents))
    if args.csv:
        write(args.csv, readings_csv(documents))
    if not args.json and not args.csv:
        header = ("file", "status", "suggestion", "probability", "agreement", "not ruled out", "flags")
        print(table(header, map(_row, documents, doubts)))
        print(USE)


def _row(document: Document, doubt: str) -> tuple[object, ...]:
    codes = ", ".join(flag.split(":")[0] for flag in document["flags"])
    probability = "-" if document["probability"] is None else f"{document['probability']:.3f}"
    if tried := document.get(STABILITY):
        probability += f" ({tried['low']:.3f}-{tried['high']:.3f})"
    agreement = "-" if document["agreement"] is None else f"{document['agreement']} of {len(document['votes'])}"
    return document["file"], document["status"], document["suggestion"] or "-", probability, agreement, doubt or "-", codes or "-"
