"""Kappa against a figure worked out by hand, and what is left out of it."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ball.casebook import CaseBook
from ball.casebook.agreement import kappa, over_time, overrides
from ball.casebook.book import Judgement
from ball.labels import UNIDENTIFIED
from ball.verdict import AGREE, NOT_ASSESSABLE, Verdict
from tests.case_files import field


def judgement(month: str, suggestion: str | None, choice: str) -> Judgement:
    return Judgement(f"{month}-03T10:00:00.000+00:00", "2026-0001", "a.png", suggestion, Verdict(choice), "RK")


def test_kappa_is_that_of_the_textbook() -> None:
    # Cohen's 2 x 2: 20 and 15 alike, 5 and 10 otherwise; observed 0.7, by chance 0.5.
    pairs = [("Pre-B", "Pre-B")] * 20 + [("Pre-B", "Pro-B")] * 5 + [("Pro-B", "Pre-B")] * 10 + [("Pro-B", "Pro-B")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


@pytest.mark.parametrize("pairs", [[], [("Pre-B", "Pre-B")], [("Pre-B", "Pre-B")] * 9])
def test_kappa_is_not_defined_where_all_is_one_class(pairs: list[tuple[str, str]]) -> None:
    assert kappa(pairs) is None


def test_agreement_runs_on_month_by_month() -> None:
    found = over_time([
        judgement("2026-09", "Pre-B", AGREE), judgement("2026-09", "Pro-B", "Pro-B"), judgement("2026-10", UNIDENTIFIED, "Pro-B"),
        judgement("2026-11", "Pre-B", "Pro-B"), judgement("2026-11", "Pre-B", NOT_ASSESSABLE), judgement("2026-11", "Benign", UNIDENTIFIED),
    ])  # fmt: skip
    assert [(each.month, each.compared, each.same) for each in found] == [("2026-09", 2, 2), ("2026-11", 3, 2)]
    assert found[0].kappa == 1
    assert found[1].kappa == pytest.approx(0.4)


def test_a_month_ends_by_the_clock_of_the_reader() -> None:
    late = Judgement("2026-09-30T22:30:00.000+00:00", "2026-0001", "a.png", "Pre-B", Verdict(AGREE), "RK")
    assert [over_time([late], zone)[0].month for zone in (UTC, ZoneInfo("Europe/Berlin"))] == ["2026-09", "2026-10"]


def test_overrides_are_those_that_say_otherwise_latest_first() -> None:
    given = [judgement("2026-09", "Pre-B", AGREE), judgement("2026-10", "Pre-B", "Pro-B"), judgement("2026-11", UNIDENTIFIED, "Benign")]
    assert overrides(given) == [given[2], given[1]]


def test_the_book_gives_what_is_compared(book: CaseBook) -> None:
    book.save([field("a.png", choice=AGREE), field("b.png", choice="Pro-B"), field("c.png")], "RK")
    book.delete(book.save([field("d.png", choice="Pro-B")], "RK"), "RK")
    found = book.judgements()
    assert [(each.file, each.verdict.choice, each.who) for each in found] == [("a.png", AGREE, "RK"), ("b.png", "Pro-B", "RK")]
    assert over_time(found)[0].compared == 2
