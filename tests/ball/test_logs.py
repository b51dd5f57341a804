"""A failure is logged by its place in the code; no name, path or content of a file is."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from ball.logs import log_failure

ROOT = Path(__file__).resolve().parents[2]


def failing() -> None:
    try:
        Path("Doe, Jane.png").read_bytes()
    except OSError as error:
        raise ValueError("bad pixels of Doe, Jane: [1, 2, 3]") from error


def test_the_place_is_logged_and_the_text_is_not(caplog: pytest.LogCaptureFixture) -> None:
    try:
        failing()
    except ValueError as error:
        log_failure(logging.getLogger("a.room"), "A field could not be read", error)
    assert "A field could not be read: ValueError (test_logs.py:" in caplog.text
    assert "FileNotFoundError (" in caplog.text
    assert "failing" in caplog.text
    for word in ("Doe", "pixels", "[1, 2", str(ROOT)):
        assert word not in caplog.text


def test_an_error_that_is_its_own_cause_ends(caplog: pytest.LogCaptureFixture) -> None:
    error, other = ValueError("x"), KeyError("y")
    error.__cause__, other.__cause__ = other, error
    log_failure(logging.getLogger("a.room"), "Failed", error)
    assert caplog.text.count("ValueError") == 1


def test_no_room_logs_an_error_with_its_text() -> None:
    wrong = re.compile(r"\.exception\(|exc_info|traceback\.(print|format)")
    sources = [path for folder in ("ball", "pages") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 40
    assert not [path.name for path in sources if wrong.search(path.read_text(encoding="utf-8"))]
