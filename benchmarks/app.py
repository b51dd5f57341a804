"""How the app feels: a fresh server to its first page, a changed widget, and memory while 200 fields are read.

The first page and the changed widget are measured on a page with nothing but a title, that widget and five plain pictures, too
(benchmarks/bare_page.py): what Streamlit, the browser and this machine take without the app.

    python -m benchmarks.app DATA --json weights/benchmark/app.json

DATA holds ``all`` (fields in class folders). Needs Playwright and Chromium (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from ball.benchmark.speeds import APP
from benchmarks.speed import fields, processor

ROOT = Path(__file__).resolve().parent.parent
WAIT = 600_000
"""Milliseconds to wait for anything on the page."""
WIDE, HIGH = 1440, 1000
"""Of the window."""

OURS = ("app.py", "Read fields of a smear")
BARE = ("benchmarks/bare_page.py", "A bare page")
"""Script and heading of the app and of the bare page."""


@contextmanager
def server(script: str) -> Iterator[tuple[str, int]]:
    """A fresh server of a script: its address and process id; stopped at the end."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port), "--server.fileWatcherType", "none"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://localhost:{port}", running.pid
    finally:
        running.terminate()
        running.wait(timeout=30)


def first_pages(browser: Any, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from the start of a server to the first page on screen: of the app and of the bare page, in turn."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for seconds, (script, heading) in zip(spent, (OURS, BARE), strict=True):
            began = time.perf_counter()
            with server(script) as (address, _pid):
                page = browser.new_page()
                _open(page, address, heading)
                seconds.append(time.perf_counter() - began)
                page.close()
    return spent


def _open(page: Any, address: str, heading: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    while True:
        with socket.socket() as attempt:
            if attempt.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.01)
    page.goto(address)
    page.get_by_role("heading", name=heading).wait_for(timeout=WAIT)


def _rested(page: Any) -> None:
    """Wait until the page is drawn."""
    page.locator("[data-test-script-state='notRunning']").wait_for(state="attached", timeout=WAIT)


_ANSWERED: Final = """alt => { window.answered = null; document.addEventListener("click", click => {
    const look = () => {
        const found = [...document.querySelectorAll(`img[alt^="${alt}"]`)];
        const there = found.length == 5 && found.every(each => each.complete && each.naturalWidth > 0);
        if (there) window.answered = performance.now() - click.timeStamp;
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}, {capture: true, once: true}) }"""
"""Have the page note how many milliseconds after the next click five pictures are there whose description begins so."""


def widget(page: Any, rounds: int) -> list[float]:
    """Seconds from a click on another style of map to the last of five new pictures on screen.

    By the browser's own clock: moving the pointer and waiting until the button may be pressed are the driver's, and no part of it.
    """
    spent = []
    for turn in range(rounds):
        shown, alt = (("Spotlight", "Spotlight of"), ("Heat map", "Heat map of"))[turn % 2]
        page.evaluate(_ANSWERED, alt)
        page.get_by_role("button", name=shown).or_(page.get_by_role("radio", name=shown)).first.click()
        page.wait_for_function("window.answered !== null", timeout=WAIT)
        spent.append(page.evaluate("window.answered") / 1e3)
    return spent


def bare_widget(browser: Any, rounds: int) -> list[float]:
    """Seconds of the same change on benchmarks/bare_page.py."""
    script, heading = BARE
    with server(script) as (address, _pid):
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
        _open(page, address, heading)
        _rested(page)
        return widget(page, rounds)


def megabytes(pid: int, key: str) -> float:
    """A figure of a process's memory (VmRSS now, VmHWM the most so far)."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines() if line.startswith(key))
    return round(int(line.split()[1]) / 1024, 0)


def run(data: Path, rounds: int, count: int) -> dict[str, Any]:
    """Measure everything."""
    from playwright.sync_api import sync_playwright

    paths = fields(data, count)
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        starts, bare_starts = first_pages(browser, rounds)
        memory: dict[str, dict[str, float]] = {}
        script, heading = OURS
        with server(script) as (address, pid):
            page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
            _open(page, address, heading)
            for done in range(0, count, 50):
                part = paths[done : done + 50]
                _rested(page)  # While the page is drawn, the uploader of the page before is there as well.
                page.locator("input[type=file]").set_input_files([str(each) for each in part])
                page.get_by_text(f"{done + len(part)} of {done + len(part)} fields").wait_for(timeout=WAIT)
                memory[str(done + len(part))] = {"now": megabytes(pid, "VmRSS"), "most": megabytes(pid, "VmHWM")}
            _rested(page)
            changes = widget(page, 2 * rounds + 2)[2:]
        bare = bare_widget(browser, 2 * rounds + 2)[2:]
        browser.close()
    return {
        "command": APP, "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(), "seconds_to_first_page": quartiles(starts), "seconds_to_a_bare_first_page": quartiles(bare_starts),
        "seconds_of_a_widget_change": quartiles(changes), "seconds_of_a_widget_change_on_a_bare_page": quartiles(bare),
        "megabytes_after_fields": memory,
    }


def quartiles(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {"median": round(float(median), 3), "low": round(float(low), 3), "high": round(float(high), 3), "n": len(values)}


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--fields", type=int, default=200)
    arguments = parser.parse_args()
    document = run(arguments.data, arguments.rounds, arguments.fields)
    print(json.dumps(document, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
