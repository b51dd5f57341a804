"""The documents that are written from files, and those that point to files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_model_cards_are_what_the_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red after new weights or figures until `python docs/model_cards.py` has run again."""
    monkeypatch.delenv("BALL_WEIGHTS", raising=False)
    done = subprocess.run([sys.executable, "docs/model_cards.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_card_that_was_changed_by_hand_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    import model_cards

    monkeypatch.delenv("BALL_WEIGHTS", raising=False)
    monkeypatch.setattr(model_cards, "FOLDER", tmp_path)
    assert not model_cards._same("alexnet")
    (tmp_path / "alexnet.md").write_text(model_cards.card("alexnet"), encoding="utf-8")
    assert model_cards._same("alexnet")
    (tmp_path / "alexnet.md").write_text(model_cards.card("alexnet") + "better", encoding="utf-8")
    assert not model_cards._same("alexnet")


def test_the_checklist_answers_every_item_and_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "CLAIM.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .+ \| (yes|no|\*\*no\*\*|in part) \| .+ \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 45))
    paths = set(re.findall(r"`((?:ball|weights)/[\w/.]+\.(?:py|json))`", text))
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []
