"""The screen, the exports and the command line say the same of the same fields, each by its own way to the reader."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.cli import main
from ball.labels import LABELS
from ball.report.pdf import pdf_of
from ball.wording import NOT_READ, REFUSED, percent
from pages._parts import tables, visit_export
from tests import trust_files
from tests.ball.test_report import words

ROOT = Path(__file__).resolve().parent.parent
CLOSE = 1e-5
"""How far two readings of one field may differ in a probability."""


@pytest.fixture(scope="module")
def calibrated(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights without knowledge, with thresholds that their faint probabilities do not reach."""
    from ball.engine import load_engine
    from ball.weights import Store

    folder = tmp_path_factory.mktemp("calibrated")
    for path in random_weights.iterdir():
        (folder / path.name).symlink_to(path)
    trust_files.write(folder, trust_files.trust(load_engine(Store(random_weights)).hashes, suggest=0.9))
    return folder


def drawn() -> dict[str, bytes]:
    blank = cv2.imencode(".png", np.full((300, 400, 3), 230, np.uint8))[1].tobytes()
    return {"it's one.png": synthetic.png(1), "-two.png": synthetic.png(2), "blank.png": blank, "broken.png": b"no picture"}


def real(data: Path) -> dict[str, bytes]:
    chosen = [sorted((data / "all" / name).iterdir())[0] for name in ("Benign", "Early", "Pre", "Pro")]
    return {path.name: path.read_bytes() for path in [*chosen, *sorted((data / "hires").glob("*/*"))[:2]]}


def html(app: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in app.get("html"))


def printed(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> list[dict[str, Any]]:
    """What the command line answers."""
    capsys.readouterr()
    status = main(list(arguments))
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert status == int(any(one["status"] == "error" for one in found))
    return found


OF_THE_APP = ("reader_", "reader ", "held_back", "held back")
"""What the app's exports hold beside what the command line prints: the reader's verdict, and that a probability was held back."""


def same(one: Any, other: Any) -> bool:
    """Whether two documents agree, numbers within `CLOSE`; how long something took is no part of what was read."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items() if key != "seconds")
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(abs(one - other) <= CLOSE) if isinstance(one, float) and isinstance(other, float) else one == other


def number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) else text


def visit(files: dict[str, bytes], limit: float | None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    for name, content in files.items():
        app.file_uploader[0].upload(name, content)
    app.run()
    if limit is not None:
        app.segmented_control(key="view").set_value("All fields").run()
        app.slider(key="suggest-from").set_value(limit).run()
        app.segmented_control(key="view").set_value("Field").run()
    assert not app.exception
    return app


def check_screen(app: AppTest, one: dict[str, Any]) -> str | None:
    """Compare the open field with its document of the command line; the command that the page prints for it."""
    word = {"error": NOT_READ, "refused": REFUSED}.get(one["status"], one["suggestion"])
    assert f"<span>{word}</span></h1>" in html(app)
    said = " ".join(text.value for text in app.markdown)
    if one["status"] == "read" and one["suggestion"] in LABELS:
        assert f"**{percent(one['probability'])}** probability · **{one['agreement']} of {len(one['votes'])}** networks agree" in said
    elif one["status"] == "read":
        assert f"**{one['reason']}**" in said
    for flag in one["flags"]:
        sentence = flag.partition(": ")[2]
        assert sentence in said
    return app.code[0].value if one["votes"] else None


def check_report(text: str, one: dict[str, Any]) -> None:
    """Compare the page of a field in the report with its document of the command line."""
    word = {"error": NOT_READ, "refused": REFUSED}.get(one["status"], one["suggestion"])
    assert word in text
    assert (one["sha256"] or "") in text
    for vote in one["votes"]:
        assert vote["label"] in text
        assert percent(max(vote["probabilities"].values())) in text
    if one["status"] == "read":
        assert f"{percent(one['probability'])} probability" in text
        assert f"{one['agreement']} of {len(one['votes'])} networks agree" in text
    for sentence in filter(None, (one["reason"], *one["flags"])):
        assert sentence.replace(" ", "") in text.replace(" ", "")


@pytest.mark.parametrize(("kind", "limit", "suggested"), [("drawn", None, False), ("drawn", 25.5, True), ("real", None, True)])
def test_screen_exports_and_command_line_agree(
    kind: str, limit: float | None, suggested: bool, calibrated: Path, request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    files = drawn() if kind == "drawn" else real(request.getfixturevalue("data"))
    weights = calibrated if kind == "drawn" else ROOT / "weights"
    if not (weights / "trust.json").exists():
        pytest.skip("no thresholds beside the weights")
    monkeypatch.setenv("BALL_WEIGHTS", str(weights))
    monkeypatch.delenv("BALL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        Path(name).write_bytes(content)
    app = visit(files, limit)
    todo = app.session_state["worklist"]
    asked = [] if limit is None else ["--suggest-from", str(limit)]
    found = printed(capsys, ["read", *(f"./{name}" for name in files), *asked, "--json", "-", "--csv", "all.csv"])
    report = visit_export.report_of(todo, todo.rows)
    pages = " ".join(words(pdf_of(report))[1:])
    for row, one, text in zip(todo.rows, found, re.split(r"Field \d+ of \d+", pages)[1:], strict=True):
        assert one["file"] == f"./{row.name}"
        check_report(text, one)
        todo.chosen = row.number
        command = check_screen(app.run(), one)
        if command is not None:
            assert command.replace(" ", "") in text.replace(" ", "")
            [again] = printed(capsys, shlex.split(command)[3:])
            assert same({**again, "file": one["file"]}, one)
    exported = [{key: value for key, value in one.items() if not key.startswith(OF_THE_APP)} for one in json.loads(tables.as_json(todo))]
    named = [{**one, "file": one["file"].removeprefix("./")} for one in found]
    assert same(exported, named)
    mine, theirs = (list(csv.DictReader(io.StringIO(text))) for text in (tables.as_csv(todo), Path("all.csv").read_text(encoding="utf-8")))
    for line, other in zip(mine, theirs, strict=True):
        own = {key: number(value) for key, value in line.items() if key not in ("file", "seconds") and not key.startswith(OF_THE_APP)}
        assert same(own, {key: number(value) for key, value in other.items() if key not in ("file", "seconds")})
    outcomes = {one["suggestion"] for one in found if one["status"] == "read"}
    assert bool(outcomes & set(LABELS)) == suggested, outcomes
    assert any("below_validated_limit" in flag for one in found for flag in one["flags"]) == (limit is not None)
