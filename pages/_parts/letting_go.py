"""What a visit holds is let go of: uploads once they are taken, all of it once the list is cleared or the tab is closed."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages._parts.worklist import Worklist

_LOOKS: Final = 12
_MISSED: Final = 10
"""A closed tab is looked for so often while Streamlit lets it come back; missed so often in a row, its visit is over."""

SLIDE: Final = "slide-chosen"
"""Key under which a visit holds the name of the slide that is open."""

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Names of the two limits in malloc.h."""
_LARGE: Final = 2**20
"""Bytes from which on a piece is large. What a field of a quarter of a megapixel is measured with is less, and stays quick to have."""

_watched: set[str] = set()


def uploads(files: Iterable[UploadedFile]) -> None:
    """Take files out of Streamlit's store, which else holds them for as long as the visit lasts."""
    here = get_script_run_ctx()
    # Only the store in memory lets go of single files; there is no other unless Streamlit is built into another server.
    if here is not None and isinstance(here.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            here.uploaded_file_mgr.remove_file(here.session_id, file.file_id)


def fields(todo: Worklist) -> None:
    """Forget every field of the list, the slide that was open, and whatever was uploaded and never reached the list."""
    todo.clear()
    st.session_state.pop(SLIDE, None)
    here = get_script_run_ctx()
    if here is not None:
        here.uploaded_file_mgr.remove_session_files(here.session_id)
    memory()


def large_pieces() -> None:
    """Have the allocator of Linux give large pieces back as soon as they are let go of, and what lies free at the end of its others.

    By itself it does so until a large piece was let go of once, a picture or a network; from then on it keeps pieces of that size,
    in each of the many threads that Streamlit draws pages in (mallopt(3), M_MMAP_THRESHOLD).
    """
    with suppress(OSError, AttributeError, TypeError):
        allocator = ctypes.CDLL(None)
        for limit in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            allocator.mallopt(limit, _LARGE)


def memory() -> None:
    """Have the allocator give back what it holds of fields that are gone; only that of Linux is known to keep much, and how to ask."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def after_the_visit(todo: Worklist) -> None:
    """Have all that this visit holds, its list first of all, dropped soon after its tab is closed; called by every run of a page.

    Streamlit itself drops it when the next tab is closed two minutes later or more, which on one computer may be never.
    """
    here = get_script_run_ctx()
    if here is not None:
        _visit(here.session_id, todo)


def _left(visit: tuple[str, Worklist]) -> None:
    """The connection of a visit ended, which is told in the server's own thread."""
    try:
        server = asyncio.get_running_loop()
    except RuntimeError:  # No connection ended: a page emptied the cache.
        return
    if visit[0] not in _watched:
        _watched.add(visit[0])
        _look(server, *visit, missed=0)


@st.cache_resource(scope="session", on_release=_left, show_spinner=False)
def _visit(session: str, _todo: Worklist) -> tuple[str, Worklist]:
    return session, _todo


def _look(server: asyncio.AbstractEventLoop, session: str, todo: Worklist, missed: int) -> None:
    """Look again and again whether a visit came back, as after a lost connection; drop it once it did not."""
    missed = 0 if runtime.get_instance().is_active_session(session) else missed + 1
    if missed < _MISSED:
        pause = float(st.get_option("server.disconnectedSessionTTL")) / _LOOKS
        server.call_later(pause, lambda: _look(server, session, todo, missed))
        return
    _watched.discard(session)
    runtime.get_instance().close_session(session)
    # At once: what `frame.settle` spares from the collection of garbage would stay for good.
    todo.clear()
