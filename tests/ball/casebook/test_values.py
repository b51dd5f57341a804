"""Times as they are read aloud."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from ball.casebook import CaseChangedError
from ball.casebook.values import clock


@pytest.mark.parametrize(
    ("time", "zone", "said"),
    [
        ("2026-11-27T23:30:00.000+00:00", "UTC", "27 Nov 2026, 23:30 UTC"),
        ("2026-11-27T23:30:00.000+00:00", "Europe/Berlin", "28 Nov 2026, 00:30 UTC+1"),
        ("2026-07-01T08:00:00.000+00:00", "Europe/Berlin", "01 Jul 2026, 10:00 UTC+2"),
        ("2026-11-27T23:30:00.000+00:00", "Asia/Tehran", "28 Nov 2026, 03:00 UTC+3:30"),
        ("2026-11-27T02:00:00.000+00:00", "America/St_Johns", "26 Nov 2026, 22:30 UTC-3:30"),
        ("", "Europe/Berlin", ""),
    ],
)
def test_a_time_is_said_with_its_zone(time: str, zone: str, said: str) -> None:
    assert clock(time, ZoneInfo(zone)) == said


def test_who_is_told_of_a_change_is_told_the_time_of_her_zone_and_else_that_of_utc() -> None:
    error = CaseChangedError("2026-0001", "LM", "2026-11-27T14:37:42.000+00:00")
    assert "LM changed case 2026-0001 on 27 Nov 2026, 14:37 UTC, after you opened it" in str(error)
    assert "on 27 Nov 2026, 15:37 UTC+1, after" in error.told(ZoneInfo("Europe/Berlin"))
