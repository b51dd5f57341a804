"""Cases are kept, changed, found, deleted and purged, and every step leaves its line."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ball.casebook import CaseBook, CaseBookError, CaseChangedError, Field, NoSuchCaseError
from ball.casebook.agreement import overrides
from ball.casebook.values import OPEN, OVERRIDDEN, SIGNED
from ball.labels import UNIDENTIFIED
from ball.verdict import AGREE, NOT_ASSESSABLE, Verdict
from tests.case_files import document, field

ROOT = Path(__file__).resolve().parents[3]


def test_a_case_is_whole_after_it_was_saved(book: CaseBook, where: str) -> None:
    saved = book.save([field("a.png", choice=AGREE), field("b.png", choice="Pro-B", note="Nucleoli.")], "RK", "Bench 4")
    again = CaseBook(where).case(saved.key)
    assert again == saved
    assert again.name == "Bench 4"
    assert [each.file for each in again.fields] == ["a.png", "b.png"]
    assert again.fields[0].document == document("a.png")
    assert again.fields[1].verdict == Verdict("Pro-B", "Nucleoli.")
    assert again.fields[1].judged_by == "RK"
    assert again.fields[0].cells[1]["area"] == 377
    assert (again.suggestion, again.overridden) == ("Early Pre-B", True)


def test_a_reading_comes_back_as_it_was(book: CaseBook) -> None:
    kept = book.save([field()], "RK").fields[0]
    assert (kept.document, kept.consensus, kept.thresholds) == (document(), field().consensus, {"suggest": 0.9})
    assert (kept.record.leading, kept.record.dissenters) == ("Early Pre-B", ("alexnet",))
    assert [vote.label for vote in kept.record.votes] == [vote["label"] for vote in document()["votes"]]


def test_an_empty_case_or_no_initials_are_refused(book: CaseBook) -> None:
    with pytest.raises(CaseBookError, match="at least one field"):
        book.save([], "RK")
    with pytest.raises(CaseBookError, match="initials"):
        book.save([field()], "  ")
    assert book.search() == ([], 0)


def test_verdicts_are_changed_and_fields_added(book: CaseBook) -> None:
    case = book.save([field("a.png")], "RK")
    known = case.fields[0]
    changed = book.change(case, "LM", fields=[replace(known, verdict=Verdict("Benign")), field("b.png")], verdict=Verdict("Benign", "All."))
    assert [each.verdict.choice for each in changed.fields] == ["Benign", None]
    assert (changed.changed_by, changed.verdict, changed.version) == ("LM", Verdict("Benign", "All."), case.version + 1)
    assert [line.action for line in book.history(changed)] == ["saved", "overridden", "saved", "case verdict"]


def test_nothing_named_is_nothing_lost(book: CaseBook) -> None:
    case = book.save([field("a.png", choice=AGREE), field("b.png")], "RK", "name")
    changed = book.change(case, "RK", name="other")
    assert changed.fields == case.fields
    assert changed.name == "other"


def test_the_second_is_told_who_changed_the_case_and_nothing_is_overwritten(book: CaseBook, where: str) -> None:
    opened = book.save([field()], "RK")
    first = book.change(opened, "LM", verdict=Verdict("Pro-B"))
    with pytest.raises(CaseChangedError, match=r"LM changed case .* after you opened it\. Nothing was overwritten") as caught:
        CaseBook(where).change(opened, "RK", verdict=Verdict("Benign"))
    assert caught.value.who == "LM"
    assert book.case(opened.key) == first
    for act in (book.delete, book.purge):
        with pytest.raises(CaseChangedError):
            act(opened, "RK")
    assert book.case(opened.key) == first


def test_of_many_at_once_one_wins_and_each_other_is_told(book: CaseBook, where: str) -> None:
    case = book.save([field()], "RK")

    def change(who: str) -> str:
        other = CaseBook(where)
        try:
            return other.change(case, who, verdict=Verdict("Pro-B", who)).changed_by
        except CaseChangedError as error:
            return f"told of {error.who}"
        finally:
            other.close()

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(change, "ABCDEF"))
    winner = book.case(case.key).verdict.note
    assert sorted(outcomes) == sorted([winner, *[f"told of {winner}"] * 5])


def test_many_save_at_once_and_all_are_kept(where: str) -> None:
    CaseBook(where).close()

    def save(number: int) -> str:
        other = CaseBook(where)
        try:
            return other.save([field(f"{number}.png")], "RK").key
        finally:
            other.close()

    with ThreadPoolExecutor(6) as pool:
        keys = list(pool.map(save, range(12)))
    assert len(set(keys)) == 12
    assert CaseBook(where).search()[1] == 12


def test_a_version_that_moved_during_the_transaction_is_noticed(book: CaseBook, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where.startswith("/"):
        pytest.skip("SQLite lets one writer in at a time")
    case = book.save([field()], "RK")
    current = CaseBook._current

    def late(self: Any, session: Any, opened: Any, **rest: Any) -> Any:
        row = current(self, session, opened, **rest)
        monkeypatch.setattr(CaseBook, "_current", current)
        CaseBook(where).change(case, "LM", name="theirs")
        return row

    monkeypatch.setattr(CaseBook, "_current", late)
    with pytest.raises(CaseChangedError, match="LM"):
        book.change(case, "RK", name="mine")
    assert book.case(case.key).name == "theirs"


def test_a_signed_case_is_changed_only_after_it_is_reopened(book: CaseBook) -> None:
    case = book.change(book.save([field()], "RK"), "RK", verdict=Verdict(AGREE), signed=True)
    assert case.signed
    with pytest.raises(CaseBookError, match=r"signed\. Reopen it"):
        book.change(case, "LM", name="other")
    reopened = book.change(case, "LM", signed=False)
    assert not reopened.signed
    assert [line.action for line in book.history(reopened)][-2:] == ["signed", "reopened"]


def test_agree_on_a_case_stays_with_the_class_agreed_with(book: CaseBook) -> None:
    case = book.change(book.save([field("a.png", "Benign")], "RK"), "RK", verdict=Verdict(AGREE, "why"), signed=True)
    reopened = book.change(case, "LM", signed=False)
    assert reopened.verdict == Verdict(AGREE, "why")
    changed = book.change(reopened, "LM", fields=[field("b.png", "Pre-B"), field("c.png", "Pre-B")])
    assert (changed.suggestion, changed.verdict, changed.overridden) == ("Pre-B", Verdict("Benign", "why"), True)
    assert [summary.verdict.choice for summary in book.search(states=["Overridden"])[0]] == ["Benign"]
    line = book.history(changed)[-1]
    assert (line.action, line.who, line.content) == ("verdict kept", "LM", {"before": AGREE, "after": "Benign", "note": "why"})


def test_agree_on_a_case_of_no_one_class_does_not_become_a_class(book: CaseBook) -> None:
    case = book.change(book.save([field("a.png", "Benign"), field("b.png", "Pre-B")], "RK"), "RK", verdict=Verdict(AGREE, "why"))
    changed = book.change(case, "LM", fields=[field("c.png", "Pre-B")])
    assert (changed.suggestion, changed.verdict, changed.overridden) == ("Pre-B", Verdict(None, "why"), False)
    assert book.history(changed)[-1].action == "verdict dropped"


@pytest.mark.parametrize(("status", "suggestion", "overridden"), [("refused", UNIDENTIFIED, False), ("error", None, False),
                                                                 ("read", UNIDENTIFIED, True)])  # fmt: skip
def test_not_assessable_overrides_only_what_was_read(book: CaseBook, status: str, suggestion: str | None, overridden: bool) -> None:
    given = Field({**document("a.png", suggestion), "status": status}, verdict=Verdict(NOT_ASSESSABLE))
    case = book.save([given], "RK")
    assert case.overridden == overridden
    assert [line.action for line in book.history(case)][1] == ("overridden" if overridden else "judged")
    assert len(overrides(book.judgements())) == overridden


@pytest.mark.parametrize(
    ("words", "found"),
    [("bench", 1), ("LEFT.png", 1), ("nucleoli", 1), ("cross", 1), ("0002", 1), ("%", 0), ("_ef", 0), ("' OR 1=1 --", 0), ("", 2)],
)
def test_cases_are_found_by_number_name_note_and_file(book: CaseBook, words: str, found: int) -> None:
    book.save([field("right.png")], "RK", "cross")
    book.save([field("right.png"), field("left.png", choice="Pro-B", note="Large nucleoli")], "RK", "Bench 4")
    assert book.search(words)[1] == found


def test_cases_are_found_by_state_and_page_by_page(book: CaseBook) -> None:
    cases = [book.save([field(choice=AGREE)], "RK", str(number)) for number in range(5)]
    book.change(cases[0], "RK", signed=True)
    book.change(cases[1], "RK", verdict=Verdict("Pro-B"), signed=True)
    assert {state: book.search(states=[state])[1] for state in (OPEN, SIGNED, OVERRIDDEN)} == {OPEN: 3, SIGNED: 2, OVERRIDDEN: 1}
    assert book.search(states=[OPEN, OVERRIDDEN])[1] == 4
    names = [case.name for offset in (0, 2, 4) for case in book.search(offset=offset, limit=2)[0]]
    assert names == ["1", "0", "4", "3", "2"]


def test_deleted_cases_leave_the_list_and_come_back(book: CaseBook) -> None:
    case = book.delete(book.save([field()], "RK", "gone"), "LM")
    assert book.search()[1] == 0
    assert [each.name for each in book.search(deleted=True)[0]] == ["gone"]
    assert book.judgements() == []
    with pytest.raises(CaseBookError, match=r"LM deleted case .* Restore it"):
        book.change(case, "RK", name="lost")
    case = book.restore(case, "LM")
    assert case.deleted is None
    assert book.search()[1] == 1
    assert book.change(case, "RK", name="found").name == "found"


def test_of_a_purged_case_time_action_and_image_hash_remain(book: CaseBook) -> None:
    case = book.save([field("secret-name.png", choice="Pro-B", note="secret note", picture=b"secret pixels")], "RK", "secret case")
    other = book.save([field("other.png")], "RK")
    book.purge(case, "LM")
    with pytest.raises(NoSuchCaseError, match="There is no case"):
        book.case(case.key)
    lines = book.audit()
    of_image = [line for line in lines if line.image_sha256 == case.fields[0].sha256]
    assert [line.action for line in of_image] == ["picture kept", "overridden", "purged"]
    assert all((line.case, line.who, line.content) == (None, "", {}) and line.time for line in of_image)
    assert [line.case for line in lines if line.case] == [other.key]


def test_what_is_purged_is_nowhere_in_the_files(tmp_path: Path) -> None:
    book = CaseBook(tmp_path / "cases.db")
    secret = field("secret-name.png", choice="Pro-B", note="secret note", picture=b"secret pixels" * 5000)
    case = book.save([secret], "SECRETWHO", "secret case")
    holding = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(word in holding for word in (b"secret-name", b"secret note", b"secret pixels", b"SECRETWHO"))
    book.purge(case, "LM")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (b"secret", b"SECRETWHO") if word in left]
    assert case.fields[0].sha256.encode() in left


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1", "UPDATE audit_details SET who = 'x'",
     "DELETE FROM audit_details", "INSERT OR REPLACE INTO audit VALUES (1, 'now', 'x', NULL)",
     "INSERT OR REPLACE INTO audit_details VALUES (1, 1, 'x', 'x', '{}')", "TRUNCATE audit CASCADE", "TRUNCATE audit_details"],
)  # fmt: skip
def test_the_database_itself_keeps_the_audit(book: CaseBook, where: str, statement: str) -> None:
    sqlite = where.startswith("/")
    if sqlite == statement.startswith("TRUNCATE") or (not sqlite and "REPLACE" in statement):
        pytest.skip("the other database's own way")
    book.save([field()], "RK")
    before = book.audit()
    with pytest.raises(DBAPIError, match="append-only"), book._writer.begin() as connection:
        connection.execute(text(statement))
    assert book.audit() == before


def test_a_line_of_the_audit_says_what_was_read_with_what(book: CaseBook) -> None:
    case = book.save([field("a.png", choice="Pro-B", note="why")], "RK")
    saved, override = book.history(case)
    assert (saved.who, saved.case, saved.image_sha256) == ("RK", case.key, document("a.png")["sha256"])
    assert saved.time.endswith("+00:00")
    assert saved.content["weights"] == document("a.png")["weights"]
    assert {"ball", "python", "torch"} <= set(saved.content["versions"])
    assert saved.content["outputs"]["votes"] == document("a.png")["votes"]
    assert override.content == {"suggestion": "Early Pre-B", "before": None, "after": "Pro-B", "note": "why", "override": True}


def test_pictures_are_kept_only_where_asked(book: CaseBook) -> None:
    case = book.save([field("a.png"), field("b.png", picture=b"pixels")], "RK")
    assert [each.kept for each in case.fields] == [False, True]
    assert [book.picture(each) for each in case.fields] == [None, b"pixels"]


@pytest.mark.parametrize("name", ["nul\0.png", "\udcff.png", "名前.png", "=cmd()|x.png", "'; DROP TABLE cases; --.png"])
def test_any_file_name_and_note_can_be_kept(book: CaseBook, name: str) -> None:
    key = book.save([field().__class__({**document(), "file": name}, verdict=Verdict(AGREE, name))], "RK", name).key
    kept = book.case(key).fields[0]
    assert kept.file == name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    assert kept.verdict.note == kept.file


def test_a_field_that_was_not_read_can_be_part_of_a_case(book: CaseBook) -> None:
    bad = document("bad.png", None, status="error", sha256=None, votes=[], probability=None, agreement=None, cells=None, weights={})
    case = book.save([field().__class__(bad)], "RK")
    assert case.fields[0].sha256 == ""
    assert case.suggestion is None
    book.purge(case, "RK")


def test_the_most_frequent_class_stands_for_the_case_and_a_tie_for_none(book: CaseBook) -> None:
    of = ["Pre-B", "Pre-B", "Pro-B", UNIDENTIFIED, UNIDENTIFIED, UNIDENTIFIED]
    assert book.save([field(str(index), each) for index, each in enumerate(of)], "RK").suggestion == "Pre-B"
    assert book.save([field("a", "Pre-B"), field("b", "Pro-B")], "RK").suggestion is None


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    CaseBook(tmp_path / "new" / "cases.db").close()
    assert stat.S_IMODE((tmp_path / "new" / "cases.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_settings_of_the_file_are_those_promised(tmp_path: Path) -> None:
    book = CaseBook(tmp_path / "cases.db")
    with book._engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in
                 ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete", "recursive_triggers")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000, "secure_delete": 1,
                     "recursive_triggers": 1}


@pytest.mark.parametrize(
    ("where", "says"),
    [("mysql://a@b/c", "cannot lie in mysql"), ("http://example.org", "no address of a database|cannot lie in http"),
     ("/proc/none/cases.db", "cannot be opened"), ("postgresql://ball@/x?host=/nowhere", "cannot be used now")],
)  # fmt: skip
def test_a_place_that_cannot_be_used_gets_a_sentence(where: str, says: str) -> None:
    with pytest.raises(CaseBookError, match=says):
        CaseBook(where)


def test_a_file_that_is_no_case_book_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"these are my notes, no database at all" * 100)
    before = path.read_bytes()
    with pytest.raises(CaseBookError, match="is no case book, or is damaged"):
        CaseBook(path)
    assert path.read_bytes() == before


def test_no_torch_is_imported() -> None:
    code = "import sys, ball.casebook, ball.verdict, ball.versions; print({'torch', 'sklearn', 'streamlit'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "set()\n"
