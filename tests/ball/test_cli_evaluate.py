"""`python -m ball evaluate`: the figures through the command line."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from ball.cli import main
from ball.labels import LABELS
from ball.networks import NETWORKS
from ball.training.out_of_fold import HEADER
from ball.training.splits import FOLDS, load_split


@pytest.fixture(autouse=True)
def weights(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two Benign and two Early fields, one of each in the test part of the split paper; one field that is cut short."""
    fields = tmp_path / "fields"
    names = sorted(load_split("paper").test)
    for seed, (label, key) in enumerate((("benign", "Benign"), ("Early", "Early"))):
        (fields / label).mkdir(parents=True)
        (fields / label / next(name for name in names if key in name)).write_bytes(synthetic.png(seed))
        (fields / label / f"{seed}.png").write_bytes(synthetic.png(10 + seed))
    (fields / "Early" / "short.png").write_bytes(synthetic.png(1)[:1000])
    return fields


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    status = main(["evaluate", *map(str, arguments), "--json", "-"])
    out, err = capsys.readouterr()
    return status, json.loads(out, parse_constant=pytest.fail), err


def test_a_folder_is_evaluated_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, err = evaluated(capsys, folder)
    assert status == 1
    assert (found["n"], found["classes"], found["errors"]) == (4, list(LABELS), ["Early/short.png"])
    assert "Early/short.png: " in err
    assert list(found["networks"]) == list(NETWORKS)
    assert [sum(row) for row in found["consensus"]["confusion"]] == [2, 2, 0, 0]
    assert 0 <= found["consensus"]["coverage"] <= 1


def test_figures_are_those_of_the_readings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Early" / "short.png").unlink()
    _, found, _ = evaluated(capsys, folder)
    main(["read", str(folder), "--json", "-"])
    readings = json.loads(capsys.readouterr().out)
    truth = {"benign": "Benign", "Early": "Early Pre-B"}
    for index, network in enumerate(NETWORKS):
        right = [one["votes"][index]["label"] == truth[Path(one["file"]).parent.name] for one in readings]
        assert found["networks"][network]["accuracy"] == pytest.approx(sum(right) / 4)


def test_a_part_of_a_split_takes_its_names_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, err = evaluated(capsys, folder, "--split", "paper", "--part", "test")
    assert (status, found["n"], found["errors"]) == (0, 2, [])
    assert "3 of 5 files are in no part of the split paper" in err


def test_the_same_bytes_come_again(folder: Path, tmp_path: Path) -> None:
    (folder / "Early" / "short.png").unlink()
    for name in ("a", "b"):
        figures, predictions = tmp_path / f"{name}.json", tmp_path / f"{name}.csv"
        assert main(["evaluate", str(folder), "--json", str(figures), "--predictions", str(predictions)]) == 0
    for suffix in ("json", "csv"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_predictions_hold_a_row_a_field_and_voter(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), "--predictions", str(tmp_path / "p.csv")]) == 1
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["file", "label", "network", *LABELS]
    assert [row["network"] for row in rows[:6]] == [*NETWORKS, "consensus"]
    assert len(rows) == 4 * 6
    assert {(row["file"].split("/")[0], row["label"]) for row in rows} == {("benign", "Benign"), ("Early", "Early Pre-B")}
    assert capsys.readouterr().out.startswith("4 fields\n")


def test_predictions_stand_alone_on_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), "--predictions", "-"]) == 1
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 4 * 6
    assert {row["label"] for row in rows} == {"Benign", "Early Pre-B"}


WRONG = [
    (["--json", "-", "--predictions", "-"], "cannot both go to standard output"),
    (["--split", "paper"], "go together"),
    (["--part", "test"], "go together"),
    (["--fold", "1"], "go together"),
    (["--split", "paper", "--part", "test", "--fold", "1"], "has no folds"),
    (["--split", "stain", "--part", "val"], "needs a fold from 0 to 4"),
    (["--split", "stain", "--part", "test"], "no weights in stain-0, stain-1, stain-2, stain-3, stain-4"),
    (["--split", "paper", "--part", "val"], "holds no file of the part val"),
    (["--json", "no/such/out.json"], "Nothing can be written"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_wrong_usage_is_a_sentence(options: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), *options]) == 2
    assert says in capsys.readouterr().err


