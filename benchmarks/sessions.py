"""Several visits at once, and one long one: what they read, and what they cost in memory.

    python -m benchmarks.sessions [--visits 8] [--fields 20] [--long 1000] [--json benchmarks/results/sessions.json]

Part one: visits that read their fields at the same time, each in a thread with a list of its own, as the app has it, must come to
what the same visits come to one after the other: labels, votes and flags equal, probabilities within 1e-5; and no list may hold a
field of another. Part two: one visit that reads many drawn fields, all different; after the first hundred its memory may grow by
5 %. The networks are those of the weights folder (`BALL_WEIGHTS`), the fields are drawn (`ball.synthetic`).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from ball.engine import Engine
    from pages._parts.worklist import Worklist

CLOSE: Final = 1e-5
GROWTH: Final = 0.05
SETTLED: Final = 100
"""Fields after which the memory of a long visit is taken as its own."""


def field(visit: int, number: int, size: tuple[int, int] = (192, 256)) -> tuple[str, bytes]:
    """Name and content of one field of a visit: no two visits have one in common."""
    import cv2

    from ball import synthetic

    rgb = synthetic.draw(1000 * visit + number, size)
    return f"visit-{visit}-field-{number}.png", bytes(cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes())


def read_all(files: Sequence[tuple[str, bytes]], engine: Engine) -> Worklist:
    """One visit: add the files, read them all."""
    from pages._parts.worklist import Worklist

    todo = Worklist()
    for name, content in files:
        todo.add(name, content)
    while todo.waiting:
        todo.read_next(engine)
    return todo


def at_once(batches: Sequence[Sequence[tuple[str, bytes]]], engine: Engine) -> list[Worklist]:
    """All visits in threads that begin together."""
    found: list[Worklist | None] = [None] * len(batches)
    ready = threading.Barrier(len(batches))

    def visit(index: int) -> None:
        ready.wait()
        found[index] = read_all(batches[index], engine)

    threads = [threading.Thread(target=visit, args=(index,)) for index in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for each in found if each is not None]


def differences(alone: Worklist, together: Worklist) -> tuple[list[str], float]:
    """What is not equal between two lists of the same files, and the largest difference of a probability."""
    found, largest = [], 0.0
    if [row.name for row in alone.rows] != [row.name for row in together.rows]:
        found.append(f"other fields: {[row.name for row in together.rows]}")
    for one, other in zip(alone.rows, together.rows, strict=False):
        first, second = one.document() or {}, other.document() or {}
        for key in ("file", "sha256", "status", "suggestion", "agreement", "flags", "missing", "cells"):
            if first.get(key) != second.get(key):
                found.append(f"{one.name}: {key} is {second.get(key)}, alone {first.get(key)}")
        votes = zip(first.get("votes", ()), second.get("votes", ()), strict=True)
        for vote, again in votes:
            if (vote["network"], vote["label"]) != (again["network"], again["label"]):
                found.append(f"{one.name}: {again['network']} says {again['label']}, alone {vote['label']}")
            largest = max(largest, *(abs(vote["probabilities"][label] - again["probabilities"][label]) for label in vote["probabilities"]))
    return found, largest


def compare(visits: int, fields: int, engine: Engine) -> dict[str, Any]:
    """Part one."""
    batches = [[field(visit, number) for number in range(fields)] for visit in range(visits)]
    began = time.perf_counter()
    alone = [read_all(batch, engine) for batch in batches]
    between = time.perf_counter()
    together = at_once(batches, engine)
    ended = time.perf_counter()
    told = [differences(one, other) for one, other in zip(alone, together, strict=True)]
    unread = sum(row.reading is None or row.reading.status == "error" for todo in together for row in todo.rows)
    return {"visits": visits, "fields_each": fields, "differences": [each for found, _ in told for each in found], "not_read": unread,
            "largest_difference_of_a_probability": max(largest for _, largest in told),
            "seconds_one_after_the_other": round(between - began, 1), "seconds_at_once": round(ended - between, 1)}  # fmt: skip


def endure(count: int, engine: Engine) -> dict[str, Any]:
    """Part two."""
    import psutil  # type: ignore[import-untyped,unused-ignore]

    from pages._parts.worklist import Worklist

    process, todo, held = psutil.Process(), Worklist(), {}
    for number in range(1, count + 1):
        todo.add(*field(99, number))
        todo.read_next(engine)
        if number % SETTLED == 0:
            gc.collect()
            held[number] = round(process.memory_info().rss / 1e6)
            print(f"{number} fields, {held[number]} MB", file=sys.stderr, flush=True)
    unread = sum(row.reading is None or row.reading.status == "error" for row in todo.rows)
    growth = max(held.values()) / held[SETTLED] - 1 if SETTLED in held else None
    return {"fields": count, "not_read": unread, "MB_after": held, "most_growth_after_100": None if growth is None else round(growth, 4)}


def main() -> int:
    """Run the script; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visits", type=int, default=8)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--long", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    from ball.engine import load_engine

    engine = load_engine()
    found: dict[str, Any] = {
        "command": f"python -m benchmarks.sessions --visits {arguments.visits} --fields {arguments.fields} --long {arguments.long}",
        "machine": {"python": platform.python_version(), "system": platform.system(), "processors": os.cpu_count()},
        "engine": engine.name, "weights": dict(engine.hashes),
        "at_once": compare(arguments.visits, arguments.fields, engine),
        "long": endure(arguments.long, engine) if arguments.long else None,
        "goals": {"probability": CLOSE, "growth_after_100": GROWTH},
    }  # fmt: skip
    text = json.dumps(found, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    print(text)
    both, long = found["at_once"], found["long"]
    bad = both["differences"] or both["not_read"] or both["largest_difference_of_a_probability"] > CLOSE
    grown = long is not None and (long["not_read"] or (long["most_growth_after_100"] or 0) > GROWTH)
    return int(bool(bad or grown))


if __name__ == "__main__":
    raise SystemExit(main())
