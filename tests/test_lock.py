"""The lock pins what the requirements of the app, of sign-in and of PostgreSQL allow, by hash, and names no place of any machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = {"requirements.txt": 10, "requirements-signin.txt": 1, "requirements-postgresql.txt": 0}
"""The files that are locked, and more packages than this each names."""
PINS = {name.lower().replace("_", "-"): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)}


@pytest.mark.parametrize("file", LOCKED)
def test_every_requirement_is_pinned_within_its_bounds(file: str) -> None:
    lines = (line.split("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-")]
    assert len(wanted) > LOCKED[file]
    for requirement in wanted:
        assert PINS[requirement.name.lower().replace("_", "-")] in requirement.specifier, f"{requirement}: make requirements.lock anew"


def test_every_pin_has_its_hashes() -> None:
    blocks = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]
    assert len(blocks) == len(re.findall(r"^[\w.-]+==", LOCK, re.MULTILINE)) > 30
    assert all("--hash=sha256:" in block for block in blocks)


def test_it_names_no_place_and_the_command_that_made_it() -> None:
    assert not re.search(r"://|--index|--find-links|file:|^\s*/|[A-Z]:\\", LOCK, re.MULTILINE)
    [command] = re.findall(r"uv pip compile .+", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert LOCK.splitlines()[1] == f"#    {command}"


def test_one_opencv_only() -> None:
    assert [name for name in PINS if "opencv" in name] == ["opencv-python-headless"]
