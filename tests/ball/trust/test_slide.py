from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ball.labels import LABELS, UNIDENTIFIED
from ball.trust.slide import EMPTY, UNTESTED, SlideField, by_folder, by_name, grouped, joint, read_slide

LIMIT = 0.9


def one(name: str, leading: float, label: str = "Pre-B", cells: int = 3, counts: bool = True) -> SlideField:
    rest = (1 - leading) / 3
    return SlideField(name, tuple(leading if each == label else rest for each in LABELS), label, cells, counts)


def test_fields_that_agree_are_no_surer_together_than_each_alone() -> None:
    slide = read_slide("S", [one(str(index), 0.8) for index in range(10)], LIMIT)
    assert slide is not None
    assert (slide.suggestion, slide.leading) == (UNIDENTIFIED, "Pre-B")
    assert slide.probability == pytest.approx(0.8)
    assert (slide.fields["Pre-B"], slide.cells["Pre-B"]) == (10, 30)
    assert slide.contradicts == ()
    lower = read_slide("S", [one("a", 0.6), *(one(str(index), 0.9) for index in range(9))], 0.85)
    assert lower is not None
    assert (lower.suggestion, lower.settled) == ("Pre-B", 4)


def test_the_band_narrows_with_the_fields() -> None:
    slide = read_slide("S", [one(str(index), 0.7 + 0.2 * (index % 2)) for index in range(20)], LIMIT)
    assert slide is not None
    widths = [high - low for _, low, high in slide.course]
    assert widths[-1] < widths[4] < widths[0]
    assert all(low <= at <= high for at, low, high in slide.course)


def test_a_field_that_contradicts_is_named_with_its_weight() -> None:
    slide = read_slide("S", [one("a", 0.9), one("b", 0.95), one("c", 0.6, "Pro-B")], LIMIT)
    assert slide is not None
    assert [name for name, _ in slide.drives] == ["b", "a"]
    assert [name for name, _ in slide.contradicts] == ["c"]
    assert sum(weight for _, weight in slide.drives) == pytest.approx(1)


def test_doubt_says_how_many_more_would_tell() -> None:
    unsure = [one("a", 0.8), one("b", 0.95), one("c", 0.85)]
    slide = read_slide("S", unsure, LIMIT)
    assert slide is not None
    assert (slide.suggestion, slide.settled) == (UNIDENTIFIED, None)
    assert slide.more is not None
    nearer = read_slide("S", unsure, slide.probability + 0.001)
    assert nearer is not None
    assert nearer.more is None or nearer.more > slide.more
    assert slide.open
    longer = read_slide("S", unsure * (1 + slide.more), LIMIT)
    assert longer is not None
    assert longer.course[-1][2] < LIMIT
    assert not longer.open


def test_too_near_the_limit_is_told_apart_from_too_far_below_it() -> None:
    near = read_slide("S", [one(str(index), value) for index, value in enumerate((0.99, 0.5, 0.6))], 0.88)
    assert near is not None
    assert (near.suggestion, near.more, near.open) == (UNIDENTIFIED, None, True)
    above = read_slide("S", [one("a", 0.62), one("b", 0.98)], 0.88)
    assert above is not None
    assert (above.suggestion, above.settled, above.open) == ("Pre-B", 2, True)


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7], [0.3, 0.5]], ids=["one field", "all alike", "far below"])
def test_more_fields_are_not_asked_for_where_they_would_tell_nothing_new(values: list[float]) -> None:
    slide = read_slide("S", [one(str(index), value) for index, value in enumerate(values)], LIMIT)
    assert slide is not None
    assert (slide.suggestion, slide.more, slide.open) == (UNIDENTIFIED, None, False)


def test_refused_fields_are_left_out_and_named() -> None:
    slide = read_slide("S", [one("a", 0.9), one("photo", 0.9, "Benign", counts=False)], LIMIT)
    assert slide is not None
    assert slide.left_out == ("photo",)
    assert slide.fields["Benign"] == 0
    assert read_slide("S", [one("photo", 0.9, counts=False)], LIMIT) is None


def test_the_document_has_every_key() -> None:
    slide = read_slide("S", [one("a", 0.9)], UNTESTED)
    assert slide is not None
    assert list(slide.document()) == list(EMPTY)
    assert slide.document()["course"][0]["fields"] == 1


@given(st.lists(st.lists(st.floats(0.001, 1), min_size=4, max_size=4), min_size=1, max_size=8))
def test_the_joint_is_a_distribution_and_its_order_is_that_of_the_mean_logs(rows: list[list[float]]) -> None:
    logs = np.log(np.array(rows) / np.sum(rows, axis=1, keepdims=True))
    found = joint(logs)
    assert found.sum() == pytest.approx(1)
    assert found[logs.mean(axis=0).argmax()] == pytest.approx(found.max())


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [("S1/a_01.jpg", "S1", "S1/a"), ("a-07.png", ".", "a"), ("x/y/Pre (3).jpg", "x/y", "x/y/Pre"),
     ("007.jpg", ".", "007"), ("a.jpg", ".", "a")],
)
def test_fields_are_grouped_by_folder_or_by_name(path: str, folder: str, name: str) -> None:
    assert (by_folder(path), by_name(path)) == (folder, name)


def test_groups_keep_the_order_in_which_they_came() -> None:
    assert grouped(["b1", "a1", "b2"], lambda text: text[0]) == {"b": ["b1", "b2"], "a": ["a1"]}
