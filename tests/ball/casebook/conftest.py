"""A case book to write into: a SQLite file, and a PostgreSQL server where one can be started."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from ball.casebook import CaseBook


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a fresh PostgreSQL server, run for these tests and reachable through a socket in its own folder alone."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed (requirements-postgresql.txt)")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parent.parent.name))
    control = Path(shutil.which("pg_ctl") or (found[-1] if found else ""))
    if control.name != "pg_ctl":
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    user = _server_user()
    # A short path of its own: a socket's path holds 107 characters at most, and the server's user must reach it.
    folder = Path(subprocess.run(["mktemp", "-d", "/tmp/pgXXXXXX"], capture_output=True, text=True, check=True).stdout.strip())
    if user:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]

    def call(*command: str) -> None:
        program = str(control.with_name(command[0]))
        subprocess.run([program, *command[1:]], check=True, capture_output=True, user=user, cwd=folder, timeout=120)

    try:
        call("initdb", "-D", f"{folder}/data", "-U", "ball", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -p {port} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
        call("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start")
        yield f"postgresql://ball@/postgres?host={folder}&port={port}"
        call("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Names the place of a fresh book, another at each call."""
    numbers = count()
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"folder{next(numbers)}" / "cases.db")
    url = request.getfixturevalue("postgresql")

    def database() -> str:
        import psycopg

        name = f"test{abs(hash(request.node.nodeid))}_{next(numbers)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return str(url).replace("/postgres?", f"/{name}?")

    return database


@pytest.fixture
def where(fresh: Callable[[], str]) -> str:
    """Where a fresh book lies."""
    return fresh()


@pytest.fixture
def book(where: str) -> Iterator[CaseBook]:
    """An empty case book."""
    opened = CaseBook(where)
    yield opened
    opened.close()
