"""Where the case book lies, and how it is opened: SQLite in a folder of the user's, or PostgreSQL by its URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError, OperationalError

from ball.casebook.errors import CaseBookError

_PATIENCE: Final = 15
"""Seconds to wait for another's save."""

_PRAGMAS: Final = (
    f"busy_timeout = {_PATIENCE * 1000}",
    "journal_mode = WAL",
    "synchronous = FULL",  # In WAL the default may lose the last saves when the power fails.
    "foreign_keys = ON",
    "recursive_triggers = ON",  # Else INSERT OR REPLACE deletes past the audit's trigger.
    "secure_delete = ON",  # What is purged is overwritten, not only forgotten.
)


def place() -> str:
    """``$BALL_CASES``, a URL or a path; else a file in the user's own data folder."""
    named = os.environ.get("BALL_CASES")
    if named:
        return named
    from platformdirs import user_data_path

    return str(user_data_path("ball", appauthor=False) / "cases.db")


def url_of(where: str | Path) -> URL:
    """The database that a URL or a path names.

    Raises:
        CaseBookError: a URL that is none, or of neither SQLite nor PostgreSQL.
    """
    if "://" not in str(where):
        return URL.create("sqlite", database=str(Path(where).expanduser()))
    try:
        url = make_url(str(where))
        name = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise CaseBookError("BALL_CASES is no address of a database. Give a path, or postgresql://user@host/name.") from error
    if name not in {"sqlite", "postgresql"} or (name == "sqlite" and not url.database):
        raise CaseBookError(f"The case book cannot lie in {name} there. Give the path of a file, or postgresql://user@host/name.")
    return url


def engine_of(url: URL) -> Engine:
    """An engine; nothing is connected yet, but the folder of a file is made, and the file readable by its owner alone."""
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _PATIENCE})
    except (ImportError, NoSuchModuleError) as error:
        raise CaseBookError("PostgreSQL needs its driver: pip install -r requirements-postgresql.txt") from error
    path = Path(str(url.database))
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    engine = create_engine(url, connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _settle)
    event.listen(engine, "begin", _begin)
    return engine


def _settle(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # The driver's own BEGIN comes too late; `_begin` gives it.
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Any) -> None:
    """A transaction that will write says so at once: only then does SQLite wait for the other writer."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def told(where: object) -> Iterator[None]:
    """Turn what a database or a disk says into a sentence.

    Raises:
        CaseBookError: it could not be reached, written or understood.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or "no reason given"
        raise CaseBookError(f"The case book {where} cannot be opened ({why}). Nothing was saved. Check the folder's rights.") from error
    except IntegrityError:
        raise
    except OperationalError as error:
        what = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        raise CaseBookError(f"The case book {where} cannot be used now ({what}). Nothing was saved; try again.") from error
    except DatabaseError as error:
        if "append-only" in str(error.orig):
            raise
        what = f"{where} is no case book, or is damaged. Nothing was changed."
        raise CaseBookError(f"{what} Restore a backup, or name another in BALL_CASES.") from error
