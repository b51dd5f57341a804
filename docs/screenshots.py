"""Photograph the app with fields in it: the README's picture, or every page in both themes.

    python docs/screenshots.py --readme                                    # docs/read.png alone
    python docs/screenshots.py [--out docs/screenshots] [--width 1280 --width 1920 --width 820]

Walks the navigation by itself, so that a new page is photographed too, and once more with fields and a case in it. The case
book is one of its own, gone at the end. The README's picture shows a drawn field, which the networks refuse. The pictures of all
pages show real ones too, one a class, where the data set lies beside the project (or where $BALL_TEST_DATA points): they are for
looking at and must never be committed, so they go to the folder that git ignores, or outside the project.
Needs Chromium (on the path, or named in $CHROMIUM) and requirements-dev.txt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from ball import synthetic

ROOT: Final = Path(__file__).resolve().parent.parent

WAIT: Final = 180_000
"""Milliseconds: the first reading also loads torch and five networks."""

LINKS: Final = "[data-testid='stTopNavLink']"
DATA: Final = Path(os.environ.get("BALL_TEST_DATA") or ROOT.parent / "shared" / "data") / "all"
IGNORED: Final = ROOT / "docs" / "screenshots"
FIELDS: Final = (1, 2, 3)
"""Seeds of the fields drawn."""


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--readme", action="store_true", help="take the README's picture only")
    parser.add_argument("--out", type=Path, default=IGNORED)
    widths = "of the window; may be given again. Default 1280, 1920 and 820, a tablet"
    parser.add_argument("--width", type=int, action="append", help=widths)
    arguments = parser.parse_args()
    with browser() as running:
        if arguments.readme:
            with server() as address:
                readme(running, address, ROOT / "docs" / "read.png")
            return
        arguments.out.mkdir(parents=True, exist_ok=True)
        for width in arguments.width or [1280, 1920, 820]:
            for theme in ("light", "dark"):
                with server() as address:
                    visit(running, address, width, theme, arguments.out)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, closed at the end."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@contextmanager
def server() -> Iterator[str]:
    """Address of a running app with an empty case book, both gone at the end.

    Raises:
        SystemExit: it does not answer within a minute.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        settings = {**os.environ, "BALL_CASES": str(Path(folder) / "cases.db")}
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=settings)
        try:
            _wait_for(f"http://localhost:{port}/_stcore/health")
            yield f"http://localhost:{port}"
        finally:
            running.terminate()
            running.wait()


def _wait_for(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the app did not start")


def readme(running: Any, address: str, out: Path) -> None:
    """Draw a synthetic field in the app, wait for its five maps, save the page as a picture."""
    page = _open(running, address, 1440, "light")
    page.get_by_role("button", name="Draw a synthetic field").click()
    page.locator("img[alt^='Heat map of']").nth(4).wait_for()
    page.mouse.move(1, 1)  # Away from the list, which shows its tools under the mouse.
    _settle(page)
    page.screenshot(path=out)
    page.close()


def visit(running: Any, address: str, width: int, theme: str, out: Path) -> None:
    """One visit at one width in one theme: every page empty, then every page with fields and a case in it."""
    page = _open(running, address, width, theme)

    def photograph(name: str) -> None:
        _settle(page)
        page.screenshot(path=out / f"{name.lower().replace(' ', '-')}-{width}-{theme}.png")

    _walk(page, photograph, "")
    files = [*_drawn(), *_real(out), ("broken.png", b"no picture")]
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    page.locator("input[type=file]").set_input_files(payload)
    page.get_by_text(f"{len(files)} of {len(files)} fields").wait_for()
    _tabs(page, photograph, "read with fields")
    _to_the_last(page, len(files))
    _tabs(page, photograph, "read the clearest")
    for view in ("All fields", "Compare"):
        page.get_by_text(view, exact=True).first.click()
        photograph(f"read {view}")
    page.get_by_role("button", name="Save case").click()
    page.get_by_role("textbox", name="Your initials").fill("RK")
    page.keyboard.press("Tab")
    photograph("save case")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("reviewed · saved as").wait_for()
    _walk(page, photograph, " with a case")
    page.goto(f"{address}/casebook")
    page.get_by_role("heading", name="History").wait_for()
    _settle(page)
    page.get_by_test_id("stMain").get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 62})
    page.get_by_text("The same reading, on the command line").wait_for()
    photograph("case book with a field")
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_text("What is the case, in your reading?").wait_for()
    photograph("sign")
    page.close()


def _drawn() -> list[tuple[str, bytes]]:
    return [(synthetic.file_name(seed), synthetic.png(seed)) for seed in FIELDS]


def _real(out: Path) -> list[tuple[str, bytes]]:
    """The first field of every class; none where they are not there, or where git would see pictures of them."""
    seen = out.resolve().is_relative_to(ROOT) and not out.resolve().is_relative_to(IGNORED)
    folders = [] if seen or not DATA.is_dir() else sorted(folder for folder in DATA.iterdir() if folder.is_dir())
    if not folders:
        print("Without real fields: every field shown is refused or cannot be read.", file=sys.stderr)
    return [(path.name, path.read_bytes()) for path in (min(folder.iterdir()) for folder in folders)]


def _to_the_last(page: Any, count: int) -> None:
    """Open the last field of the list: the clearest of them."""
    _settle(page)
    while not page.get_by_text(f"field {count} of {count}").count():
        before = page.locator(".ball-file").first.inner_text()
        page.get_by_role("button", name="Next").click()
        page.wait_for_function("text => document.querySelector('.ball-file').innerText !== text", arg=before)
        _settle(page)


def _open(running: Any, address: str, width: int, theme: str) -> Any:
    page = running.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.get_by_role("heading", level=1).first.wait_for()
    return page


def _settle(page: Any) -> None:
    page.locator("[data-test-script-state='notRunning']").wait_for(state="attached")
    page.wait_for_timeout(2500)


def _walk(page: Any, photograph: Callable[[str], None], suffix: str) -> None:
    """Every page of the navigation, with its tabs; back on the first at the end."""
    names = page.locator(LINKS).all_inner_texts()
    for name in [*names[1:], names[0]]:
        size = page.viewport_size
        # A narrow window folds the links away; the pages are what is to be seen.
        page.set_viewport_size({"width": 1600, "height": size["height"]})
        page.locator(LINKS).get_by_text(name, exact=True).click()
        page.set_viewport_size(size)
        page.get_by_role("heading", level=1).first.wait_for()
        _tabs(page, photograph, f"{name}{suffix}")


def _tabs(page: Any, photograph: Callable[[str], None], name: str) -> None:
    """The page as it opens, and under each of its tabs."""
    photograph(name)
    for tab in page.get_by_role("tab").all():
        tab.click()
        tab.scroll_into_view_if_needed()
        photograph(f"{name} {tab.inner_text()}")


if __name__ == "__main__":
    main()
