"""What the browser is told to ask about before the tab is closed: verdicts and notes that are not saved, not readings alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.casebook import CaseBook
from ball.verdict import Verdict
from pages._parts.entries import Entries
from tests.case_files import field


def asks(app: AppTest) -> bool:
    """Whether the browser was told to ask when the page was drawn last."""
    app.run()
    assert not app.exception
    (told,) = [block.proto.body for block in app.get("html") if "onbeforeunload" in block.proto.body]
    return "if (true)" in told


@pytest.mark.parametrize(("verdict", "asked"), [(Verdict(), False), (Verdict("Pro-B"), True), (Verdict(None, "pale"), True)])
def test_it_asks_for_a_verdict_or_a_note_and_not_for_a_reading_alone(app: AppTest, verdict: Verdict, asked: bool) -> None:
    app.file_uploader[0].upload("1.png", synthetic.png(1))
    app.run()
    (row,) = app.session_state["worklist"].rows
    row.verdict = verdict
    assert asks(app) == asked
    app.session_state["worklist"].clear()
    assert not asks(app)


def test_it_asks_for_what_is_entered_on_a_case(app: AppTest, tmp_path: Path) -> None:
    case = CaseBook(tmp_path / "cases.db").save([field()], "RK", "")
    entered = Entries(case)
    app.session_state["case-entries"] = {case.key: entered}
    assert not asks(app)
    entered.take(case.fields[0], Verdict("Pro-B"))
    assert asks(app)
    entered.drop()
    assert not asks(app)
