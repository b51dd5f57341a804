"""The reader's own verdict on the Read page, filters, comparison, and saving."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.casebook import CaseBook
from ball.casebook.errors import CaseChangedError
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.verdict import AGREE, NOT_ASSESSABLE, Verdict
from pages._parts import filters, review, saving, suggest, tables
from pages._parts.worklist import Row, Worklist

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    monkeypatch.setenv("BALL_CASES", str(tmp_path / "cases" / "cases.db"))
    monkeypatch.delenv("BALL_DATA", raising=False)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()


def upload(app: AppTest, *seeds: int) -> AppTest:
    for seed in seeds:
        app.file_uploader[0].upload(f"{seed}.png", synthetic.png(seed))
    return app.run()


def todo(app: AppTest) -> Worklist:
    found: Worklist = app.session_state["worklist"]
    return found


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return app.run()


def test_a_verdict_is_kept_shown_exported_and_written_nowhere(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1, 2)
    row = todo(app).opened()
    assert row is not None
    assert row.reading is not None
    other = next(label for label in LABELS if label != row.reading.suggestion)
    app.segmented_control(key=f"verdict-{row.number}-0").set_value(other)
    app.text_area(key=f"note-{row.number}-0").set_value("=Large nucleoli")
    app.run()
    assert row.verdict == Verdict(other, "=Large nucleoli")
    listed = next(frame.value for frame in app.dataframe if "reviewed" in frame.value)
    assert sorted(listed["reviewed"]) == ["", "✓"]
    assert any("1 reviewed · nothing saved yet" in text.value for text in app.markdown)
    place = todo(app).rows.index(row)
    document = json.loads(tables.as_json(todo(app)))[place]
    assert (document["reader_verdict"], document["reader_label"], document["reader_note"]) == (other, other, "=Large nucleoli")
    line = list(csv.DictReader(io.StringIO(tables.as_csv(todo(app)))))[place]
    assert (line["reader verdict"], line["reader note"]) == (other, "'=Large nucleoli")
    assert not list(tmp_path.rglob("*.db*")), "something was written before she saved"


def test_the_contract_is_whole_beside_the_readers_keys(app: AppTest) -> None:
    from ball.engine import load_engine
    from ball.reading import read

    upload(app, 1)
    exported = json.loads(tables.as_json(todo(app)))[0]
    contract = json.loads(json.dumps(read(synthetic.png(1), name="1.png", engine=load_engine(), maps=False).document()))
    assert {key: exported[key] for key in contract if key != "seconds"} == {key: contract[key] for key in contract if key != "seconds"}
    assert set(exported) - set(contract) == {"reader_verdict", "reader_label", "reader_note"}


@pytest.mark.parametrize(("suggestion", "agree"), [("Pre-B", True), (UNIDENTIFIED, False)])
def test_agree_is_offered_only_where_a_class_is_suggested(app: AppTest, suggestion: str, agree: bool) -> None:
    upload(app, 1)
    row = todo(app).rows[0]
    assert row.reading is not None
    row.reading = replace(row.reading, suggestion=suggestion)
    app.run()
    offered = [option.content for option in app.segmented_control(key=f"verdict-{row.number}-0").proto.options]
    assert (AGREE in offered) == agree
    assert NOT_ASSESSABLE in offered
    assert (f"■ {suggestion}" in offered or f"○ {suggestion}" in offered) != agree


def test_saving_makes_a_case_and_saving_again_changes_it(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1, 2)
    press(app, "save-case")
    assert app.button(key="save-now").disabled
    app.text_input(key="initials-save").set_value("RK")
    press(app, "save-case")
    # Both in one run: a test draws the whole page each time, and the dialog with it.
    app.button(key="save-case").click()
    press(app, "save-now")
    assert not app.exception
    book = CaseBook(tmp_path / "cases" / "cases.db")
    [summary], total = book.search()
    assert (total, summary.fields, summary.changed_by) == (1, 2, "RK")
    assert not any(field.kept for field in book.case(summary.key).fields)
    assert app.button(key="save-case").disabled
    todo(app).rows[0].verdict = Verdict(NOT_ASSESSABLE)
    saving.save(todo(app), book, "RK", "named", keep=False)
    assert book.case(summary.key).fields[0].verdict == Verdict(NOT_ASSESSABLE)
    assert book.search()[1] == 1


def test_agree_stays_with_the_class_agreed_with_when_the_software_reads_otherwise_by_now(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    row = todo(app).rows[0]
    assert row.reading is not None
    then, now = "Pro-B", "Benign"
    row.reading = replace(row.reading, suggestion=then)
    row.verdict = Verdict(AGREE, "why")
    book = CaseBook(tmp_path / "cases.db")
    saving.save(todo(app), book, "RK", "", keep=False)
    row.reading = replace(row.reading, suggestion=now)
    app.run()
    assert not app.exception
    [control] = [each for each in app.button_group if each.label == "Your reading"]
    assert AGREE not in control.options
    assert control.value == then
    assert any("It now reads otherwise" in text.value for text in app.markdown)
    [document] = tables.documents(todo(app))
    assert (document["suggestion"], document["reader_verdict"], document["reader_label"]) == (now, AGREE, then)
    assert filters.kept([row], ["Overridden"]) == []


def test_screen_and_case_book_hold_the_same(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    row = todo(app).rows[0]
    row.verdict = Verdict("Pro-B", "why")
    case = saving.save(todo(app), CaseBook(tmp_path / "cases.db"), "RK", "", keep=True)
    assert case.fields[0].document == row.document()
    assert row.reading is not None
    assert case.fields[0].consensus == row.reading.consensus
    assert len(case.fields[0].cells) == row.cells
    assert json.loads(json.dumps(case.fields[0].export())) == json.loads(tables.as_json(todo(app)))[0]
    assert case.fields[0].kept


def listed(*choices: str | None) -> Worklist:
    """A list of read rows with these verdicts, made without a network."""
    from tests.case_files import field

    fields = Worklist()
    for number, choice in enumerate(choices, start=1):
        made: Any = field(f"{number}.png").record
        row = Row(number, f"{number}.png", verdict=Verdict(choice))
        row.reading = made
        fields.rows.append(row)
    return fields


def test_filters_hold_together_and_classes_add_up() -> None:
    rows = listed(AGREE, "Pro-B", None).rows
    assert [row.number for row in filters.kept(rows, ["Reviewed"])] == [1, 2]
    assert [row.number for row in filters.kept(rows, ["Reviewed", "Overridden"])] == [2]
    assert [row.number for row in filters.kept(rows, ["Not reviewed", "Early Pre-B", "Benign"])] == [3]
    assert filters.kept(rows, ["Benign"]) == []
    assert filters.kept(rows, []) == rows


def test_who_saves_second_keeps_what_she_entered_and_sees_the_others(tmp_path: Path) -> None:
    from tests.case_files import field

    book = CaseBook(tmp_path / "cases.db")
    mine = listed(AGREE, None)
    case = book.save([field("1.png", choice=AGREE), field("2.png")], "RK")
    mine.case = case
    for row, saved in zip(mine.rows, case.fields, strict=True):
        row.saved = saved
    book.change(case, "LM", fields=[replace(case.fields[1], verdict=Verdict("Pro-B"))])
    mine.rows[0].verdict = Verdict("Benign")
    with pytest.raises(CaseChangedError, match="LM"):
        saving.save(mine, book, "RK", "", keep=False)
    assert mine.rows[0].verdict == Verdict("Benign")
    saving.refresh(mine, book)
    assert [row.verdict.choice for row in mine.rows] == ["Benign", "Pro-B"]
    saving.save(mine, book, "RK", "", keep=False)
    assert [each.verdict.choice for each in book.case(case.key).fields] == ["Benign", "Pro-B"]


def judged_row(choice: str | None) -> Row:
    """A row of 94 % Early Pre-B that 90 % are needed for."""
    from ball.reading import Reading, Vote
    from ball.trust import Judgement

    shares = (0.02, 0.94, 0.02, 0.02)
    judgement = Judgement(shares, LABELS[1], limit=0.9)
    votes = tuple(Vote(network, shares) for network in TITLES)
    reading = Reading("1.png", "0" * 64, "read", None, LABELS[1], 0.94, 5, votes, judgement=judgement)
    return Row(1, "1.png", reading, verdict=Verdict(choice, "why"))


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the slider holds, in percent."""
    held: dict[str, float] = {}
    monkeypatch.setattr(suggest.st, "session_state", held)
    return held