def test_an_unknown_class_folder_is_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Normal").mkdir()
    assert main(["evaluate", str(folder)]) == 2
    assert "'Normal' names no class" in capsys.readouterr().err


@pytest.mark.parametrize("make", [False, True])
def test_no_image_at_all_is_wrong_usage(make: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "fields"
    if make:
        (folder / "Pre").mkdir(parents=True)
    assert main(["evaluate", str(folder)]) == 2
    assert str(folder) in capsys.readouterr().err


def test_nothing_decodable_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pre").mkdir()
    (tmp_path / "Pre" / "1.jpg").write_bytes(b"no picture")
    assert main(["evaluate", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "Pre/1.jpg: " in err
    assert "nothing to measure" in err


def test_without_a_network_there_is_nothing_to_measure(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path / "none"))
    assert main(["evaluate", str(folder)]) == 2
    assert "None of the five networks could be loaded" in capsys.readouterr().err


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    """Two drawn fields of every stain cluster, under names that the split stain knows."""
    for fold in range(FOLDS):
        for index, (folder, key) in enumerate((("Benign", "Benign"), ("Early", "-Early-"), ("Pre", "-Pre-"), ("Pro", "-Pro-"))):
            (tmp_path / "held" / folder).mkdir(parents=True, exist_ok=True)
            names = sorted(name for name in load_split("stain", fold).test if key in name)
            (tmp_path / "held" / folder / names[0]).write_bytes(synthetic.png(4 * fold + index))
    return tmp_path / "held"


@pytest.fixture
def folds(tmp_path: Path, random_weights: Path) -> Path:
    """GoogLeNet for every fold, and AlexNet for fold 0 alone."""
    manifest = json.loads((random_weights / "manifest.json").read_text())
    for fold in range(FOLDS):
        networks = ("alexnet", "googlenet") if fold == 0 else ("googlenet",)
        here = tmp_path / "folds" / f"stain-{fold}"
        here.mkdir(parents=True)
        for name in networks:
            (here / f"{name}.safetensors").symlink_to(random_weights / f"{name}.safetensors")
        entries = {name: manifest["networks"][name] for name in networks}
        (here / "manifest.json").write_text(json.dumps({**manifest, "networks": entries}))
    return tmp_path / "folds"


STAIN = ("--split", "stain", "--part", "test")


def test_folds_are_pooled_and_the_figures_follow_from_the_predictions_alone(
    held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, figures = tmp_path / "p.csv", tmp_path / "f.json"
    arguments = [*STAIN, "--weights", str(folds), "--predictions", str(predictions), "--json", str(figures)]
    assert main(["evaluate", str(held_out), *arguments]) == 0
    assert "alexnet was not trained for every fold" in capsys.readouterr().err
    pooled = json.loads(figures.read_text())
    assert (pooled["n"], list(pooled["networks"]), [fold["n"] for fold in pooled["folds"]]) == (20, ["googlenet"], [4] * 5)
    assert list(pooled["folds"][0]["networks"]) == ["alexnet", "googlenet"]
    # One consensus for the whole and for its parts: that of the networks which read every fold.
    assert pooled["folds"][0]["consensus"] == pooled["folds"][0]["networks"]["googlenet"]
    assert pooled["weights"]["googlenet"].keys() == {"0", "1", "2", "3", "4"}
    status, again, _ = evaluated(capsys, predictions)
    assert (status, again) == (0, pooled)


def test_predictions_of_weights_that_lie_elsewhere_are_kept(
    held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = tmp_path / "p.csv"
    arguments = ["evaluate", str(held_out), *STAIN, "--weights", str(folds), "--predictions", str(predictions)]
    assert main(arguments) == 0
    whole = predictions.read_text()
    for fold, network in ((0, "googlenet"), (1, "alexnet")):
        manifest = json.loads((folds / f"stain-{fold}" / "manifest.json").read_text())
        manifest["networks"].pop(network, None)
        (folds / f"stain-{fold}" / "manifest.json").write_text(json.dumps(manifest))
        (folds / f"stain-{fold}" / f"{network}.safetensors").unlink(missing_ok=True)
    for fold in (3, 4):
        (folds / f"stain-{fold}" / "manifest.json").unlink()
    capsys.readouterr()
    assert main(arguments) == 0
    err = capsys.readouterr().err
    assert "fold 0: googlenet as the file of predictions has it" in err
    assert "fold 3: googlenet as the file of predictions has it" in err
    assert predictions.read_text() == whole


def test_a_file_that_holds_something_else_is_not_written_over(
    held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text("file,label\nmine,Benign\n")
    assert main(["evaluate", str(held_out), *STAIN, "--weights", str(folds), "--predictions", str(tmp_path / "p.csv")]) == 2
    assert "Name another file for --predictions" in capsys.readouterr().err
    assert (tmp_path / "p.csv").read_text() == "file,label\nmine,Benign\n"


def test_pooled_logits_are_those_of_the_readings(held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(held_out), *STAIN, "--weights", str(folds), "--predictions", str(tmp_path / "p.csv")]) == 0
    capsys.readouterr()
    rows = [row for row in csv.DictReader((tmp_path / "p.csv").read_text().splitlines()) if row["network"] == "googlenet"]
    assert main(["read", str(held_out / "Pro"), "--json", "-"]) == 0
    readings = json.loads(capsys.readouterr().out)
    assert len(readings) == FOLDS
    votes = {Path(one["file"]).name: next(vote for vote in one["votes"] if vote["network"] == "googlenet") for one in readings}
    for row in [row for row in rows if row["label"] == "Pro-B"]:
        logits = [float(row[label]) for label in LABELS]
        expected = [votes[Path(row["file"]).name]["probabilities"][label] for label in LABELS]
        assert [math.exp(each) / sum(map(math.exp, logits)) for each in logits] == pytest.approx(expected, abs=1e-5)


def test_a_fold_without_weights_or_a_network_for_all_is_said(
    held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(held_out), *STAIN, "--weights", str(folds)]
    (folds / "stain-3" / "manifest.json").unlink()
    assert main(arguments) == 2
    assert "no weights in stain-3. Train them" in capsys.readouterr().err
    (folds / "stain-3" / "manifest.json").write_text((folds / "stain-2" / "manifest.json").read_text())
    for path in held_out.rglob("*"):
        if path.name in load_split("stain", 4).test:
            path.unlink()
    assert main(arguments) == 2
    assert "no file of fold 4" in capsys.readouterr().err
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(("text", "says"), [("", "holds no out-of-fold predictions"), ("file,label\na,b\n", "expected the columns"),
                                            (None, "is damaged")])  # fmt: skip
def test_a_bad_file_of_predictions_is_said(text: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = f"{','.join(HEADER)}\na.jpg,0,Benign,0,googlenet,ab,1,2,3\n"
    (tmp_path / "p.csv").write_text(whole if text is None else text)
    assert main(["evaluate", str(tmp_path / "p.csv")]) == 2
    assert says in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "p.csv"), "--split", "stain", "--part", "test"]) == 2
    assert "only --json goes with it" in capsys.readouterr().err


def made_with(folder: Path, options: str) -> Path:
    """Have the manifest of a weights folder say how its networks were trained."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, entry in manifest["networks"].items():
        entry["command"] = f"python -m ball train --network {name} --data DATA/all {options} --init scratch"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(("fold", "networks"), [(0, ["alexnet", "googlenet"]), (1, ["googlenet"])])
def test_a_fold_is_judged_by_the_networks_trained_for_it(
    fold: int, networks: list[str], held_out: Path, folds: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(folds))
    status, found, _ = evaluated(capsys, held_out, *STAIN, "--fold", fold)
    assert (status, found["n"], sorted(found["networks"])) == (0, 4, networks)
    named = made_with(folds / f"stain-{fold}", f"--split stain --fold {fold}")
    monkeypatch.delenv("BALL_WEIGHTS")
    assert evaluated(capsys, held_out, *STAIN, "--fold", fold, "--weights", named)[:2] == (0, found)


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_fold_without_weights_of_its_own_is_not_judged_by_others(
    part: str, held_out: Path, random_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    val = min(name for name in load_split("stain", 2).val if "Benign" in name)
    (held_out / "Benign" / val).write_bytes(synthetic.png(1))
    assert main(["evaluate", str(held_out), "--split", "stain", "--part", part, "--fold", "2"]) == 2
    err = capsys.readouterr().err
    assert f"no weights in stain-2. Train them, for example: python -m ball train --split stain --fold 2 --out {random_weights}" in err


@pytest.mark.parametrize("made", ["--split paper", "--split stain --fold 3", "--split stain --fold 11"])
def test_weights_that_learned_from_the_fields_of_a_fold_do_not_judge_them(
    made: str, held_out: Path, folds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = made_with(folds / "stain-1", made)
    assert main(["evaluate", str(held_out), *STAIN, "--fold", "1", "--weights", str(weights)]) == 2
    err = capsys.readouterr().err
    assert f"were trained with {made}: they learned from fields that are to be judged" in err
    assert "--split stain --fold 1" in err


def test_weights_of_a_fold_do_not_judge_the_random_split(
    folder: Path, folds: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Early" / "short.png").unlink()
    weights = made_with(folds / "stain-1", "--split stain --fold 1")
    assert main(["evaluate", str(folder), "--split", "paper", "--part", "test", "--weights", str(weights)]) == 2
    err = capsys.readouterr().err
    assert "were trained with --split stain --fold 1: they learned from fields that are to be judged" in err
    assert "Name weights trained with --split paper." in err
    monkeypatch.setenv("BALL_WEIGHTS", str(weights))
    assert main(["evaluate", str(folder), "--split", "paper", "--part", "test"]) == 2
    monkeypatch.delenv("BALL_WEIGHTS")
    made_with(weights, "--split paper")
    assert main(["evaluate", str(folder), "--split", "paper", "--part", "test", "--weights", str(weights)]) == 0


def test_folds_are_not_pooled_with_the_weights_of_others(held_out: Path, folds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_with(folds / "stain-2", "--split stain --fold 3")
    assert main(["evaluate", str(held_out), *STAIN, "--weights", str(folds)]) == 2
    assert "stain-2 were trained with --split stain --fold 3" in capsys.readouterr().err


def test_a_field_that_is_broken_since_its_fold_was_read_is_an_error(
    held_out: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*STAIN, "--weights", folds, "--predictions", tmp_path / "p.csv"]
    assert evaluated(capsys, held_out, *arguments)[0] == 0
    (folds / "stain-3" / "manifest.json").unlink()
    mine = [path for path in sorted(held_out.rglob("*.jpg")) if path.name in load_split("stain", 3).test]
    mine[0].write_bytes(b"no picture")
    status, found, err = evaluated(capsys, held_out, *arguments)
    assert (status, found["n"], found["errors"]) == (1, 19, [mine[0].relative_to(held_out).as_posix()])
    assert f"{found['errors'][0]}: " in err
    for path in mine:
        path.write_bytes(b"no picture")
    assert main(["evaluate", str(held_out), *map(str, arguments)]) == 2
    assert "None of the files of fold 3 could be decoded" in capsys.readouterr().err
