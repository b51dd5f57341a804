"""A weights folder with small benchmark files, and one with none: what the tests of the benchmark share."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ball.labels import LABELS
from ball.names import TITLES

SUPPORT = (2, 4, 3, 1)


def measures(accuracy: float) -> dict[str, Any]:
    """One voter's figures, as `python -m ball evaluate` writes them."""
    confusion = [[count if row == column else 0 for column in range(4)] for row, count in enumerate(SUPPORT)]
    confusion[1][1], confusion[1][2] = 3, 1
    return {
        "accuracy": accuracy, "balanced_accuracy": 0.9375, "f1": accuracy - 0.01, "recall": accuracy, "precision": accuracy + 0.01,
        "macro_f1": 0.92, "loss": 0.1234, "auroc": 0.99, "ece": 0.0345, "confusion": confusion,
        "per_class": {label: {"sensitivity": 0.75 if label == LABELS[1] else 1.0, "specificity": 0.9, "support": count}
                      for label, count in zip(LABELS, SUPPORT, strict=True)},
        "malignant": {"sensitivity": 0.9912, "specificity": 0.97, "auroc": 0.99},
        "ci95": {"accuracy": [accuracy - 0.05, accuracy + 0.05], "macro_f1": None},
    }  # fmt: skip


def _write(folder: Path) -> None:
    networks = {name: measures(0.9 + index / 100) for index, name in enumerate(TITLES)}
    trust = {"coverage": 1.0, "accuracy_when_given": 0.9, "flagged": 0.0, "wrong_and_unflagged": 0.1}
    evaluation = {"n": 10, "classes": LABELS, "errors": [], "networks": networks, "consensus": measures(0.9321) | trust,
                  "mcnemar": [{"pair": ["alexnet", "consensus"], "first_alone": 1, "second_alone": 9, "p": 0.02, "p_holm": 0.03},
                              {"pair": ["alexnet", "googlenet"], "first_alone": 2, "second_alone": 3, "p": 1.0, "p_holm": 1.0}],
                  "weights": {"alexnet": "ab" * 32, "densenet121": "ab" * 32}}  # fmt: skip
    _json(folder / "paper-test.json", evaluation)
    _json(folder / "refit-googlenet.json", {**evaluation, "networks": {"googlenet": measures(0.91)}, "mcnemar": []})
    _stain(folder, evaluation)
    _trials(folder)
    counts = dict(zip(LABELS, (20, 40, 30, 10), strict=True))
    shares = {"train": 8, "val": 1, "test": 1}
    parts = {part: {label: count * share // 10 for label, count in counts.items()} for part, share in shares.items()}
    _json(folder / "data.json", {"n": 100, "counts": counts, "parts": parts})
    for name in TITLES:
        epochs = [
            {"epoch": each, "side": side, "train_loss": 1 / each, "val_loss": 1 / each, "val_accuracy": 0.8, "seconds": 60.0}
            for each, side in ((1, 112), (2, 112), (3, 224))
        ]
        _json(folder / f"training-{name}.json", {"network": name, "command": f"train {name}", "epochs": epochs})
    setting = {"clusters": 3, "min_object": 60, "nucleus_dice": {"mean": 0.8252}, "cell_dice": {"mean": 0.69}}
    better = setting | {"clusters": 4, "nucleus_dice": {"mean": 0.8731}}
    _json(folder / "segmentation.json", {"defaults": setting, "cells": {"n": 300, "settings": [setting, better]}})
    _predictions(folder / "predictions-paper-test.csv")


def _stain(folder: Path, evaluation: dict[str, Any]) -> None:
    """The stain protocol: two folds, GoogLeNet alone in both."""
    part = {"networks": {"googlenet": measures(0.7)}, "consensus": measures(0.7)}
    both = {**part, "networks": {"alexnet": measures(0.6), **part["networks"]}}
    folds = [{"fold": 0, "n": 4, **both}, {"fold": 1, "n": 6, **part, "consensus": measures(0.65)}]
    weights = {"googlenet": {"0": "cd" * 32, "1": "ef" * 32}, "alexnet": {"0": "01" * 32}}
    _json(folder / "stain-test.json", {**evaluation, **part, "mcnemar": [], "folds": folds, "weights": weights})
    header = ("file", "fold", "label", "group", "network", "weights", *LABELS)
    rows = [("Pre/c.jpg", 0, LABELS[2], 0, "alexnet", "01", 9, 0, 0, 0), ("Pre/c.jpg", 0, LABELS[2], 0, "googlenet", "cd", 0, 0, 2, 0),
            ("Pro/d.jpg", 1, LABELS[3], 1, "googlenet", "ef", 0, 0, 2, 0)]  # fmt: skip
    with (folder / "predictions-stain.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _trials(folder: Path) -> None:
    """What colour or cells alone achieve, changed fields, and the grid of one network."""
    def row(accuracy: float) -> dict[str, Any]:
        return {key: value for key, value in measures(accuracy).items() if key != "loss"}

    one = {"field_histogram": {"title": "Field colours", **row(0.95), "balanced_accuracy": 0.94},
           "cell_shapes": {"title": "Size and shape", "of_colour": False, **row(0.99), "balanced_accuracy": 0.99}}  # fmt: skip
    stain = {name: {**each, "folds": [0.55, 0.8] if name == "field_histogram" else [0.45, 0.99]} for name, each in one.items()}
    _json(folder / "baselines.json", {"command": "audit", "paper": {"n": 10, "baselines": one}, "stain": {"n": 10, "baselines": stain}})
    voters = {name: {"accuracy": 0.9, "lost": 0.0, "turned": 0.0} for name in (*TITLES, "consensus")}
    darker = {name: {"accuracy": 0.88, "lost": 0.02, "turned": 0.03} for name in voters}
    conditions = [{"name": "unchanged", "title": "unchanged", "kind": "none", "voters": voters},
                  {"name": "darker", "title": "15 % darker", "kind": "light", "voters": darker},
                  {"name": "jpeg-50", "title": "JPEG of quality 50", "kind": "compression", "voters": voters},
                  {"name": "half-of-cells", "title": "half of the cells taken out", "kind": "cells", "voters": darker}]  # fmt: skip
    moved = {name: {"label": "Pro-B", "copy_label": "Pro-B", "moved": 0.01, "same": True} for name in voters}
    originals = [{"file": "Pro/o.jpg", "copy": "s.jpg", "correlation": 0.99, "voters": moved}]
    robustness = {"n": 5, "of": 10, "weights": {"alexnet": "00" * 32}, "conditions": conditions, "originals": originals}
    _json(folder / "robustness.json", robustness)
    grid = [{"optimiser": optimiser, "rate": rate, "epochs": epochs, "val_accuracy": 0.5 + epochs / 100 + rate, "val_loss": 1.0}
            for optimiser in ("SGD", "Adam") for rate in (0.01, 0.001) for epochs in (5, 10)]  # fmt: skip
    grid[0]["val_loss"] = None
    _json(folder / "ingredients.json", _ingredients())
    _speeds(folder)
    _json(folder / "tuning.json", {"command": "python -m ball tune --side 96", "side": 96, "n": 304, "networks": {"alexnet": grid}})


def _speeds(folder: Path) -> None:
    """A reading that keeps one of two goals, and how the app feels."""
    ratios = {"one field, f32": {"median": 8.0, "low": 7.5, "high": 8.4},
              "one field against the floor, f32": {"median": 1.55, "low": 1.5, "high": 1.6}}  # fmt: skip
    goals = {"faster": {"one field, f32": 7.0, "one field, fast": 12.0}, "as_long": {"one field against the floor, f32": 1.3}}
    agreement = {"votes": 1500, "other_labels": 2, "largest_difference": 0.04}
    one_day = {"date": "2026-01-02", "processor": "A processor, 2 cores"}
    given = "python -m benchmarks.speed DATA --json weights/benchmark/speed.json --turns 4"
    _json(folder / "speed.json", {**one_day, "command": given, "engines": {"f32": "openvino-f32"}, "ratios": ratios, "goals": goals,
                                  "bounds": {"one field against the floor, f32": {"median": 1.25}},
                                  "milliseconds": {"naive": 1600.0, "f32": 200.0},
                                  "agreement": {"engines": {"f32": agreement}}})  # fmt: skip
    sums = {"batch 1": {"torch": 125.0, "openvino f32": 33.0, "openvino bf16": 19.0, "onnxruntime f32": 31.0}}
    sums["batch 8"] = {name: 6 * spent for name, spent in sums["batch 1"].items()}
    _json(folder / "engines.json", {**one_day, "sum": sums})
    rows = {"32-true": {"times_faster": {"median": 1.4, "low": 1.3, "high": 1.5}, "share_of_ours_in_the_network": 0.9},
            "bf16-mixed": {"times_faster": {"median": 2.5, "low": 2.4, "high": 2.6}, "share_of_ours_in_the_network": 0.8}}  # fmt: skip
    _json(folder / "training-speed.json", {**one_day, "goal": 1.5, "networks": {"googlenet": rows}})
    memory = {"50": {"now": 1500.0, "most": 1800.0}, "200": {"now": 1510.0, "most": 1900.0}}
    _json(folder / "app.json", {**one_day, "seconds_to_first_page": {"median": 2.1}, "seconds_to_a_bare_first_page": {"median": 1.7},
                                "seconds_of_a_widget_change": {"median": 0.12},
                                "seconds_of_a_widget_change_on_a_bare_page": {"median": 0.1},
                                "megabytes_after_fields": memory})  # fmt: skip


def _ingredients() -> dict[str, Any]:
    """Two ways of training, the second the better by 12.5 points, and not on the unseen fold."""
    def arm(title: str, recall: float) -> dict[str, Any]:
        return {"title": title, "precision": "bf16-mixed", "n": 778, "accuracy": recall, "macro_recall": recall, "loss": 1.5,
                "recall": dict.fromkeys(LABELS, recall)}  # fmt: skip

    arms = {"jitter": arm("Little stain jitter", 0.625), "scratch": arm("Random start", 0.6),
            "mix": arm("Stains mixed between fields", 0.75)}  # fmt: skip
    starts = {"efficientnet_b0": {"pbc": arm("Little stain jitter", 0.5), "scratch": arm("Random start", 0.55)}}
    return {"network": "googlenet", "held_out": [1, 4], "unseen_fold": 0, "arms": arms, "starts": starts,
            "exam": arm("Stains mixed between fields", 0.6) | {"arm": "mix", "epochs_on_whole_fields": 4, "of_the_folds": 8}}  # fmt: skip


def _predictions(path: Path) -> None:
    """Two fields: a.jpg read rightly by all; b.jpg, Early Pre-B, read as Pre-B by all but GoogLeNet."""
    early, pre = (0.0, 0.9, 0.1, 0.0), (0.0, 0.1, 0.9, 0.0)
    rows = [("a.jpg", LABELS[1], name, *early) for name in (*TITLES, "consensus")]
    rows += [("b.jpg", LABELS[1], name, *(early if name == "googlenet" else pre)) for name in (*TITLES, "consensus")]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "network", *LABELS), *rows])


def _json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def empty_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder without any file."""
    (tmp_path / "benchmark").mkdir()
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def benchmark_files(empty_benchmark: Path) -> Path:
    """A weights folder with every benchmark file and a manifest of two networks, without weights."""
    repository = Path(__file__).resolve().parent.parent
    reference = (repository / "weights" / "benchmark" / "reference.json").read_text(encoding="utf-8")
    (empty_benchmark / "benchmark" / "reference.json").write_text(reference, encoding="utf-8")
    _write(empty_benchmark / "benchmark")
    networks = {name: {"file": f"{name}.safetensors", "sha256": "ab" * 32, "bytes": 1_500_000, "command": f"train {name}"}
                for name in ("alexnet", "densenet121")}  # fmt: skip
    _json(empty_benchmark / "manifest.json", {"networks": networks})
    return empty_benchmark
