"""`python -m ball data`: get the data set, look it over, cut it."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import UsageError, make_folder, printable, require_writable, say, table, write
from ball.export import json_text
from ball.labels import UnknownClassError

if TYPE_CHECKING:
    from ball.training.check import Check

KAGGLE = "mehradaria/leukemia"
"""The "Acute Lymphoblastic Leukemia (ALL) image dataset", doi:10.34740/KAGGLE/DSV/2175623."""


def add(commands: Any) -> None:
    """Add the command and its three verbs to the parser."""
    parser = commands.add_parser("data", help="get the data set, look it over, cut it")
    verbs = parser.add_subparsers(metavar="fetch|check|split", required=True)
    fetching = verbs.add_parser("fetch", help="download the data set", description=f"Download {KAGGLE} from Kaggle by kagglehub.")
    fetching.add_argument("--out", metavar="FOLDER", type=Path, help="folder to write to; kagglehub's own cache if left out")
    fetching.set_defaults(run=fetch)
    checking = verbs.add_parser(
        "check", help="count classes; find unreadable, duplicate and unknown files",
        description="Count the fields of each class; name unreadable files, duplicates, and files that no split names. "
        "Exit status 1 if a file is unreadable.",
    )
    checking.add_argument("folder", metavar="FOLDER", type=Path, help="folder of class folders")
    checking.add_argument("--json", metavar="FILE", help="write JSON to FILE, - for standard output")
    checking.set_defaults(run=check)
    cutting = verbs.add_parser(
        "split", help="cut the data set anew",
        description="Write paper.json (80/10/10) and stain_validation.json. The weights were trained on the committed files: "
        "splits that are cut anew belong to weights that are trained anew.",
    )
    cutting.add_argument("folder", metavar="FOLDER", type=Path, help="folder of class folders")
    cutting.add_argument("--seed", type=int, default=0, metavar="N", help="of the shuffle; default 0")
    cutting.add_argument("--out", metavar="FOLDER", type=Path, help="folder to write to; the package's own splits if left out")
    cutting.set_defaults(run=split)


def fetch(args: argparse.Namespace) -> int:
    """Download the data set and print the folder that it is in."""
    try:
        import kagglehub
    except ImportError as error:
        raise UsageError(f"Fetching needs kagglehub: `pip install kagglehub`. Or download kaggle.com/datasets/{KAGGLE} by hand.") from error
    out = None if args.out is None else str(make_folder(args.out))
    try:
        found = kagglehub.dataset_download(KAGGLE, output_dir=out)
    except Exception as error:  # kagglehub raises many kinds
        raise UsageError(f"{KAGGLE} could not be downloaded: {error}") from error
    print(_class_parent(Path(found)))
    return 0


def undecodable(error: Exception, folder: Path | None = None) -> UsageError:
    """The error of a command that needs every file of ``folder``, where one cannot be decoded; ``error`` names it."""
    check = f"python -m ball data check {shlex.quote(str(folder)) if folder else 'FOLDER'}"
    return UsageError(f"A file cannot be decoded; `{check}` names all such files. {error}")


def _class_parent(folder: Path) -> Path:
    """The folder that holds the class folders, or ``Original`` that does, within a download."""
    found = sorted((path.parent for path in folder.rglob("Benign") if path.is_dir()), key=lambda path: (path.name != "Original", str(path)))
    if not found:
        return folder
    return found[0].parent if found[0].name == "Original" else found[0]


def check(args: argparse.Namespace) -> int:
    """Look a folder over; 0, or 1 if a file cannot be decoded."""
    require_writable(args.json)
    from ball.training.check import check as look

    try:
        found = look(args.folder)
    except (OSError, UnknownClassError) as error:
        raise UsageError(str(error)) from error
    for name in found.unreadable:
        say(f"{printable(name)}: cannot be decoded")
    if args.json:
        write(args.json, json_text(found.document()))
    else:
        print(_summary(found))
    return 1 if found.unreadable else 0


def _summary(found: Check) -> str:
    kinds = {
        "identical": "byte-identical groups",
        "twins": "near-duplicate groups",
        "contradictory": "groups of duplicates with different labels",
        "ambiguous": "file names that occur more than once",
    }
    counts = [*found.counts.items(), ("all that can be read", found.n)]
    others = [("unreadable files", len(found.unreadable)), ("files whose name says another class", len(found.misplaced)),
               ("files that no split names", len(found.unknown))]
    others += [(title, len(getattr(found, kind))) for kind, title in kinds.items()]
    lines = [table(("", "count"), [*counts, *others])]
    for kind, title in kinds.items():
        lines += [f"{title}: {' = '.join(map(printable, group))}" for group in getattr(found, kind)]
    lines += [f"its name says another class: {printable(name)}" for name in found.misplaced]
    lines += [f"no split names: {printable(name)}" for name in found.unknown]
    return "\n".join(lines)


def split(args: argparse.Namespace) -> int:
    """Cut the splits anew."""
    from ball.training import splits
    from ball.training.data import find_fields, twin_groups

    try:
        fields = find_fields(args.folder)
        out = make_folder(args.out or Path(splits.__file__).with_name("splits"))
        documents = splits.write_splits(fields, twin_groups(fields), args.seed)
    except ValueError as error:
        raise UsageError(f"{args.folder} cannot be cut: {error}") from error
    except OSError as error:
        raise UsageError(str(error)) from error
    for name, document in documents.items():
        write(out / f"{name}.json", json.dumps(document, indent=0) + "\n")
        say(f"wrote {out / name}.json")
    return 0
