"""What the software will not say: a photograph is refused, a doubtful field is Unidentified, and a slide is read as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data as samples

from tests.browser.test_journey import WAIT, add, open_read, settle

pytestmark = pytest.mark.browser


def photograph() -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(np.asarray(samples.coffee()), cv2.COLOR_RGB2BGR))[1].tobytes())


def calibrated(weights: Path) -> None:
    if not (weights / "trust.json").exists():
        pytest.skip("no thresholds beside the weights: python -m ball calibrate")


def test_a_photograph_is_refused_with_a_reason_and_keeps_its_votes(page: Any, server: str, weights: Path) -> None:
    calibrated(weights)
    open_read(page, server)
    add(page, ("desk.png", photograph()))
    page.get_by_role("heading", name="Refused").wait_for(timeout=WAIT)
    page.get_by_text("Not like the validated smears").first.wait_for()
    settle(page)
    assert page.locator("h3.ball-head").count() == 5


def test_a_field_below_the_limit_is_unidentified_and_fields_are_read_as_a_slide(page: Any, server: str, weights: Path, data: Path) -> None:
    calibrated(weights)
    files = sorted((data / "all" / "Pre").iterdir())[:3]
    open_read(page, server)
    add(page, *((path.name, path.read_bytes()) for path in files))
    page.get_by_text("3 of 3 fields").wait_for(timeout=WAIT)
    settle(page)
    page.get_by_text("All fields", exact=True).click()
    handle = page.get_by_role("slider", name="Suggest only from")
    handle.wait_for(timeout=WAIT)
    # At 100 % every field is in doubt, whatever the weights make of it.
    handle.press("End")
    settle(page)
    page.get_by_text("Field", exact=True).first.click()
    page.get_by_role("heading", name="Unidentified").wait_for(timeout=WAIT)
    page.get_by_text("needed for a suggestion").first.wait_for()
    page.get_by_role("link", name="Slides").click()
    page.get_by_text("Share of classes").wait_for(timeout=WAIT)
    page.get_by_text("of 3 fields").first.wait_for()
