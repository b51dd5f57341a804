"""Waiting files read in their order, the next ones prepared while the page shows one. Lives in the session only."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.files import Part
    from ball.reading import Reading


@dataclass(frozen=True)
class File:
    """A file that waits: its row's number, and its bytes or the part of a file that it is.

    A part is unpacked when its content is first asked for, so that a large archive waits packed. ``whole`` is what waits until then.
    """

    number: int
    source: bytes | Part = field(repr=False)
    whole: bytes = field(default=b"", repr=False)

    @cached_property
    def data(self) -> bytes:
        """The content; empty where it cannot be had, which reading the source then explains."""
        from ball.images import ImageError

        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.content()
        except ImageError:
            return b""

    @cached_property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.data).hexdigest()


class ReadAhead:
    """One stream of readings (`ball.reading.read_many`) over the files of a visit, kept from one run of the page to the next.

    Args:
        known: whether a content needs no reading any more; asked just before a file would be read.
    """

    def __init__(self, known: Callable[[File, Engine], bool]) -> None:
        self._known = known
        self._unsent: deque[File] = deque()
        self._sent: deque[File] = deque()
        self._stream: Iterator[Reading] | None = None
        self._engine: tuple[str, ...] = ()

    def add(self, file: File) -> None:
        """Queue a file."""
        self._unsent.append(file)

    def clear(self) -> None:
        """Forget all files, also those being prepared."""
        self._unsent.clear()
        self._drop()

    def take(self, file: File, engine: Engine) -> Reading | None:
        """The reading of a file, asked for in the order they were added; None where the stream does not hold it.

        Raises:
            Exception: whatever broke the stream; the files in it are then held no longer.
        """
        names = (engine.name, *engine.hashes.values())
        if names != self._engine:
            self._drop()
            self._engine = names
        if not self._holds(file, engine):
            return None
        try:
            # A stream that ended before this file was added is followed by another.
            reading = next(self._stream, None) if self._stream else None
            reading = reading or next(self._started(engine), None)
        except Exception:
            self._drop()
            raise
        # The list may have been cleared meanwhile.
        if self._sent and self._sent[0].number == file.number:
            self._sent.popleft()
        return reading

    def _holds(self, file: File, engine: Engine) -> bool:
        """Whether the next reading of the stream is this file's."""
        if self._sent:
            return self._sent[0].number == file.number
        if not self._unsent or self._unsent[0].number != file.number:
            return False
        if self._known(file, engine):
            self._unsent.popleft()
            return False
        return True

    def _started(self, engine: Engine) -> Iterator[Reading]:
        from ball.reading import read_many

        self._stream = read_many(self._sources(engine), engine=engine, maps=True)
        return self._stream

    def _sources(self, engine: Engine) -> Iterator[bytes | Part]:
        while self._unsent:
            file = self._unsent.popleft()
            if not self._known(file, engine) and file.sha256 not in {other.sha256 for other in self._sent}:
                self._sent.append(file)
                yield file.data or file.source

    def _drop(self) -> None:
        self._sent.clear()
        self._stream = None
