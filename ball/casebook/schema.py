"""The tables of the case book, what the database itself forbids, and the way from an older file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import JSON, Connection, ForeignKey, LargeBinary, String, inspect, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from ball.casebook.errors import CaseBookError
from ball.labels import LABELS

VERSION: Final = 3
"""Of the schema. 1: the first draft. 2: what was shown and held to (consensus, thresholds, versions, cells), and pictures. 3: the file that
a field came in."""


class Base(DeclarativeBase):
    """Of all tables. Times are ISO 8601 in UTC, as text: they sort, and read the same in every database."""


class CaseRow(Base):
    """A case. ``version`` counts its changes; one based on an older version is refused."""

    __tablename__ = "cases"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str]
    created: Mapped[str]
    changed: Mapped[str]
    changed_by: Mapped[str]
    signed: Mapped[bool]
    overridden: Mapped[bool]
    suggestion: Mapped[str | None]
    choice: Mapped[str | None]
    note: Mapped[str]
    deleted: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    fields: Mapped[list[FieldRow]] = relationship(order_by="FieldRow.id", cascade="all, delete-orphan", passive_deletes=True)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class FieldRow(Base):
    """A field of a case with its reading and verdict."""

    __tablename__ = "fields"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    file: Mapped[str]
    sha256: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    choice: Mapped[str | None]
    note: Mapped[str]
    judged: Mapped[str | None]
    judged_by: Mapped[str]
    cells: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    consensus: Mapped[list[float]] = mapped_column(JSON, server_default="[]")
    thresholds: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    versions: Mapped[dict[str, str]] = mapped_column(JSON, server_default="{}")
    container: Mapped[str] = mapped_column(server_default="")
    picture: Mapped[PictureRow | None] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class PictureRow(Base):
    """The picture of a field, kept only where she asks for it: PNG made of its pixels alone."""

    __tablename__ = "pictures"
    field_id: Mapped[int] = mapped_column(ForeignKey("fields.id", ondelete="CASCADE"), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class AuditRow(Base):
    """What is never changed nor deleted: time, action, image hash."""

    __tablename__ = "audit"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[str]
    action: Mapped[str]
    image_sha256: Mapped[str | None]
    detail: Mapped[DetailRow | None] = relationship()


class DetailRow(Base):
    """The rest of an audit line: never changed, and deleted only once its case is purged."""

    __tablename__ = "audit_details"
    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(index=True)
    case_key: Mapped[str]
    who: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


_APPEND_ONLY: Final = "the audit is append-only"
_HAS_CASE: Final = "EXISTS (SELECT 1 FROM cases WHERE cases.id = OLD.case_id)"


def _sqlite_triggers() -> list[str]:
    """INSERT OR REPLACE deletes without asking the delete trigger, so an id that is there is refused as well."""
    rules = (
        ("audit", "UPDATE", "1"),
        ("audit", "DELETE", "1"),
        ("audit", "INSERT", "EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
        ("audit_details", "UPDATE", "1"),
        ("audit_details", "DELETE", _HAS_CASE),
        ("audit_details", "INSERT", "EXISTS (SELECT 1 FROM audit_details WHERE audit_id = NEW.audit_id)"),
    )
    return [
        statement
        for table, event, when in rules
        for statement in (
            f"DROP TRIGGER IF EXISTS {table}_{event.lower()}",
            f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
        )
    ]


def _postgresql_triggers() -> list[str]:
    function = (
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
    )
    details = (
        "CREATE OR REPLACE FUNCTION refuse_detail_delete() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {_HAS_CASE} THEN RAISE EXCEPTION '{_APPEND_ONLY}'; END IF; RETURN OLD; END $$"
    )
    refuse = "EXECUTE FUNCTION refuse_audit_change()"
    return [
        function,
        details,
        f"CREATE OR REPLACE TRIGGER audit_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW {refuse}",
        f"CREATE OR REPLACE TRIGGER audit_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}",
        f"CREATE OR REPLACE TRIGGER audit_details_update BEFORE UPDATE ON audit_details FOR EACH ROW {refuse}",
        f"CREATE OR REPLACE TRIGGER audit_details_truncate BEFORE TRUNCATE ON audit_details FOR EACH STATEMENT {refuse}",
        "CREATE OR REPLACE TRIGGER audit_details_delete BEFORE DELETE ON audit_details "
        "FOR EACH ROW EXECUTE FUNCTION refuse_detail_delete()",
    ]


def _cells_and_pictures(connection: Connection) -> None:
    """From 1 to 2."""
    for column, empty in (("cells", "[]"), ("consensus", "[]"), ("thresholds", "{}"), ("versions", "{}")):
        connection.exec_driver_sql(f"ALTER TABLE fields ADD COLUMN {column} JSON DEFAULT '{empty}' NOT NULL")
    # Until then the consensus was the plain mean of the votes, in the order of the labels.
    for row in connection.execute(select(FieldRow.id, FieldRow.document)).all():
        shares = [[vote["probabilities"][label] for label in LABELS] for vote in row.document["votes"]]
        mean = [sum(each) / len(shares) for each in zip(*shares, strict=True)]
        connection.execute(update(FieldRow).where(FieldRow.id == row.id).values(consensus=mean))
    Base.metadata.tables["pictures"].create(connection)


def _container(connection: Connection) -> None:
    """From 2 to 3: of older fields it is not known, and they are taken to be files of their own."""
    connection.exec_driver_sql("ALTER TABLE fields ADD COLUMN container VARCHAR DEFAULT '' NOT NULL")


STEPS: Final[Mapping[int, Callable[[Connection], None]]] = MappingProxyType({1: _cells_and_pictures, 2: _container})
"""What brings a file from a version to the next, by the version it starts from."""


def prepare(connection: Connection) -> None:
    """Make the tables, or bring those of an older version up to date; all in the transaction of ``connection``.

    Raises:
        CaseBookError: made by a newer version of the software, or a database of something else.
    """
    if connection.dialect.name == "postgresql":  # SQLite's write transaction already holds others off.
        connection.execute(text("SELECT pg_advisory_xact_lock(7226550)"))
    present = set(inspect(connection).get_table_names())
    if "schema_version" not in present:
        if present & set(Base.metadata.tables):
            raise CaseBookError("This database holds tables of another program. Name another file or database in BALL_CASES.")
        _create(connection)
        return
    found = int(connection.execute(text("SELECT version FROM schema_version")).scalar_one())
    if found > VERSION:
        what = f"This case book was made by a newer version (schema {found}, this software knows {VERSION})."
        raise CaseBookError(f"{what} Update the software.")
    for version in range(found, VERSION):
        STEPS[version](connection)
    if found < VERSION:
        _guard(connection)
        connection.execute(text("UPDATE schema_version SET version = :version"), {"version": VERSION})


def _guard(connection: Connection) -> None:
    """Have the database itself refuse what the audit forbids, by the rules of this version."""
    for statement in _postgresql_triggers() if connection.dialect.name == "postgresql" else _sqlite_triggers():
        connection.exec_driver_sql(statement)


def _create(connection: Connection) -> None:
    Base.metadata.create_all(connection)
    _guard(connection)
    connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
    connection.execute(text("INSERT INTO schema_version VALUES (:version)"), {"version": VERSION})
