"""What a reader entered on the fields of a case and has not saved yet."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import streamlit as st

from ball.casebook.errors import NoSuchCaseError
from ball.verdict import Verdict
from pages._parts.unsaved import ENTRIES

if TYPE_CHECKING:
    from ball.casebook import Case, CaseBook, Field


@dataclass
class Entries:
    """Verdicts by the id of their field, and ``case`` as it was when the first was entered: so the book can tell of others.

    ``turn`` counts how often they were taken back or brought to another state: widgets of another turn show what is so now.
    """

    case: Case
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    turn: int = 0

    def take(self, on: Field, verdict: Verdict) -> None:
        """Note a verdict on a field; none where it is the one that the book holds."""
        self.verdicts.pop(on.id or 0, None)
        if verdict != on.verdict:
            self.verdicts[on.id or 0] = verdict

    def fields(self) -> list[Field]:
        """The fields with what was entered on them, to be saved."""
        return [replace(each, verdict=self.verdicts[each.id]) for each in self.case.fields if each.id in self.verdicts]

    def drop(self) -> None:
        """Forget what was entered."""
        self.verdicts.clear()
        self.turn += 1

    def rebase(self, fresh: Case) -> None:
        """Keep what was entered beside the case as it is now."""
        self.case = fresh
        self.verdicts = {each.id: self.verdicts[each.id] for each in fresh.fields if each.id in self.verdicts}
        self.turn += 1


def of(key: str) -> dict[int, Verdict]:
    """What is entered on the case of a number and not saved."""
    found: Entries | None = st.session_state.get(ENTRIES, {}).get(key)
    return found.verdicts if found else {}


def open_entries(book: CaseBook, key: str) -> Entries:
    """The entries on a case; where there are none, on the case as it is now.

    Raises:
        NoSuchCaseError: it is no more.
    """
    every: dict[str, Entries] = st.session_state.setdefault(ENTRIES, {})
    fresh = book.case(key)
    found = every.get(key)
    if found is None:
        found = every[key] = Entries(fresh)
    elif not found.verdicts:
        found.case = fresh
    elif found.case.deleted != fresh.deleted:
        found.rebase(fresh)
    return found


def renew(book: CaseBook, key: str) -> None:
    """Bring what is entered to the case as it is now; a case that is no more is told of when it is drawn."""
    found: Entries | None = st.session_state.get(ENTRIES, {}).get(key)
    if found:
        with suppress(NoSuchCaseError):
            found.rebase(book.case(key))


def forget(key: str) -> None:
    """Let go of a case that is no more."""
    st.session_state.get(ENTRIES, {}).pop(key, None)
