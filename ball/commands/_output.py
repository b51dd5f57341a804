"""What the commands share: errors of usage, and how files and tables are written."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any, Final, TypeVar

from ball.export import printable as printable

Item = TypeVar("Item")
STDOUT: Final = "-"
_OFTEN: Final = 10


class UsageError(Exception):
    """Wrong usage, an unknown class folder, or no image at all: a sentence, and exit status 2."""


def above_zero(text: str) -> float:
    """A finite number above 0, for `argparse`."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def say(text: str) -> None:
    """Print to standard error, past a progress bar."""
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    tqdm.write(text, file=sys.stderr)


def progress(items: Iterable[Item], unit: str, total: int | None = None) -> Iterator[Item]:
    """Yield items and tell standard error how far they are, how fast, and how long the rest will take.

    A bar on a terminal, else a line every ten seconds. ``total`` is needed where the items have no length.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        yield from tqdm(items, unit=unit, file=sys.stderr, leave=False, total=total)
        return
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    began = told = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - told > _OFTEN:
            told, rate = now, done / (now - began)
            left = tqdm.format_interval((count - done) / rate)
            print(f"{done} of {count} {unit}s, {rate:.1f} a second, {left} left", file=sys.stderr, flush=True)
        yield item


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns padded to equal width, numbers to the right."""
    body = [[printable(str(cell)) for cell in row] for row in rows]
    lines = [list(header), *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = [bool(column) and all(_number(cell) for cell in column) for column in zip(*body, strict=True)] or [False] * len(header)
    padded = [[cell.rjust(width) if to_right else cell.ljust(width)
               for cell, width, to_right in zip(line, widths, right, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _number(cell: str) -> bool:
    return cell in {"", "-"} or cell.replace(".", "", 1).isdigit()


def require_writable(*names: str | Path | None, inputs: Iterable[Path] = ()) -> None:
    """Prove, before any work, that these files can be written and are none of the inputs; None and ``-`` pass.

    Raises:
        UsageError: one cannot be written, one is an input, or two are the same.
    """
    from ball.files import is_folder

    paths = [Path(name) for name in names if name is not None and name != STDOUT]
    taken = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in taken:
            raise UsageError(f"{path} would be overwritten: it is an input, or is named for two outputs.")
        taken.add(path.resolve())
        _require_name(path)
        if is_folder(path):
            raise UsageError(f"{path} is a folder; name a file to write.")
        if not _special(path):
            _prove(path.parent)


def _require_name(path: Path) -> None:
    """Prove that the system takes a path: a file need not exist, but one of 300 letters never will."""
    try:
        path.lstat()
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            raise UsageError(f"{printable(str(path))} cannot be written: {error.strerror}.") from error


def make_folder(folder: Path) -> Path:
    """Make a folder for outputs, and prove that it can be written to.

    Raises:
        UsageError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    _prove(folder)
    return folder


def _prove(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"Nothing can be written to the folder {folder}: {error.strerror}.") from error


def write(name: str | Path, text: str) -> None:
    """Write text to a file, or to standard output where the name is ``-``."""
    if name == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_bytes(Path(name), text.encode("utf-8", "surrogateescape"))


def write_image(path: Path, image: Any) -> None:
    """Write a uint8 image, (H, W, 3) RGB or (H, W) grey, as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    write_bytes(path, stream.getvalue())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file beside, then rename it, so that no reader meets half of it.

    Raises:
        UsageError: it cannot be written.
    """
    if _special(path):
        return _attempt(path, lambda: path.write_bytes(data))
    final = path.resolve()
    beside = final.with_name(f".{os.getpid()}-{final.name[-200:]}.part")
    try:
        return _attempt(path, lambda: (beside.write_bytes(data), beside.replace(final)))
    finally:
        beside.unlink(missing_ok=True)


def _special(path: Path) -> bool:
    """Whether this is a device or a pipe, which must not be replaced by a file."""
    from ball.files import exists, is_file

    return exists(path) and not is_file(path)


def _attempt(path: Path, action: Callable[[], object]) -> None:
    try:
        action()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
