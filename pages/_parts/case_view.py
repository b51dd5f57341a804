"""One case: reader beside software, its fields, its history, and what can be done with it."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ball.casebook.errors import CaseBookError, CaseChangedError, NoSuchCaseError
from ball.verdict import Verdict
from ball.wording import MARKS, checks, mark_of, percent
from pages._parts import access, case_export, entries, marks, review, saving, tables, who
from pages._parts.entries import Entries
from pages._parts.times import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ball.casebook import AuditLine, Case, CaseBook, Field

_EVENTS: Final = 30
_ADMIN_ONLY: Final = "Only an admin may do this."
_FIRST: Final = "Save what you entered first, or take it back."
_ANEW: Final = "case-anew-asked"
_ACTIONS: Final = {
    "saved": "Field saved", "picture kept": "Field saved with its picture",
    "judged": "Reading of a field", "overridden": "Suggestion overridden",
    "case verdict": "Verdict on the case", "verdict kept": "Another class suggested, the verdict stays",
    "verdict dropped": "Verdict without a class dropped",
    "signed": "Signed", "reopened": "Reopened", "deleted": "Deleted", "restored": "Restored",
    "report": "Report taken along", "exported": "Readings taken along",
}  # fmt: skip


def draw(book: CaseBook, key: str) -> None:
    """Draw the case of a number."""
    st.session_state.pop(_ANEW, None)
    try:
        entered = entries.open_entries(book, key)
    except NoSuchCaseError as error:
        _gone(key, error)
        return
    case = entered.case
    _head(book, entered)
    if entered.verdicts:
        _save_bar(book, entered)
    _sides(case)
    history = book.history(case)
    with st.container(horizontal=True, gap="large", key="case-body"):
        with st.container(width="stretch", key="case-fields"):
            chosen = _fields(entered)
            if chosen is not None:
                _one(book, entered, chosen)
        with st.container(width=250, key="case-history"):
            _history(history, case.fields)


def _gone(key: str, why: NoSuchCaseError) -> None:
    """A case that was erased meanwhile: what was entered on it is shown, so that it can be copied."""
    st.title(f"Case {key}", anchor=False)
    st.error(saving.told(why))
    for verdict in entries.of(key).values():
        st.markdown(f"You had entered **{verdict.choice or 'a note'}**.")
        if verdict.note:
            st.code(verdict.note, language=None, wrap_lines=True)
    st.button("Go to another case", key="case-forget", on_click=entries.forget, args=(key,))


def _save_bar(book: CaseBook, entered: Entries) -> None:
    """All readings entered and not saved, saved at once or taken back."""
    case, count = entered.case, len(entered.verdicts)
    readings = "this reading" if count == 1 else f"these {count} readings"
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", key="case-entries-bar"):
        if case.deleted or case.signed:
            how = f"{case.changed_by} deleted the case. Restore it" if case.deleted else "The case is signed. Reopen it"
            st.markdown(saving.plain(f"{how} to save {'what you entered' if count == 1 else readings}."))
            asked, by = False, ""
        else:
            by = who.initials("field")
            asked = st.button(f"Save {readings}", type="primary", disabled=not by, key="save-field")
        st.button("Take it back" if count == 1 else "Take them back", key="drop-field", on_click=entered.drop)
    if asked:
        _try(book, case.key, lambda: _save(book, entered, by))


def _save(book: CaseBook, entered: Entries, by: str) -> None:
    book.change(entered.case, by, fields=entered.fields())
    entered.drop()


def _head(book: CaseBook, entered: Entries) -> None:
    case, unsaved = entered.case, bool(entered.verdicts)
    with st.container(horizontal=True, vertical_alignment="center", key="case-head"):
        with st.container(width="stretch", key="case-title"):
            st.title(f"Case {case.key}", anchor=False)
            pictures = sum(field.kept for field in case.fields)
            some = "pictures kept" if pictures == len(case.fields) else f"pictures of {pictures} kept"
            kept = some if pictures else "pictures not kept"
            count = f"{len(case.fields)} {'field' if len(case.fields) == 1 else 'fields'}"
            name = f"<b>{escape(case.name)}</b> · " if case.name else ""
            st.html(f'<div class="ball-file">{name}{count} · {clock(case.changed)} · {escape(case.changed_by)} · {kept}</div>')
        if case.deleted:
            if st.button("Restore", icon=":material/restore_from_trash:", key="restore"):
                _restore(book, case)
            if st.button("Erase for good", icon=":material/delete_forever:", key="purge", disabled=not _may_delete(), help=_whose()):
                _purge(book, case)
            return
        if case.signed:
            if st.button("Reopen", icon=":material/lock_open:", key="reopen"):
                _sign(book, case)
        elif st.button(
            "Sign", type="primary", icon=":material/signature:", key="sign", disabled=unsaved,
            help=_FIRST if unsaved else None,
        ):  # fmt: skip
            _sign(book, case)
        if st.button(
            "Open in Read", icon=":material/open_in_new:", key="to-read", disabled=not pictures or unsaved,
            help=_FIRST if unsaved else None if pictures else "No picture was kept with this case.",
        ):  # fmt: skip
            case_export.to_read(book, case)
        case_export.draw(book, case, _FIRST if unsaved else None)
        if st.button("Delete", icon=":material/delete:", type="tertiary", key="delete", disabled=not _may_delete(), help=_whose()):
            _delete(book, case)


def _may_delete() -> bool:
    """Where sign-in is on, deleting is for those who keep the book."""
    return access.role() == "admin"


def _whose() -> str | None:
    return None if _may_delete() else _ADMIN_ONLY


def _sides(case: Case) -> None:
    with st.container(border=True, horizontal=True, gap="large", key="case-sides"):
        with st.container(width="stretch"):
            st.markdown("Reader")
            _said(case.verdict, case.suggestion)
            st.html(f'<div class="ball-file">{escape(case.verdict.note)}</div>')
            st.markdown("Signed" if case.signed else "Not signed yet")
        with st.container(width="stretch"):
            st.markdown("Software")
            if case.suggestion is None:
                st.html('<h2 class="ball-head"><span>No one class</span></h2>')
                st.markdown("No class is suggested for more fields than every other.")
            else:
                st.html(marks.heading(2, MARKS[case.suggestion]))
                most = sum(field.suggestion == case.suggestion for field in case.fields)
                st.markdown(f"Suggested for **{most} of {len(case.fields)}** fields")


def _said(verdict: Verdict, suggestion: str | None) -> None:
    label = verdict.label(suggestion)
    if label:
        st.html(marks.heading(2, MARKS[label]))
    else:
        st.html(f'<h2 class="ball-head"><span>{escape(verdict.choice or "No verdict on the case yet")}</span></h2>')


def _fields(entered: Entries) -> Field | None:
    import pandas as pd

    case = entered.case
    st.header("Fields", anchor=False)
    chips: Any = [mark.chip for mark in MARKS.values()]
    colours = [mark.colour + "33" for mark in MARKS.values()]
    frame = pd.DataFrame([
        {
            "File": field.file, "Suggestion": [mark_of(field.record).chip],
            "Reader": ", ".join(filter(None, [verdict.choice, "unsaved" if field.id in entered.verdicts else ""])),
            "Votes": marks.strip(field.record) if field.record.votes else None,
            "Probability": percent(field.record.probability or 0) if field.record.status == "read" else "",
            "Note": verdict.note,
        }
        for field, verdict in ((each, entered.verdicts.get(each.id or 0, each.verdict)) for each in case.fields)
    ])  # fmt: skip
    event: Any = st.dataframe(
        frame, hide_index=True, row_height=44, height=min(44 * len(frame) + 40, 480), on_select="rerun", selection_mode="single-row",
        key=f"case-fields-{case.key}", placeholder="", alt="Fields of the case",
        column_config={
            "File": tables.file_column(field.file for field in case.fields),
            "Suggestion": st.column_config.MultiselectColumn(options=chips, color=colours, width=120),
            "Votes": st.column_config.ImageColumn(width=marks.STRIP[0]),
            "Reader": st.column_config.TextColumn(width=120),
            "Probability": st.column_config.TextColumn(width=84),
        },
    )
    rows: list[int] = event["selection"]["rows"]
    if not rows or rows[0] >= len(case.fields):
        st.caption("Select a field to see what was said of it, or to change your reading.")
        return None
    return case.fields[rows[0]]


def _one(book: CaseBook, entered: Entries, field: Field) -> None:
    """What was said of one field, and the reader's verdict on it."""
    case, record = entered.case, field.record
    with st.container(border=True, key="case-field"):
        with st.container(horizontal=True, gap="medium"):
            picture = book.picture(field) if field.kept else None
            if picture:
                st.image(picture, width=224, alt=f"Field {field.file}")
            with st.container(width="stretch"):
                st.html(marks.heading(2, mark_of(record)))
                if record.status == "read":
                    agree = f"**{record.agreement} of {len(record.votes)}** networks agree"
                    st.markdown(f"**{percent(record.probability or 0)}** probability · {agree}")
                for remark in field.remarks:
                    st.markdown(remark)
                found = [*([record.reason] if record.reason else []), *checks(record)]
                st.html(f'<div class="ball-file">{escape(" ".join(found))}</div>')
            if record.consensus and record.status == "read":
                with st.container(width=310):
                    st.html(marks.bars(record.consensus, wide=True))
        if case.deleted or case.signed:
            st.markdown("Restore the case to change it." if case.deleted else "The case is signed. Reopen it to change a reading.")
        else:
            _judge(entered, field)
        st.markdown("The same reading, on the command line, where the file lies:")
        st.code(field.command, language=None, wrap_lines=True)


