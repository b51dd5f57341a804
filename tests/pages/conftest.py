"""What tests of pages share."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on its first page, with networks that know nothing and no folder of examples."""
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    monkeypatch.delenv("BALL_DATA", raising=False)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
