"""Break files of every accepted kind, and see that each gives a result or a sentence, quickly and within little memory.

    python -m benchmarks.fuzz [--count 5000] [--page 100] [--seed 0] [--json benchmarks/results/fuzz.json]

Every file is made from a sound one (`benchmarks/samples.py`) by the changes in `MUTATIONS`, or is one of the hostile files in
`HOSTILE`. It goes the whole way in: `ball.files.fields_in`, decoding and segmentation for all of its fields, and `ball.read`
with networks of random weights for every fiftieth file: the decoders are what is attacked, and whatever they let through is
an ordinary picture. A child process takes the files one by one. For each it notes the seconds of the processor that the slowest
step took (opening the file, or one of its fields), the seconds on the clock for all of it (which other work on the machine
lengthens), and by how much its memory grew at most; the networks come after that, their memory is no file's. With --page, files
also go through the app itself. Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import platform
import re
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ball.images import tiff  # noqa: E402
from benchmarks.samples import SAMPLES, dicom, picture, saved, zipped  # noqa: E402

SECONDS: Final = 2.0
MEMORY: Final = 500
"""Seconds of the processor and MB of growth that one file may cost."""

EVERY: Final = 50
"""One file in so many is also read by the networks."""

_PATIENCE: Final = 300

Random = np.random.Generator


# ---------------------------------------------------------------- files


def flip(data: bytearray, random: Random) -> None:
    """Flip a few bits anywhere."""
    for place in random.integers(0, len(data), random.integers(1, 9)):
        data[place] ^= 1 << int(random.integers(0, 8))


def flip_head(data: bytearray, random: Random) -> None:
    """Flip a few bits where the header usually is."""
    for place in random.integers(0, min(len(data), 300), random.integers(1, 9)):
        data[place] ^= 1 << int(random.integers(0, 8))


def flip_tail(data: bytearray, random: Random) -> None:
    """Flip a few bits at the end, where TIFF and ZIP keep their lists."""
    for place in random.integers(max(0, len(data) - 300), len(data), random.integers(1, 9)):
        data[place] ^= 1 << int(random.integers(0, 8))


def cut(data: bytearray, random: Random) -> None:
    """Lose the end."""
    del data[int(random.integers(0, len(data))) :]


def lose(data: bytearray, random: Random) -> None:
    """Lose a piece within."""
    place = int(random.integers(0, len(data)))
    del data[place : place + int(random.integers(1, 200))]


def repeat(data: bytearray, random: Random) -> None:
    """Have a piece twice."""
    place = int(random.integers(0, len(data)))
    data[place:place] = data[place : place + int(random.integers(1, 400))]


def blank(data: bytearray, random: Random) -> None:
    """A piece of zeros or ones."""
    place, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[place : place + length] = bytes([int(random.choice([0, 255]))]) * len(data[place : place + length])


def exaggerate(data: bytearray, random: Random) -> None:
    """Put a very large or odd number somewhere, in either byte order."""
    value = int(random.choice([0, 1, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, len(data)]))
    place = int(random.integers(0, max(1, min(len(data), int(random.choice([400, 10**9]))) - 4)))
    data[place : place + 4] = struct.pack(str(random.choice(["<I", ">I"])), value)


def graft(data: bytearray, random: Random) -> None:
    """Put the end of another file in place of the own one."""
    other = sample(str(random.choice(list(SAMPLES))))
    data[int(random.integers(0, len(data))) :] = other[int(random.integers(0, len(other))) :]


def pad(data: bytearray, random: Random) -> None:
    """Add noise at the end."""
    data += random.bytes(int(random.integers(1, 5000)))


MUTATIONS: Final[dict[str, Callable[[bytearray, Random], None]]] = {
    each.__name__: each for each in (flip, flip_head, flip_tail, cut, lose, repeat, blank, exaggerate, graft, pad)
}

_made: dict[str, bytes] = {}


def sample(name: str) -> bytes:
    """A sound file, made once."""
    if name not in _made:
        _made[name] = SAMPLES[name]()
    return _made[name]


def _flood(kind: str, **options: Any) -> bytes:
    """A picture of one colour, as large as is read, packed to next to nothing."""
    return saved(np.full((4900, 5100, 3), 200, np.uint8), kind, **options)


def _noise(kind: str, **options: Any) -> bytes:
    """A picture of noise, as large as is read: nothing of it can be left out."""
    return saved(np.random.default_rng(0).integers(0, 256, (4900, 5100, 3), np.uint8), kind, **options)


def _zip_bomb() -> bytes:
    """Files that unpack to a thousand times their size, as many as an archive may hold."""
    return zipped({f"{index}.png": bytes(2**21) for index in range(100)})


def _png_bomb() -> bytes:
    """A PNG whose header is small and whose pixels unpack to 100 MB."""
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10**8))) + chunk(b"IEND", b"")


def crowd(tags: Iterable[int], size: int) -> bytes:
    """A TIFF of two pages whose tags beside those of the pixels all have the first ``size`` bytes of the file for their value."""
    entries = [(256, 4, 1, 8), (257, 4, 1, 8), (273, 4, 1, 0), (279, 4, 1, 64), *((tag, 7, size, 0) for tag in tags)]
    packed = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II\x2a\0" + struct.pack("<I", 8) + packed + struct.pack("<I", 12 + len(packed)) + packed + bytes(4)
    return head.ljust(size, b"\0")


def _long_exif() -> bytes:
    return saved(picture(), "JPEG", exif=b"Exif\0\0" + b"MM\0\x2a\0\0\0\x08" + b"\xff" * 60000)


HOSTILE: Final[dict[str, Callable[[], bytes]]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: b"Dear colleague, please find the smear enclosed.\n" * 100,
    "flood, PNG": lambda: _flood("PNG", compress_level=1),
    "flood, JPEG": lambda: _flood("JPEG", quality=30),
    "flood, JPEG progressive": lambda: _flood("JPEG", quality=30, progressive=True),
    "flood, WebP": lambda: _flood("WEBP", lossless=True, method=0),
    "flood, WebP of noise": lambda: _noise("WEBP", quality=1, method=0),
    "flood, JPEG of noise": lambda: _noise("JPEG", quality=30),
    "flood, TIFF": lambda: _flood("TIFF", compression="tiff_lzw"),
    "flood, BMP": lambda: _flood("BMP")[: 64 * 2**20],
    "flood, PNG with opacity": lambda: saved(np.full((4900, 5100, 4), 200, np.uint8), "PNG", compress_level=1),
    "bomb, ZIP": _zip_bomb,
    "bomb, PNG": _png_bomb,
    "bomb, ZIP in a ZIP": lambda: zipped({"inner.zip": zipped({"a.png": bytes(2**24)})}),
    "paths": lambda: zipped({"../../../../tmp/x.png": sample("PNG"), "/etc/passwd.png": sample("PNG"), "C:\\x.png": sample("PNG")}),
    "names": lambda: zipped({"<script>alert(1)</script>.png": sample("PNG"), "=cmd|' /C calc'!A0.png": sample("PNG"), "\x1b[2J.png": b"x"}),
    "many files": lambda: zipped({f"{index}.png": b"\x89PNG" for index in range(1000)}),
    "too many files": lambda: zipped({f"{index}.png": b"" for index in range(20_000)}),
    "large DICOM": lambda: dicom([np.full((2500, 2500), 9, np.uint8)], kind="MONOCHROME2"),
    "DICOM of many frames": lambda: dicom([picture()[:8, :8]] * 500),
    "long EXIF": _long_exif,
    "crowd, TIFF of tags with one value": lambda: crowd(sorted(tiff.KEPT - {256, 257, 273, 279, 324, 325}), 2**23),
    "crowd, TIFF of one tag again and again": lambda: crowd([347] * 2000, 2**22),
    "crowd, TIFF of as many tags as there can be": lambda: crowd([347] * 65_000, 2**22),
    "noise": lambda: np.random.default_rng(0).bytes(2**20),
}


@dataclass(frozen=True)
class Case:
    """One file: what it was made from, what was done to it, and the numbers that make it again."""

    kind: str
    changes: tuple[str, ...]
    seed: int

    def content(self) -> bytes:
        """The file."""
        if not self.changes:
            return HOSTILE[self.kind]()
        random, data = np.random.default_rng(self.seed), bytearray(sample(self.kind))
        for change in self.changes:
            MUTATIONS[change](data, random)
            data = data or bytearray(b"\0")
        return bytes(data)


def cases(count: int, seed: int) -> Iterator[Case]:
    """The hostile files, then ``count`` changed ones, of all kinds in turn."""
    yield from (Case(name, (), 0) for name in HOSTILE)
    random, kinds, changes = np.random.default_rng(seed), list(SAMPLES), list(MUTATIONS)
    for index in range(count):
        chosen = random.choice(changes, int(random.choice([1, 1, 1, 2, 3])))
        yield Case(kinds[index % len(kinds)], tuple(map(str, chosen)), int(random.integers(2**31)))


# ---------------------------------------------------------------- one file


def outcomes(content: bytes) -> tuple[list[str], float]:
    """What the fields of a file come to: "picture", or "refused: the sentence"; and the seconds of the slowest step.

    A step is the opening of the file, or one of its fields: a file of 500 fields takes as long as 500 files.

    Raises:
        Exception: whatever is no `ImageError`: a fault.
    """
    from ball.files import fields_in
    from ball.images import ImageError, decode
    from ball.segmentation import segment

    found = []
    began = time.process_time()
    parts = fields_in(content, "file")
    slowest = time.process_time() - began
    for part in parts:
        began = time.process_time()
        try:
            segment(decode(part.content()).rgb)
            found.append("picture")
        except ImageError as error:
            found.append(f"refused: {error}")
        slowest = max(slowest, time.process_time() - began)
    return found, slowest


def read_too(content: bytes, found: Sequence[str], engine: Any) -> None:
    """Read the first fields of a file with the networks: what could be decoded is read, what could not is refused.

    Raises:
        AssertionError: it is not so.
        Exception: whatever is no `ImageError`: a fault.
    """
    from ball.files import fields_in
    from ball.reading import read

    for part, outcome in zip(fields_in(content, "file"), found[:2], strict=False):
        reading = read(part, engine=engine, maps=False)
        if (reading.status == "error") != (outcome != "picture") or "failed on this file" in (reading.reason or ""):
            raise AssertionError(f"decoding gave {outcome}, reading {reading.status}: {reading.reason}")


class Peak:
    """The most memory that this process held since the last look, in MB, as Linux counts it.

    What earlier files left in the allocator is given back first, so that every file pays for its own.
    """

    def __init__(self) -> None:
        self._allocator = ctypes.CDLL("libc.so.6")

    def start(self) -> float:
        """Begin anew; return what is held now."""
        self._allocator.malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # Sets the most back to what is held now.
        return self._told("VmRSS")

    def most(self) -> float:
        """The most since the start."""
        return self._told("VmHWM")

    def _told(self, key: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024 / 1e6


def work(pipe: Connection, weights: str) -> None:
    """The child: take cases until there are no more, send back what each came to and cost."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import warnings

    warnings.simplefilter("ignore")
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    from ball.engine import Engine
    from ball.weights import Store

    engine, peak = Engine(Store(Path(weights)), "torch"), Peak()
    for name in SAMPLES:
        outcomes(sample(name))
    read_too(sample("PNG"), ["picture"], engine)
    pipe.send("ready")
    while (task := pipe.recv()) is not None:
        case, reads = task
        content, held = case.content(), peak.start()
        clock, found, slowest, fault = time.perf_counter(), list[str](), 0.0, None
        try:
            found, slowest = outcomes(content)
        except Exception as error:  # noqa: BLE001 - this is what is looked for.
            fault = f"{type(error).__name__}: {error}"
        cost = (len(content), slowest, time.perf_counter() - clock, peak.most() - held)
        if reads and fault is None:
            try:
                read_too(content, found, engine)
            except Exception as error:  # noqa: BLE001 - as above.
                fault = f"{type(error).__name__}: {error}"
        pipe.send((found, fault, *cost))


