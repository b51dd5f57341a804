"""The other commands: help, models, segment, data."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ball import synthetic
from ball.cli import main
from ball.commands import calibrate
from ball.networks import NETWORKS
from ball.segmentation import segment
from ball.training.splits import PARTS, load_split


@pytest.fixture
def field(tmp_path: Path) -> Path:
    path = tmp_path / "field.png"
    path.write_bytes(synthetic.png(1))
    return path


@pytest.mark.parametrize("arguments", [[], ["read"], ["data"], ["data", "burn"], ["segment", "a.png"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m ball" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["read", "segment", "evaluate", "data", "train", "calibrate", "models"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"python -m ball {command}" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, ball.cli; ball.cli.parser(); print(sorted({'torch', 'numpy', 'cv2', 'sklearn'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_models_lists_the_five(random_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    entries = json.loads((random_weights / "manifest.json").read_text())["networks"]
    for line, (name, network) in zip(lines[1:], NETWORKS.items(), strict=True):
        assert line.split()[0] == network.title
        assert entries[name]["sha256"][:12] in line
        assert line.endswith("yes")


def test_models_says_why_one_does_not_load(
    random_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in random_weights.glob("*"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "googlenet.safetensors").unlink()
    (tmp_path / "googlenet.safetensors").write_bytes(b"damaged")
    (tmp_path / "alexnet.safetensors").unlink()
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path))
    assert main(["models", "--json", "-"]) == 1
    found = {one["network"]: one for one in json.loads(capsys.readouterr().out)}
    assert [name for name, one in found.items() if one["loads"]] == ["densenet121", "resnet50", "efficientnet_b0"]
    assert "SHA-256 differs" in found["googlenet"]["reason"]
    assert "missing" in found["alexnet"]["reason"]
    assert (found["alexnet"]["bytes"], found["alexnet"]["sha256"]) == (None, None)


def test_segment_writes_every_step_mask_and_cells(field: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "steps"
    assert main(["segment", str(field), "--out", str(out)]) == 0
    found = segment(synthetic.draw(1))
    steps = [f"{number:02}-{step.name}.png" for number, step in enumerate(found.steps(), start=1)]
    assert sorted(path.name for path in out.iterdir()) == sorted([*steps, "mask.png", "cells.csv"])
    for step, name in zip(found.steps(), steps, strict=True):
        assert np.array_equal(np.asarray(Image.open(out / name)), step.image)
    mask = np.asarray(Image.open(out / "mask.png"))
    assert mask.shape == synthetic.SIZE
    assert set(np.unique(mask)) == {0, 255}
    assert (mask > 0).mean() == pytest.approx(found.mask.mean(), rel=0.02)
    rows = list(csv.DictReader((out / "cells.csv").read_text().splitlines()))
    assert len(rows) == found.count
    assert [row["number"] for row in rows] == [str(number) for number in range(1, found.count + 1)]


def test_segment_of_a_field_without_stain_writes_an_empty_table(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "white").save(tmp_path / "blank.png")
    assert main(["segment", str(tmp_path / "blank.png"), "--out", str(tmp_path / "steps")]) == 0
    assert len((tmp_path / "steps" / "cells.csv").read_text().splitlines()) == 1
    assert Image.open(tmp_path / "steps" / "mask.png").size == (30, 20)


def test_segment_tells_what_it_cannot_do(field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = tmp_path / "short.png"
    short.write_bytes(field.read_bytes()[:500])
    assert main(["segment", str(short), "--out", str(tmp_path / "steps")]) == 1
    assert main(["segment", str(tmp_path / "gone.png"), "--out", str(tmp_path / "steps")]) == 2
    assert main(["segment", str(field), "--out", str(short)]) == 2
    err = capsys.readouterr().err
    assert "short.png: " in err
    assert "There is no file" in err
    assert "cannot be made" in err


@pytest.mark.parametrize("command", [("segment", "--out", "steps"), ("evaluate",), ("data", "check")])
def test_a_name_that_no_disk_can_hold_is_a_sentence(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "n" * 300]) == 2
    assert "There is no " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mask.png", "01-resized.png", "cells.csv"])
def test_segment_never_writes_over_its_input(
    name: str, field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    field.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["segment", name, "--out", "."]) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: synthetic.png(1)}


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for seed, label in enumerate(("Benign", "Early", "Pre", "Pro")):
        (tmp_path / "all" / label).mkdir(parents=True)
        (tmp_path / "all" / label / f"{label}.png").write_bytes(synthetic.png(seed))
    return tmp_path / "all"


def test_data_check_prints_a_table_or_json(classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(classes)]) == 0
    assert "all that can be read" in capsys.readouterr().out
    (classes / "Pre" / "short.png").write_bytes(b"no picture")
    assert main(["data", "check", str(classes), "--json", "-"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["unreadable"] == ["Pre/short.png"]
    assert "Pre/short.png" in err


@pytest.mark.parametrize("verb", ["check", "split"])
def test_data_of_an_unknown_class_or_of_none_is_wrong_usage(verb: str, classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (classes / "Normal").mkdir()
    assert main(["data", verb, str(classes)]) == 2
    assert "'Normal' names no class" in capsys.readouterr().err
    assert main(["data", verb, str(classes / "none")]) == 2
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.data
def test_data_split_writes_the_committed_files_again(data: Path, tmp_path: Path) -> None:
    from ball.training import splits

    assert main(["data", "split", str(data / "all"), "--out", str(tmp_path)]) == 0
    for name in ("paper.json", "stain_validation.json"):
        assert (tmp_path / name).read_bytes() == Path(splits.__file__).with_name("splits").joinpath(name).read_bytes()
    assert set(json.loads((tmp_path / "paper.json").read_text())["parts"]) == set(PARTS)


def test_data_split_tells_that_fields_are_too_few(classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "split", str(classes), "--out", str(tmp_path / "splits")]) == 2
    assert "cannot be cut" in capsys.readouterr().err
    (classes / "Pre" / "Pre.png").write_bytes(b"no picture")
    assert main(["data", "split", str(classes), "--out", str(tmp_path / "splits")]) == 2
    assert "cannot be cut: Pre/Pre.png: " in capsys.readouterr().err


@pytest.fixture
def one_broken(tmp_path: Path, random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty fields of each part of the split paper, of which the first, of the part train, is no picture."""
    for path in random_weights.iterdir():
        (tmp_path / "weights").mkdir(exist_ok=True)
        (tmp_path / "weights" / path.name).symlink_to(path)
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "fields" / "Benign").mkdir(parents=True)
    split = load_split("paper")
    for part in PARTS:
        for name in sorted(split.part(part))[:20]:
            Image.new("RGB", (64, 48), "white").save(tmp_path / "fields" / "Benign" / name)
    (tmp_path / "fields" / "Benign" / min(split.train)).write_bytes(b"no picture")
    return tmp_path / "fields"


