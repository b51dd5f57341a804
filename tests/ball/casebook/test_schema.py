"""A case book of an older version is brought up to date, whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from ball.casebook import CaseBook, CaseBookError, schema
from ball.verdict import Verdict
from tests.case_files import document, field

# Schema 1 as it was: fields without measures of their cells, and no pictures.
FIRST = """
CREATE TABLE cases (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "key" VARCHAR(40) NOT NULL UNIQUE, name VARCHAR NOT NULL,
  created VARCHAR NOT NULL, changed VARCHAR NOT NULL, changed_by VARCHAR NOT NULL, signed BOOLEAN NOT NULL, overridden BOOLEAN NOT NULL,
  suggestion VARCHAR, choice VARCHAR, note VARCHAR NOT NULL, deleted VARCHAR, version INTEGER NOT NULL);
CREATE TABLE fields (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, case_id INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  file VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, document JSON NOT NULL, choice VARCHAR, note VARCHAR NOT NULL, judged VARCHAR,
  judged_by VARCHAR NOT NULL);
CREATE INDEX ix_fields_case_id ON fields (case_id);
CREATE TABLE audit (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, time VARCHAR NOT NULL, action VARCHAR NOT NULL, image_sha256 VARCHAR);
CREATE TABLE audit_details (audit_id INTEGER NOT NULL PRIMARY KEY REFERENCES audit (id), case_id INTEGER NOT NULL,
  case_key VARCHAR NOT NULL, who VARCHAR NOT NULL, content JSON NOT NULL);
CREATE INDEX ix_audit_details_case_id ON audit_details (case_id);
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of schema 1 with one case of one field, judged and signed."""
    path = tmp_path / "old.db"
    found = document("old.png")
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST)
        time = "2026-10-01T08:00:00.000+00:00"
        connection.execute(
            "INSERT INTO cases VALUES (7, '2026-0007', 'Bench 4', ?, ?, 'RK', 1, 1, 'Early Pre-B', 'Pro-B', 'why', NULL, 3)", (time, time)
        )
        connection.execute(
            "INSERT INTO fields VALUES (9, 7, 'old.png', ?, ?, 'Pro-B', 'seen', ?, 'RK')", (found["sha256"], json.dumps(found), time)
        )
        connection.execute("INSERT INTO audit VALUES (1, ?, 'saved', ?)", (time, found["sha256"]))
        connection.execute("INSERT INTO audit_details VALUES (1, 7, '2026-0007', 'RK', '{}')")
    connection.close()
    return path


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])


def test_an_older_file_keeps_all_and_takes_new_things(old: Path) -> None:
    book = CaseBook(old)
    case = book.case("2026-0007")
    assert version(old) == schema.VERSION
    assert (case.name, case.signed, case.verdict, case.version) == ("Bench 4", True, Verdict("Pro-B", "why"), 3)
    only = case.fields[0]
    assert (only.document, only.verdict, only.cells, only.kept) == (document("old.png"), Verdict("Pro-B", "seen"), (), False)
    assert (only.container, only.origin) == ("", "old.png")
    assert only.consensus == pytest.approx(field().consensus)
    assert [line.action for line in book.history(case)] == ["saved"]
    more = book.change(book.change(case, "LM", signed=False), "LM", fields=[field("new.png", picture=b"pixels")])
    assert book.picture(more.fields[1]) == b"pixels"
    assert book.save([field()], "LM").id == 8
    book.close()
    assert CaseBook(old).case("2026-0007") == more


def test_an_older_file_then_has_the_columns_and_triggers_of_a_new_one(old: Path, tmp_path: Path) -> None:
    CaseBook(old).close()
    CaseBook(tmp_path / "new.db").close()

    def columns(path: Path) -> dict[str, Any]:
        with sqlite3.connect(path) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(each[1:4] for each in connection.execute(f"PRAGMA table_info({name})")) for name in tables}

    def triggers(path: Path) -> set[tuple[str, str]]:
        with sqlite3.connect(path) as connection:
            return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))

    assert columns(old) == columns(tmp_path / "new.db")
    assert triggers(old) == triggers(tmp_path / "new.db")


def test_an_upgrade_that_breaks_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(connection: Connection) -> None:
        schema._cells_and_pictures(connection)
        raise RuntimeError("the power failed")

    before = old.read_bytes()
    monkeypatch.setattr(schema, "STEPS", {1: breaks})
    with pytest.raises(RuntimeError):
        CaseBook(old)
    monkeypatch.undo()
    assert version(old) == 1
    assert len(before) == len(old.read_bytes())
    assert CaseBook(old).case("2026-0007").name == "Bench 4"


def test_every_version_has_its_step() -> None:
    assert sorted(schema.STEPS) == list(range(1, schema.VERSION))


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cases.db"
    CaseBook(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(CaseBookError, match=r"newer version .*Update the software"):
        CaseBook(path)
    assert version(path) == 99


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cases (title TEXT)")
    with pytest.raises(CaseBookError, match="another program"):
        CaseBook(path)


def test_a_new_book_in_postgresql_is_opened_again(where: str) -> None:
    CaseBook(where).close()
    book = CaseBook(where)
    assert book.search() == ([], 0)
