"""The command under a reading reads the file again, whatever the file is called, and gives the same."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ball import synthetic
from ball.places import read_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["a b.png", "-x.png", "--json.png", "$(touch evil).png", "it's.png", ";rm.png", "名前.png"])
def test_any_name_is_one_word_and_no_option(name: str) -> None:
    assert shlex.split(read_command(name, suggest_from=0.881))[5:7] == ["--suggest-from", "88.1"]
    words = shlex.split(read_command(name))
    assert words[:4] == ["python", "-m", "ball", "read"]
    assert words[5:] == ["--json", "-"]
    assert Path(words[4]) == Path(name)
    assert not words[4].startswith("-")


@pytest.mark.parametrize("stability", [False, True])
@pytest.mark.skipif(os.name != "posix", reason="the command is quoted for a POSIX shell")
def test_the_command_gives_what_the_screen_shows(random_weights: Path, tmp_path: Path, stability: bool) -> None:
    from ball.engine import load_engine
    from ball.trust.stability import try_changes
    from ball.weights import Store
    from pages._parts.worklist import Worklist

    name = "-it's $(touch evil).png"
    (tmp_path / name).write_bytes(synthetic.png(1))
    fields = Worklist()
    fields.add(name, synthetic.png(1))
    engine = load_engine(Store(random_weights))
    fields.read_next(engine)
    row = fields.rows[0]
    assert row.reading is not None
    row.stability = try_changes(row.reading, engine) if stability else None
    row.show_stability()
    shown = row.document()
    assert shown is not None
    command = read_command(name, stability).replace("python", shlex.quote(sys.executable), 1)
    settings = {**os.environ, "BALL_WEIGHTS": str(random_weights), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=settings, capture_output=True, text=True, check=True)
    [printed] = json.loads(done.stdout)
    assert not (tmp_path / "evil").exists()
    told = {"file", "seconds", "votes", "probability", "stability"}
    assert ("stability" in shown, "stability" in printed) == (stability, stability)
    if stability:
        mine, theirs = shown["stability"], printed["stability"]
        assert (mine["label"], mine["turned"], mine["leads"]) == (theirs["label"], theirs["turned"], theirs["leads"])
        assert theirs["probabilities"] == pytest.approx(mine["probabilities"], abs=1e-5)
    assert {key: printed[key] for key in printed if key not in told} == {key: shown[key] for key in shown if key not in told}
    assert printed["probability"] == pytest.approx(shown["probability"], abs=1e-5)
    for mine, theirs in zip(shown["votes"], printed["votes"], strict=True):
        assert (mine["network"], mine["label"]) == (theirs["network"], theirs["label"])
        assert theirs["probabilities"] == pytest.approx(mine["probabilities"], abs=1e-5)
