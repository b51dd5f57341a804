"""A case book of an older version is brought up to date, whole or not at all, in SQLite and in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from ball.casebook import CaseBook, CaseBookError, schema
from ball.casebook.connect import url_of
from ball.verdict import Verdict
from tests.case_files import document, field

# Schema 1 as it was: fields without measures of their cells, and no pictures.
FIRST = """
CREATE TABLE cases (id {id}, "key" VARCHAR(40) NOT NULL UNIQUE, name VARCHAR NOT NULL,
  created VARCHAR NOT NULL, changed VARCHAR NOT NULL, changed_by VARCHAR NOT NULL, signed BOOLEAN NOT NULL, overridden BOOLEAN NOT NULL,
  suggestion VARCHAR, choice VARCHAR, note VARCHAR NOT NULL, deleted VARCHAR, version INTEGER NOT NULL);
CREATE TABLE fields (id {id}, case_id INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  file VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, document JSON NOT NULL, choice VARCHAR, note VARCHAR NOT NULL, judged VARCHAR,
  judged_by VARCHAR NOT NULL);
CREATE INDEX ix_fields_case_id ON fields (case_id);
CREATE TABLE audit (id {id}, time VARCHAR NOT NULL, action VARCHAR NOT NULL, image_sha256 VARCHAR);
CREATE TABLE audit_details (audit_id INTEGER NOT NULL PRIMARY KEY REFERENCES audit (id), case_id INTEGER NOT NULL,
  case_key VARCHAR NOT NULL, who VARCHAR NOT NULL, content JSON NOT NULL);
CREATE INDEX ix_audit_details_case_id ON audit_details (case_id);
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
"""

IDS = {"sqlite": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "postgresql": "SERIAL NOT NULL PRIMARY KEY"}
GUARDS = {
    "sqlite": """
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
""",
    "postgresql": """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER audit_change BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
""",
}
RULES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal "
    "UNION SELECT proname, prosrc FROM pg_proc WHERE starts_with(proname, 'refuse')",
}


@contextmanager
def connected(where: str) -> Iterator[Connection]:
    """The database itself, past the case book; what is done is kept."""
    if "://" not in where:
        Path(where).parent.mkdir(exist_ok=True)
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def old(where: str) -> str:
    """A book of schema 1 with one case of one field, judged and signed."""
    found = document("old.png")
    given = {"time": "2026-10-01T08:00:00.000+00:00", "sha256": found["sha256"], "document": json.dumps(found)}
    with connected(where) as connection:
        name = connection.dialect.name
        for statement in (FIRST.format(id=IDS[name]) + GUARDS[name]).strip().split(";\n"):
            connection.exec_driver_sql(statement)
        for row in (
            "cases VALUES (7, '2026-0007', 'Bench 4', :time, :time, 'RK', TRUE, TRUE, 'Early Pre-B', 'Pro-B', 'why', NULL, 3)",
            "fields VALUES (9, 7, 'old.png', :sha256, :document, 'Pro-B', 'seen', :time, 'RK')",
            "audit VALUES (1, :time, 'saved', :sha256)",
            "audit_details VALUES (1, 7, '2026-0007', 'RK', '{}')",
        ):
            connection.execute(text(f"INSERT INTO {row}"), given)
        if name == "postgresql":  # Its own counter knows nothing of ids that were given.
            for table in ("cases", "fields", "audit"):
                connection.exec_driver_sql(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
    return where


def version(where: str) -> int:
    with connected(where) as connection:
        return int(connection.execute(text("SELECT version FROM schema_version")).scalar_one())


def columns(where: str) -> dict[str, Any]:
    with connected(where) as connection:
        found = inspect(connection)
        return {
            table: sorted((each["name"], str(each["type"]), each["nullable"], each["default"]) for each in found.get_columns(table))
            for table in found.get_table_names()
        }  # fmt: skip


def rules(where: str) -> set[tuple[str, str]]:
    """What the database itself forbids."""
    with connected(where) as connection:
        return {(name, code) for name, code in connection.exec_driver_sql(RULES[connection.dialect.name])}


def test_an_older_book_keeps_all_and_takes_new_things(old: str) -> None:
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


def test_an_older_book_then_has_the_columns_and_rules_of_a_new_one(old: str, fresh: Callable[[], str]) -> None:
    new = fresh()
    CaseBook(new).close()
    assert (columns(old), rules(old)) != (columns(new), rules(new))
    CaseBook(old).close()
    assert columns(old) == columns(new)
    assert rules(old) == rules(new)


def test_an_upgrade_that_breaks_changes_nothing(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(connection: Connection) -> None:
        schema._cells_and_pictures(connection)
        raise RuntimeError("the power failed")

    before = columns(old)
    monkeypatch.setattr(schema, "STEPS", {1: breaks})
    with pytest.raises(RuntimeError):
        CaseBook(old)
    monkeypatch.undo()
    assert version(old) == 1
    assert columns(old) == before
    assert CaseBook(old).case("2026-0007").name == "Bench 4"


def test_every_version_has_its_step() -> None:
    assert sorted(schema.STEPS) == list(range(1, schema.VERSION))


def test_a_newer_book_is_refused_and_left_alone(where: str) -> None:
    CaseBook(where).close()
    with connected(where) as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 99")
    with pytest.raises(CaseBookError, match=r"newer version .*Update the software"):
        CaseBook(where)
    assert version(where) == 99


def test_a_database_of_another_program_is_left_alone(where: str) -> None:
    with connected(where) as connection:
        connection.exec_driver_sql("CREATE TABLE cases (title TEXT)")
    with pytest.raises(CaseBookError, match="another program"):
        CaseBook(where)


def test_a_new_book_is_opened_again(where: str) -> None:
    CaseBook(where).close()
    book = CaseBook(where)
    assert book.search() == ([], 0)
