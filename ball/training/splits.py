"""Which field is in which part. Splits are committed lists of file names, so they mean the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from ball.training.data import Field

PARTS: Final = ("train", "val", "test")
PROTOCOLS: Final = ("paper", "stain")
FOLDS: Final = 5
TENTHS: Final = 10


@dataclass(frozen=True)
class Split:
    """File names of the three parts; no name stands in two of them.

    Raises:
        ValueError: a name stands in two parts.
    """

    train: frozenset[str]
    val: frozenset[str]
    test: frozenset[str]

    def __post_init__(self) -> None:
        twice = self.train & self.val | self.train & self.test | self.val & self.test
        if twice:
            raise ValueError(f"{len(twice)} file names stand in two parts of the split, {min(twice)} among them")

    def part(self, name: str) -> frozenset[str]:
        """Names of one part.

        Raises:
            ValueError: the part is not train, val or test.
        """
        if name not in PARTS:
            raise ValueError(f"unknown part {name!r}; expected one of {', '.join(PARTS)}")
        return frozenset(getattr(self, name))


def load_split(protocol: str, fold: int | None = None) -> Split:
    """Return a committed split.

    Args:
        protocol: ``paper`` (stratified 80/10/10) or ``stain`` (whole stain clusters held out).
        fold: 0 to 4, for ``stain`` alone.

    Raises:
        ValueError: an unknown protocol, or a fold missing, out of range or given in vain.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown split {protocol!r}; expected one of {', '.join(PROTOCOLS)}")
    if protocol == "paper":
        if fold is not None:
            raise ValueError("the split 'paper' has no folds; leave --fold out")
        return Split(**{part: frozenset(names) for part, names in _file("paper")["parts"].items()})
    if fold is None or fold not in range(FOLDS):
        raise ValueError(f"the split 'stain' needs a fold from 0 to {FOLDS - 1}, got {fold}")
    document = _file("stain")
    names = {int(key): frozenset(value) for key, value in document["folds"].items()}
    val = frozenset(_file("stain_validation")["folds"][str(fold)])
    test = names[fold]
    return Split(frozenset().union(*names.values()) - test - val, val, test)


@cache
def _file(name: str) -> dict[str, Any]:
    text = resources.files("ball.training").joinpath("splits", f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def cut_paper(fields: Sequence[Field], groups: NDArray[np.intp], seed: int) -> dict[str, list[str]]:
    """Cut fields 80/10/10, stratified by class, groups of twins whole.

    Args:
        fields: all fields.
        groups: (N,) group numbers from `twin_groups`.
        seed: of the shuffle.
    """
    tenth = _tenths(fields, groups, seed)
    part = np.where(tenth == 0, 2, np.where(tenth == 1, 1, 0))
    return {name: sorted(field.name for field, of in zip(fields, part, strict=True) if of == index) for index, name in enumerate(PARTS)}


def cut_validation(fields: Sequence[Field], groups: NDArray[np.intp], seed: int) -> list[str]:
    """Cut a tenth of a training part off for validation, stratified by class, groups of twins whole."""
    tenth = _tenths(fields, groups, seed)
    return sorted(field.name for field, of in zip(fields, tenth, strict=True) if of == 0)


def _tenths(fields: Sequence[Field], groups: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Number of the tenth that each field falls into."""
    targets = np.array([field.target for field in fields])
    tenth = np.empty(len(fields), dtype=np.intp)
    folds = StratifiedGroupKFold(TENTHS, shuffle=True, random_state=seed).split(targets, targets, groups)
    for index, (_, held) in enumerate(folds):
        tenth[held] = index
    return tenth


def write_splits(fields: Sequence[Field], groups: NDArray[np.intp], seed: int) -> dict[str, dict[str, Any]]:
    """Cut the files `paper.json` and `stain_validation.json` anew; `stain.json` is given and stays as it is."""
    folds: dict[str, list[str]] = {}
    for fold, test in _file("stain")["folds"].items():
        held = frozenset(test)
        known = frozenset(name for names in _file("stain")["folds"].values() for name in names)
        keep = [index for index, field in enumerate(fields) if field.name in known - held]
        folds[fold] = cut_validation([fields[index] for index in keep], groups[keep], seed)
    return {
        "paper": {
            "protocol": "stratified 80/10/10 by class; byte-identical and near-identical fields kept together",
            "command": f"python -m ball data split FOLDER --seed {seed}",
            "seed": seed,
            "parts": cut_paper(fields, groups, seed),
        },
        "stain_validation": {
            "protocol": "a tenth of the training stains of each fold of stain.json, stratified, twins kept together",
            "command": f"python -m ball data split FOLDER --seed {seed}",
            "seed": seed,
            "folds": folds,
        },
    }
