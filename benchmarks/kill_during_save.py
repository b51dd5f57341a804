"""Killed in the middle of a save, is a case ever lost, or half written?

    python -m benchmarks.kill_during_save [--times 100] [--json benchmarks/results/kill-during-save.json]

A process saves cases of several fields with their pictures one after the other, and tells of each that it saved. It is
killed by SIGKILL at a random moment. Then the case book is opened again: every case that it told of must be there, and
every case that is there must be whole, with all of its fields, pictures and audit lines. SQLite, POSIX only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ball.casebook import Case, CaseBook, Field
from ball.labels import LABELS
from ball.names import TITLES
from ball.verdict import Verdict

FIELDS = 8
PICTURE = 300_000
"""Bytes of each picture, about those of a field of 1024 x 768 shrunk to half."""

LATEST = 1.2
"""Seconds after the first save began, at most, that the process is killed."""


@dataclass
class Tally:
    """``lost``: told of, and not there. ``half``: there, and not whole. ``inside``: kills that met an unfinished save."""

    kills: int = 0
    inside: int = 0
    told: int = 0
    found: int = 0
    lost: int = 0
    half: int = 0
    damaged: int = 0


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = kill_often(Path(folder), arguments.times, random.Random(arguments.seed))
    print(tally)
    if arguments.json:
        command = "python -m benchmarks.kill_during_save --json benchmarks/results/kill-during-save.json"
        document = {"command": command, "fields_a_case": FIELDS, "picture_bytes": PICTURE, **asdict(tally)}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if tally.lost or tally.half or tally.damaged:
        raise SystemExit("cases were lost or half written")


def kill_often(folder: Path, times: int, dice: random.Random) -> Tally:
    """Kill a saving process ``times`` times, each over a case book of its own in ``folder``; count what became of the cases."""
    tally = Tally()
    for number in range(times):
        path = folder / f"{number}.db"
        told, busy = _killed(path, dice.uniform(0, LATEST))
        tally.kills, tally.inside, tally.told = tally.kills + 1, tally.inside + int(busy), tally.told + len(told)
        tally.lost += len(set(told) - _look(path, tally))
        for file in folder.glob(f"{number}.db*"):
            file.unlink()
    return tally


def _killed(path: Path, pause: float) -> tuple[list[str], bool]:
    """Let a process save, kill it ``pause`` seconds after its first save began; the cases told of, and whether one was unfinished."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_save_on, args=(path, theirs))
    child.start()
    theirs.close()
    assert ours.recv() == "begin"
    time.sleep(pause)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    words: list[str] = []
    try:
        while True:
            words.append(ours.recv())
    except EOFError:
        ours.close()
    return [word for word in words if word != "begin"], not words or words[-1] == "begin"


def _save_on(path: Path, pipe: Connection) -> None:
    book = CaseBook(path)
    fields = [_field(f"{index}.png") for index in range(FIELDS)]
    while True:
        pipe.send("begin")
        pipe.send(book.save(fields, "RK", "killed").key)


def _field(name: str) -> Field:
    votes = [{"network": each, "label": "Pre-B", "probabilities": {label: float(label == "Pre-B") for label in LABELS}} for each in TITLES]
    document: dict[str, Any] = {
        "file": name, "sha256": name, "status": "read", "reason": None, "suggestion": "Pre-B", "probability": 1.0, "agreement": 5,
        "votes": votes, "missing": [], "flags": [], "notices": [], "cells": None, "seconds": {}, "engine": "none", "weights": {},
    }  # fmt: skip
    return Field(document, verdict=Verdict("Pro-B", "a note"), picture=os.urandom(PICTURE))


def _look(path: Path, tally: Tally) -> set[str]:
    """The cases that are there; counts those that are not whole, and a file that is damaged."""
    book = CaseBook(path)
    with sqlite3.connect(path) as connection:
        tally.damaged += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    connection.close()
    keys = {each.key for each in book.search(limit=100_000)[0]}
    tally.found += len(keys)
    tally.half += sum(not _whole(book, book.case(key)) for key in keys)
    book.close()
    return keys


def _whole(book: CaseBook, case: Case) -> bool:
    pictures = [book.picture(each) for each in case.fields]
    history = [line.action for line in book.history(case)]
    return (
        len(case.fields) == FIELDS
        and all(picture and len(picture) == PICTURE for picture in pictures)
        and all(each.verdict == Verdict("Pro-B", "a note") for each in case.fields)
        and history == ["picture kept", "overridden"] * FIELDS
    )


if __name__ == "__main__":
    main()
