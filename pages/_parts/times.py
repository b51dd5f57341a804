"""Times as the reader's own clock shows them; what is taken along keeps UTC."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ball.casebook import values


def zone() -> tzinfo:
    """The time zone of her browser; UTC where it names none that is known here."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def clock(time: str) -> str:
    """A time of the case book by her clock, the zone with it."""
    return values.clock(time, zone())
