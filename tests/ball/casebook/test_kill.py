"""A process killed while it saves leaves its case whole or absent. A hundred times: `python -m benchmarks.kill_during_save`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from benchmarks.kill_during_save import kill_often


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are of POSIX systems")
def test_killed_while_saving_a_case_is_whole_or_absent(tmp_path: Path) -> None:
    tally = kill_often(tmp_path, 8, random.Random(1))
    assert (tally.kills, tally.lost, tally.half, tally.damaged) == (8, 0, 0, 0)
    assert tally.inside, "no kill met a save"
    assert tally.found >= tally.told
