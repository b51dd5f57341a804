"""The fields of one visit: waiting, read, and in which order they are looked at. Lives in the session only."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import zlib
from collections import OrderedDict, deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ball.export import HELD_BACK, STABILITY
from ball.labels import UNIDENTIFIED
from ball.logs import log_failure
from ball.verdict import Verdict, suggested
from ball.wording import checks
from pages._parts.ahead import File, ReadAhead

if TYPE_CHECKING:
    from ball.casebook import Case, CaseBookError, Field
    from ball.engine import Engine
    from ball.files import Part
    from ball.reading import Reading
    from ball.trust.stability import Stability

_LOG: Final = logging.getLogger(__name__)

SHOWN: Final = 800
"""Longest side in pixels of the picture kept for the screen; larger fields are kept shrunk."""

REMEMBERED: Final = 64
"""Readings kept by content, so that a file added again is not computed again; also how many rows keep their evidence."""

HELD: Final = 2**31
"""Bytes of files that a visit holds: all are kept, to open a field at its own size, to read it again and to save its picture."""

FULL: Final = f"The list holds {HELD / 2**30:g} GB of files, as much as it may. Save the case, clear the list, then add this file again."


@dataclass
class Row:
    """One field of the list.

    ``size`` is the width and height of the file's own picture, ``data`` the file as it came, to read it again. ``file`` is
    the file that it came in: another than ``name`` for a page of a TIFF or a picture of an archive. ``counted`` are the
    cells of its document, ``packed`` the measures of each (`measures`), ``verdict`` the reader's own, ``saved`` the field
    of the case book that it is kept as. ``sha256`` is that of the file as it came, where ``data`` is its kept picture instead.
    ``seen``: whether it was opened. ``limit``: the probability that its suggestion was held to, where it was held to one.
    ``stability``: what small changes of stain and light do to it, where that was tried. ``on_disk``: whether it came as a file,
    not as a photograph or a drawing made on the page.
    """

    number: int
    name: str
    reading: Reading | None = None
    size: tuple[int, int] | None = None
    thumbnail: str = ""
    cells: int | None = None
    data: bytes = field(default=b"", repr=False, compare=False)
    counted: dict[str, Any] | None = None
    packed: bytes = field(default=b"", repr=False)
    verdict: Verdict = field(default_factory=Verdict)
    saved: Field | None = None
    file: str = ""
    sha256: str = ""
    seen: bool = False
    limit: float | None = None
    stability: Stability | None = None
    on_disk: bool = True

    @property
    def measures(self) -> tuple[dict[str, Any], ...]:
        """The measures of every cell by name, its outline with them."""
        return tuple(json.loads(zlib.decompress(self.packed))) if self.packed else ()

    @property
    def unsaved(self) -> bool:
        """Whether the case book does not hold this row, or another verdict."""
        return self.reading is not None and (self.saved is None or self.saved.verdict != self.verdict)

    @property
    def entered(self) -> bool:
        """Whether a verdict or a note would be lost with this row; a reading alone can be made again."""
        return self.unsaved and (self.saved is not None or self.verdict != Verdict())

    @property
    def judged(self) -> str | None:
        """The suggestion that the verdict is about: the case's where there is one, for the software may read otherwise by now."""
        return self._now if self.saved is None else self.saved.suggestion

    @property
    def read_otherwise(self) -> bool:
        """Whether the software now suggests another class than the case says it did."""
        return self.saved is not None and self.reading is not None and self.saved.suggestion != self._now

    @property
    def _now(self) -> str | None:
        return suggested(self.reading.status, self.reading.suggestion) if self.reading else None

    @property
    def asked(self) -> float | None:
        """The limit that the reader asked for, where it is another than the validated one."""
        judgement = self.reading.judgement if self.reading else None
        return self.limit if judgement is not None and self.limit != judgement.limit else None

    @property
    def held_back_from(self) -> float | None:
        """The networks' own probability, where that of a field unlike those validated was held back from it."""
        reading = self.reading
        judgement = reading.judgement if reading is not None and reading.status == "read" else None
        return judgement.familiar if judgement is not None and judgement.held_back else None

    @property
    def faded(self) -> bool:
        """Whether its evidence was dropped to save memory, so that it must be read again to be opened."""
        return bool(self.data) and self.reading is not None and self.reading.evidence is None

    def document(self) -> dict[str, Any] | None:
        """The reading as JSON values, also where its evidence was dropped; None before it is read."""
        if self.reading is None:
            return None
        found = self.reading.document() | {"cells": self.counted, "sha256": self.sha256 or self.reading.sha256 or None}
        held = {} if self.held_back_from is None else {HELD_BACK: self.held_back_from}
        return found | held | ({} if self.stability is None else {STABILITY: self.stability.document()})

    def forget(self) -> None:
        """Let go of all that is known of the field; Streamlit remembers widgets, and with them the row, until the visit ends."""
        vars(self).update(vars(Row(self.number, "")))

    def show_stability(self) -> None:
        """Flag the reading with what was tried of it."""
        if self.reading is not None and self.stability is not None:
            self.reading = self.stability.flagged(self.reading)

    @property
    def rank(self) -> int:
        """0 Unidentified, 1 with something to check, 2 refused, 3 not read, 4 clear, 5 waiting."""
        reading = self.reading
        if reading is None:
            return 5
        if reading.status != "read":
            return 2 if reading.status == "refused" else 3
        if reading.suggestion == UNIDENTIFIED:
            return 0
        return 1 if checks(reading) else 4

    @property
    def not_read(self) -> bool:
        """Whether its file could not be read."""
        return self.rank == 3

    @property
    def to_check(self) -> bool:
        """Whether a reader should look at it before the clear ones."""
        return self.rank < 4