def _judge(entered: Entries, field: Field) -> None:
    # New widgets for each state of the case, so that they show what is so now.
    key = f"case-{field.id}-{entered.case.version}-{entered.turn}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Your reading**")
        said = entered.verdicts.get(field.id or 0, field.verdict)
        review.controls(said, field.suggestion, key, lambda verdict: entered.take(field, verdict))


def _history(lines: list[AuditLine], fields: Sequence[Field]) -> None:
    """What happened, the last first; lines that are alike but for the field are one, and name it where it is a single one.

    A line knows the picture, not the file: where two files hold the same picture, it names both.
    """
    st.header("History", anchor=False)
    alike = [(event, list(group)) for event, group in groupby(reversed(lines), lambda line: (_event(line), clock(line.time), line.who))]
    for (what, when, who_did), group in alike[:_EVENTS]:
        times = f" × {len(group)}" if len(group) > 1 else ""
        files = [field.file for field in fields if len(group) == 1 and field.sha256 == group[0].image_sha256]
        named = f"<br>{escape(' or '.join(files))}" if files else ""
        st.html(f'<div class="ball-event"><b>{escape(what)}{times}</b>{named}<br>{when} · {escape(who_did)}</div>')
    if len(alike) > _EVENTS:
        st.markdown("The report lists what was earlier.")


