"""A real server and a real browser: the app as a visitor meets it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium: ``$CHROMIUM``, else the one on the path."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium: install it, or name it in $CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: object) -> Iterator[object]:
    """A fresh visit. Fails if the app asks for anything outside this computer."""
    visit = browser.new_page(viewport={"width": 1440, "height": 1000})  # type: ignore[attr-defined]
    visit.set_default_timeout(180_000)
    asked: list[str] = []
    visit.on("request", lambda request: asked.append(request.url))
    yield visit
    visit.close()
    outside = [url for url in asked if not url.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:"))]
    assert not outside, f"the page asked for {outside}"


@pytest.fixture(scope="session")
def weights(request: pytest.FixtureRequest) -> Path:
    """``$BALL_TEST_WEIGHTS``, else the project's weights, else random ones."""
    folder = Path(os.environ.get("BALL_TEST_WEIGHTS") or ROOT / "weights")
    return folder if (folder / "manifest.json").exists() else request.getfixturevalue("random_weights")


@pytest.fixture(scope="session")
def start(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Start another server and return its address; all are stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []
    noted: list[Path] = []

    def begin() -> str:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "log.txt"
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.fileWatcherType", "none"]
        # Whatever the server would ask of the network fails, and is noted.
        tries = tmp_path_factory.mktemp("tries") / "tries.txt"
        path = os.pathsep.join((str(ROOT / "tests" / "offline"), os.environ.get("PYTHONPATH", "")))
        settings = {**os.environ, "BALL_WEIGHTS": str(weights), "BALL_DATA": "", "BALL_TEST_SOCKETS": str(tries), "PYTHONPATH": path}
        noted.append(tries)
        with log.open("wb") as out:
            running.append(subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=settings))
        address = f"http://localhost:{port}"
        _wait(address, log)
        return address

    yield begin
    for server in running:
        server.terminate()
        server.wait(timeout=120)
    asked = "".join(tries.read_text() for tries in noted if tries.exists())
    assert not asked, f"the server tried to reach {asked}"


@pytest.fixture(scope="session")
def server(start: Callable[[], str]) -> str:
    """Address of one server that the tests share."""
    return start()


def _wait(address: str, log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')}")
