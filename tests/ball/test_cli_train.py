"""`python -m ball train`: what is wrong is said before hours are spent; what is right writes weights that load."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest

from ball import synthetic
from ball.cli import main
from ball.perturb import stain
from ball.training import fit, recipe, train
from ball.training.fit import EpochLog, Run, State
from ball.training.recipe import Recipe, Refinement, Stage
from ball.training.splits import load_split
from ball.weights import Store

ROOT = Path(__file__).resolve().parents[2]
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


def test_a_broken_cell_of_the_start_is_named_with_its_folder(fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cells" / "basophil").mkdir(parents=True)
    (tmp_path / "cells" / "basophil" / "BA_1.jpg").write_bytes(b"no picture")
    options = ["--data", str(fields), "--network", "alexnet", "--init", "pbc", "--pbc", str(tmp_path / "cells"), "--accelerator", "cpu"]
    assert main(["train", *options]) == 2
    err = capsys.readouterr().err
    assert f"A cell of the folder {tmp_path / 'cells'} cannot be decoded: copy that folder anew. basophil/BA_1.jpg: " in err
    assert "data check" not in err


def test_an_unwritable_folder_of_runs_is_said_at_once(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BALL_RUNS", str(tmp_path / "file"))
    assert main(["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_a_field_that_cannot_be_decoded_is_said(fields: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fields / "Pre" / "short.png").write_bytes(b"no picture")
    fields = fields.rename(fields.with_name("two words"))
    assert main(["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch"]) == 2
    said = capsys.readouterr().err
    assert f"python -m ball data check '{fields}'" in said
    assert "Pre/short.png" in said


def test_a_field_in_the_folder_of_another_class_is_said_at_once(
    fields: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "load", lambda _: pytest.fail("the data were loaded"))
    (fields / "Pre" / "WBC-Malignant-Pro-001.jpg").write_bytes(synthetic.png(7))
    arguments = ["train", "--data", str(fields), "--network", "alexnet", "--init", "scratch"]
    assert main(arguments) == 2
    assert "lies in a folder of Pre-B, but its name says Pro-B" in capsys.readouterr().err
    (fields / "Pre" / "WBC-Malignant-Pro-001.jpg").rename(fields / "Pro" / "WBC-Malignant-Pro-001.jpg")
    (fields / "Benign" / "copy.jpg").write_bytes(synthetic.png(7))
    assert main(arguments) == 2
    assert "the same picture in two classes" in capsys.readouterr().err


def test_a_disk_without_room_for_checkpoints_is_said_before_training(
    fields: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    monkeypatch.setattr(train, "train", lambda *_: pytest.fail("training began"))
    assert main(["train", "--data", str(fields), "--network", "alexnet,googlenet", "--init", "scratch"]) == 2
    assert "Checkpoints need" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="limits of file size are set as Linux does")
def test_a_full_disk_while_a_checkpoint_is_saved_leaves_nothing_half_written(fields: Path, tmp_path: Path) -> None:
    """The real writer under a limit of 1 MB a file: what a full disk does, and its error is no OSError."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "from ball.cli import main; from ball.training import recipe; from ball.training.recipe import Recipe, Stage\n"
        "recipe.recipe_for = lambda *_, **changes: Recipe(stages=(Stage(1, 64),), **changes)\n"
        f"sys.exit(main(['train', '--data', {str(fields)!r}, '--network', 'googlenet', '--init', 'scratch', '--accelerator', 'cpu']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert "could not be written" in done.stderr
    assert "Make room" in done.stderr
    assert not list((tmp_path / "runs").rglob("*.part"))
    assert not (tmp_path / "weights" / "manifest.json").exists()


def stained(folder: Path) -> None:
    """Four drawn fields of each class to learn from and two to judge by; the strength of the stain tells the classes apart."""
    for place, (name, key) in enumerate(CLASSES.items()):
        for part, count in (("train", 4), ("val", 2)):
            names = sorted(each for each in load_split("paper").part(part) if key in each)[:count]
            for index, file in enumerate(names):
                field = stain(synthetic.draw(10 * place + index + 5 * (part == "val")), hematoxylin=0.6 + 0.5 * place)
                cv2.imwrite(str(folder / name / file), field[:, :, ::-1])


SCRIPT = """
import sys
from ball.cli import main
from ball.training import recipe
from ball.training.augment import Augmentation
from ball.training.recipe import Recipe, Refinement, Stage
still = Augmentation(zoom=(1.0, 1.0), squeeze=0, stain=0, shift=0, light=0, rotate=False)
held = Refinement((Stage(2, 64, still),), rate=1e-4, attention=0.5)
recipe.recipe_for = lambda *_, **changes: Recipe((Stage(6, 64, still),), batch=8, side=64, averaging=0.5, refinement=held, **changes)
sys.exit(main(sys.argv[1:]))
"""
"""A fit of six epochs and one of two that refines it, as a program of its own."""