def test_agree_stays_with_the_class_agreed_with_when_the_slider_moves(limit: dict[str, float]) -> None:
    row = judged_row(AGREE)
    mine = Worklist(rows=[row])
    suggest.apply(mine)
    assert row.verdict == Verdict(AGREE, "why")
    limit["suggest-from-kept"] = 97.0
    suggest.apply(mine)
    [document] = tables.documents(mine)
    assert (document["suggestion"], document["reader_verdict"], document["reader_label"]) == (UNIDENTIFIED, LABELS[1], LABELS[1])
    assert filters.kept([row], ["Overridden"]) == [row]
    assert review._offered(row.verdict, row.judged) == LABELS[1]
    limit["suggest-from-kept"] = 90.0
    suggest.apply(mine)
    assert filters.kept([row], ["Overridden"]) == []
    assert review._offered(row.verdict, row.judged) == AGREE


def test_a_saved_agree_is_left_as_it_was_saved_when_the_slider_moves(limit: dict[str, float], tmp_path: Path) -> None:
    row = judged_row(AGREE)
    mine = Worklist(rows=[row])
    saving.save(mine, CaseBook(tmp_path / "cases.db"), "RK", "", keep=False)
    limit["suggest-from-kept"] = 97.0
    suggest.apply(mine)
    assert not row.unsaved
    assert row.read_otherwise
    assert tables.documents(mine)[0]["reader_label"] == LABELS[1]


