"""Several visits at once, and one long one: what they read, and what they cost in memory.

    python -m benchmarks.sessions [--visits 8] [--fields 20] [--long 1000] [--data DATA] [--json benchmarks/results/sessions.json]

Part one: visits that read their fields at the same time, each in a thread with a list of its own, as the app has it, must come to
what the same visits come to one after the other: labels, votes and flags equal, probabilities within 1e-5; and no list may hold a
field of another. With --data their fields are of the data set, else drawn (`ball.synthetic`).

Part two: a browser adds many fields to a server in one visit, all different (Linux, with Playwright and Chromium); after the first
hundred the server's memory may grow by 5 %. With --data the fields are those of the data set, as they come. The list keeps every
file whole, for the page opens it again and a case may keep its picture: so a second visit adds files of a camera's size, and the
growth of both is told with the bytes of the files and without. The camera's are made from the five originals in ``hires``, 1024 x
768: each is one of them, moved round, in a file as large as theirs. Without --data all are drawn.

A part is left out with --visits 0 or --long 0. The networks are those of the weights folder (`BALL_WEIGHTS`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ball.engine import Engine
    from pages._parts.worklist import Worklist

CLOSE: Final = 1e-5
GROWTH: Final = 0.05
SETTLED: Final = 100
"""Fields after which the memory of a long visit is taken as its own."""
_ADDED: Final = 50
"""Files that a long visit adds together."""
_QUALITY: Final = 100
"""Of their JPEG: they come as large as the originals, half a megabyte each."""


_DRAWN: Final = "drawn fields"
_DATA_SET: Final = "fields of the data set"
"""Where fields come from, as the result says it."""


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


def batches_of(visits: int, fields: int, data: Path | None) -> list[list[tuple[str, bytes]]]:
    """Files of every visit, each in one alone: of the data set, or drawn."""
    if data is None:
        return [[field(visit, number) for number in range(fields)] for visit in range(visits)]
    paths = small(data, visits * fields).paths
    return [[(path.name, path.read_bytes()) for path in paths[visit::visits]] for visit in range(visits)]


def compare(visits: int, fields: int, engine: Engine, data: Path | None = None) -> dict[str, Any]:
    """Part one."""
    batches = batches_of(visits, fields, data)
    began = time.perf_counter()
    alone = [read_all(batch, engine) for batch in batches]
    between = time.perf_counter()
    together = at_once(batches, engine)
    ended = time.perf_counter()
    told = [differences(one, other) for one, other in zip(alone, together, strict=True)]
    unread = sum(row.reading is None or row.reading.status == "error" for todo in together for row in todo.rows)
    return {"visits": visits, "fields_each": fields, "from": _DRAWN if data is None else _DATA_SET,
            "differences": [each for found, _ in told for each in found], "not_read": unread,
            "largest_difference_of_a_probability": max(largest for _, largest in told),
            "seconds_one_after_the_other": round(between - began, 1), "seconds_at_once": round(ended - between, 1)}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where the fields of a long visit come from. ``paths``: files as they are; ``pictures``: (H, W, 3) BGR, to be made into files."""

    title: str
    paths: Sequence[Path] = ()
    pictures: Sequence[NDArray[np.uint8]] = ()

    def files(self, folder: Path, numbers: Sequence[int]) -> list[Path]:
        """Files with these numbers, no two alike; made in a folder where they are not there."""
        return [self.paths[number] for number in numbers] if self.paths else [self._made(folder, number) for number in numbers]

    def _made(self, folder: Path, number: int) -> Path:
        import cv2

        path = folder / f"{number}.jpg"
        picture = np.roll(self.pictures[number % len(self.pictures)], (7 * number, 11 * number), (0, 1))
        path.write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
        return path