# ---------------------------------------------------------------- all files


def run(count: int, seed: int, weights: Path, progress: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Send every case to a child process; a child that dies is a fault, and another takes its place."""
    rows: list[dict[str, Any]] = []
    pipe, child = _child(weights)
    for index, case in enumerate(cases(count, seed)):
        reads = index % EVERY == 0
        pipe.send((case, reads))
        answer = _answer(pipe)
        if answer is None:
            child.kill()
            rows.append({**asdict(case), "reads": reads, "found": [], "fault": f"no answer in {_PATIENCE} s, or the process died"})
            pipe, child = _child(weights)
        else:
            found, fault, size, processor, clock, grown = answer
            rows.append({**asdict(case), "reads": reads, "found": found, "fault": fault, "bytes": size,
                         "processor": processor, "clock": clock, "grown": grown})  # fmt: skip
        progress(index)
    pipe.send(None)
    child.join(10)
    return summary(rows)


def _answer(pipe: Connection) -> Any:
    try:
        return pipe.recv() if pipe.poll(_PATIENCE) else None
    except EOFError:
        return None


def _child(weights: Path) -> tuple[Connection, Any]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=work, args=(there, str(weights)), daemon=True)
    child.start()
    here.recv()
    return here, child


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rows come to."""
    found = Counter(re.sub(r"\d+", "N", outcome) for row in rows for outcome in row["found"])
    timed = [row | {"found": Counter(row["found"])} for row in rows if "processor" in row]
    over = [row for row in timed if row["processor"] > SECONDS or row["grown"] > MEMORY]

    def worst(key: str) -> list[dict[str, Any]]:
        first = sorted(timed, key=lambda row: -row[key])[:5]
        return [{"kind": row["kind"], "changes": row["changes"], "seed": row["seed"], key: round(row[key], 3)} for row in first]

    return {
        "files": len(rows),
        "hostile": sum(not row["changes"] for row in rows),
        "read_by_networks": sum(row["reads"] for row in rows),
        "faults": [row for row in rows if row["fault"]],
        "over_the_limits": over,
        "limits": {"processor_seconds": SECONDS, "grown_MB": MEMORY},
        "pictures": found.pop("picture", 0),
        "refused": sum(found.values()),
        "sentences": dict(found.most_common()),
        "kinds": dict(Counter(row["kind"] for row in rows)),
        "changes": dict(Counter(change for row in rows for change in row["changes"])),
        "largest": {key: worst(key) for key in ("processor", "clock", "grown")},
    }


def through_the_page(count: int, seed: int, weights: Path) -> dict[str, Any]:
    """Upload changed files to the app in one visit, ten at a time; every one must get a row with a result or a sentence."""
    from streamlit.testing.v1 import AppTest

    os.environ["BALL_WEIGHTS"], os.environ["BALL_DATA"] = str(weights), ""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    chosen = [case for case in cases(count, seed) if case.changes][:count]
    names = ["<img src=x onerror=alert(1)>.png", "=1+1.png", "../../x.png", "\u202egnp.x", "a" * 300 + ".png"]
    faults = []
    for start in range(0, count, 10):
        for index, case in enumerate(chosen[start : start + 10], start):
            app.file_uploader[0].upload(names[index] if index < len(names) else f"{index}.bin", case.content() or b"\0")
        app.run()
        faults += [str(each.message) for each in app.exception]
    rows = app.session_state["worklist"].rows
    silent = [row.name for row in rows if row.reading is None or (row.reading.status == "error" and not row.reading.reason)]
    broken = [row.reading.reason for row in rows if row.reading and "failed on this file" in (row.reading.reason or "")]
    unescaped = [block for block in app.get("html") if "<img src=x" in str(block.proto.body)]
    return {"files": count, "rows": len(rows), "read": sum(bool(row.reading and row.reading.status != "error") for row in rows),
            "faults": faults + broken, "without_an_answer": silent, "names_as_markup": len(unescaped)}  # fmt: skip


def random_weights(folder: Path) -> Path:
    """A weights folder with five networks that know nothing."""
    import torch

    from ball.networks import NETWORKS, Classifier
    from ball.weights import Store

    for index, (name, network) in enumerate(NETWORKS.items()):
        torch.manual_seed(index)
        Store(folder).save(name, Classifier(network).net.state_dict(), {"command": "python -m benchmarks.fuzz", "data": "none"})
    return folder


def machine() -> dict[str, Any]:
    """On what this was run, without any name of it."""
    return {"python": platform.python_version(), "system": platform.system(), "processors": os.cpu_count(),
            "load": [round(each, 1) for each in os.getloadavg()]}  # fmt: skip


def main() -> int:
    """Run the script; 1 if any file broke anything or went over the limits."""
    import tempfile

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--page", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = random_weights(Path(folder))

        def tell(index: int) -> None:
            if index % 500 == 499:
                print(f"{index + 1} files", file=sys.stderr, flush=True)

        found = {"command": f"python -m benchmarks.fuzz --count {arguments.count} --page {arguments.page} --seed {arguments.seed}",
                 "machine": machine(), **run(arguments.count, arguments.seed, weights, tell)}  # fmt: skip
        found["page"] = through_the_page(arguments.page, arguments.seed + 1, weights)
    text = json.dumps(found, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    page = found["page"]
    bad = found["faults"] or found["over_the_limits"] or page["faults"] or page["without_an_answer"] or page["names_as_markup"]
    shown = ("files", "pictures", "refused", "faults", "over_the_limits", "largest", "page")
    print(json.dumps({key: found[key] for key in shown}, indent=1))
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
