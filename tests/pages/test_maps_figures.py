"""The figures of maps, masks and deciding cells on the Benchmark page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball.names import METHODS
from pages._parts import maps_figures
from tests.benchmark_files import benchmark_files, empty_benchmark  # noqa: F401


def a_map(of_ideal: float, low: float) -> dict[str, Any]:
    return {
        "fields": 40, "empty": 1, "on_cells": 0.31, "by_chance": 0.1, "ideal": 0.42, "of_ideal": {"mean": of_ideal, "ci95": [0.7, 0.78]},
        "taken_out": {"most": 0.3, "least": 0.1, "difference": {"mean": 0.2, "ci95": [low, 0.3]}},
        "randomised": {"compared": 39, "spearman": {"mean": 0.12, "ci95": None}},
    }  # fmt: skip


MAPS = {
    "command": "python -m benchmarks.maps", "n": 40, "weights": {"alexnet": "ab"}, "asked": ["alexnet"],
    "networks": {
        "alexnet": {method: a_map(0.74, -0.1 if method == "layer-cam" else 0.1) for method in METHODS},
        "googlenet": {method: a_map(0.81, 0.1) for method in METHODS},
    },
}  # fmt: skip
CELLS = {
    "command": "python -m benchmarks.cells --fields 9", "weights": {"alexnet": "ab"}, "n": 40, "measured": 30, "taken": 3,
    "least_cells": 6, "weightiest": 0.2, "random": 0.05, "difference": {"mean": 0.15, "ci95": [0.1, 0.2]}, "more_in": 28,
}  # fmt: skip
DICE = {"mean": 0.9612, "ci95": [0.958, 0.964], "median": 0.97, "under_085": 3}
MASKS = {
    "n": 300, "folds": 5, "out_of_fold": {"nucleus_dice": DICE, "cell_dice": {**DICE, "mean": 0.9733}},
    "with_defaults": {"nucleus_dice": DICE, "cell_dice": DICE},
    "fields": {"classes": {"Benign": {"median_share": 0.9, "least_share": 0.5, "fields": 3, "nuclei": 12, "objects": 9}}},
}  # fmt: skip


def script() -> None:
    from pages._parts import maps_figures

    maps_figures.closer_masks()
    maps_figures.draw()


def test_without_the_files_each_part_names_its_command(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("empty_benchmark")
    app = AppTest.from_function(script).run()
    assert not app.exception
    commands = "\n".join(each.value for each in app.code)
    for name in ("masks", "maps", "cells"):
        assert f"python -m benchmarks.{name} " in commands


def written(folder: Path) -> None:
    for name, document in (("maps", MAPS), ("cells", CELLS), ("masks", MASKS)):
        (folder / "benchmark" / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def test_with_the_files_every_figure_is_shown(request: pytest.FixtureRequest) -> None:
    written(request.getfixturevalue("empty_benchmark"))
    app = AppTest.from_function(script).run()
    assert not app.exception
    said = "\n".join(each.value for each in app.markdown)
    assert "Grad-CAM 31 % on cells, holds up for 2, 0.12 like a map of random weights; Grad-CAM++ 31 %" in said
    assert "2 of 2 networks look at cells more than chance" in said
    assert "74 % (AlexNet) to 81 % (GoogLeNet)" in said
    assert "the Grad-CAM maps of AlexNet were held to the cells" in said
    assert "moves by 20.0 points, without 3 at random by 5.0: more than chance" in said
    assert "Mean Dice of nuclei 0.961" in said
    assert [list(frame.value.iloc[:, 0]) for frame in app.dataframe] == [["Benign"], ["AlexNet", "GoogLeNet"]]
    assert "python -m benchmarks.cells --fields 9" in [each.value for each in app.code]
    assert not app.warning
    app.segmented_control(key="maps-method").set_value("layer-cam").run()
    assert any("is not shown for AlexNet" in each.value for each in app.markdown)


def test_figures_of_other_weights_say_so_and_are_not_quoted_beside_a_reading(request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue("empty_benchmark")
    written(folder)
    assert "is not shown for AlexNet" in maps_figures.standing("layer-cam")
    assert "maps of AlexNet were held to the cells" in maps_figures.standing("grad-cam")
    entry = {"file": "alexnet.safetensors", "sha256": "cd", "bytes": 1}
    (folder / "manifest.json").write_text(json.dumps({"networks": {"alexnet": entry}}), encoding="utf-8")
    assert maps_figures.standing("layer-cam") == ""
    app = AppTest.from_function(script).run()
    assert ["AlexNet" in each.value for each in app.warning] == [True, True]


@pytest.mark.parametrize(("ends", "words"), [([0.1, 0.2], "more than"), ([-0.1, 0.2], "no differently"), ([-0.2, -0.1], "less than")])
def test_the_sentence_follows_the_interval(ends: list[float], words: str) -> None:
    assert words in maps_figures.deciding({**CELLS, "difference": {"mean": 0.0, "ci95": ends}})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([], ""),
        (["googlenet"], "maps of GoogLeNet were held to the cells: "),
        (["alexnet", "googlenet"], "of AlexNet and GoogLeNet were held to the cells: "),
    ],
)
def test_what_training_asked_for_is_no_discovery(asked: list[str], words: str) -> None:
    said = maps_figures.on_cells({**MAPS, "asked": asked}, "grad-cam")
    assert words in said
    assert ("no discovery" in said) == bool(asked)
