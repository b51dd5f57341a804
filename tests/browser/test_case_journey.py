"""A case from the first drop to the next morning: upload, correct, save, report, restart, reopen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from ball.labels import LABELS
from tests.browser.test_journey import WAIT, add, open_read, settle
from tests.case_files import field

pytestmark = pytest.mark.browser
FIELDS = 10


def save_case(page: Any, name: str, who: str) -> None:
    page.get_by_role("button", name="Save case").click()
    page.get_by_role("textbox", name="Name of the case").fill(name)
    page.get_by_role("textbox", name="Your initials").fill(who)
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_text("Keep the pictures, too").click()
    settle(page)
    page.get_by_role("button", name="Save", exact=True).click()
    # Not the toast, which says so too for a moment.
    page.get_by_text("reviewed · saved as").wait_for(timeout=5 * WAIT)


def test_fields_are_corrected_saved_reported_and_reopened_after_a_restart(
    page: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cases.db"
    monkeypatch.setenv("BALL_CASES", str(path))
    open_read(page, start())
    add(page, *((synthetic.file_name(number), synthetic.png(number)) for number in range(1, FIELDS + 1)))
    page.get_by_text(f"{FIELDS} of {FIELDS} fields").wait_for(timeout=5 * WAIT)
    page.locator("h1.ball-head").wait_for(timeout=WAIT)
    settle(page)
    suggested = page.locator("h1.ball-head").inner_text().strip()
    other = next(label for label in LABELS if label != suggested)
    page.get_by_test_id("stMain").get_by_role("radio", name=other).click()
    page.get_by_text("1 reviewed").wait_for(timeout=WAIT)
    assert not path.exists(), "something was written before the case was saved"
    save_case(page, "Bench 4", "RK")

    page.get_by_role("link", name="Case book").click()
    page.get_by_role("heading", name="History").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=5 * WAIT) as download:
        page.get_by_role("button", name="Report, PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")

    # Another server knows nothing of the first but the file.
    page.goto(f"{start()}/casebook")
    page.get_by_role("heading", name="Case ", level=1).wait_for(timeout=WAIT)
    page.get_by_text("Bench 4").first.wait_for(timeout=WAIT)
    page.get_by_text(f"Suggestion overridden: {other}").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_role("button", name="Open in Read").click()
    page.get_by_text(f"{FIELDS} of {FIELDS} fields").wait_for(timeout=5 * WAIT)
    page.get_by_text("1 reviewed · saved as").wait_for(timeout=WAIT)
    with sqlite3.connect(path) as book:
        assert book.execute("SELECT count(*) FROM fields").fetchone() == (FIELDS,)
        assert book.execute("SELECT count(*) FROM pictures").fetchone() == (FIELDS,)


def test_names_and_notes_from_the_book_never_become_markup(
    page: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ball.casebook import CaseBook

    bad = "<img src=x onerror=\"document.title='broken'\">![x](https://example.org/x.png)"
    path = tmp_path / "cases.db"
    CaseBook(path).save([field(f"{bad}.png", choice="Pro-B", note=bad)], bad, bad)
    monkeypatch.setenv("BALL_CASES", str(path))
    page.goto(f"{start()}/casebook")
    page.get_by_role("heading", name="History").wait_for(timeout=WAIT)
    settle(page)
    assert page.title() != "broken"
    assert page.locator("img[src='x'], img[src*='example.org']").count() == 0
