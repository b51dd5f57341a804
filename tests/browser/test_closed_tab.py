"""What a running server still holds of files that were added: asked of its own figures of memory."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from ball import synthetic
from tests.browser.test_journey import WAIT, add, open_read, settle

pytestmark = pytest.mark.browser

KEPT = 12
"""Seconds for which Streamlit lets a closed tab come back; by default it is 120."""


def held(server: str, what: str) -> int:
    """Bytes in one of Streamlit's stores."""
    with urllib.request.urlopen(f"{server}/_stcore/metrics", timeout=30) as answer:
        found = re.findall(rf'^cache_memory_bytes{{cache_type="{what}".*}} (\d+)$', answer.read().decode(), re.MULTILINE)
    return sum(map(int, found))


def becomes(holding: bool, server: str, what: str, seconds: float) -> bool:
    """Whether a store holds something, or nothing, before that time is over."""
    until = time.monotonic() + seconds
    while bool(held(server, what)) != holding and time.monotonic() < until:
        time.sleep(0.5)
    return bool(held(server, what)) == holding


def emptied(server: str, what: str, seconds: float) -> bool:
    return becomes(False, server, what, seconds)


def read(page: Any, *seeds: int, of: int) -> None:
    add(page, *((f"{seed}.png", synthetic.png(seed)) for seed in seeds))
    page.get_by_text(f"{of} of {of} field").wait_for(timeout=WAIT)
    settle(page)


def test_uploads_are_let_go_of_once_taken_and_all_else_with_the_tab(
    browser: Any, start: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", str(KEPT))
    server = start()
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    open_read(page, server)
    read(page, 1, 2, of=2)
    read(page, 3, of=3)
    assert emptied(server, "UploadedFileManager", 10)
    pictures = "st_memory_media_file_storage"
    assert becomes(True, server, pictures, 30), "the maps on screen are pictures of the visit: without them nothing is tested"
    page.get_by_role("button", name="Clear the list").click()
    page.get_by_role("heading", name="Read fields of a smear").wait_for()
    assert emptied(server, pictures, 30)
    read(page, 4, of=1)
    assert becomes(True, server, pictures, 30)
    assert not page.get_by_test_id("stException").count()
    page.close()
    assert emptied(server, pictures, 4 * KEPT)
