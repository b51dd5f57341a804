"""What a visitor does: add a field, see five votes and five maps, open Benchmark, meet a broken file, follow a link."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from ball.names import TITLES

pytestmark = pytest.mark.browser

NOTICE = "Research use only."
WAIT = 180_000
"""Milliseconds: the first reading also loads torch and five networks."""


def notice(page: Any) -> Any:
    return page.get_by_test_id("stBottomBlockContainer").get_by_text(NOTICE)


def add(page: Any, *files: tuple[str, bytes]) -> None:
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    page.locator("input[type=file]").set_input_files(payload)


def open_read(page: Any, server: str) -> None:
    page.goto(server)
    notice(page).wait_for(timeout=WAIT)
    page.get_by_role("heading", name="Read fields of a smear").wait_for(timeout=WAIT)


def settle(page: Any) -> None:
    page.locator("[data-test-script-state='notRunning']").wait_for(state="attached", timeout=WAIT)


def step(page: Any, key: str) -> None:
    before = page.locator(".ball-file b").first.inner_text()
    # A key pressed while the page is being drawn is lost, as it would be for a visitor.
    settle(page)
    page.keyboard.press(key)
    page.wait_for_function("name => document.querySelector('.ball-file b').innerText !== name", arg=before, timeout=WAIT)
    settle(page)


def see_five_votes(page: Any, name: str, count: int = 1) -> None:
    page.get_by_text(f"{count} of {count} field").wait_for(timeout=WAIT)
    page.locator("h1.ball-head").wait_for(timeout=WAIT)
    page.get_by_text(name, exact=True).first.wait_for(timeout=WAIT)
    maps = page.locator("img[alt^='Heat map of']")
    maps.nth(len(TITLES) - 1).wait_for(timeout=WAIT)
    assert maps.count() == len(TITLES)
    assert all(maps.nth(index).evaluate("image => image.decode().then(() => image.naturalWidth)") > 100 for index in range(maps.count()))
    assert page.locator("h3.ball-head").count() == len(TITLES)
    for title in TITLES.values():
        assert page.get_by_text(title, exact=True).first.is_visible()


def test_a_drawn_field_is_read_by_five_networks_with_five_maps(page: Any, server: str) -> None:
    open_read(page, server)
    add(page, (synthetic.file_name(1), synthetic.png(1)))
    see_five_votes(page, synthetic.file_name(1))
    page.get_by_role("tab", name="Segmentation").click()
    page.locator("img[alt^='Step 8, Masked image']").wait_for()
    page.get_by_role("tab", name="Details").click()
    page.get_by_text("python -m ball read synthetic-field-1.png --json -").wait_for()


@pytest.mark.parametrize(("width", "lines"), [(820, 2), (1280, 1), (1920, 1)])
def test_the_bar_takes_one_line_and_on_a_tablet_two(page: Any, server: str, width: int, lines: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    open_read(page, server)
    add(page, ("WBC-Malignant-Pre-226.png", synthetic.png(1)))
    page.locator("h1.ball-head").wait_for(timeout=WAIT)
    settle(page)
    boxes = [button.bounding_box() for button in page.locator(".st-key-top button").all()]
    middles = sorted(box["y"] + box["height"] / 2 for box in boxes)
    assert len(middles) >= 6
    assert 1 + sum(after - before > 10 for before, after in pairwise(middles)) == lines, middles


def test_another_style_draws_other_pictures(page: Any, server: str) -> None:
    open_read(page, server)
    add(page, (synthetic.file_name(1), synthetic.png(1)))
    see_five_votes(page, synthetic.file_name(1))
    page.get_by_text("Spotlight", exact=True).click()
    page.locator("img[alt^='Spotlight of GoogLeNet']").wait_for()


def test_real_fields_are_read_too(page: Any, server: str, data: Path) -> None:
    files = sorted((data / "hires").glob("*/*"))
    if not files:
        pytest.skip("the hires fields do not lie beside the project")
    open_read(page, server)
    add(page, *((path.name, path.read_bytes()) for path in files))
    page.get_by_text(f"{len(files)} of {len(files)} fields").wait_for(timeout=WAIT)
    settle(page)
    # The first field read is open, wherever the order has put it since.
    while not page.get_by_text("field 1 of ").count():
        step(page, "k")
    names = {page.locator(".ball-file b").first.inner_text()}
    for _ in files[1:]:
        step(page, "j")
        names.add(page.locator(".ball-file b").first.inner_text())
    assert names == {path.name for path in files}


def test_a_broken_file_gets_a_row_and_a_clear_message(page: Any, server: str) -> None:
    open_read(page, server)
    add(page, ("notes<b>.jpg", b"this is a text, not a picture"))
    page.get_by_role("heading", name="Not read").wait_for(timeout=WAIT)
    page.get_by_text("notes<b>.jpg", exact=True).wait_for()
    page.get_by_text("can be read").first.wait_for()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("heading", name="Read fields of a smear").wait_for(timeout=WAIT)


def test_the_benchmark_has_its_table(page: Any, server: str) -> None:
    open_read(page, server)
    page.get_by_role("link", name="Benchmark").click()
    page.get_by_role("heading", name="Benchmark", level=1).wait_for(timeout=WAIT)
    page.get_by_test_id("stDataFrame").first.wait_for(timeout=WAIT)
    assert notice(page).is_visible()


@pytest.mark.parametrize(("address", "heading"), [("benchmark", "Benchmark"), ("about", "About"), ("read", "Read fields of a smear")])
def test_a_link_into_a_fresh_server_gets_page_navigation_and_notice(
    page: Any, start: Callable[[], str], address: str, heading: str
) -> None:
    page.goto(f"{start()}/{address}")
    notice(page).wait_for(timeout=WAIT)
    page.get_by_role("heading", name=heading, level=1).wait_for(timeout=WAIT)
    assert page.get_by_role("link", name="Benchmark").is_visible()
    assert page.get_by_text("Page not found").count() == 0
    assert page.get_by_text("Columns of").count() == 0, "a bare string of the page file is printed"
