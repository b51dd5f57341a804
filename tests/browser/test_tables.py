"""Tables as a visitor meets them: what their toolbar offers, and which columns are seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from tests.browser.test_journey import WAIT, add, open_read, settle
from tests.case_files import field

pytestmark = pytest.mark.browser
FORMULA = '=HYPERLINK("http:x").png'


def offered(page: Any, name: str) -> set[str]:
    """What the toolbar of a table offers, once the mouse is over it."""
    table = page.get_by_test_id("stElementContainer").filter(has=page.get_by_test_id("stDataFrame")).filter(
        has=page.get_by_role("button", name=f"Search: {name}", exact=True, include_hidden=True)
    )
    table.last.hover()
    search = table.last.get_by_role("button", name=f"Search: {name}", exact=True)
    search.wait_for(timeout=WAIT)
    return {str(button.get_attribute("aria-label")).split(":")[0] for button in table.last.get_by_role("button").all()}


def test_a_table_has_no_download_of_its_own(page: Any, server: str) -> None:
    open_read(page, server)
    add(page, (FORMULA, synthetic.png(1)), ("broken.png", b"no picture"))
    page.get_by_text("2 of 2 fields").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_text("All fields", exact=True).first.click()
    page.get_by_role("heading", name="All fields").wait_for(timeout=WAIT)
    settle(page)
    for name in ("All fields", "Fields, worst first"):
        assert {"Search", "Fullscreen"} <= offered(page, name)
        assert "Download as CSV" not in offered(page, name), name


def columns(table: Any) -> list[str]:
    """Heads of the columns that are seen without scrolling, if only in part."""
    return list(table.locator("canvas th").all_text_contents())


def test_at_1280_pixels_the_columns_that_answer_are_seen(
    page: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ball.casebook import CaseBook

    path = tmp_path / "cases.db"
    monkeypatch.setenv("BALL_CASES", str(path))
    name = f"{'WBC-Malignant-Early-482 ' * 3}.jpg"
    CaseBook(path).save([field(name, choice="Not assessable")], "RK", "")
    page.set_viewport_size({"width": 1280, "height": 1000})
    address = start()
    page.goto(f"{address}/casebook")
    page.get_by_role("heading", name="History").wait_for(timeout=WAIT)
    settle(page)
    table = page.get_by_test_id("stMain").get_by_test_id("stDataFrame").first
    table.locator("canvas th").first.wait_for(state="attached", timeout=WAIT)
    # A column after another is seen only where that other is seen whole.
    assert columns(table)[-5:] == ["Suggestion", "Reader", "Votes", "Probability", "Note"]

    open_read(page, address)
    add(page, (name, synthetic.png(1)))
    page.locator("h1.ball-head").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_text("All fields", exact=True).first.click()
    page.get_by_role("heading", name="All fields").wait_for(timeout=WAIT)
    settle(page)
    table = page.get_by_test_id("stMain").get_by_test_id("stDataFrame").first
    table.locator("canvas th").first.wait_for(state="attached", timeout=WAIT)
    assert columns(table)[2:] == ["Suggestion", "Probability", "Votes", "Your reading", "Check", "Votes alike"]
