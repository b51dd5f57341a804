"""Nothing of a picture stays behind: not in Streamlit's store of uploads, not once the list is cleared, not once the tab is closed."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec
from streamlit.testing.v1 import AppTest, local_script_runner

from ball import synthetic
from pages._parts import intake, letting_go
from pages._parts.worklist import Worklist

ROOT = Path(__file__).resolve().parents[2]
Store = MemoryUploadedFileManager


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Streamlit's stores of uploads, one a run of the app."""
    made: list[Store] = []

    class Noted(Store):
        def __init__(self, endpoint: str) -> None:
            super().__init__(endpoint)
            made.append(self)

    monkeypatch.setattr(local_script_runner, "MemoryUploadedFileManager", Noted)
    return made


@pytest.fixture
def app(stores: list[Store], random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    monkeypatch.delenv("BALL_DATA", raising=False)
    assert not stores
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()


def upload(app: AppTest, *seeds: int) -> Worklist:
    for seed in seeds:
        app.file_uploader[0].upload(f"{seed}.png", synthetic.png(seed))
    app.run()
    assert not app.exception
    todo: Worklist = app.session_state["worklist"]
    return todo


def held(stores: list[Store]) -> list[str]:
    return [file.name for store in stores for files in store.file_storage.values() for file in files.values()]


def test_a_file_that_was_taken_is_in_no_store_of_uploads(app: AppTest, stores: list[Store]) -> None:
    for seeds in ((1, 2), (3,)):
        todo = upload(app, *seeds)
        assert held(stores) == []
    assert [row.name for row in todo.rows] == ["1.png", "2.png", "3.png"]
    assert all(row.reading is not None and row.reading.status != "error" for row in todo.rows)


def test_the_memory_of_many_files_is_given_back(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(letting_go, "memory", lambda: asked.append("all"))
    monkeypatch.setattr(letting_go, "large_pieces", lambda: asked.append("large pieces, from now on"))
    upload(app, 1, 2)
    assert set(asked) == {"large pieces, from now on"}
    upload(app, *range(3, 13))
    assert asked.count("all") == 1
    monkeypatch.undo()
    letting_go.memory()  # Asked of an allocator that cannot, it does nothing.
    monkeypatch.setattr(letting_go.ctypes, "CDLL", lambda _: object())
    letting_go.memory()


PIECES = """
import ctypes, sys
from pathlib import Path
from pages._parts import letting_go
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def pieces(count, size):
    had = [ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size))) for _ in range(count)]
    for each in had:
        ctypes.memset(each, 1, size)
    for each in had:
        libc.free(each)
def megabytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
if sys.argv[1] == "given back":
    letting_go.large_pieces()
pieces(1, 30 * 2**20)
before = megabytes()
pieces(40, 2**21)
pieces(80, 2**19)
print(megabytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the allocator of glibc is known to keep so much")
def test_large_pieces_of_memory_are_given_back_at_once() -> None:
    def kept(how: str) -> float:
        done = subprocess.run([sys.executable, "-c", PIECES, how], cwd=ROOT, check=True, capture_output=True, text=True)
        return float(done.stdout)

    assert kept("given back") < 5 < 20 < kept("kept")


def test_files_that_a_widget_names_once_more_are_not_taken_twice() -> None:
    todo, old = Worklist(), DeletedFile("1")
    new = UploadedFile(UploadedFileRec("2", "new.png", "image/png", synthetic.png(1)), FileURLs())
    assert not intake._take(todo, [old])
    assert intake._take(todo, [old, new])
    assert [row.name for row in todo.rows] == ["new.png"]


def test_clearing_the_list_leaves_nothing_of_its_fields(app: AppTest, stores: list[Store]) -> None:
    todo = upload(app, 1, 2)
    todo.found["maps"] = {1: "of a field"}
    app.session_state["slide-chosen"] = "Patient slide"
    reading = todo.rows[0].reading
    assert reading is not None
    assert reading.evidence is not None
    picture = weakref.ref(reading.evidence.rgb)
    del reading
    late = UploadedFileRec("late", "late.png", "image/png", b"still on its way")

    def begin(store: Store, endpoint: str) -> None:
        Store.__init__(store, endpoint)
        store.add_file("test session id", late)
        stores.append(store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "MemoryUploadedFileManager", type("Begun", (Store,), {"__init__": begin}))
        app.button(key="clear-list").click().run()
    assert not app.exception
    assert held(stores) == []
    assert not todo.rows
    assert not todo.found
    assert "slide-chosen" not in app.session_state
    assert picture() is None


class Server:
    """Streamlit's own runtime, as far as it is asked: which visits are there, and which were closed."""

    def __init__(self) -> None:
        self.here, self.closed = {"visit"}, list[str]()

    def is_active_session(self, session: str) -> bool:
        return session in self.here

    def close_session(self, session: str) -> None:
        self.closed.append(session)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(letting_go.runtime, "get_instance", lambda: made)
    monkeypatch.setattr(letting_go.st, "get_option", lambda _: 0.24)
    return made


def elsewhere(job: Callable[[], None]) -> None:
    """Run a job in a thread of its own: in the main one the loop of a browser's tests may be running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(job).result()


def list_of_one() -> Worklist:
    todo = Worklist()
    todo.add("1.png", synthetic.png(1))
    return todo


def test_a_closed_tab_takes_its_fields_with_it_before_streamlit_forgets_the_visit(server: Server) -> None:
    todo = list_of_one()

    async def close() -> None:
        letting_go._left(("visit", todo))
        server.here.clear()
        await asyncio.sleep(0.06)
        assert todo.rows, "too early: a lost connection may still come back"
        await asyncio.sleep(0.3)

    elsewhere(lambda: asyncio.run(close()))
    assert server.closed == ["visit"]
    assert not todo.rows
    assert not letting_go._watched


def test_a_tab_that_comes_back_keeps_its_fields_and_is_still_watched(server: Server) -> None:
    todo = list_of_one()

    async def lose_and_close() -> None:
        letting_go._left(("visit", todo))
        server.here.clear()
        await asyncio.sleep(0.06)
        server.here.add("visit")
        letting_go._left(("visit", todo))  # As a page that ran meanwhile has it told twice.
        await asyncio.sleep(0.4)
        assert todo.rows
        assert not server.closed
        server.here.clear()
        await asyncio.sleep(0.4)

    elsewhere(lambda: asyncio.run(lose_and_close()))
    assert server.closed == ["visit"]
    assert not todo.rows


def test_an_emptied_cache_ends_no_visit(server: Server) -> None:
    todo = list_of_one()
    elsewhere(lambda: letting_go._left(("visit", todo)))
    assert todo.rows
    assert not server.closed
    assert not letting_go._watched
