"""axe looks at every page that the navigation names, empty and with fields and a case in it: no serious fault.

In both themes, each state in a window of 1280 pixels and on a tablet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from ball.labels import LABELS
from tests.browser.test_case_journey import save_case
from tests.browser.test_journey import WAIT, add, notice, open_read, settle
from tests.browser.test_trust import calibrated

pytestmark = pytest.mark.browser

GRAVE = {"serious", "critical"}
WIDTHS = (820, 1280)
"""Of the window in pixels; the last is the one in which a visit goes on."""
LINKS = "[data-testid='stTopNavLink'], [data-testid='stSidebarNavLink']"


@pytest.fixture(params=["light", "dark"])
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh visit in each theme."""
    page = browser.new_page(viewport={"width": WIDTHS[-1], "height": 1000}, color_scheme=request.param)
    page.set_default_timeout(WAIT)
    yield page
    page.close()


def faults(page: Any) -> list[str]:
    """What axe finds serious or critical at each width, with the part of the page that it means."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    settle(page)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(1500)
        # A toast has no name for a screen reader: its markup is Streamlit's, and it goes by itself.
        page.wait_for_function("() => !document.querySelector('[data-testid=stToast]')")
        grave = [fault for fault in axe.Axe().run(page).response["violations"] if fault["impact"] in GRAVE]
        found += [f"{width} px, {fault['id']}: {node['html'][:200]} ({fault['help']})" for fault in grave for node in fault["nodes"]]
    return found


def turn(page: Any) -> None:
    """Go to the other one of two fields."""
    before = page.locator(".ball-file b").first.inner_text()
    buttons = [page.get_by_role("button", name=name) for name in ("Next", "Back")]
    next(button for button in buttons if button.is_enabled()).click()
    page.wait_for_function("name => document.querySelector('.ball-file b').innerText !== name", arg=before)
    settle(page)


def test_every_page_of_the_navigation(visit: Any, server: str) -> None:
    open_read(visit, server)
    names = visit.locator(LINKS).all_inner_texts()
    assert {"Read", "Benchmark", "About"} <= set(names)
    found = {}
    for name in names:
        visit.locator(LINKS).get_by_text(name, exact=True).click()
        notice(visit).wait_for()
        visit.get_by_role("heading", level=1).first.wait_for()
        settle(visit)
        found[name] = faults(visit)
        for tab in visit.get_by_role("tab").all():
            tab.click()
            found[f"{name}, {tab.inner_text()}"] = faults(visit)
    assert "Benchmark, Speed" in found, "the tabs of the Benchmark page were not looked at"
    assert not any(found.values()), found


def test_a_field_with_a_suggestion(visit: Any, server: str, weights: Path, data: Path) -> None:
    calibrated(weights)
    open_read(visit, server)
    files = [sorted((data / "all" / folder).iterdir())[0] for folder in ("Early", "Pre", "Pro")]
    add(visit, *((path.name, path.read_bytes()) for path in files))
    visit.get_by_text("3 of 3 fields").wait_for()
    settle(visit)
    # The clearest is the last of the list.
    while visit.get_by_role("button", name="Next").is_enabled() and visit.get_by_text("field 3 of 3").count() == 0:
        turn(visit)
    assert visit.locator("h1.ball-head").inner_text().strip() in LABELS
    assert not (found := faults(visit)), found


def test_a_field_with_all_that_lies_under_it(visit: Any, server: str) -> None:
    open_read(visit, server)
    add(visit, (synthetic.file_name(1), synthetic.png(1)), ("broken.png", b"no picture"))
    visit.get_by_text("2 of 2 fields").wait_for()
    found = {"first": faults(visit)}
    turn(visit)
    found["second"] = faults(visit)
    if not visit.get_by_role("tab").count():
        turn(visit)
        visit.get_by_role("tab").first.wait_for()
    for tab in visit.get_by_role("tab").all():
        tab.click()
        found[tab.inner_text()] = faults(visit)
    visit.get_by_role("button", name="Enlarge").click()
    visit.get_by_role("dialog").locator(".js-plotly-plot").wait_for()
    found["Enlarge"] = faults(visit)
    visit.keyboard.press("Escape")
    visit.get_by_role("dialog").wait_for(state="detached")
    visit.get_by_text("All fields", exact=True).first.click()
    visit.get_by_role("heading", name="All fields").wait_for()
    found["All fields"] = faults(visit)
    assert not any(found.values()), found


def test_compare_slides_and_a_saved_case(visit: Any, start: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_CASES", str(tmp_path / "cases.db"))
    open_read(visit, start())
    add(visit, *((synthetic.file_name(seed), synthetic.png(seed)) for seed in (1, 2)))
    visit.get_by_text("2 of 2 fields").wait_for()
    settle(visit)
    visit.get_by_test_id("stMain").get_by_role("radio", name="Pro-B").first.click()
    visit.get_by_text("1 reviewed").wait_for()
    visit.get_by_text("Compare", exact=True).first.click()
    visit.get_by_role("heading", name="Compare two fields").wait_for()
    found = {"Compare": faults(visit)}
    visit.get_by_role("button", name="Save case").click()
    visit.get_by_role("textbox", name="Your initials").wait_for()
    found["Save case"] = faults(visit)
    visit.keyboard.press("Escape")
    visit.get_by_role("dialog").wait_for(state="detached")
    save_case(visit, "Bench 4", "RK")
    visit.get_by_role("link", name="Slides").click()
    visit.get_by_role("heading", level=1).first.wait_for()
    found["Slides"] = faults(visit)
    visit.get_by_role("link", name="Case book").click()
    visit.get_by_role("heading", name="History").wait_for()
    found["Case"] = faults(visit)
    visit.get_by_test_id("stMain").get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 62})
    visit.get_by_text("The same reading, on the command line").wait_for()
    found["Field of a case"] = faults(visit)
    visit.get_by_role("button", name="Sign", exact=True).click()
    visit.get_by_text("What is the case, in your reading?").wait_for()
    found["Sign"] = faults(visit)
    visit.keyboard.press("Escape")
    visit.get_by_role("dialog").wait_for(state="detached")
    visit.get_by_role("tab", name="Agreement").click()
    visit.get_by_role("heading", name="Overrides").wait_for()
    found["Agreement"] = faults(visit)
    assert not any(found.values()), found


def test_axe_sees_a_fault_that_is_there(visit: Any) -> None:
    visit.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'><p style='color:#ccc'>pale</p></main></html>")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    ids = {fault["id"] for fault in axe.Axe().run(visit).response["violations"] if fault["impact"] in GRAVE}
    assert {"image-alt", "color-contrast"} <= ids