@dataclass
class Worklist:
    """All rows of a visit, those still waiting with their bytes, and the one that is open.

    ``found`` holds what pages worked out of the fields and keep for this visit, by what it is, and goes with them: each under
    the number of a row, or under what begins with the hash of its file.
    Of a case that is being saved: ``draft`` is its name as typed so far, ``keep_pictures`` whether they are to be kept unless she
    says otherwise, ``refused`` why the book did not take it.
    """

    rows: list[Row] = field(default_factory=list)
    waiting: deque[tuple[Row, File]] = field(default_factory=deque)
    chosen: int | None = None
    taken: int = 0
    batch: int = 0
    began: float = 0.0
    loaded: bool = False
    only_to_check: bool = False
    only_unreviewed: bool = False
    case: Case | None = None
    draft: str | None = None
    keep_pictures: bool = False
    refused: CaseBookError | None = None
    found: dict[str, dict[Any, Any]] = field(default_factory=dict)
    _known: OrderedDict[tuple[str, ...], tuple[Reading, tuple[int, int]]] = field(default_factory=OrderedDict)
    _kept: OrderedDict[int, Row] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ahead: ReadAhead = field(init=False)

    def __post_init__(self) -> None:
        self._ahead = ReadAhead(lambda file, engine: _key(file, engine) in self._known)

    @property
    def held(self) -> int:
        """Bytes of the files that are read, and of those that wait; archives wait packed."""
        waiting = {id(file.whole): len(file.whole) for _, file in self.waiting}
        return sum(len(row.data) for row in self.rows) + sum(waiting.values())

    def add(self, name: str, data: bytes | Part, whole: bytes | None = None, *, on_disk: bool = True) -> None:
        """Queue a file, or a part of the ``whole`` of one; the same file twice is two rows."""
        if not self.waiting:
            self.batch, self.began = 0, time.monotonic()
        self.taken += 1
        self.batch += 1
        row = Row(self.taken, name, file=name if isinstance(data, bytes) else data.file, on_disk=on_disk)
        self.rows.append(row)
        file = File(row.number, data, (data if isinstance(data, bytes) else b"") if whole is None else whole)
        self.waiting.append((row, file))
        self._ahead.add(file)

    def refuse(self, name: str) -> None:
        """Add a row for a file that there is no room for."""
        from ball.reading import Reading

        self.taken += 1
        self.rows.append(Row(self.taken, name, Reading(name, "", "error", FULL), file=name))

    def read_next(self, engine: Engine) -> None:
        """Read the first waiting file, or take the reading of the same bytes; the next ones are prepared meanwhile."""
        with self._lock:
            if not self.waiting:
                return
            row, file = self.waiting[0]
            try:
                self._read(row, file, engine)
            finally:
                # The list may have been cleared, and added to, while this row was read.
                if self.waiting and self.waiting[0][0] is row:
                    self.waiting.popleft()

    def recall(self, row: Row, engine: Engine) -> None:
        """Read a row again whose evidence was dropped."""
        with self._lock:
            if row.faded:
                before = row.reading.weights if row.reading else None
                self._read(row, File(row.number, row.data), engine)
                if row.reading is not None and row.reading.weights != before:
                    row.stability = None  # It was tried with other networks.
                row.show_stability()

    def keep(self, row: Row) -> None:
        """Note that a row was opened or read, and drop the evidence of the one for which that is longest ago."""
        self._kept.pop(row.number, None)
        self._kept[row.number] = row
        while len(self._kept) > REMEMBERED:
            _, oldest = self._kept.popitem(last=False)
            if oldest.reading:
                oldest.reading = replace(oldest.reading, evidence=None)

    def _holds(self, row: Row) -> bool:
        return any(each is row for each in self.rows)

    def _read(self, row: Row, file: File, engine: Engine) -> None:
        from ball.reading import Reading, read

        try:
            found = self._ahead.take(file, engine)
            key = _key(file, engine)
            if found is None and key in self._known:
                reading, size = self._known[key]
                row.reading, row.size = replace(reading, file=row.name), size
            else:
                row.reading, row.size = _lightened(replace(found or read(file.source, engine=engine), file=row.name))
            packed = _packed(row.reading)
        except Exception as error:  # noqa: BLE001  whatever one file breaks, the others are still read
            log_failure(_LOG, "A field could not be read", error)
            reason = f"The software failed on this file ({type(error).__name__}); its log says more."
            row.reading = Reading(row.name, "", "error", reason)
            return
        if not self._holds(row):
            row.forget()
        elif row.size and row.reading.evidence is not None:
            self._known.pop(key, None)
            self._known[key] = (row.reading, row.size)
            row.thumbnail, row.cells, row.data = _thumbnail(row.reading), len(row.reading.evidence.cells), file.data
            row.counted = row.reading.document()["cells"]
            row.packed = packed
            self.keep(row)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def seconds_left(self) -> float:
        """How long the waiting files will take, at the rate of this batch so far."""
        done = self.batch - len(self.waiting)
        return len(self.waiting) * (time.monotonic() - self.began) / done if done > 0 else 0.0

    def stop(self) -> None:
        """Take the files that still wait off the list; what is read stays."""
        left = {row.number for row, _ in self.waiting}
        self.waiting.clear()
        self._ahead.clear()
        self.rows = [row for row in self.rows if row.number not in left]

    def remove(self, number: int) -> None:
        """Take one row off the list."""
        following = self.beside(number, 1) or self.beside(number, -1)
        gone = [row for row in self.rows if row.number == number]
        self.rows = [row for row in self.rows if row.number != number]
        contents = {row.reading.sha256 for row in gone if row.reading} - {row.reading.sha256 for row in self.rows if row.reading}
        for kept in (self._known, *self.found.values()):
            for key in [key for key in kept if _is_of(key, number, contents)]:
                del kept[key]
        for row in gone:
            row.forget()
        self._kept.pop(number, None)
        self.chosen = following.number if following else None

    def clear(self) -> None:
        """Forget every field."""
        self.waiting.clear()
        self._ahead.clear()
        for row in self.rows:
            row.forget()
        self.rows, self.chosen, self.case = [], None, None
        self.draft, self.keep_pictures, self.refused = None, False, None
        self.found.clear()
        self._known.clear()
        self._kept.clear()

    def ordered(self) -> list[Row]:
        """Rows worst first, within a rank the least certain first, else as they came."""
        return sorted(self.rows, key=lambda row: (row.rank, (row.reading and row.reading.probability) or 0.0, row.number))

    def shown(self) -> list[Row]:
        """The ordered rows that the list shows: all, those to check, or those without a verdict."""
        shown = [row for row in self.ordered() if row.to_check or not self.only_to_check]
        return [row for row in shown if not (self.only_unreviewed and row.verdict.given)]

    def opened(self) -> Row | None:
        """The open row: the chosen one; else the first finished while reading goes on, the worst once all are read.

        Whatever is opened stays chosen, so that the field on screen never changes by itself.
        """
        found = [row for row in self.rows if row.number == self.chosen]
        found = found or [row for row in (self.rows if self.waiting else self.ordered()) if row.reading]
        if not found:
            return None
        self.chosen, found[0].seen = found[0].number, True
        return found[0]

    def beside(self, number: int, step: int) -> Row | None:
        """The row ``step`` places further down the list shown; from a row that it does not show, 1 is its first.

        After the last comes the first that was not opened yet: what was read while another field was open may lie above it.
        """
        order = self.shown()
        place = next((index for index, row in enumerate(order) if row.number == number), -1) + step
        unseen = next((row for row in order if not row.seen), None) if place == len(order) else None
        return order[place] if 0 <= place < len(order) else unseen


