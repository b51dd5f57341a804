"""Save the fields of a visit as a case, or save what changed since; until then nothing is written to disk."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import streamlit as st

from ball.logs import log_failure
from pages._parts import who
from pages._parts.worklist import Row, Worklist

if TYPE_CHECKING:
    from ball.casebook import Case, CaseBook, CaseBookError, Field

_LOG: Final = logging.getLogger(__name__)
_LOST: Final = "closing or reloading this tab loses"


def casebook() -> CaseBook:
    """The case book of this computer, opened once.

    Raises:
        CaseBookError: it cannot be used; the text says what to do.
    """
    from ball.casebook.connect import place

    return _opened(place())


@st.cache_resource(show_spinner=False)
def _opened(where: str) -> CaseBook:
    from ball.casebook import CaseBook

    return CaseBook(where)


def button(todo: Worklist) -> None:
    """Draw "Save case", or "Save changes" once there is a case; off while fields are still read."""
    ready = not todo.waiting and any(row.unsaved for row in todo.rows) and not (todo.case and todo.case.signed)
    label = "Save changes" if todo.case else "Save case"
    if st.button(label, type="primary", icon=":material/bookmark_add:", disabled=not ready, key="save-case"):
        _dialog(todo)


def follow(todo: Worklist) -> None:
    """Bring a case that was signed to what the book holds by now: reopened there, it can be saved to again from here."""
    if todo.case is None or not todo.case.signed:
        return
    # Not before there is a case: the first page does not wait for the database's library.
    from ball.casebook import errors

    try:
        refresh(todo, casebook())
    except errors.NoSuchCaseError as error:
        detach(todo)
        st.toast(f"{told(error)} What you entered can be saved as a new one.")
    except errors.CaseBookError as error:
        # It stays as it was known; the Case book page says what ails the book.
        log_failure(_LOG, "A signed case could not be looked up.", error)


def state(todo: Worklist) -> str:
    """What of the list is kept, in words."""
    if todo.case is None:
        return f"nothing saved yet: {_LOST} it"
    return f"{todo.case.key}, changes not saved: {_LOST} them" if any(row.unsaved for row in todo.rows) else f"saved as {todo.case.key}"


@st.dialog("Save case")
def _dialog(todo: Worklist) -> None:
    from ball.casebook import errors

    new = [row for row in todo.rows if row.reading and row.saved is None]
    reviewed = sum(row.verdict.given for row in todo.rows)
    st.markdown(f"{len(todo.rows)} {'field' if len(todo.rows) == 1 else 'fields'}, {reviewed} with your own reading.")
    before = todo.case.name if todo.case else ""
    name = st.text_input(
        "Name of the case (may stay empty)", before if todo.draft is None else todo.draft, max_chars=120,
        help="Write no name of a patient here.",
    )  # fmt: skip
    todo.draft = name if name != before else None  # What she did not touch is not hers to put back over another's.
    by = who.initials("save")
    keep = bool(new) and st.checkbox(
        "Keep the pictures, too", todo.keep_pictures,
        help="As PNG, without any data of the camera. Without them, only figures, verdicts and notes are kept: the case's report and "
        "ZIP then hold no pictures, and its fields cannot be opened on Read again.",
    )  # fmt: skip
    if st.button("Save", type="primary", disabled=not by, key="save-now"):
        todo.refused = None
        try:
            with st.spinner("Saving"):
                save(todo, casebook(), by, name, keep)
        except errors.CaseBookError as error:
            todo.refused = error
        else:
            st.toast(f"Saved as case {todo.case.key if todo.case else ''}.", icon=":material/check:")
            st.rerun()
    if todo.refused:
        _refused(todo, todo.refused)


def _refused(todo: Worklist, why: CaseBookError) -> None:
    """Why the book did not take it, and the way on."""
    from ball.casebook import errors

    st.error(told(why))
    if isinstance(why, (errors.CaseDeletedError, errors.NoSuchCaseError)):
        st.button("Make it a new case", key="as-new-case", on_click=detach, args=(todo,))
    elif isinstance(why, errors.CaseChangedError) and st.button("Open it anew, keep what I entered", key="refresh-case"):
        todo.refused = None
        try:
            refresh(todo, casebook())
        except errors.CaseBookError as error:
            todo.refused = error
            st.rerun(scope="fragment")
        st.rerun()


def told(error: CaseBookError) -> str:
    """What the book says, for Markdown, its times by the reader's clock."""
    from pages._parts import times

    return plain(error.told(times.zone()))