def _event(line: AuditLine) -> str:
    after = line.content.get("after")
    if line.action in ("judged", "overridden") and after is None:
        return "Reading taken back"
    return f"{_ACTIONS.get(line.action, line.action)}{f': {after}' if after else ''}"


@st.dialog("Sign the case")
def _sign(book: CaseBook, case: Case) -> None:
    _shut_if_asked()
    key = f"sign-{case.key}-{case.version}"
    if case.signed:
        st.markdown("The case can then be changed again. That it was reopened stays in its history.")
    else:
        st.markdown("What is the case, in your reading?")
        st.session_state.setdefault(key, case.verdict)

        def take(verdict: Verdict) -> None:
            st.session_state[key] = verdict

        review.controls(st.session_state[key], case.suggestion, key, take)
    by = who.initials("sign")
    verdict = st.session_state.get(key)
    ready = bool(by) and (case.signed or (isinstance(verdict, Verdict) and verdict.given))
    if st.button("Reopen" if case.signed else "Sign", type="primary", disabled=not ready, key="sign-now"):
        signed = not case.signed
        _try(book, case.key, lambda: book.change(case, by, verdict=verdict if signed else None, signed=signed))


@st.dialog("Delete the case")
def _delete(book: CaseBook, case: Case) -> None:
    _shut_if_asked()
    st.markdown("It leaves the list, and can be restored from **Deleted**.")
    by = who.initials("delete")
    if st.button("Delete", type="primary", disabled=not by, key="delete-now"):
        _try_as_admin(book, case.key, lambda: book.delete(case, by))


@st.dialog("Erase for good")
def _purge(book: CaseBook, case: Case) -> None:
    _shut_if_asked()
    st.markdown("Readings, verdicts, notes and pictures are erased. Only times, actions and image hashes remain.")
    st.markdown("**This cannot be undone.**")
    by = who.initials("purge")
    if st.button("Erase for good", type="primary", disabled=not by, key="purge-now"):
        _try_as_admin(book, case.key, lambda: book.purge(case, by))


@st.dialog("Restore the case")
def _restore(book: CaseBook, case: Case) -> None:
    _shut_if_asked()
    st.markdown("It comes back to the list as it was.")
    by = who.initials("restore")
    if st.button("Restore", type="primary", disabled=not by, key="restore-now"):
        _try(book, case.key, lambda: book.restore(case, by))


def _try(book: CaseBook, key: str, action: Callable[[], object]) -> None:
    """Do it and draw the page anew, what is entered kept beside the case as it is then; else say what the book says, and the way on."""
    try:
        action()
    except CaseBookError as error:
        st.error(saving.told(error))
        if isinstance(error, (CaseChangedError, NoSuchCaseError)):
            st.button("Open it anew, keep what I entered", key="case-anew", on_click=_anew, args=(book, key))
    else:
        entries.renew(book, key)
        st.rerun()


def _try_as_admin(book: CaseBook, key: str, action: Callable[[], object]) -> None:
    """The same, where she may: asked again when it is done, since her role may have gone while the dialog stood open."""
    if _may_delete():
        _try(book, key, action)
    else:
        st.error(f"{_ADMIN_ONLY} Nothing was changed.")


def _anew(book: CaseBook, key: str) -> None:
    st.session_state[_ANEW] = True
    entries.renew(book, key)


def _shut_if_asked() -> None:
    """Close the dialog once its case is to be opened anew: it was opened for another state of it."""
    if st.session_state.pop(_ANEW, False):
        st.rerun()
