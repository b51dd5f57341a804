"""What must stay together where a window is narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ball.casebook import CaseBook
from tests.browser.test_journey import WAIT, add, open_read, settle
from tests.browser.test_trust import calibrated
from tests.case_files import field

pytestmark = pytest.mark.browser

LINES = "element => { const range = document.createRange(); range.selectNodeContents(element); "
LINES += "return [...new Set([...range.getClientRects()].map(box => Math.round(box.top)))].length }"
"""Lines that a text takes."""

APART = "mark => { const range = document.createRange(); const text = mark.closest('p'); "
APART += "range.setStart(text, 0); range.setEndBefore([...text.children].find(child => child.contains(mark))); "
APART += "const middle = box => (box.top + box.bottom) / 2; "
APART += "return Math.abs(middle(mark.getBoundingClientRect()) - middle([...range.getClientRects()].at(-1))) }"
"""Pixels by which a help mark lies above or below the last words before it."""


def test_the_number_of_a_case_is_not_broken_on_a_tablet(
    page: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cases.db"
    case = CaseBook(path).save([field()], "RK", "A name that fills the line below the number")
    monkeypatch.setenv("BALL_CASES", str(path))
    page.set_viewport_size({"width": 820, "height": 1000})
    page.goto(f"{start()}/casebook")
    head = page.get_by_role("heading", name=f"Case {case.key}", level=1)
    head.wait_for(timeout=WAIT)
    settle(page)
    assert head.evaluate(LINES) == 1


@pytest.mark.parametrize("width", [820, 1280, 1920])
def test_a_help_mark_stands_beside_the_last_word(page: Any, server: str, weights: Path, data: Path, width: int) -> None:
    calibrated(weights)
    first = sorted((data / "all" / "Early").iterdir())[0]
    page.set_viewport_size({"width": width, "height": 1000})
    open_read(page, server)
    add(page, (first.name, first.read_bytes()))
    page.get_by_text("networks agree").wait_for(timeout=WAIT)
    settle(page)
    marks = page.locator(".st-key-verdict p [data-testid=stTooltipIcon]")
    assert marks.count() == 2
    assert all(mark.evaluate(APART) < 8 for mark in marks.all())
