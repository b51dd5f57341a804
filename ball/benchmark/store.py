"""The folder of benchmark files beside the weights: one file of it, as what a parser makes of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ball.names import TITLES
from ball.places import weights_folder

T = TypeVar("T")


class NotMeasuredError(RuntimeError):
    """A benchmark file is missing or not as expected. The text is a sentence; ``command`` writes the file."""

    def __init__(self, text: str, command: str) -> None:
        super().__init__(text)
        self.command = command


def benchmark_folder() -> Path:
    """Folder of the benchmark files."""
    return weights_folder() / "benchmark"


def load_file(name: str, command: str, parse: Callable[[Any], T]) -> T:
    """A file of the benchmark folder, as what ``parse`` makes of its JSON, or of the rows of its CSV.

    Raises:
        NotMeasuredError: it is missing or not as expected.
    """
    path = benchmark_folder() / name
    try:
        text = path.read_text(encoding="utf-8")
        return parse(list(csv.DictReader(text.splitlines())) if path.suffix == ".csv" else json.loads(text))
    except FileNotFoundError as error:
        raise NotMeasuredError(f"Not measured yet: there is no file {path.name}.", command) from error
    except KeyError as error:
        raise NotMeasuredError(f"{path.name} cannot be used: it has no {error.args[0]!r}.", command) from error
    except (OSError, ValueError, TypeError, AttributeError, IndexError, csv.Error) as error:
        raise NotMeasuredError(f"{path.name} cannot be used: it is not as this page expects ({error}).", command) from error


def load_keys(name: str, command: str, keys: Sequence[str]) -> Mapping[str, Any]:
    """`load_file` for a document that is shown as it is written; each of the keys must be there."""

    def kept(document: Any) -> Mapping[str, Any]:
        return {key: document[key] for key in keys}

    return load_file(name, command, kept)


def known_networks(rows: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """Entries of the five networks, in contract order."""
    return ((name, rows[name]) for name in TITLES if name in rows)
