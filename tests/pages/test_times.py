"""Times on a page are those of the reader's browser."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ball.casebook import CaseBook
from ball.casebook.values import clock
from pages._parts import case_export, times
from tests.case_files import field


def browser(monkeypatch: pytest.MonkeyPatch, zone: str | None) -> None:
    monkeypatch.setattr(type(st.context), "timezone", zone)


@pytest.mark.parametrize(
    ("named", "shown"),
    [("Europe/Berlin", "27 Nov 2026, 15:37 UTC+1"), ("Asia/Kolkata", "27 Nov 2026, 20:07 UTC+5:30"),
     *((odd, "27 Nov 2026, 14:37 UTC") for odd in (None, "", "Mars/Olympus", "../../etc/passwd", "Europe", "nul\0"))],
)  # fmt: skip
def test_her_zone_counts_and_utc_where_none_is_known(monkeypatch: pytest.MonkeyPatch, named: str | None, shown: str) -> None:
    browser(monkeypatch, named)
    assert times.clock("2026-11-27T14:37:42.000+00:00") == shown


def test_the_case_book_shows_her_time_and_the_report_keeps_utc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pypdfium2

    monkeypatch.setenv("BALL_CASES", str(tmp_path / "cases.db"))
    browser(monkeypatch, "Asia/Kolkata")
    book = CaseBook(tmp_path / "cases.db")
    case = book.save([field(choice="Pro-B")], "RK")
    app = AppTest.from_string("from pages import casebook\ncasebook.page()", default_timeout=120).run()
    there = times.clock(case.changed)
    html = [str(block.proto.body) for block in app.get("html")]
    assert there.endswith("UTC+5:30")
    assert any("ball-file" in block and there in block for block in html)
    assert any("ball-event" in block and f"{there} · RK" in block for block in html)
    assert list(next(frame.value for frame in app.dataframe if "Who" in frame.value)["Time"]) == [there]
    with pypdfium2.PdfDocument(io.BytesIO(case_export.made(book, case, "pdf"))) as pages:
        text = "".join(page.get_textpage().get_text_bounded() for page in pages)
    assert clock(case.changed) in " ".join(text.split())
    assert "UTC+" not in text


def test_who_comes_second_is_told_when_by_her_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from ball.casebook import CaseChangedError
    from pages._parts import saving

    browser(monkeypatch, "Europe/Berlin")
    assert "15\\:37 UTC\\+1, after" in saving.told(CaseChangedError("2026-0001", "LM", "2026-11-27T14:37:42.000+00:00"))
