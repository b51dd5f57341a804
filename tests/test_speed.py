"""What the benchmark of speed works out of the times that it takes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ball.reading import Reading
from benchmarks import speed


def test_no_reading_is_quicker_than_with_both_cores_full() -> None:
    stages = {"decode": 1.0, "segment": 2.0, "measure": 6.0, "predict": 99.0, "explain": 0.5, "judge": 0.5}
    assert speed.bound(Reading("a.png", "", "read", seconds=stages), batches=1.0, networks=40.0) == pytest.approx(1 + 23 + 4)


def test_processor_time_counts_no_waiting() -> None:
    assert speed.processor_time(lambda: time.sleep(0.2)) < 0.1


@pytest.mark.parametrize(("bounds", "told"), [
    ({}, False), ({"one field against the floor, f32": {"median": 1.3}, "one field against the floor, fast": {"median": 1.4}}, True),
])  # fmt: skip
def test_the_table_tells_how_near_the_floor_a_reading_could_come(bounds: dict[str, Any], told: bool) -> None:
    goals: dict[str, Any] = {"faster": {}, "as_long": {}}
    one_day = {"date": "2026-01-02", "processor": "A processor", "engines": {"f32": "", "fast": ""}}
    document = {**one_day, "goals": goals, "ratios": {}, "bounds": bounds}
    said = "from the first network to the last, it would be 1.30 in f32 and 1.40 in fast. What fast looks at again comes on top."
    assert (said in speed.table(document)) == told
