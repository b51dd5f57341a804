"""What a sentence for a clinician may not hold."""

from __future__ import annotations

import re


def assert_plain(error: Exception) -> None:
    """Sentences for a clinician: no class names, addresses, paths or quotes from a decoder."""
    message = str(error)
    assert re.fullmatch(r"[A-Z0-9].*\.", message), message
    assert not re.search(r"Error|Exception|object at|0x|/|_|NoneType|\btag\b|bytesio", message, re.IGNORECASE), message
    assert len(message) < 260
