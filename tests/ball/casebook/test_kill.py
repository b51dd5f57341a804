"""A process killed while it saves leaves its case whole or absent. A hundred times: `python -m benchmarks.kill_during_save`."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from benchmarks.kill_during_save import FIELDS, PICTURE, kill_often

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are of POSIX systems")
def test_killed_while_saving_a_case_is_whole_or_absent(tmp_path: Path) -> None:
    tally = kill_often(tmp_path, 8, random.Random(1))
    assert (tally.kills, tally.lost, tally.half, tally.damaged) == (8, 0, 0, 0)
    assert tally.inside, "no kill met a save"
    assert tally.found >= tally.told


def test_the_committed_result_is_of_a_hundred_moments_within_a_save_and_nothing_was_lost() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "kill-during-save.json").read_text(encoding="utf-8"))
    assert (found["fields_a_case"], found["picture_bytes"]) == (FIELDS, PICTURE)
    assert found["kills"] == found["inside"] == 100
    assert (found["lost"], found["half"], found["damaged"]) == (0, 0, 0)
    assert 100 <= found["told"] <= found["found"], "a case that was told of is there; the one that was being saved may be"
    assert found["found"] <= found["told"] + found["kills"]
