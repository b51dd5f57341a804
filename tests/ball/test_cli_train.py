"""`python -m ball train`: what is wrong is said before hours are spent; what is right writes weights that load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ball import synthetic
from ball.cli import main
from ball.training import recipe, train
from ball.training.recipe import Recipe, Stage
from ball.training.splits import load_split
from ball.weights import Store

CLASSES = {"Benign": "Benign", "Early": "Early", "Pre": "-Pre-", "Pro": "-Pro-"}


@pytest.fixture
def fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One drawn field a class and part, under names that the split paper knows."""
    monkeypatch.setenv("BALL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path / "weights"))
    for seed, (folder, key) in enumerate(CLASSES.items()):
        (tmp_path / "all" / folder).mkdir(parents=True)
        for part in ("train", "val"):
            name = min(name for name in load_split("paper").part(part) if key in name)
            (tmp_path / "all" / folder / name).write_bytes(synthetic.png(seed))
    return tmp_path / "all"


WRONG = [
    (["--network", "vgg16"], "There is no network named 'vgg16'"),
    (["--network", "alexnet,"], "There is no network named ''"),
    (["--data", "gone"], "There is no folder gone"),
    (["--data", "only"], "holds no field of Benign, Pre-B, Pro-B"),
    (["--data", "unknown"], "holds no file of the part train"),
    (["--split", "stain"], "needs a fold from 0 to 4"),
    (["--fold", "1"], "has no folds"),
    (["--init", "pbc"], "--init pbc needs --pbc FOLDER"),
    (["--init", "pbc", "--pbc", "gone"], "gone holds no */*.jpg"),
    (["--out", "file"], "The folder file cannot be made"),
    (["--accelerator", "abacus"], "Lightning Fabric cannot run so"),
    (["--precision", "12"], "Lightning Fabric cannot run so"),
    (["--devices", "none"], "Lightning Fabric cannot run so"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_what_is_wrong_is_said_at_once(
    options: list[str], says: str, fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "load", lambda _: pytest.fail("the data were loaded"))
    Path("file").touch()
    for folder in ("only/Early", *(f"unknown/{name}" for name in CLASSES)):
        Path(folder).mkdir(parents=True)
        Path(folder, "1.png").touch()
    usual = ["--data", str(fields), "--network", "alexnet", "--init", "scratch"]
    assert main(["train", *usual, *options]) == 2
    assert says in capsys.readouterr().err


def test_an_unwritable_folder_of_runs_is_said_at_once(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BALL_RUNS", str(tmp_path / "file"))
    assert main(["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_a_field_that_cannot_be_decoded_is_said(fields: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fields / "Pre" / "short.png").write_bytes(b"no picture")
    assert main(["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch"]) == 2
    assert "python -m ball data check" in capsys.readouterr().err


def test_a_network_is_trained_and_its_weights_load(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "recipe_for", lambda _, **changes: Recipe(stages=(Stage(1, 64),), **changes))
    arguments = ["--data", str(fields), "--network", "googlenet", "--init", "scratch", "--seed", "3", "--accelerator", "cpu"]
    assert main(["train", *arguments]) == 0
    weights = tmp_path / "weights"
    Store(weights).load("googlenet")
    entry = json.loads((weights / "manifest.json").read_text())["networks"]["googlenet"]
    assert entry["command"] == "python -m ball train --network googlenet --data DATA/all --split paper --init scratch --seed 3"
    assert entry["recipe"]["seed"] == 3
    assert len(json.loads((weights / "benchmark" / "training-googlenet.json").read_text())["epochs"]) == 1
    assert "googlenet epoch 1/1" in capsys.readouterr().err


def test_a_fold_does_not_replace_the_weights_in_use(fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fields / "Early" / min(name for name in load_split("stain", 1).val if "Early" in name)).write_bytes(synthetic.png(9))
    published = []
    monkeypatch.setattr(train, "train", lambda job, _: ({}, [job.tag]))
    monkeypatch.setattr(train, "publish", lambda job, _, __, log, folder: published.append((job.command, log, folder)))
    assert main(["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch", "--split", "stain", "--fold", "1"]) == 0
    command = "python -m ball train --network alexnet --data DATA/all --split stain --fold 1 --init scratch"
    assert published == [(command, ["stain-1"], tmp_path / "weights" / "stain-1")]


def test_a_precision_has_runs_of_its_own(fields: Path, tmp_path: Path) -> None:
    loaded = train.load(fields)
    job = train.Job("alexnet", Recipe(stages=(Stage(1, 64),)), load_split("paper"), "paper", "", "scratch", loaded.fields)
    assert job.folder("a") == tmp_path / "runs" / "a"
    job.precision = "bf16-mixed"
    assert job.folder("a") == tmp_path / "runs" / "a-bf16-mixed"


def test_the_start_is_known_by_names_and_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "1.jpg", tmp_path / "b" / "1.jpg"
    for path in (one, two):
        path.parent.mkdir()
        path.write_bytes(path.parent.name.encode())
    before = train.pbc_fingerprint([one, two])
    assert train.pbc_fingerprint([two, one]) == before
    two.write_bytes(b"c")
    assert train.pbc_fingerprint([one, two]) != before
