from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ball.labels import LABELS, UNIDENTIFIED
from ball.trust.slide import EMPTY, UNTESTED, SlideField, by_folder, by_name, grouped, joint, read_slide

SETTINGS = {"correlation": 0.3, "limit": 0.9}


def one(name: str, leading: float, label: str = "Pre-B", cells: int = 3, counts: bool = True) -> SlideField:
    rest = (1 - leading) / 3
    return SlideField(name, tuple(leading if each == label else rest for each in LABELS), label, cells, counts)


def test_fields_that_agree_are_surer_together_than_each_alone() -> None:
    slide = read_slide("S", [one(str(index), 0.8) for index in range(10)], SETTINGS)
    assert slide is not None
    assert (slide.suggestion, slide.leading) == ("Pre-B", "Pre-B")
    assert slide.probability > 0.9
    assert (slide.fields["Pre-B"], slide.cells["Pre-B"]) == (10, 30)
    assert [at for at, *_ in slide.course] == sorted(at for at, *_ in slide.course)
    assert slide.settled is not None
    assert slide.settled > 1
    assert slide.contradicts == ()


def test_fields_that_depend_on_each_other_wholly_add_nothing() -> None:
    logs = np.log([[0.8, 0.1, 0.05, 0.05]] * 10)
    assert joint(logs, 1.0) == pytest.approx(np.exp(logs[0]))
    assert joint(logs, 0.0).max() > joint(logs, 0.3).max() > 0.8


def test_a_field_that_contradicts_is_named_with_its_weight() -> None:
    slide = read_slide("S", [one("a", 0.9), one("b", 0.95), one("c", 0.6, "Pro-B")], SETTINGS)
    assert slide is not None
    assert [name for name, _ in slide.drives] == ["b", "a"]
    assert [name for name, _ in slide.contradicts] == ["c"]
    assert sum(weight for _, weight in slide.drives) == pytest.approx(1)


def test_doubt_says_how_many_more_would_settle_it() -> None:
    slide = read_slide("S", [one("a", 0.7), one("b", 0.7)], SETTINGS)
    assert slide is not None
    assert (slide.suggestion, slide.settled) == (UNIDENTIFIED, None)
    assert slide.more is not None
    longer = read_slide("S", [one(str(index), 0.7) for index in range(2 + slide.more)], SETTINGS)
    assert longer is not None
    assert longer.suggestion == "Pre-B"
    hopeless = read_slide("S", [one("a", 0.3), one("b", 0.3)], {"correlation": 0.9, "limit": 0.9})
    assert hopeless is not None
    assert hopeless.more is None


def test_refused_fields_are_left_out_and_named() -> None:
    slide = read_slide("S", [one("a", 0.9), one("photo", 0.9, "Benign", counts=False)], SETTINGS)
    assert slide is not None
    assert slide.left_out == ("photo",)
    assert slide.fields["Benign"] == 0
    assert read_slide("S", [one("photo", 0.9, counts=False)], SETTINGS) is None


def test_the_document_has_every_key() -> None:
    slide = read_slide("S", [one("a", 0.9)], UNTESTED)
    assert slide is not None
    assert list(slide.document()) == list(EMPTY)
    assert slide.document()["course"][0]["fields"] == 1


@given(st.lists(st.lists(st.floats(0.001, 1), min_size=4, max_size=4), min_size=1, max_size=8), st.floats(0, 1))
def test_the_joint_is_a_distribution_and_its_order_is_that_of_the_mean_logs(rows: list[list[float]], correlation: float) -> None:
    logs = np.log(np.array(rows) / np.sum(rows, axis=1, keepdims=True))
    found = joint(logs, correlation)
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