def _key(file: File, engine: Engine) -> tuple[str, ...]:
    """What a reading depends on: the same key, the same reading."""
    return file.sha256, engine.name, *engine.hashes.values()


def _is_of(key: Any, number: int, contents: set[str]) -> bool:
    """Whether something is kept for this row, or for one of these files."""
    first = key[0] if isinstance(key, tuple) else key
    return first == number or (isinstance(first, str) and first[:64] in contents)


def _lightened(reading: Reading) -> tuple[Reading, tuple[int, int] | None]:
    """A reading whose picture is no larger than the screen needs, and the picture's own width and height."""
    from ball.explain import small

    if reading.evidence is None:
        return reading, None
    rgb = reading.evidence.rgb
    return replace(reading, evidence=replace(reading.evidence, rgb=small(rgb, SHOWN))), (rgb.shape[1], rgb.shape[0])


def _packed(reading: Reading) -> bytes:
    """The measures of all cells as text, packed: in full, outlines are most of what a row of a long list would hold."""
    cells = reading.evidence.cells if reading.evidence else ()
    return zlib.compress(json.dumps([asdict(cell) for cell in cells]).encode())


def _thumbnail(reading: Reading) -> str:
    import cv2

    from ball.explain import small

    if reading.evidence is None:
        return ""
    picture = cv2.cvtColor(small(reading.evidence.rgb, 96), cv2.COLOR_RGB2BGR)
    # Small: the list sends them all at every run of the page.
    written = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 60])[1]
    return f"data:image/webp;base64,{base64.b64encode(written.tobytes()).decode()}"
