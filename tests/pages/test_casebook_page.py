"""The Case book page: the list, one case, what can be done with it, agreement."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ball.casebook import CaseBook
from ball.labels import UNIDENTIFIED
from ball.verdict import AGREE, Verdict
from ball.wording import BENIGN
from pages._parts import access, case_export
from tests.case_files import field

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CaseBook:
    monkeypatch.setenv("BALL_CASES", str(tmp_path / "cases.db"))
    return CaseBook(tmp_path / "cases.db")


def show() -> AppTest:
    """The page by its address, without the others."""
    return AppTest.from_string("from pages import casebook\ncasebook.page()", default_timeout=120).run()


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return app.run()


def html(app: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in app.get("html"))


def signed_in(monkeypatch: pytest.MonkeyPatch, email: str) -> None:
    """Switch sign-in on, with one reader and one admin."""
    roles = {"reader": ["ann@example.org"], "admin": ["boss@example.org"]}
    monkeypatch.setattr(access, "_secrets", lambda: {"auth": {}, "roles": roles})
    monkeypatch.setattr(st, "user", {"is_logged_in": True, "email": email})


def names(app: AppTest) -> list[str]:
    """Names of the cases listed."""
    listed = next(frame.value for frame in app.dataframe if "State" in frame.value)["Case"]
    return [case.partition("\n")[2] for case in listed]


def in_dialog(app: AppTest, opener: str, then: str, who: str) -> AppTest:
    """Open a dialog and press its button; both in one run, since a test draws the whole page each time."""
    app.session_state["initials"] = who
    press(app, opener)
    app.button(key=opener).click()
    app.button(key=then).click()
    return app.run()


def test_an_empty_book_says_how_to_fill_it(book: CaseBook) -> None:
    app = show()
    assert not app.exception
    assert book.search()[1] == 0
    assert any("No case is saved yet" in text.value and "press **Save case**" in text.value for text in app.markdown)


def test_a_case_shows_reader_beside_software_fields_and_history(book: CaseBook) -> None:
    case = book.save([field("a.png", choice=AGREE), field("b.png", choice="Pro-B", note="why")], "RK", "Bench 4")
    book.change(case, "LM", verdict=Verdict("Pro-B", "all of it"), signed=True)
    app = show()
    assert not app.exception
    assert [title.value for title in app.title] == [f"Case {case.key}"]
    assert "<b>Bench 4</b> · 2 fields" in html(app)
    assert "<span>Pro-B</span></h2>" in html(app)
    assert "<span>Early Pre-B</span></h2>" in html(app)
    table = next(frame.value for frame in app.dataframe if "File" in frame.value and "Votes" in frame.value)
    assert list(table["Reader"]) == [AGREE, "Pro-B"]
    assert "Suggestion overridden: Pro-B" in html(app)
    assert "LM" in html(app)


def test_a_field_says_that_it_was_held_back_and_what_benign_means(book: CaseBook) -> None:
    held = field("a.png", "Benign")
    case = book.save([replace(held, document=held.document | {"held_back_from": 0.97})], "RK")
    app = show()
    app.session_state[f"case-fields-{case.key}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    said = [text.value for text in app.markdown]
    assert "The networks themselves are surer (97 %), but few or no validated fields look like this one." in said
    assert BENIGN in said


def test_names_and_notes_are_text_and_never_markup(book: CaseBook) -> None:
    bad = "<img src=x onerror=alert(1)>![x](http://example.org/x.png)"
    case = book.save([field(f"{bad}.png", choice="Pro-B", note=bad)], f"<b>{bad}"[:60], bad)
    book.change(case, "RK", verdict=Verdict("Pro-B", bad))
    app = show()
    assert "<img src=x" not in html(app)
    assert not [text for text in app.markdown if "src=x" in text.value or "example.org" in text.value]


def test_search_and_state_narrow_the_list(book: CaseBook) -> None:
    book.save([field("left.png")], "RK", "one")
    book.save([field("right.png", choice="Pro-B")], "RK", "two")
    long = book.save([field("long.png")], "RK", "BM_aspirate_2026_11_26_room_4")
    assert "BM_aspirate_2026_11_2…" in names(show())
    book.purge(long, "RK")
    app = show()
    app.text_input(key="case-words").set_value("LEFT").run()
    assert names(app) == ["one"]
    app.text_input(key="case-words").set_value("").run()
    app.pills(key="case-states").set_value(["Overridden"]).run()
    assert names(app) == ["two"]
    app.text_input(key="case-words").set_value("nothing of the sort").run()
    assert any("No case matches" in text.value for text in app.markdown)


def test_a_case_is_signed_with_a_verdict_and_initials(book: CaseBook) -> None:
    key = book.save([field()], "RK").key
    version = book.case(key).version
    app = show()
    app.session_state["initials"] = "LM"
    app = press(app, "sign")
    assert app.button(key="sign-now").disabled
    app.segmented_control(key=f"verdict-sign-{key}-{version}").set_value(AGREE)
    app = press(app, "sign")
    app.button(key="sign").click()
    press(app, "sign-now")
    case = book.case(key)
    assert (case.signed, case.verdict, case.changed_by) == (True, Verdict(AGREE), "LM")


def test_who_comes_second_is_told_by_whom_and_keeps_what_she_entered(book: CaseBook) -> None:
    case = book.save([field()], "RK", "mine")
    app = show()
    app.session_state["initials"] = "RK"
    app.session_state[f"case-fields-{case.key}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    entry = f"verdict-case-{case.fields[0].id}-{case.version}-0"
    app.segmented_control(key=entry).set_value("Benign").run()
    book.change(case, "LM", name="theirs")
    press(app, "save-field")
    assert any(f"LM changed case {case.key.replace('-', chr(92) + '-')}" in error.value for error in app.error)
    assert app.segmented_control(key=entry).value == "Benign"
    assert book.case(case.key).fields[0].verdict == Verdict()
    press(app, "drop-field")
    assert not app.error
    assert "<b>theirs</b>" in html(app)


def enter(app: AppTest, key: str, choices: dict[int, str]) -> AppTest:
    """Open a case and give readings of its fields, by place, without saving them."""
    for place, choice in choices.items():
        app.session_state[f"case-fields-{key}"] = {"selection": {"rows": [place], "columns": [], "cells": []}}
        app.run()
        [control] = [each for each in app.button_group if each.label == "Your reading"]
        control.set_value(choice).run()
    return app


def test_readings_of_several_fields_are_saved_together_and_none_is_lost(book: CaseBook) -> None:
    case = book.save([field("a.png"), field("b.png"), field("c.png", choice="Pro-B")], "RK")
    app = show()
    app.session_state["initials"] = "LM"
    enter(app, case.key, {0: "Benign", 1: "Pro-B", 2: AGREE})
    table = next(frame.value for frame in app.dataframe if "File" in frame.value and "Votes" in frame.value)
    assert list(table["Reader"]) == ["Benign, unsaved", "Pro-B, unsaved", "Agree, unsaved"]
    assert app.button(key="sign").disabled, "signing would lock the case without them"
    enter(app, case.key, {2: "Pro-B"})
    assert app.button(key="save-field").label == "Save these 2 readings", "what the book holds already is nothing to save"
    press(app, "save-field")
    assert [each.verdict.choice for each in book.case(case.key).fields] == ["Benign", "Pro-B", "Pro-B"]
    assert not app.button(key="sign").disabled


def test_a_case_deleted_meanwhile_keeps_what_was_entered_until_it_is_restored(book: CaseBook) -> None:
    book.save([field("other.png")], "RK", "other")
    case = book.save([field("a.png")], "RK", "mine")
    app = show()
    app.session_state["initials"] = "RK"
    enter(app, case.key, {0: "Benign"})
    book.delete(case, "LM")
    press(app, "save-field")
    assert [title.value for title in app.title] == [f"Case {case.key}"]
    assert any("LM deleted the case. Restore it" in text.value for text in app.markdown)
    in_dialog(app, "restore", "restore-now", "RK")
    press(app, "save-field")
    assert book.case(case.key).fields[0].verdict == Verdict("Benign")


def test_a_case_erased_meanwhile_shows_what_was_entered(book: CaseBook) -> None:
    case = book.save([field("a.png")], "RK", "mine")
    app = show()
    app.session_state["initials"] = "RK"
    enter(app, case.key, {0: "Benign"})
    book.purge(book.delete(case, "LM"), "LM")
    press(app, "save-field")
    assert not app.exception
    assert any("There is no case" in error.value for error in app.error)
    assert any("You had entered **Benign**" in text.value for text in app.markdown)
    press(app, "case-forget")
    assert any("No case is saved yet" in text.value for text in app.markdown)


def test_a_list_on_read_that_is_not_saved_is_not_replaced_without_a_word(book: CaseBook) -> None:
    from ball import synthetic
    from pages._parts.worklist import Row, Worklist

    book.save([field("a.png", picture=synthetic.png(1))], "RK")
    app = show()
    todo = Worklist()
    row = Row(1, "mine.png", verdict=Verdict("Pro-B"))
    row.reading = field("mine.png").record  # type: ignore[assignment]
    todo.rows.append(row)
    app.session_state["worklist"] = todo
    press(app, "to-read")
    assert any("holds 1 field that is not saved" in text.value for text in app.markdown)
    assert app.session_state["worklist"].rows == [row]
    app.button(key="to-read").click()
    press(app, "replace-list")
    assert [each.name for each in app.session_state["worklist"].rows] == ["a.png"]


def test_who_comes_second_takes_the_case_anew_and_saves_what_she_entered(book: CaseBook) -> None:
    case = book.save([field(choice="Pre-B")], "RK", "mine")
    app = show()
    app.session_state["initials"] = "RK"
    app.session_state[f"case-fields-{case.key}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    app.segmented_control(key=f"verdict-case-{case.fields[0].id}-{case.version}-0").set_value("Benign").run()
    book.change(case, "LM", name="theirs")
    press(app, "save-field")
    press(app, "case-anew")
    assert not app.error
    assert "<b>theirs</b>" in html(app)
    [entry] = [each for each in app.button_group if each.label == "Your reading"]
    assert entry.value == "Benign"
    press(app, "save-field")
    saved = book.case(case.key)
    assert (saved.name, saved.fields[0].verdict, saved.changed_by) == ("theirs", Verdict("Benign"), "RK")


def test_a_case_is_deleted_restored_and_erased(book: CaseBook) -> None:
    key = book.save([field()], "RK").key
    in_dialog(show(), "delete", "delete-now", "RK")
    assert book.case(key).deleted
    app = show()
    app.pills(key="case-states").set_value(["Deleted"]).run()
    press(app, "restore")
    assert app.button(key="restore-now").disabled, "restored by nobody"
    app.text_input(key="initials-restore").set_value("LM")
    press(app, "restore")
    app.button(key="restore").click()
    press(app, "restore-now")
    assert (book.case(key).deleted, book.case(key).changed_by) == (None, "LM")
    book.delete(book.case(key), "RK")
    app = show()
    app.pills(key="case-states").set_value(["Deleted"]).run()
    in_dialog(app, "purge", "purge-now", "RK")
    assert book.search(deleted=True)[1] == 0
    assert [line.action for line in book.audit()][-1] == "purged"


@pytest.mark.parametrize("action", ["delete", "purge"])
def test_a_reader_who_reaches_the_dialog_can_neither_delete_nor_erase_and_an_admin_can(
    book: CaseBook, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    case = book.save([field()], "RK")
    case = case if action == "delete" else book.delete(case, "RK")
    signed_in(monkeypatch, "ann@example.org")
    page = show()
    page.pills(key="case-states").set_value(["Deleted"] if case.deleted else []).run()
    assert page.button(key=action).disabled
    # As in the browser, where a dialog that stands open runs without the page behind it.
    opened = f"from pages._parts import case_view, saving\nbook = saving.casebook()\ncase_view._{action}(book, book.case('{case.key}'))"
    app = press(AppTest.from_string(opened, default_timeout=120).run(), f"{action}-now")
    assert [error.value for error in app.error] == ["Only an admin may do this. Nothing was changed."]
    assert book.case(case.key) == case
    signed_in(monkeypatch, "boss@example.org")
    press(AppTest.from_string(opened, default_timeout=120).run(), f"{action}-now")
    assert [line.action for line in book.audit()][-1] == f"{action}d"


def test_agreement_gives_kappa_and_the_overrides(book: CaseBook) -> None:
    book.save([field("a.png", "Pre-B", AGREE), field("b.png", "Pro-B", AGREE), field("c.png", "Pre-B", "Pro-B")], "RK")
    app = show()
    assert [(metric.label, metric.value) for metric in app.metric] == [("Kappa", "0.40"), ("Same class", "2 of 3"), ("Readings given", "3")]
    table = next(frame.value for frame in app.dataframe if "Software" in frame.value)
    assert list(table["File"]) == ["c.png"]


def test_agreement_says_why_readings_that_were_given_cannot_be_compared(book: CaseBook) -> None:
    book.save([field("a.png", UNIDENTIFIED, "Pro-B")], "RK")
    said = " ".join(block.value for block in show().markdown)
    assert "of no field did both reader and software give a class" in said
    assert "Give your reading of some fields" not in said


def test_the_case_can_be_taken_along_with_its_verdicts(book: CaseBook) -> None:
    case = book.save([field("a.png", choice="Pro-B", note="why")], "RK")
    with zipfile.ZipFile(io.BytesIO(case_export.made(book, case, "zip"))) as archive:
        assert "why" in archive.read("readings.csv").decode()
    assert case_export.made(book, case, "pdf").startswith(b"%PDF")
    assert "why" in case_export.made(book, case, "csv").decode()
    assert json.loads(case_export.made(book, case, "json"))[0]["reader_note"] == "why"
    assert [line.action for line in book.history(case)][-4:] == ["report", "report", "exported", "exported"]


def test_history_names_the_field_and_the_case_the_command_of_its_file(book: CaseBook) -> None:
    case = book.save([field("slides.tif, page 2", choice="Pro-B", container="slides.tif"), field("b.png")], "RK")
    app = show()
    assert "Suggestion overridden: Pro-B</b><br>slides.tif, page 2<br>" in html(app)
    assert "Field saved × 2" not in html(app), "the override lies between them"
    app.session_state[f"case-fields-{case.key}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert [code.value for code in app.code] == ["python -m ball read slides.tif --json -"]


def test_history_names_both_files_that_hold_one_picture(book: CaseBook) -> None:
    twin = replace(field("b.png"), document={**field("b.png").document, "sha256": field("a.png", choice="Pro-B").sha256})
    case = book.save([field("a.png", choice="Pro-B"), twin], "RK")
    assert len({each.sha256 for each in case.fields}) == 1
    assert "Suggestion overridden: Pro-B</b><br>a.png or b.png<br>" in html(show())


def test_a_list_without_a_case_says_why(book: CaseBook) -> None:
    case = book.save([field()], "RK")
    app = show()
    app.text_input(key="case-words").set_value("nothing of the sort").run()
    assert any("No case matches" in text.value for text in app.markdown)
    assert not any("No case is saved" in text.value for text in app.markdown)
    book.delete(case, "RK")
    assert any("Every case was deleted" in text.value for text in show().markdown)


def test_only_kept_pictures_go_back_to_read_and_she_is_told(book: CaseBook) -> None:
    from ball import synthetic

    kept = field("slides.tif, page 2", choice="Pro-B", container="slides.tif", picture=synthetic.png(1))
    book.save([kept, field("b.png")], "RK")
    app = press(show(), "to-read")
    assert "1 field stays in the Case book alone" in app.session_state["read-note"]
    [row] = app.session_state["worklist"].rows
    assert (row.name, row.file, row.sha256, row.verdict) == (kept.file, "slides.tif", kept.sha256, Verdict("Pro-B"))


def test_a_book_that_cannot_be_opened_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_CASES", "mysql://a@b/c")
    app = show()
    assert not app.exception
    assert any("cannot lie in mysql" in error.value for error in app.error)


def test_the_page_needs_no_torch(book: CaseBook, tmp_path: Path) -> None:
    book.save([field(choice=AGREE)], "RK")
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; "
        "app = AppTest.from_string('from pages import casebook\\ncasebook.page()', default_timeout=60).run(); "
        "assert not app.exception and app.title; sys.exit('torch' in sys.modules)"
    )
    assert (tmp_path / "cases.db").exists()
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120, check=False).returncode == 0