def test_a_case_records_the_limit_that_the_reader_used(limit: dict[str, float], tmp_path: Path) -> None:
    first, book = judged_row(None), CaseBook(tmp_path / "cases.db")
    suggest.apply(mine := Worklist(rows=[first]))
    [field] = saving.save(mine, book, "RK", "", keep=False).fields
    assert (field.suggestion, field.thresholds["suggest"]) == (LABELS[1], 0.9)
    assert "--suggest-from" not in field.command
    limit["suggest-from-kept"] = 97.3
    suggest.apply(other := Worklist(rows=[judged_row(None)]))
    case = saving.save(other, book, "RK", "", keep=False)
    [field] = case.fields
    assert (field.suggestion, field.thresholds["suggest"]) == (UNIDENTIFIED, 0.973)
    assert field.command == "python -m ball read 1.png --suggest-from 97.3 --json -"
    assert "97.3 % needed" in (field.record.reason or "")
    assert book.history(case)[0].content["thresholds"]["suggest"] == 0.973


@pytest.mark.parametrize(("familiar", "status", "said"), [(0.999, "read", 1), (0.95, "read", 0), (0.999, "refused", 0)])
def test_a_case_records_that_a_probability_was_held_back(tmp_path: Path, familiar: float, status: Any, said: int) -> None:
    row = judged_row(None)
    assert row.reading is not None
    assert row.reading.judgement is not None
    row.reading = replace(row.reading, status=status, judgement=replace(row.reading.judgement, familiar=familiar))
    [field] = saving.save(Worklist(rows=[row]), CaseBook(tmp_path / "cases.db"), "RK", "", keep=False).fields
    assert field.export().get("held_back_from") == (familiar if said else None)
    assert len(field.remarks) == said
    assert ("held_back_from" in tables.documents(Worklist(rows=[row]))[0]) == bool(said)
    assert ("held back from" in tables.as_csv(Worklist(rows=[row])).splitlines()[0]) == bool(said)


def test_a_field_read_again_to_be_opened_is_held_to_the_limit_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judged_row(None)
    row.data, validated = b"dropped", row.reading
    monkeypatch.setattr("ball.engine.load_engine", lambda: None)
    monkeypatch.setattr(Worklist, "recall", lambda _todo, row, _engine: setattr(row, "reading", validated))
    app = AppTest.from_string("from pages import read\nread.page()", default_timeout=120)
    app.session_state["worklist"] = Worklist(rows=[row])
    app.session_state["suggest-from-kept"] = 97.0
    app.run()
    assert not app.exception
    assert row.reading is not None
    assert row.reading.suggestion == UNIDENTIFIED


def test_not_assessable_is_no_override_of_a_refusal() -> None:
    row = judged_row(NOT_ASSESSABLE)
    assert row.reading is not None
    row.reading = replace(row.reading, suggestion=UNIDENTIFIED)
    assert filters.kept([row], ["Overridden"]) == [row]
    row.reading = replace(row.reading, status="refused", reason="Not a smear.")
    assert filters.kept([row], ["Overridden"]) == []