def small(data: Path | None, count: int) -> Source:
    """Fields of the data set, of all its classes; without a folder of data, drawn ones of their size.

    Raises:
        ValueError: the folder holds fewer.
    """
    from ball import synthetic

    if data is None:
        return Source(_DRAWN, pictures=[synthetic.draw(seed, (224, 224))[:, :, ::-1] for seed in range(5)])
    found = sorted((data / "all").rglob("*.jpg"))
    if len(found) < count:
        raise ValueError(f"{data / 'all'} holds {len(found)} fields, not {count}: ask for fewer")
    return Source(_DATA_SET, paths=found[:: len(found) // count][:count])


def camera(data: Path | None) -> Source:
    """Fields of a camera's size, from the originals; without a folder of data, drawn ones."""
    from ball import synthetic
    from ball.files import read_bytes
    from ball.images import decode

    if data is None:
        return Source("drawn fields of a camera's size", pictures=[synthetic.draw(seed)[:, :, ::-1] for seed in range(5)])
    paths = sorted((data / "hires").rglob("*.jpg"))
    return Source("five originals, moved round", pictures=[decode(read_bytes(path)).rgb[:, :, ::-1] for path in paths])


def endure(count: int, source: Source) -> dict[str, Any]:
    """Part two: what a server holds while one visit adds and reads ``count`` fields."""
    from playwright.sync_api import sync_playwright

    from benchmarks.app import OURS, WAIT, _open, _rested, megabytes, server

    held, files = dict[int, float](), dict[int, float]()
    script, heading = OURS
    with sync_playwright() as playwright, server(script) as (address, pid), TemporaryDirectory() as folder:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        page = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"]).new_page()
        _open(page, address, heading)
        total = 0
        for after in range(_ADDED, count + 1, _ADDED):
            paths = source.files(Path(folder), range(after - _ADDED, after))
            total += sum(each.stat().st_size for each in paths)
            _rested(page)
            page.locator("input[type=file]").set_input_files([str(each) for each in paths])
            page.get_by_text(f"{after} of {after} fields").wait_for(timeout=WAIT)
            if after % SETTLED == 0:
                _rested(page)
                held[after], files[after] = megabytes(pid, "VmRSS"), round(total / 2**20, 1)
                print(f"{source.title}: {after}, {held[after]} MB, their files {files[after]} MB", file=sys.stderr, flush=True)
        page.context.browser.close()  # type: ignore[union-attr]
    return {"fields": count, "from": source.title, "MB_after": held, "MB_of_the_files": files, **grown(held, files)}


def grown(held: Mapping[int, float], files: Mapping[int, float]) -> dict[str, float | None]:
    """By which share the memory grew at most after the first hundred fields, with the files that are kept, and without."""
    if SETTLED not in held:
        return {"most_growth_after_100": None, "most_growth_besides_the_files": None}
    began = held[SETTLED]
    besides = max(held[after] - (files[after] - files[SETTLED]) for after in held)
    most = max(held.values())
    return {"most_growth_after_100": round(most / began - 1, 4), "most_growth_besides_the_files": round(besides / began - 1, 4)}


def missed(found: Mapping[str, Any]) -> bool:
    """Whether what was measured misses a goal, or cannot tell: fields of a camera are held to it besides their files."""
    both, long, camera_long = (found[key] for key in ("at_once", "long", "long_of_a_camera"))
    grew = [told[key] for told, key in ((long, "most_growth_after_100"), (camera_long, "most_growth_besides_the_files")) if told]
    apart = both and (both["differences"] or both["not_read"] or both["largest_difference_of_a_probability"] > CLOSE)
    return bool(apart) or any(each is None or each > GROWTH for each in grew)


def main() -> int:
    """Run the script; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visits", type=int, default=8)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--long", type=int, default=1000)
    parser.add_argument("--data", type=Path, help="folder that holds all and hires")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    from ball.engine import load_engine

    engine = load_engine()
    found: dict[str, Any] = {
        "command": f"python -m benchmarks.sessions --visits {arguments.visits} --fields {arguments.fields} --long {arguments.long}"
        + (" --data DATA" if arguments.data else ""),
        "machine": {"python": platform.python_version(), "system": platform.system(), "processors": os.cpu_count()},
        "engine": engine.name, "weights": dict(engine.hashes),
        "at_once": compare(arguments.visits, arguments.fields, engine, arguments.data) if arguments.visits else None,
        "long": endure(arguments.long, small(arguments.data, arguments.long)) if arguments.long else None,
        "long_of_a_camera": endure(arguments.long, camera(arguments.data)) if arguments.long else None,
        "goals": {"probability": CLOSE, "growth_after_100": GROWTH},
    }  # fmt: skip
    text = json.dumps(found, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    print(text)
    return int(missed(found))


if __name__ == "__main__":
    raise SystemExit(main())
