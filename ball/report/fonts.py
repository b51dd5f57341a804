"""The fonts of the report, DejaVu Sans as matplotlib brings it, and text that they can show."""

from __future__ import annotations

from collections.abc import Container
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ball.export import printable

FAMILY: Final = "DejaVu"


def font_file(bold: bool = False) -> Path:
    """The file of a font.

    Raises:
        FileNotFoundError: matplotlib is not installed.
    """
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("The report's fonts come with matplotlib: pip install -r requirements.txt")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"


def shown(text: str, known: Container[int]) -> str:
    """Text as it can be drawn, line by line: codes that turn or hide text, and letters that the font lacks, stand as their number."""
    lines = (printable(line) for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join("".join(each if ord(each) in known else f"\\u{ord(each):04x}" for each in line) for line in lines)