def test_what_was_entered_can_be_saved_once_the_signed_case_is_reopened(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    book, mine = CaseBook(tmp_path / "cases" / "cases.db"), todo(app)
    case = saving.save(mine, book, "RK", "", keep=False)
    mine.rows[0].verdict = Verdict("Pro-B", "why")
    signed = book.change(case, "LM", verdict=Verdict("Benign"), signed=True)
    saving.refresh(mine, book)
    app.run()
    assert app.button(key="save-case").disabled
    assert any("Reopen it in the Case book" in text.value for text in app.markdown)
    book.change(signed, "LM", signed=False)
    app.run()
    assert not app.button(key="save-case").disabled
    assert mine.rows[0].verdict == Verdict("Pro-B", "why")
    saving.save(mine, book, "RK", "", keep=False)
    assert book.case(case.key).fields[0].verdict == Verdict("Pro-B", "why")


def test_what_was_entered_on_a_signed_case_that_was_erased_can_be_saved_anew(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    book, mine = CaseBook(tmp_path / "cases" / "cases.db"), todo(app)
    mine.case = book.change(saving.save(mine, book, "RK", "", keep=False), "LM", signed=True)
    mine.rows[0].verdict = Verdict("Pro-B")
    book.purge(mine.case, "LM")
    app.run()
    assert not app.exception
    assert any("It may have been erased" in toast.value for toast in app.toast)
    assert not app.button(key="save-case").disabled
    assert mine.rows[0].verdict == Verdict("Pro-B")


def test_a_case_that_is_no_more_becomes_a_new_one_with_all_that_was_entered(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    book = CaseBook(tmp_path / "cases" / "cases.db")
    row = todo(app).rows[0]
    row.verdict = Verdict("Pro-B", "why")
    gone = saving.save(todo(app), book, "RK", "Bench 4", keep=True)
    row.verdict = Verdict("Benign", "why")
    app.session_state["initials"] = "RK"
    book.delete(gone, "LM")
    press(app, "save-case")
    app.button(key="save-case").click()
    press(app, "save-now")
    assert any("LM deleted case" in error.value for error in app.error)
    book.purge(book.case(gone.key), "LM")
    app.button(key="save-case").click()
    press(app, "save-now")
    assert [error.value.count("It may have been erased") for error in app.error] == [1]
    app.button(key="save-case").click()
    press(app, "as-new-case")
    app.button(key="save-case").click()
    app.run()
    assert app.checkbox[0].value, "the pictures were kept before"
    app.button(key="save-case").click()
    press(app, "save-now")
    assert not app.error
    [summary], _ = book.search()
    assert summary.key != gone.key
    assert summary.name == "Bench 4"
    assert book.case(summary.key).fields[0].kept
    assert book.case(summary.key).fields[0].verdict == Verdict("Benign", "why")


def test_why_a_case_was_refused_is_forgotten_once_it_is_saved(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    book = CaseBook(tmp_path / "cases" / "cases.db")
    row = todo(app).rows[0]
    case = saving.save(todo(app), book, "RK", "", keep=False)
    app.session_state["initials"] = "RK"
    row.verdict = Verdict("Pro-B")
    deleted = book.delete(case, "LM")
    press(app, "save-case")
    app.button(key="save-case").click()
    press(app, "save-now")
    assert any("LM deleted case" in error.value for error in app.error)
    book.change(book.restore(deleted, "LM"), "LM", name="theirs")
    app.button(key="save-case").click()
    press(app, "save-now")
    assert ["LM changed case" in error.value.replace("\\", "") for error in app.error] == [True]
    app.button(key="save-case").click()
    press(app, "refresh-case")
    press(app, "save-case")
    app.button(key="save-case").click()
    press(app, "save-now")
    assert not app.error
    assert (book.case(case.key).name, book.case(case.key).fields[0].verdict) == ("theirs", Verdict("Pro-B"))
    row.verdict = Verdict("Benign")
    app.run()
    press(app, "save-case")
    assert not app.error


def test_the_list_is_not_cleared_of_readings_without_a_word(app: AppTest) -> None:
    upload(app, 1)
    todo(app).rows[0].verdict = Verdict("Pro-B")
    app.run()
    press(app, "clear-list")
    assert any("1 reading of yours is not saved" in text.value for text in app.markdown)
    assert len(todo(app).rows) == 1
    app.button(key="clear-list").click()
    press(app, "clear-now")
    assert not todo(app).rows


def test_a_saved_reading_taken_back_is_not_cleared_without_a_word(app: AppTest, tmp_path: Path) -> None:
    upload(app, 1)
    fields = todo(app)
    fields.rows[0].verdict = Verdict("Pro-B")
    saving.save(fields, CaseBook(tmp_path / "cases.db"), "RK", "", False)
    fields.rows[0].verdict = Verdict()
    app.run()
    press(app, "clear-list")
    assert any("1 reading of yours is not saved" in text.value for text in app.markdown)


def test_a_file_without_bytes_has_no_hash_as_on_the_command_line() -> None:
    row = judged_row(None)
    assert row.reading is not None
    row.reading = replace(row.reading, sha256=None)
    document = row.document()
    assert document is not None
    assert document["sha256"] is None


def test_a_refused_field_is_compared_without_a_probability(app: AppTest) -> None:
    upload(app, 1, 2)
    for row in todo(app).rows:
        assert row.reading is not None
        row.reading = replace(row.reading, status="refused", suggestion=UNIDENTIFIED, reason="Not like the validated smears.")
    app.segmented_control(key="view").set_value("Compare").run()
    assert not app.exception
    assert not any("probability" in text.value for text in app.markdown)


def test_two_fields_stand_side_by_side(app: AppTest) -> None:
    upload(app, 1, 2)
    app.segmented_control(key="view").set_value("Compare").run()
    assert not app.exception
    chosen = [box.value.number for box in app.selectbox if box.key and box.key.startswith("compare-")]
    assert len(set(chosen)) == 2
    app.segmented_control(key="compare-picture").set_value("alexnet").run()
    assert not app.exception
