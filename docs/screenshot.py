"""Take the README's picture: start the app, draw a synthetic field, read it, photograph the page.

    python docs/screenshot.py [--out docs/read.png] [--dark]

Needs Chromium (on the path, or named in $CHROMIUM) and requirements-dev.txt.
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
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WAIT = 180_000


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "read.png")
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://localhost:{port}"
        wait_for(f"{address}/_stcore/health")
        photograph(address, arguments.out, "dark" if arguments.dark else "light")
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def wait_for(address: str) -> None:
    """Wait until the server answers, at most a minute."""
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the app did not start")


def photograph(address: str, out: Path, scheme: str) -> None:
    """Draw a synthetic field in the app, wait for its five maps, save the page as a picture."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme=scheme)
        page.set_default_timeout(WAIT)
        page.goto(address)
        page.get_by_role("button", name="Draw a synthetic field").click()
        page.locator("img[alt^='Heat map of']").nth(4).wait_for()
        page.wait_for_timeout(3000)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main()
