"""Keeping cases: save, change, find, delete, purge, each in one transaction with its audit lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from ball.casebook.connect import engine_of, place, told, url_of
from ball.casebook.errors import CaseBookError, CaseChangedError, CaseDeletedError, NoSuchCaseError
from ball.casebook.schema import AuditRow, CaseRow, DetailRow, FieldRow, PictureRow, prepare
from ball.casebook.values import OPEN, OVERRIDDEN, SIGNED, AuditLine, Case, Field, Summary, now
from ball.verdict import AGREE, Verdict, suggested

LONGEST: Final = 200
"""Characters of a case's name or a reader's initials at most."""

_OUTPUTS: Final = ("status", "suggestion", "probability", "agreement", "votes", "missing", "flags", "engine")


@dataclass(frozen=True)
class Judgement:
    """A verdict on a field beside what the software suggested for it."""

    time: str
    case: str
    file: str
    suggestion: str | None
    verdict: Verdict
    who: str


class CaseBook:
    """The cases of one database. Safe from several threads and processes.

    Raises:
        CaseBookError: it cannot be reached, or was made by a newer version.
    """

    def __init__(self, where: str | Path | None = None) -> None:
        url = url_of(where if where is not None else place())
        self.where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
        self._engine = engine_of(url)
        self._writer = self._engine.execution_options(writes=True)
        with told(self.where), self._writer.begin() as connection:
            prepare(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def save(self, fields: Sequence[Field], who: str, name: str = "") -> Case:
        """Save a new case with its fields.

        Args:
            fields: at least one.
            who: initials or name of the reader.
            name: what she calls the case; may be empty.

        Raises:
            CaseBookError: no field, no initials, or the database refuses. Nothing is saved then.
        """
        if not fields:
            raise CaseBookError("A case needs at least one field. Add a field first.")
        who, name = _required(who), _short(name)
        with self._write() as session:
            time = now()
            row = CaseRow(
                key="", name=name, created=time, changed=time, changed_by=who, signed=False, overridden=False,
                suggestion=None, choice=None, note="", deleted=None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            row.key = f"{datetime.now(UTC).year}-{row.id:04d}"
            self._put_fields(session, row, fields, who)
            return self._finish(session, row, who)

    def change(
        self, case: Case, who: str, *, fields: Sequence[Field] = (), name: str | None = None,
        verdict: Verdict | None = None, signed: bool | None = None,
    ) -> Case:  # fmt: skip
        """Change a case: add fields, give verdicts on its fields or on itself, sign it or take the signature back.

        Args:
            case: as it was opened; a case changed since by someone else is refused.
            who: initials or name of the reader.
            fields: new ones (``id`` None) are added; of known ones the verdict is taken. Those not named stay.
            name, verdict, signed: None leaves what is there.

        Raises:
            CaseChangedError: someone else changed it; nothing is overwritten.
            CaseDeletedError: it was deleted.
            NoSuchCaseError: it was purged.
            CaseBookError: it is signed and is not reopened by this.
        """
        who = _required(who)
        with self._write(case) as session:
            row = self._current(session, case, kept=True)
            if row.signed and signed is not False:
                raise CaseBookError(f"Case {row.key} is signed. Reopen it before you change it.")
            self._put_fields(session, row, fields, who)
            if name is not None:
                row.name = _short(name)
            if verdict is not None and verdict != Verdict(row.choice, row.note):
                before, (row.choice, row.note) = row.choice, (verdict.choice, _storable(verdict.note))
                _log(session, row, "case verdict", who, content={"before": before, "after": verdict.choice, "note": row.note})
            if signed is not None and signed != row.signed:
                row.signed = signed
                _log(session, row, "signed" if signed else "reopened", who)
            return self._finish(session, row, who)

    def delete(self, case: Case, who: str) -> Case:
        """Take a case off the list; `restore` brings it back, `purge` erases it."""
        return self._mark(case, who, now(), "deleted")

    def restore(self, case: Case, who: str) -> Case:
        """Bring a deleted case back."""
        return self._mark(case, who, None, "restored")

    def purge(self, case: Case, who: str) -> None:
        """Erase a case for good. Of its audit, time, action and image hash remain.

        Raises:
            CaseChangedError: someone else changed it.
        """
        _required(who)
        with self._write(case) as session:
            row = self._current(session, case)
            time = now()
            session.add_all(AuditRow(time=time, action="purged", image_sha256=each.sha256 or None) for each in row.fields)
            session.delete(row)
            session.flush()
            session.execute(delete_from(DetailRow).where(DetailRow.case_id == case.id))
        if self._engine.dialect.name == "sqlite":  # Else what was overwritten would still stand in the log beside the file.
            with told(self.where), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def log(self, case: Case, action: str, who: str) -> None:
        """Note in the audit that something was done with a case, such as a report taken along."""
        with self._write() as session:
            _log(session, self._row(session, case.key), action, who)

    def case(self, key: str) -> Case:
        """Open a case, a deleted one too.

        Raises:
            NoSuchCaseError: there is none of that number.
        """
        with self._read() as session:
            return _case(self._row(session, key))

    def picture(self, field: Field) -> bytes | None:
        """The PNG kept of a field; None where none was asked for."""
        with self._read() as session:
            found: bytes | None = session.scalar(select(PictureRow.png).where(PictureRow.field_id == field.id))
            return found

    def search(
        self, words: str = "", states: Sequence[str] = (), *, deleted: bool = False, offset: int = 0, limit: int = 20
    ) -> tuple[list[Summary], int]:
        """Cases, the last changed first, and how many there are in all.

        Args:
            words: part of a number, a name, a note or a file name; case does not count.
            states: of `ball.casebook.values.STATES`; a case of any of them is found, and of all where none is named.
            deleted: whether to list the deleted cases instead.
            offset, limit: which part of the list.
        """
        chosen: list[ColumnElement[bool]] = [CaseRow.deleted.is_not(None) if deleted else CaseRow.deleted.is_(None)]
        if words.strip():
            chosen.append(_holds(words.strip()))
        if states:
            chosen.append(or_(*(_STATE[state] for state in states)))
        counted = select(func.count()).select_from(FieldRow).where(FieldRow.case_id == CaseRow.id).scalar_subquery()
        query = select(CaseRow, counted).where(*chosen).order_by(CaseRow.changed.desc(), CaseRow.id.desc())
        with self._read() as session:
            total = session.scalar(select(func.count()).select_from(CaseRow).where(*chosen)) or 0
            return [_summary(row, count) for row, count in session.execute(query.offset(offset).limit(limit))], total

    def history(self, case: Case) -> list[AuditLine]:
        """What happened to a case, oldest first."""
        query = select(AuditRow).join(AuditRow.detail).options(joinedload(AuditRow.detail))
        with self._read() as session:
            return [_line(row) for row in session.scalars(query.where(DetailRow.case_id == case.id).order_by(AuditRow.id))]

    def audit(self) -> list[AuditLine]:
        """Every line of the audit, oldest first."""
        query = select(AuditRow).options(joinedload(AuditRow.detail)).order_by(AuditRow.id)
        with self._read() as session:
            return [_line(row) for row in session.scalars(query)]

    def judgements(self) -> list[Judgement]:
        """Every verdict on a field of a case that is not deleted, oldest first."""
        query = select(FieldRow, CaseRow.key).join(CaseRow).where(FieldRow.choice.is_not(None), CaseRow.deleted.is_(None))
        with self._read() as session:
            return [
                Judgement(row.judged or "", key, row.file, _suggested(row), Verdict(row.choice, row.note), row.judged_by)
                for row, key in session.execute(query.order_by(FieldRow.judged, FieldRow.id))
            ]

    @contextmanager
    def _write(self, case: Case | None = None) -> Iterator[Session]:
        """One transaction; who comes too late with ``case`` is told, also where the version column alone has noticed."""
        try:
            with told(self.where), Session(self._writer) as session, session.begin():
                yield session
        except StaleDataError as error:
            if case is None:
                raise
            fresh = self.case(case.key)
            raise CaseChangedError(fresh.key, fresh.changed_by, fresh.changed) from error

    @contextmanager
    def _read(self) -> Iterator[Session]:
        with told(self.where), Session(self._engine) as session, session.begin():
            yield session

    @staticmethod
    def _row(session: Session, key: str) -> CaseRow:
        options = selectinload(CaseRow.fields).selectinload(FieldRow.picture).load_only(PictureRow.field_id)
        row = session.scalar(select(CaseRow).where(CaseRow.key == key).options(options))
        if row is None:
            raise NoSuchCaseError(key)
        return row

    def _current(self, session: Session, case: Case, *, kept: bool = False) -> CaseRow:
        """The row of a case, if nobody changed it since it was opened, nor, where it is to be ``kept``, deleted it."""
        row = self._row(session, case.key)
        if kept and row.deleted is not None:
            raise CaseDeletedError(row.key, row.changed_by)
        if row.version != case.version:
            raise CaseChangedError(row.key, row.changed_by, row.changed)
        return row

    def _mark(self, case: Case, who: str, deleted: str | None, action: str) -> Case:
        who = _required(who)
        with self._write(case) as session:
            row = self._current(session, case)
            row.deleted = deleted
            _log(session, row, action, who)
            return self._finish(session, row, who)

    @staticmethod
    def _put_fields(session: Session, row: CaseRow, fields: Sequence[Field], who: str) -> None:
        known = {each.id: each for each in row.fields}
        for field in fields:
            if field.id is None:
                _add(session, row, field, who)
            elif field.id not in known:
                raise CaseBookError(f"Case {row.key} holds no such field. Open the case anew.")
            elif Verdict(known[field.id].choice, known[field.id].note) != field.verdict:
                _judge(session, row, known[field.id], field.verdict, who)

    @staticmethod
    def _finish(session: Session, row: CaseRow, who: str) -> Case:
        """Write down what follows from the fields; the version column refuses whoever came in between."""
        row.changed, row.changed_by = now(), who
        flag_modified(row, "changed")  # The version must move, also within the same millisecond.
        suggestion = _case(row).suggestion
        if row.choice == AGREE and suggestion != row.suggestion:
            _pin(session, row, who)
        row.suggestion, row.overridden = suggestion, _case(row).overridden
        session.flush()
        return _case(row)


_STATE: Final[Mapping[str, ColumnElement[bool]]] = {
    OPEN: CaseRow.signed.is_(False), SIGNED: CaseRow.signed.is_(True), OVERRIDDEN: CaseRow.overridden.is_(True),
}  # fmt: skip


def _holds(words: str) -> ColumnElement[bool]:
    has: Callable[[Any], ColumnElement[bool]] = lambda column: column.icontains(words, autoescape=True)  # noqa: E731
    of_fields = select(FieldRow.id).where(FieldRow.case_id == CaseRow.id, or_(has(FieldRow.file), has(FieldRow.note))).exists()
    return or_(has(CaseRow.key), has(CaseRow.name), has(CaseRow.note), of_fields)


def _add(session: Session, row: CaseRow, field: Field, who: str) -> None:
    document = {**field.document, "file": _storable(field.file)}
    made = FieldRow(
        file=document["file"], sha256=field.sha256, document=document, cells=[dict(each) for each in field.cells],
        consensus=list(field.consensus), thresholds=dict(field.thresholds), versions=dict(field.versions),
        choice=None, note="", judged=None, judged_by="", picture=PictureRow(png=field.picture) if field.picture else None,
        container=_storable(field.container),
    )  # fmt: skip
    row.fields.append(made)
    content = {"weights": document["weights"], "versions": dict(field.versions), "outputs": {key: document[key] for key in _OUTPUTS},
               "consensus": list(field.consensus), "thresholds": dict(field.thresholds)}  # fmt: skip
    _log(session, row, "picture kept" if field.picture else "saved", who, field.sha256, content)
    if field.verdict != Verdict():
        _judge(session, row, made, field.verdict, who)


def _pin(session: Session, row: CaseRow, who: str) -> None:
    """Put the class that "Agree" meant in its place before another is suggested; where it meant none, there is no verdict left."""
    row.choice = Verdict(AGREE).label(row.suggestion)
    content = {"before": AGREE, "after": row.choice, "note": row.note}
    _log(session, row, "verdict kept" if row.choice else "verdict dropped", who, content=content)


def _suggested(field: FieldRow) -> str | None:
    return suggested(field.document["status"], field.document["suggestion"])


def _judge(session: Session, row: CaseRow, field: FieldRow, verdict: Verdict, who: str) -> None:
    before, suggestion = field.choice, _suggested(field)
    field.choice, field.note = verdict.choice, _storable(verdict.note)
    field.judged, field.judged_by = now(), who
    override = verdict.overrides(suggestion)
    content = {"suggestion": suggestion, "before": before, "after": verdict.choice, "note": field.note, "override": override}
    _log(session, row, "overridden" if override else "judged", who, field.sha256, content)


def _log(
    session: Session, row: CaseRow, action: str, who: str, sha256: str | None = None, content: Mapping[str, Any] | None = None
) -> None:
    detail = DetailRow(case_id=row.id, case_key=row.key, who=_short(who), content=dict(content or {}))
    session.add(AuditRow(time=now(), action=action, image_sha256=sha256 or None, detail=detail))


def _case(row: CaseRow) -> Case:
    fields = tuple(
        Field(
            document=each.document, consensus=tuple(each.consensus), thresholds=each.thresholds, versions=each.versions,
            cells=tuple(each.cells), verdict=Verdict(each.choice, each.note), judged=each.judged,
            judged_by=each.judged_by, kept=each.picture is not None, container=each.container, id=each.id,
        )
        for each in row.fields
    )  # fmt: skip
    return Case(
        row.id, row.key, row.name, row.created, row.changed, row.changed_by, row.signed, Verdict(row.choice, row.note),
        row.deleted, row.version, fields,
    )  # fmt: skip


def _summary(row: CaseRow, fields: int) -> Summary:
    return Summary(
        row.key, row.name, row.changed, row.changed_by, row.signed, row.overridden, Verdict(row.choice, row.note), row.suggestion, fields,
        row.deleted is not None,
    )  # fmt: skip


def _line(row: AuditRow) -> AuditLine:
    if row.detail is None:
        return AuditLine(row.time, row.action, row.image_sha256)
    return AuditLine(row.time, row.action, row.image_sha256, row.detail.case_key, row.detail.who, row.detail.content)


def _storable(value: str) -> str:
    """Text that every database takes: undecodable bytes of a file name and NUL are escaped."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _short(value: str) -> str:
    return _storable(value.strip())[:LONGEST]


def _required(who: str) -> str:
    if not who.strip():
        raise CaseBookError("Give your initials, so that others see who read the case.")
    return _short(who)
