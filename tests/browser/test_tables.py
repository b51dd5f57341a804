"""Tables as a visitor meets them: what their toolbar offers, and which columns are seen."""

from __future__ import annotations

from typing import Any

import pytest

from ball import synthetic
from tests.browser.test_journey import WAIT, add, open_read, settle

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
