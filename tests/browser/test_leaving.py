"""Closing or reloading the tab: the browser asks first while a verdict is not saved, and only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from tests.browser.test_case_journey import save_case
from tests.browser.test_journey import WAIT, add, open_read, settle

pytestmark = pytest.mark.browser


def reload(page: Any) -> None:
    """As by the browser's own button, so that the page may ask."""
    page.evaluate("() => void setTimeout(() => location.reload(), 0)")


def reloads_unasked(page: Any, asked: list[str]) -> None:
    reload(page)
    page.get_by_role("heading", name="Read fields of a smear").wait_for(timeout=WAIT)
    settle(page)
    assert not asked


def judge(page: Any) -> None:
    add(page, (synthetic.file_name(1), synthetic.png(1)))
    page.locator("h1.ball-head").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_test_id("stMain").get_by_role("radio", name="Pro-B").click()
    page.get_by_text("1 reviewed").wait_for(timeout=WAIT)
    settle(page)


def test_the_browser_asks_before_a_verdict_is_lost(
    page: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALL_CASES", str(tmp_path / "cases.db"))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    open_read(page, start())
    add(page, (synthetic.file_name(1), synthetic.png(1)))
    page.get_by_text("closing or reloading this tab loses it").wait_for(timeout=WAIT)
    page.get_by_text("Heat map", exact=True).click()
    settle(page)
    reloads_unasked(page, asked)  # A reading alone can be made again.

    judge(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=WAIT):
        page.get_by_role("button", name="All readings, CSV").click()
    assert not asked
    page.keyboard.press("Escape")
    with page.expect_event("dialog", timeout=WAIT):
        reload(page)
    assert asked == ["beforeunload"]
    assert page.get_by_text("1 reviewed").count() == 1, "staying keeps what was entered"

    asked.clear()
    save_case(page, "Bench 4", "RK")
    settle(page)
    page.get_by_role("button", name="Note", exact=True).click()
    note = page.get_by_role("textbox", name="Note")
    note.press_sequentially("pale")
    with page.expect_event("dialog", timeout=WAIT):
        reload(page)
    assert asked == ["beforeunload"], "of a note that is being typed only the browser knows"
    note.press("Escape")
    page.get_by_role("button", name="Note ✓").click()
    assert note.input_value() == "pale", "Escape keeps what was typed"
    note.fill("")
    note.press("Control+Enter")
    # Until the server has told so, the note is still the one that is not saved.
    page.get_by_role("button", name="Note", exact=True).wait_for(timeout=WAIT)
    page.keyboard.press("Escape")
    settle(page)
    asked.clear()
    reloads_unasked(page, asked)

    page.get_by_role("link", name="Case book").click()
    page.get_by_role("textbox", name="Search").press_sequentially("Ben")
    reload(page)
    page.get_by_role("heading", name="History").wait_for(timeout=WAIT)
    settle(page)
    assert not asked, "words of a search are no note"
    page.get_by_role("link", name="Read").click()
    page.get_by_role("heading", name="Read fields of a smear").wait_for(timeout=WAIT)
    settle(page)

    judge(page)
    page.get_by_role("button", name="Clear the list").click()
    page.get_by_role("dialog").get_by_role("button", name="Clear the list").click()
    page.get_by_role("heading", name="Read fields of a smear").wait_for(timeout=WAIT)
    settle(page)
    reloads_unasked(page, asked)
