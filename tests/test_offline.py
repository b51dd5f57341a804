"""With the network cut off everything works, and nothing even tries to reach it; no name of a file is logged or left on disk."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from benchmarks.samples import PERSON, dicom, picture, saved, tiff_pages, zipped

ROOT = Path(__file__).resolve().parent.parent

VISIT = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=300).run()
for path in sorted(Path(sys.argv[1]).iterdir()):
    app.file_uploader[0].upload(path.name, path.read_bytes())
app.run()
assert not app.exception, app.exception
assert not app.session_state["worklist"].waiting
print([row.reading.status for row in app.session_state["worklist"].rows])
app.button(key="export-zip").click().run()
assert not app.exception, app.exception
assert any(each.proto.label.startswith("Download") for each in app.get("download_button")), "no archive was made"
for page in sorted(Path("pages").glob("[a-z]*.py")):
    one = AppTest.from_string(f"from pages import {page.stem}; {page.stem}.page()", default_timeout=300).run()
    assert not one.exception, one.exception
"""


@pytest.fixture
def environment(random_weights: Path, tmp_path: Path) -> dict[str, str]:
    """Settings of a process that can reach nothing, with a folder of its own for temporary files."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "tries").touch()
    path = os.pathsep.join((str(ROOT / "tests" / "offline"), str(ROOT)))
    own = {"BALL_TEST_SOCKETS": str(tmp_path / "tries"), "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": path, "BALL_DATA": ""}
    return {**os.environ, **own, "BALL_WEIGHTS": str(random_weights), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Files whose names and contents name a person: good ones, and one of each kind that is broken."""
    folder = tmp_path / "fields"
    folder.mkdir()
    files = {
        "Testperson.png": saved(picture(), "PNG"),
        "Testperson.tif": tiff_pages([picture(1), picture(2)]),
        "Testperson.dcm": dicom([picture(3)]),
        "Testperson.zip": zipped({"Testperson/1.png": saved(picture(4), "PNG"), "bomb.png": bytes(2**24)}),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / f"half {name}").write_bytes(content[: len(content) // 2])
    return folder


def tries(environment: dict[str, str]) -> str:
    return Path(environment["BALL_TEST_SOCKETS"]).read_text()


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_the_guard_notes_and_refuses_a_try(environment: dict[str, str]) -> None:
    done = run(environment, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), 1)")
    assert "Network is unreachable" in done.stderr
    assert "192.0.2.1" in tries(environment)
    done = run(environment, "-c", "import urllib.request; urllib.request.urlopen('http://example.invalid')")
    assert done.returncode
    assert "example.invalid" in tries(environment)


def test_the_command_line_reads_without_a_network_and_says_no_more_than_it_must(environment: dict[str, str], fields: Path) -> None:
    done = run(environment, "-m", "ball", "read", fields, "--json", "-")
    found = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert [one["status"] for one in found].count("error") == 5
    assert sum(one["status"] != "error" for one in found) == 5
    assert "Traceback" not in done.stderr
    assert PERSON not in done.stdout + done.stderr
    assert not tries(environment)
    assert not list(Path(environment["TMPDIR"]).iterdir())


def test_a_visit_works_without_a_network_and_leaves_no_name_behind(environment: dict[str, str], fields: Path) -> None:
    done = run(environment, "-c", VISIT, fields)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'error'") == 5
    assert "Testperson" not in done.stdout + done.stderr
    assert not tries(environment)
    assert not [path for path in Path(environment["TMPDIR"]).rglob("*") if path.is_file()]


def test_the_server_starts_and_answers_without_a_network(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.fileWatcherType", "none"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
    try:
        assert answered(f"http://localhost:{port}/_stcore/health"), (tmp_path / "log").read_text()
        assert answered(f"http://localhost:{port}/")
    finally:
        server.terminate()
        server.wait(timeout=20)
    assert not tries(environment)


def answered(address: str) -> bool:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.2)
    return False
