"""Photograph every page of the app in both themes, with drawn fields in it.

    python docs/screenshots.py [--out docs/screenshots] [--width 1280 --width 1920 --width 820]

Walks the navigation by itself, so that a new page is photographed too. The pictures are for looking at: git ignores their folder.
Needs what `docs/screenshot.py` needs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from ball import synthetic
from docs.screenshot import ROOT, WAIT, free_port, wait_for

LINKS = "[data-testid='stTopNavLink'], [data-testid='stSidebarNavLink']"
TABS = "[role=tab]"


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--width", type=int, action="append", help="of the window; may be given again. Default 1280 and 820, a tablet")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health")
        with sync_playwright() as playwright:
            chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for width in arguments.width or [1280, 820]:
                for theme in ("light", "dark"):
                    visit(browser, f"http://localhost:{port}", width, theme, arguments.out)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def visit(browser: Any, address: str, width: int, theme: str, out: Path) -> None:
    """One visit at one width in one theme: every page, and the first one again with fields in it."""
    page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
    page.set_default_timeout(WAIT)

    def photograph(name: str) -> None:
        page.locator("[data-test-script-state='notRunning']").wait_for(state="attached")
        page.wait_for_timeout(2500)
        page.screenshot(path=out / f"{name.lower().replace(' ', '-')}-{width}-{theme}.png")

    page.goto(address)
    page.get_by_role("heading", level=1).first.wait_for()
    for name in page.locator(LINKS).all_inner_texts():
        page.locator(LINKS).get_by_text(name, exact=True).click()
        page.get_by_role("heading", level=1).first.wait_for()
        photograph(name)
    page.locator(LINKS).first.click()
    fields = [{"name": synthetic.file_name(seed), "mimeType": "image/png", "buffer": synthetic.png(seed)} for seed in (1, 2, 3)]
    page.locator("input[type=file]").set_input_files([*fields, {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}])
    page.get_by_text("4 of 4 fields").wait_for()
    photograph("read with fields")
    for tab in page.locator(TABS).all():
        tab.click()
        tab.scroll_into_view_if_needed()
        photograph(f"read {tab.inner_text()}")
    page.get_by_text("All fields", exact=True).first.click()
    photograph("read all fields")
    page.close()


if __name__ == "__main__":
    main()
