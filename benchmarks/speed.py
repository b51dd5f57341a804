"""How fast a reading is, as ratios measured in one run: the naive path (benchmarks/naive.py), ours, and the floor, in turn.

    python -m benchmarks.speed DATA --json weights/benchmark/speed.json

DATA holds ``all`` (fields in class folders) and ``hires``. The floor is the five networks of the same engine on
batches that lie ready: no decoding, no segmentation, no maps, no reading, and of ``fast`` no second look in f32. Each
row is a median of ratios, one ratio a turn, with the quartiles; of one field each path is taken twice a turn, and the
second time counts. How near the floor a reading could come is worked out beside it (`bound`). Run it on a quiet
machine: what else runs slows the paths down unequally. ``--readme`` prints the table of the README from the file,
``--agree N`` also holds both engines against torch on N fields. A processor without bf16 has no fast engine: its rows
are left out, and the file says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch

from ball.benchmark.speeds import SPEED
from ball.compiled import openvino_package
from ball.engine import Engine
from ball.images import decode
from ball.kmeans import kmeans_histogram
from ball.labels import LABELS
from ball.reading import Reading, read, read_many
from ball.segmentation import resize, segment
from ball.training.data import find_fields
from ball.weights import Store
from benchmarks.naive import Naive, segmented

GOALS: Final = {
    "one field, f32": 7.0, "one field, fast": 12.0, "batch, f32": 8.0, "batch, fast": 14.0, "segmentation, 12 megapixels": 10.0,
}
FLOORS: Final = {"one field against the floor, f32": 1.3, "one field against the floor, fast": 1.3}
TURNS, FIELDS, ROUNDS, AGREE = 40, 100, 3, 300
"""Sizes of the run unless told otherwise."""

_MEGAPIXELS_12: Final = (3000, 4000)


clock: Callable[[], float] = time.perf_counter


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    began = clock()
    action()
    return clock() - began


def warm(action: Callable[[], object]) -> float:
    """How long an action takes the second time: the first pays for cold caches and for threads that the path before left waiting."""
    action()
    return seconds(action)


def fields(data: Path, count: int) -> list[Path]:
    """Real fields, spread over the classes."""
    found = find_fields(data / "all")
    return [found[index].path for index in np.linspace(0, len(found) - 1, count).astype(int)]


def one_field(paths: Sequence[Path], naive: Naive, engines: dict[str, Engine], floors: dict[str, Engine]) -> dict[str, list[float]]:
    """Seconds of a full reading with five maps, field by field, and of the floor."""
    kinds = [f"{kind}, {name}" for kind in ("floor", "bound") for name in engines]
    spent: dict[str, list[float]] = {key: [] for key in ("naive", *engines, *kinds)}
    for turn, path in enumerate([paths[0], *paths]):
        found = {"naive": warm(lambda path=path: naive.read(path))}  # type: ignore[misc]
        for name, engine in engines.items():
            readings: list[Reading] = []
            found[name] = warm(lambda path=path, engine=engine, kept=readings: kept.append(read(path, engine=engine)))  # type: ignore[misc]
            masked = segment(decode(path.read_bytes()).rgb).masked[None]
            made = warm(lambda engine=engine, masked=masked: engine.batches(masked))  # type: ignore[misc]
            ready = engine.batches(masked)
            floor = partial(floors[name].run, ready)
            found[f"floor, {name}"] = warm(floor)
            found[f"bound, {name}"] = bound(readings[-1], made, processor_time(floor))
        for key, value in found.items() if turn else ():  # The first turn warms up.
            spent[key].append(value)
    return spent


def processor_time(action: Callable[[], object]) -> float:
    """Seconds of processor time that an action takes, of all its threads together."""
    began = time.process_time()
    action()
    return time.process_time() - began


def bound(reading: Reading, batches: float, networks: float) -> float:
    """Seconds that a reading would take if both cores were full from the first network to the last.

    No order of its pieces takes less: what comes before and after the networks takes one core, and the networks and the
    measuring of the cells share both. What ``fast`` looks at again in f32 is left out.

    Args:
        reading: as it was timed, stage by stage.
        batches: seconds of making what the networks take.
        networks: their processor time.
    """
    spent = reading.seconds
    return batches + (networks + spent["measure"]) / 2 + sum(spent[stage] for stage in ("decode", "segment", "explain", "judge"))


def batch(paths: Sequence[Path], rounds: int, naive: Naive, engines: dict[str, Engine]) -> dict[str, list[float]]:
    """Seconds for all fields with five maps each, round by round."""
    spent: dict[str, list[float]] = {key: [] for key in ("naive", *engines)}
    for engine in engines.values():
        list(read_many(paths[:16], engine=engine, maps=True))
    for _ in range(rounds):
        spent["naive"].append(seconds(lambda: [naive.read(path) for path in paths]))
        for name, engine in engines.items():
            spent[name].append(seconds(lambda engine=engine: list(read_many(paths, engine=engine, maps=True))))  # type: ignore[misc]
    return spent


def segmentation(data: Path, rounds: int) -> dict[str, Any]:
    """Seconds of both segmentations on a field enlarged to 12 megapixels, and their inertia."""
    path = min(path for path in (data / "hires").rglob("*") if path.is_file())
    rgb = resize(decode(path.read_bytes()).rgb, _MEGAPIXELS_12)
    spent: dict[str, list[float]] = {"naive": [], "ours": []}
    inertia: list[float] = []
    for _ in range(rounds):
        spent["naive"].append(seconds(lambda: inertia.append(segmented(rgb)[1])))
        spent["ours"].append(seconds(lambda: segment(rgb, size=None)))
    values = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[:, :, 1]
    histogram = np.bincount(values.ravel(), minlength=256)
    table, centres = kmeans_histogram(histogram, 3)
    exact = float((histogram * (np.arange(256) - np.take(centres, table)) ** 2).sum())
    return {"seconds": spent, "inertia": {"naive": min(inertia), "ours": exact}}


def agreement(paths: Sequence[Path], engines: dict[str, Engine]) -> dict[str, Any]:
    """Votes of each engine against torch's: how many labels differ, and the largest difference of a probability."""
    torch_votes = [reading.votes for reading in read_many(paths, engine=Engine(Store(), "torch"))]
    found = {}
    for name, engine in engines.items():
        pairs = [
            (ours, theirs)
            for reading, votes in zip(read_many(paths, engine=engine), torch_votes, strict=True)
            for ours, theirs in zip(reading.votes, votes, strict=True)
        ]
        found[name] = {
            "votes": len(pairs),
            "other_labels": sum(ours.label != theirs.label for ours, theirs in pairs),
            "largest_difference": max(float(np.abs(np.subtract(one.probabilities, two.probabilities)).max()) for one, two in pairs),
        }
    return {"fields": len(paths), "engines": found}


