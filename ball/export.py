"""Readings as text to keep: JSON as `python -m ball read` prints it, and CSV with one row a field. Imports no torch."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ball.labels import LABELS
from ball.names import TITLES

USE: Final = "For research use only. Benign means hematogones here, not normal blood."
READER: Final = ("reader_verdict", "reader_label", "reader_note")
"""Keys of the reader's own verdict, which the app's exports hold beside those of the reading."""
STABILITY: Final = "stability"
"""Key of what small changes of stain and light do to a reading, where that was tried."""
HELD_BACK: Final = "held_back_from"
"""Key of the networks' own probability, in the app's exports, where that of a field unlike those validated was held back from it."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def readings_json(documents: Sequence[dict[str, Any]]) -> str:
    """Strict JSON of the documents of readings (`Reading.document`)."""
    return json_text(documents)


def readings_csv(documents: Sequence[dict[str, Any]]) -> str:
    """CSV of the documents of readings: votes side by side, lists joined by ``; ``, seconds summed."""
    return csv_text(*flat(documents))


def flat(documents: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Header and one row a field of `readings_csv`."""
    first = ["file", "sha256", "status", "reason", "suggestion", "probability", "agreement"]
    votes = [f"{network} {column}" for network in TITLES for column in ("label", *LABELS)]
    last = ["missing", "flags", "notices", "cells", "seconds", "engine", *(f"{network} sha256" for network in TITLES), "use"]
    reader = [key for key in READER if any(key in document for document in documents)]
    held = [HELD_BACK] if any(HELD_BACK in document for document in documents) else []
    tried = ["low", "high"] if any(STABILITY in document for document in documents) else []
    rows = [
        [*_flat_row(document, first), *((document.get(STABILITY) or {}).get(end) for end in tried),
         *(document.get(key) for key in (*held, *reader))]
        for document in documents
    ]  # fmt: skip
    return [*first, *votes, *last, *(f"{STABILITY} {end}" for end in tried), *(key.replace("_", " ") for key in (*held, *reader))], rows


def _flat_row(document: Mapping[str, Any], first: Sequence[str]) -> list[object]:
    by_network = {vote["network"]: vote for vote in document["votes"]}
    row: list[object] = [document[key] for key in first]
    for network in TITLES:
        vote = by_network.get(network)
        row += [vote["label"], *(vote["probabilities"][label] for label in LABELS)] if vote else [None] * (1 + len(LABELS))
    row += ["; ".join(document[key]) for key in ("missing", "flags", "notices")]
    row += [None if document["cells"] is None else document["cells"]["count"], round(sum(document["seconds"].values()), 6)]
    return [*row, document["engine"], *(document["weights"].get(network) for network in TITLES), USE]


def json_text(document: Any) -> str:
    """Strict JSON: what is not a finite number becomes null."""
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def printable(text: str) -> str:
    """Text for a terminal or a report: what is not printable (control codes, undecodable bytes) is escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV that a spreadsheet cannot take for formulas: such text gets an apostrophe before it.

    All text is quoted: until Python 3.13 a carriage return in a file name is not, and would break the row.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([_unformula(cell) for cell in row] for row in rows)
    return stream.getvalue()


def _unformula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
