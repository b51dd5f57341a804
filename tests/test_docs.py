"""The documents that are written from files, and those that point to files."""

from __future__ import annotations

import re
import shutil
import stat
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


@pytest.mark.skipif(not shutil.which("sqlite3") or not shutil.which("bash"), reason="sqlite3 or bash is not installed")
def test_the_backup_of_the_readme_is_whole_where_a_plain_copy_is_not(tmp_path: Path) -> None:
    from ball.casebook import CaseBook
    from tests.case_files import field

    [command] = re.findall(r"^.*sqlite3 cases\.db .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    book = CaseBook(tmp_path / "cases.db")
    case = book.save([field(choice="Pro-B", note="why", picture=b"pixels")], "RK", "Bench 4")
    shutil.copy(tmp_path / "cases.db", tmp_path / "plain.db")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    copy = CaseBook(tmp_path / "copy.db")
    assert copy.case(case.key) == case
    assert copy.picture(case.fields[0]) == b"pixels"
    assert copy.history(case) == book.history(case)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert CaseBook(tmp_path / "plain.db").search()[1] == 0
