"""Photograph the app, with drawn fields in it: the README's picture, or every page in both themes.

    python docs/screenshots.py --readme [--dark]    the README's picture alone, docs/read.png
    python docs/screenshots.py [--out docs/screenshots] [--width 1280 --width 1920 --width 820]

The second walks the navigation by itself, so that a new page is photographed too. Its pictures are for looking at: git ignores their
folder. Needs Chromium (on the path, or named in $CHROMIUM) and requirements-dev.txt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from ball import synthetic

ROOT = Path(__file__).resolve().parent.parent
WAIT = 180_000
LINKS = "[data-testid='stTopNavLink'], [data-testid='stSidebarNavLink']"
TABS = "[role=tab]"


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--readme", action="store_true", help="take the README's picture and no other")
    parser.add_argument("--dark", action="store_true", help="the README's picture in the dark theme")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--width", type=int, action="append", help="of the window; may be given again. Default 1280 and 820, a tablet")
    arguments = parser.parse_args()
    with app() as address, chromium() as browser:
        if arguments.readme:
            read_page(browser, address, ROOT / "docs" / "read.png", "dark" if arguments.dark else "light")
            return
        arguments.out.mkdir(parents=True, exist_ok=True)
        for width in arguments.width or [1280, 820]:
            for theme in ("light", "dark"):
                visit(browser, address, width, theme, arguments.out)


@contextmanager
def app() -> Iterator[str]:
    """The running app: its address."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health")
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def wait_for(address: str) -> None:
    """Wait until the server answers, at most a minute."""
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the app did not start")


def read_page(browser: Any, address: str, out: Path, theme: str) -> None:
    """Draw a synthetic field in the app, wait for its five maps, save the page as a picture."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme=theme)
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.get_by_role("button", name="Draw a synthetic field").click()
    page.locator("img[alt^='Heat map of']").nth(4).wait_for()
    page.wait_for_timeout(3000)
    page.screenshot(path=out)


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