def ratio(slow: Sequence[float], quick: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of the ratios, turn by turn."""
    low, median, high = np.quantile(np.divide(slow, quick), (0.25, 0.5, 0.75))
    return {"median": round(float(median), 2), "low": round(float(low), 2), "high": round(float(high), 2)}


def milliseconds(spent: dict[str, list[float]], count: int = 1) -> dict[str, float]:
    """Medians, for one of ``count``."""
    return {key: round(float(np.median(values)) / count * 1e3, 1) for key, values in spent.items()}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    engines = compiled_engines()
    naive = Naive(Store())
    floors = {name: Engine(Store(), "fast", sure=0.0) if name == "fast" else engine for name, engine in engines.items()}
    single = one_field(fields(arguments.data, arguments.turns), naive, engines, floors)
    del floors
    many = batch(fields(arguments.data, arguments.fields), arguments.rounds, naive, engines)
    large = segmentation(arguments.data, arguments.rounds)
    ratios = {f"one field, {name}": ratio(single["naive"], single[name]) for name in engines}
    ratios |= {f"one field against the floor, {name}": ratio(single[name], single[f"floor, {name}"]) for name in engines}
    bounds = {f"one field against the floor, {name}": ratio(single[f"bound, {name}"], single[f"floor, {name}"]) for name in engines}
    ratios |= {f"batch, {name}": ratio(many["naive"], many[name]) for name in engines}
    ratios["segmentation, 12 megapixels"] = ratio(large["seconds"]["naive"], large["seconds"]["ours"])
    document = {
        "command": command(arguments), "date": datetime.now(UTC).date().isoformat(), "processor": processor(),
        "threads": torch.get_num_threads(),
        "clock": arguments.clock,
        "versions": {"torch": torch.__version__, "openvino": openvino_package().__version__, "opencv": cv2.__version__},
        "engines": {name: engine.name for name, engine in engines.items()}, "weights": dict(engines["f32"].hashes),
        "fields_in_batch": arguments.fields, "labels": len(LABELS),
        "ratios": ratios, "bounds": bounds, "goals": {"faster": GOALS, "as_long": FLOORS},
        "milliseconds": milliseconds(single),
        "milliseconds_a_field_in_a_batch": milliseconds(many, arguments.fields),
        "segmentation": {"milliseconds": milliseconds(large["seconds"]), "inertia": large["inertia"]},
    }
    if arguments.agree:
        document["agreement"] = agreement(fields(arguments.data, arguments.agree), engines)
    return document


def command(arguments: argparse.Namespace) -> str:
    """The command that was given, with a placeholder for the folder: a smaller run says so."""
    sizes = {"turns": TURNS, "fields": FIELDS, "rounds": ROUNDS, "agree": AGREE}
    changed = [f" --{name} {getattr(arguments, name)}" for name, usual in sizes.items() if getattr(arguments, name) != usual]
    return SPEED + "".join(changed)


def compiled_engines() -> dict[str, Engine]:
    """The compiled engine in f32 and, where the processor has it, in bf16."""
    engines = {"f32": Engine(Store(), "openvino"), "fast": Engine(Store(), "fast")}
    return {name: engine for name, engine in engines.items() if name == "f32" or engine.name != engines["f32"].name}


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def table(document: dict[str, Any]) -> str:
    """The figures as Markdown tables, each beside its goal."""
    lines = [f"Measured on {document['date']}, {document['processor']}; medians of ratios within one run, quartiles in brackets."]
    if "fast" not in document["engines"]:
        lines.append("This processor has no bf16, so `fast` is not measured.")
    for kind, title, sign in (("faster", "times faster", ">="), ("as_long", "times as long", "<=")):
        lines += ["", f"| what | {title} | goal |", "|---|---|---|"]
        for key, goal in document["goals"][kind].items():
            if found := document["ratios"].get(key):
                name = key.replace("batch", f"{document['fields_in_batch']} fields in a batch")
                spread = f" ({found['low']:.2f}-{found['high']:.2f})" if found["low"] < found["high"] else ""
                lines.append(f"| {name} | {found['median']:.2f}{spread} | {sign} {goal:g} |")
    if bounds := document.get("bounds"):
        told = [f"{found['median']:.2f} in {key.rpartition(', ')[2]}" for key, found in bounds.items()]
        again = " What fast looks at again comes on top." if "fast" in document["engines"] else ""
        lines += ["", f"With both cores full from the first network to the last, it would be {' and '.join(told)}.{again}"]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds all and hires")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--turns", type=int, default=TURNS, help="fields read singly")
    parser.add_argument("--fields", type=int, default=FIELDS, help="fields in a batch")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="batches, and segmentations of 12 megapixels")
    parser.add_argument("--agree", type=int, default=AGREE, help="fields on which the engines are held against torch; 0 for none")
    parser.add_argument("--readme", action="store_true", help="measure nothing: print the table from the file named by --json")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time of one thread, for a busy machine")
    arguments = parser.parse_args()
    if arguments.clock == "cpu":
        global clock
        clock = time.process_time
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    document = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.readme else run(arguments)
    print(table(document))
    if not arguments.readme:
        print(json.dumps({key: document[key] for key in ("milliseconds", "milliseconds_a_field_in_a_batch", "segmentation", "agreement")
                          if key in document}, indent=1))
        if arguments.json:
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
