"""The committed splits: what every figure rests on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ball.training.data import Field, find_fields, twin_groups
from ball.training.splits import FOLDS, PARTS, Split, cut_paper, load_split, write_splits

SPLITS = [("paper", None), *(("stain", fold) for fold in range(FOLDS))]


def class_of(name: str) -> str:
    return name.split("-")[1 if "Benign" in name else 2]


@pytest.mark.parametrize(("protocol", "fold"), SPLITS)
def test_parts_are_disjoint_and_not_empty(protocol: str, fold: int | None) -> None:
    parts = [load_split(protocol, fold).part(part) for part in PARTS]
    assert all(parts)
    assert len(frozenset().union(*parts)) == sum(map(len, parts))


def test_all_splits_know_the_same_fields() -> None:
    known = [frozenset().union(*(load_split(*split).part(part) for part in PARTS)) for split in SPLITS]
    assert all(names == known[0] for names in known)


def test_every_field_is_held_out_by_one_fold_of_stain() -> None:
    held = Counter(name for fold in range(FOLDS) for name in load_split("stain", fold).test)
    assert set(held.values()) == {1}


@pytest.mark.parametrize("part", PARTS)
def test_paper_is_stratified_eighty_ten_ten(part: str) -> None:
    split = load_split("paper")
    whole = Counter(class_of(name) for each in PARTS for name in split.part(each))
    share = {"train": 0.8, "val": 0.1, "test": 0.1}[part]
    for label, count in Counter(class_of(name) for name in split.part(part)).items():
        assert count == pytest.approx(share * whole[label], abs=3), label


def test_a_name_in_two_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="1 file names stand in two parts"):
        Split(frozenset({"a"}), frozenset({"a"}), frozenset({"b"}))


WRONG = [("bed", None, "unknown split"), ("paper", 0, "has no folds"), ("stain", None, "needs a fold"), ("stain", FOLDS, "needs a fold")]


@pytest.mark.parametrize(("protocol", "fold", "says"), WRONG)
def test_wrong_splits_are_sentences(protocol: str, fold: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load_split(protocol, fold)


def test_an_unknown_part_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="unknown part 'all'"):
        load_split("paper").part("all")


def test_cutting_keeps_twins_on_one_side() -> None:
    fields = [Field(Path(f"{label}-{index}.jpg"), label) for label in ("Benign", "Pro-B") for index in range(60)]
    groups = np.arange(120) // 3
    parts = cut_paper(fields, groups, seed=0)
    of = {name: part for part, names in parts.items() for name in names}
    assert all(len({of[fields[index].name] for index in np.flatnonzero(groups == group)}) == 1 for group in set(groups))
    assert {part: len(names) for part, names in parts.items()} == {"train": 96, "val": 12, "test": 12}


@pytest.fixture(scope="module")
def real(data: Path) -> tuple[list[Field], list[int]]:
    fields = find_fields(data / "all")
    return fields, twin_groups(fields).tolist()


@pytest.mark.data
@pytest.mark.parametrize(("protocol", "fold"), SPLITS)
def test_twins_are_on_one_side(real: tuple[list[Field], list[int]], protocol: str, fold: int | None) -> None:
    split = load_split(protocol, fold)
    sides: dict[int, set[str]] = {}
    for field, group in zip(*real, strict=True):
        sides.setdefault(group, set()).update(part for part in PARTS if field.name in split.part(part))
    assert [group for group, parts in sides.items() if len(parts) > 1] == []


@pytest.mark.data
def test_the_parts_name_real_fields_alone(real: tuple[list[Field], list[int]]) -> None:
    names = {field.name for field in real[0]}
    assert all(load_split(*split).part(part) <= names for split in SPLITS for part in PARTS)


@pytest.mark.data
def test_the_committed_files_are_what_the_command_cuts(real: tuple[list[Field], list[int]]) -> None:
    fields, groups = real
    cut = write_splits(fields, np.array(groups), seed=0)
    paper = load_split("paper")
    assert {part: frozenset(names) for part, names in cut["paper"]["parts"].items()} == {part: paper.part(part) for part in PARTS}
    assert all(frozenset(cut["stain_validation"]["folds"][str(fold)]) == load_split("stain", fold).val for fold in range(FOLDS))
