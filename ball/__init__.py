"""A second reader for B-ALL blood smears. Research use only.

``ball.read(source) -> Reading`` reads one field; everything heavy is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ball.labels import LABELS, UNIDENTIFIED

if TYPE_CHECKING:
    from ball.reading import Reading, read, read_many

__version__ = "0.1.0"
__all__ = ["LABELS", "UNIDENTIFIED", "Reading", "read", "read_many"]


def __getattr__(name: str) -> Any:
    """Load the reading room, and torch with it, only when it is used."""
    if name in {"Reading", "read", "read_many"}:
        from ball import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