def plain(text: str) -> str:
    """For Markdown: a sentence with a name of a reader in it, as text that is no markup."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]()#+-!|<>~$:" else each for each in text)


def save(todo: Worklist, book: CaseBook, by: str, name: str, keep: bool) -> Case:
    """Save the list as a case, or what changed of it.

    Args:
        todo: its rows and its case are brought to what was saved.
        book: where to.
        by: initials of the reader.
        name: of the case.
        keep: whether the pictures of new fields are kept.

    Raises:
        CaseChangedError: someone else changed the case; nothing is saved.
        CaseBookError: the book refuses; nothing is saved.
    """
    rows = [row for row in todo.rows if row.unsaved]
    fields = [field_of(row, keep) for row in rows]
    case = book.change(todo.case, by, fields=fields, name=name) if todo.case else book.save(fields, by, name)
    known = {each.id: each for each in case.fields}
    added = iter(each for each in case.fields if each.id not in {field.id for field in (todo.case.fields if todo.case else ())})
    for row in rows:
        row.saved = next(added) if row.saved is None else known[row.saved.id]
    todo.case = case
    todo.draft, todo.keep_pictures, todo.refused = None, False, None
    return case


def refresh(todo: Worklist, book: CaseBook) -> None:
    """Take the case as it is now; verdicts entered here and not yet saved stay, others follow the book."""
    if todo.case is None:
        return
    fresh = book.case(todo.case.key)
    known = {each.id: each for each in fresh.fields}
    for row in todo.rows:
        if row.saved and row.saved.id in known:
            mine = row.verdict if row.unsaved else known[row.saved.id].verdict
            row.saved, row.verdict = known[row.saved.id], mine
    todo.case = fresh


def detach(todo: Worklist) -> None:
    """Let go of a case that is no more: what was read and entered stays, to be saved as a new one."""
    if todo.case is not None and todo.draft is None:
        todo.draft = todo.case.name
    todo.keep_pictures = any(row.saved is not None and row.saved.kept for row in todo.rows)
    for row in todo.rows:
        if row.read_otherwise:  # "Agree" was said of a class that is no longer suggested.
            row.verdict = row.verdict.pinned(row.judged)
        row.saved = None
    todo.case = todo.refused = None


def field_of(row: Row, keep: bool = False) -> Field:
    """A row as a field of a case, its picture with it where it is to be kept."""
    from dataclasses import replace

    from ball.casebook import Field
    from ball.thresholds import VALIDATED, thresholds
    from ball.versions import versions

    if row.saved is not None:
        return replace(row.saved, verdict=row.verdict)
    consensus = row.reading.consensus if row.reading else ()
    picture = _picture(row) if keep else None
    container = row.file if row.file != row.name else ""
    # The limit that the reader asked for, not that of the file: the field's suggestion was held to it.
    held = thresholds() | ({} if row.limit is None else {"suggest": row.limit})
    if row.asked is not None and row.reading and row.reading.judgement:
        held[VALIDATED] = row.reading.judgement.limit
    return Field(row.document() or {}, consensus, held, versions(), row.measures, row.verdict, picture=picture, container=container)


def _picture(row: Row) -> bytes | None:
    from ball.casebook.picture import pixels_png

    return pixels_png(row.data) if row.data else None