def test_a_field_that_cannot_be_decoded_is_named_by_calibrate(one_broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--data", str(one_broken)]) == 2
    name = min(load_split("paper").train)
    says = f"A file cannot be decoded; `python -m ball data check FOLDER` names all such files. Benign/{name}: "
    assert says in capsys.readouterr().err


def test_the_audit_reads_the_part_asked_for_and_says_which_and_by_what_consensus(
    random_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    read: list[int] = []
    monkeypatch.setattr("ball.training.audit.robustness", lambda images, *_, **__: read.append(len(images)) or [])
    monkeypatch.setattr("ball.commands.audit._summary", lambda _: "")
    folder = tmp_path / "fields" / "Benign"
    folder.mkdir(parents=True)
    split = load_split("paper")
    for name in [*sorted(name for name in split.val if "Benign" in name)[:2], min(name for name in split.test if "Benign" in name)]:
        Image.new("RGB", (64, 48), "white").save(folder / name)
    options = [str(folder.parent), "--only", "robustness", "--out", str(tmp_path / "out")]
    assert main(["audit", *options, "--part", "val"]) == 0
    document = json.loads((tmp_path / "out" / "robustness-val.json").read_text())
    assert (read, document["part"], document["of"], document["calibrated"]) == ([2], "paper, val", 2, False)
    assert document["command"].endswith("--part val")
    assert "the consensus is the plain mean of the votes" in capsys.readouterr().err
    assert main(["audit", *options]) == 0
    assert json.loads((tmp_path / "out" / "robustness.json").read_text())["of"] == 1


@pytest.mark.parametrize("files", [[], ["1.png"]])
def test_a_family_without_a_picture_is_left_out(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bccd" / "deep").mkdir(parents=True)
    for name in files:
        (tmp_path / "bccd" / "deep" / name).write_bytes(synthetic.png(1))
    assert calibrate._present("bccd", tmp_path) == bool(files)
    assert ("its family is left out" in capsys.readouterr().err) != bool(files)
    assert calibrate._present("", tmp_path)
    assert not calibrate._present("gone", tmp_path)


def test_a_field_that_cannot_be_decoded_is_named_by_the_audit_before_its_hours_of_work(
    one_broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ball.training.audit.robustness", lambda *_, **__: pytest.fail("the conditions were read first"))
    (tmp_path / "large" / "Benign").mkdir(parents=True)
    (tmp_path / "large" / "Benign" / "1.png").write_bytes(synthetic.png(1))
    options = ["--only", "robustness", "--hires", str(tmp_path / "large"), "--out", str(tmp_path / "out"), "--limit", "1"]
    assert main(["audit", str(one_broken), *options]) == 2
    assert f"Benign/{min(load_split('paper').train)}: " in capsys.readouterr().err


def test_data_fetch_prints_the_folder_of_the_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for copy in ("Original", "Segmented"):
        (tmp_path / "set" / copy / "Benign").mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=lambda *_, **__: str(tmp_path)))  # type: ignore[arg-type]
    assert main(["data", "fetch"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "set")


def test_data_fetch_without_kagglehub_says_how_to_get_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # type: ignore[arg-type]
    assert main(["data", "fetch"]) == 2
    assert "pip install kagglehub" in capsys.readouterr().err
