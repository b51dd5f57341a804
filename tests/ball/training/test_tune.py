"""The tuning grid: eight figures from four runs, resumable, written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric

from ball.cli import main
from ball.training import tune
from ball.training.fit import CHECKPOINT
from ball.training.recipe import Recipe, recipe_for
from ball.training.splits import load_split
from ball.training.train import Loaded
from tests.ball.test_cli_train import fields

__all__ = ["fields"]


def plan() -> tune.Plan:
    loaded = Loaded((), torch.zeros(0, 4, 4, 3, dtype=torch.uint8), "none")
    return tune.Plan(loaded, load_split("paper"), 64, "scratch", 0, Fabric(accelerator="cpu", devices=1))


def test_the_grid_is_the_papers() -> None:
    found = tune.jobs("googlenet", plan())
    assert [(name, job.recipe.rate) for name, job in found] == [("SGD", 0.01), ("Adam", 0.01), ("SGD", 0.001), ("Adam", 0.001)]
    assert {sum(stage.epochs for stage in job.recipe.stages) for _, job in found} == {10}
    assert len({folder for _, job in found for folder in job.run_folders}) == 4
    assert {job.recipe.averaging for _, job in found} == {0.0}
    assert {job.start.start().digest() for _, job in found if job.start} == {recipe_for("googlenet").start().digest()}


@pytest.mark.parametrize("name", tune.OPTIMISERS)
def test_the_rate_is_constant(name: str) -> None:
    descent = tune.OPTIMISERS[name]
    recipe = Recipe(rate=0.01)
    assert {descent.rate(recipe, done / 10) for done in range(10)} == {0.01}
    optimizer = descent.optimizer([torch.nn.Parameter(torch.zeros(1))], recipe)
    assert type(optimizer).__name__ == name
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_figures_after_five_epochs_are_read_off_the_run_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    log = [{"val_accuracy": epoch / 10, "val_loss": float("nan") if epoch > 5 else 1.0, "train_loss": 1.0, "seconds": 2.0}
           for epoch in range(1, 11)]  # fmt: skip
    monkeypatch.setattr(tune, "train", lambda *_: ({}, log))
    found = tune.tune("googlenet", plan())
    assert len(found) == 8
    assert [(each["epochs"], each["val_accuracy"], each["val_loss"], each["seconds"]) for each in found[:2]] == [
        (5, 0.5, 1.0, 10.0), (10, 1.0, None, 20.0)]  # fmt: skip


def test_a_grid_runs_and_goes_on_where_it_stopped(
    fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tune, "EPOCHS", (1, 2))
    monkeypatch.setattr(tune, "RATES", (0.001,))
    path = tmp_path / "tuning.json"
    arguments = ["tune", "--data", str(fields), "--network", "googlenet", "--side", "32", "--init", "scratch", "--accelerator", "cpu",
                 "--json", str(path)]  # fmt: skip
    assert main(arguments) == 0
    document: dict[str, Any] = json.loads(path.read_text())
    assert [(each["optimiser"], each["epochs"]) for each in document["networks"]["googlenet"]] == [
        ("SGD", 1), ("SGD", 2), ("Adam", 1), ("Adam", 2)]  # fmt: skip
    assert (document["side"], document["part"], document["n"]) == (32, "val", 4)
    runs = sorted((tmp_path / "runs").glob(f"tune-*/{CHECKPOINT}"))
    before = [run.stat().st_mtime_ns for run in runs]
    assert len(runs) == 2
    capsys.readouterr()
    assert main(arguments) == 0
    assert [run.stat().st_mtime_ns for run in runs] == before
    assert json.loads(path.read_text()) == document


WRONG = [
    (["--side", "7"], "--side takes 32 to 224"),
    (["--network", "vgg"], "no network named 'vgg'"),
    (["--data", "gone"], "no folder gone"),
    (["--init", "pbc"], "--init pbc needs"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_wrong_usage_is_said_at_once(options: list[str], says: str, fields: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--data", str(fields), "--init", "scratch", *options]) == 2
    assert says in capsys.readouterr().err
