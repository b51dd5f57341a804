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
    evaluation = {"n": 10, "classes": LABELS, "errors": [], "networks": networks, "consensus": measures(0.9321) | trust}
    _json(folder / "paper-test.json", evaluation)
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