def fitting(folder: Path, fields: Path, name: str, devices: int = 1) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of that program, with checkpoints and weights of its own by a name."""
    (folder / "run.py").write_text(SCRIPT)
    environment = {**os.environ, "BALL_RUNS": str(folder / f"runs-{name}"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(folder / "run.py"), "train", "--data", str(fields), "--network", "googlenet", "--init", "scratch",
               "--accelerator", "cpu", "--devices", str(devices), "--out", str(folder / name)]  # fmt: skip
    return command, environment


def test_two_processes_train_as_one_does(fields: Path, tmp_path: Path) -> None:
    """Lightning's own launch of two processes: each batch halved, gradients averaged, one of them writing."""
    stained(fields)
    losses = []
    for devices in (1, 2):
        command, environment = fitting(tmp_path, fields, f"out{devices}", devices)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=900)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("googlenet epoch 6/6") == done.stderr.count("googlenet epoch 2/2") == 1
        out = tmp_path / f"out{devices}"
        Store(out).load("googlenet")
        log = json.loads((out / "benchmark" / "training-googlenet.json").read_text())["epochs"]
        losses.append([epoch["train_loss"] for epoch in log])
    (first, *_, fifth, sixth, refined, refined_last), (first_of_two, *_, fifth_of_two, sixth_of_two, refined_of_two, last_of_two) = losses
    # Batch norm sees halves of the batches, so the figures are near one another and not equal.
    assert first_of_two == pytest.approx(first, rel=0.1)
    assert fifth_of_two + sixth_of_two < 1.2 * first_of_two
    assert fifth_of_two + sixth_of_two == pytest.approx(fifth + sixth, abs=0.7)
    assert refined_last < refined
    assert last_of_two < refined_of_two
    # Both processes know the second fit's checkpoint again, which names the weights that it began from.
    command, environment = fitting(tmp_path, fields, "out2", devices=2)
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=900)
    assert again.returncode == 0, again.stderr
    assert "resumed after epoch 2" in again.stderr


def test_a_fit_killed_while_it_is_refined_goes_on_to_the_same_weights(fields: Path, tmp_path: Path) -> None:
    stained(fields)
    found = {}
    for name in ("whole", "killed"):
        command, environment = fitting(tmp_path, fields, name)
        if name == "killed":
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as child:
                assert child.stderr is not None
                assert any("googlenet epoch 1/2" in line for line in child.stderr)
                child.send_signal(signal.SIGKILL)
                assert child.wait(30) == -signal.SIGKILL
            assert not (tmp_path / name).exists() or not list((tmp_path / name).glob("*.safetensors"))
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=900)
        assert done.returncode == 0, done.stderr
        assert ("resumed after epoch 1" in done.stderr) == (name == "killed")
        found[name] = Store(tmp_path / name).manifest()["networks"]["googlenet"]["sha256"]
    assert found["killed"] == found["whole"]


def test_a_network_is_trained_and_its_weights_load(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "recipe_for", lambda *_, **changes: Recipe(stages=(Stage(1, 64),), **changes))
    arguments = ["--data", str(fields), "--network", "googlenet", "--init", "scratch", "--seed", "3", "--accelerator", "cpu"]
    assert main(["train", *arguments]) == 0
    weights = tmp_path / "weights"
    Store(weights).load("googlenet")
    entry = json.loads((weights / "manifest.json").read_text())["networks"]["googlenet"]
    assert entry["command"] == "python -m ball train --network googlenet --data DATA/all --split paper --init scratch --seed 3"
    assert entry["recipe"]["seed"] == 3
    assert len(json.loads((weights / "benchmark" / "training-googlenet.json").read_text())["epochs"]) == 1
    assert "googlenet epoch 1/1" in capsys.readouterr().err


def test_a_fit_is_refined_from_where_it_ended(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = Refinement((Stage(2, 64),), rate=1e-5, attention=0.5)
    monkeypatch.setattr(recipe, "recipe_for", lambda *_, **changes: Recipe(stages=(Stage(1, 64),), side=64, refinement=more, **changes))
    arguments = ["train", "--data", str(fields), "--network", "googlenet", "--init", "scratch", "--accelerator", "cpu"]
    seen: list[tuple[float, bool]] = []
    ended: list[State] = []

    def watched(run: Run, how: Recipe) -> tuple[State, EpochLog]:
        seen.append((how.attention, run.same_classes))
        assert run.start is (ended[-1] if run.same_classes else None)
        state, log = fit.fit(run, how)
        ended.append(state)
        return state, log

    monkeypatch.setattr(train, "fit", watched)
    assert main(arguments) == 0
    assert seen == [(0.0, False), (0.5, True)]
    weights = tmp_path / "weights"
    log = json.loads((weights / "benchmark" / "training-googlenet.json").read_text())["epochs"]
    assert [entry["epoch"] for entry in log] == [1, 2, 3]
    entry = json.loads((weights / "manifest.json").read_text())["networks"]["googlenet"]
    assert entry["recipe"]["refinement"]["attention"] == 0.5
    # Given again, both fits are at their end: the same weights, and nothing is fitted.
    capsys.readouterr()
    assert main([*arguments, "--out", str(tmp_path / "again")]) == 0
    assert Store(tmp_path / "again").manifest()["networks"]["googlenet"]["sha256"] == entry["sha256"]
    assert "epoch 1/" not in capsys.readouterr().err
    # Without the first fit's checkpoint the second's is of no use, though the data are the same: it began from other weights.
    first = next(folder for folder in (tmp_path / "runs").iterdir() if folder.name.endswith(Recipe((Stage(1, 64),), side=64).digest()))
    shutil.rmtree(first)
    monkeypatch.setattr(fit, "_quiet_classifier", lambda _: None)
    assert main(arguments) == 2
    assert "began from other weights" in capsys.readouterr().err


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
