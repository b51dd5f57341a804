"""What goes to the log when the software fails: where in the code, and never what was in the file or what it was called."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path


def log_failure(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log an error as its type and the lines of code that it came through.

    The text of an error is left out, and so is that of its causes: it may quote a file's name, its path or its content.

    Args:
        logger: of the room that failed.
        what: a fixed sentence.
        error: what was caught.
    """
    logger.error("%s: %s", what, " <- ".join(_described(error)))


def _described(error: BaseException) -> list[str]:
    found: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(current.__traceback__)]
        found.append(f"{type(current).__name__} ({', '.join(lines) or 'nowhere'})")
        current = current.__cause__ or current.__context__
    return found
