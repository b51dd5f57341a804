"""`python -m ball read`: files in, JSON, CSV, table and maps out, and the exit status."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ball import synthetic
from ball.cli import main
from ball.commands import read as command
from ball.commands._output import printable
from ball.engine import load_engine
from ball.export import csv_text, json_text
from ball.labels import LABELS
from ball.networks import NETWORKS
from ball.reading import read
from tests.trust_files import trust, write

KEYS = ["file", "sha256", "status", "reason", "suggestion", "probability", "agreement", "votes", "missing", "flags", "notices", "cells",
        "seconds", "engine", "weights"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def weights(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    return random_weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fields 2 and 10, a field that is cut short, and what is passed over."""
    inputs = tmp_path / "fields"
    inputs.mkdir()
    for seed in (10, 2):
        (inputs / f"field {seed}.png").write_bytes(synthetic.png(seed))
    (inputs / "short.png").write_bytes(synthetic.png(3)[:1000])
    (inputs / "notes.txt").write_text("passed over")
    (inputs / ".hidden.png").write_text("passed over")
    return inputs


def documents(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    status = main(["read", *map(str, arguments), "--json", "-"])
    out, err = capsys.readouterr()
    return status, json.loads(out, parse_constant=pytest.fail), err


def test_a_folder_gives_one_object_a_file_in_natural_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, err = documents(capsys, folder)
    assert status == 1
    assert [Path(one["file"]).name for one in found] == ["field 2.png", "field 10.png", "short.png"]
    assert [one["status"] for one in found] == ["read", "read", "error"]
    assert all(list(one) == KEYS for one in found)
    assert "short.png: " in err
    assert "field 2.png" not in err


def test_a_field_that_was_read_has_every_value(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "field 2.png"
    status, (one,), _ = documents(capsys, path)
    assert status == 0
    assert one["file"] == str(path)
    assert one["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [vote["network"] for vote in one["votes"]] == list(NETWORKS) == list(one["weights"])
    assert all(list(vote["probabilities"]) == list(LABELS) for vote in one["votes"])
    assert one["agreement"] in range(6)
    assert one["cells"]["count"] > 0


def test_stability_adds_its_flag_and_its_spread_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, _ = documents(capsys, folder, "--stability")
    _, plain, _ = documents(capsys, folder)
    assert status == 1
    assert all(list(one) == [*KEYS, "stability"] for one in found)
    assert [one["stability"] is None for one in found] == [False, False, True]
    for one, usual in zip(found[:2], plain, strict=False):
        tried = one["stability"]
        assert 0 < tried["low"] <= tried["high"] <= 1
        assert one["flags"][: len(usual["flags"])] == usual["flags"]
        assert one["flags"][len(usual["flags"]) :] == [flag for flag in one["flags"] if flag.startswith("unstable: ")]
        assert bool(tried["turned"] or tried["leads"]) == (len(one["flags"]) > len(usual["flags"]))
    assert main(["read", str(folder / "field 2.png"), "--stability"]) == 0
    assert f"({found[0]['stability']['low']:.3f}-" in capsys.readouterr().out


@pytest.fixture
def calibrated(random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights, with thresholds that none of their faint probabilities reaches."""
    from ball.engine import load_engine
    from ball.weights import Store
    from tests import trust_files

    made = tmp_path / "calibrated"
    made.mkdir()
    for path in random_weights.iterdir():
        (made / path.name).symlink_to(path)
    trust_files.write(made, trust_files.trust(load_engine(Store(random_weights)).hashes, suggest=0.9))
    monkeypatch.setenv("BALL_WEIGHTS", str(made))
    return made


@pytest.mark.usefixtures("calibrated")
def test_another_limit_suggests_more_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "field 2.png"
    _, (usual,), said = documents(capsys, path)
    assert usual["suggestion"] == "Unidentified"
    assert "validated limit" not in said
    _, (lower,), said = documents(capsys, path, "--suggest-from", "25")
    assert lower["suggestion"] in LABELS
    assert lower["flags"][-1] == "below_validated_limit: Suggested from 25 % on, below the validated limit of 90 %."
    assert "Below the validated limit of 90 %: more suggestions, and more of them wrong." in said
    assert (lower["votes"], lower["probability"]) == (usual["votes"], usual["probability"])
    _, (higher,), said = documents(capsys, path, "--suggest-from", "97.5")
    assert higher["reason"].endswith("is below the 97.5 % needed for a suggestion.")
    assert "validated limit" not in said


def test_without_a_validated_limit_there_is_none_to_move(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "field 2.png"
    _, (usual,), _ = documents(capsys, path)
    _, (same,), said = documents(capsys, path, "--suggest-from", "99")
    assert "--suggest-from changes nothing" in said
    assert {**same, "seconds": {}} == {**usual, "seconds": {}}


@pytest.mark.parametrize("limit", ["24.9", "100.1", "-3", "nan", "much"])
def test_a_limit_outside_the_slider_is_wrong_usage(limit: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["read", str(folder), f"--suggest-from={limit}"])
    assert left.value.code == 2
    assert "expected a percentage from 25 to 100" in capsys.readouterr().err


def test_a_height_gives_micrometres(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, (first, *_), _ = documents(capsys, folder / "field 2.png", "--height-um", "90")
    assert first["cells"]["median"]["micrometres"] > 0


def test_an_error_has_no_votes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, (one,), _ = documents(capsys, folder / "short.png")
    assert status == 1
    assert one["votes"] == []
    assert one["reason"]
    assert [one[key] for key in ("suggestion", "probability", "agreement", "cells")] == [None] * 4


def test_a_refused_field_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (200, 150), (240, 240, 240)).save(tmp_path / "blank.png")
    status, (one,), _ = documents(capsys, tmp_path / "blank.png")
    assert (status, one["status"], one["suggestion"]) == (0, "refused", "Unidentified")
    assert len(one["votes"]) == 5


def test_files_are_called_as_given_and_twice_if_named_twice(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    status, found, _ = documents(capsys, "./field 2.png", "field 2.png")
    assert status == 0
    assert [one["file"] for one in found] == ["./field 2.png", "field 2.png"]


def test_a_missing_file_among_others_gets_its_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, err = documents(capsys, folder / "gone.png", folder / "field 2.png")
    assert status == 1
    assert [one["status"] for one in found] == ["error", "read"]
    assert found[0]["sha256"] is None
    assert "gone.png" in err


def shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no path within a folder called ``shut`` be looked at, as where the right to search it is missing."""
    look = Path.stat

    def stat(path: Path, **options: Any) -> Any:
        if "shut" in path.parts[:-1]:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", stat)


@pytest.mark.parametrize("name", ["n" * 300, "shut/a.png"])
def test_a_path_that_cannot_be_looked_at_does_not_stop_the_others(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shut(monkeypatch)
    status, found, err = documents(capsys, folder / name, folder / "field 2.png", "--maps", folder.parent / "maps")
    assert status == 1
    assert [one["status"] for one in found] == ["error", "read"]
    assert name in err
    assert main(["read", str(folder / name)]) == 2
    assert "There is no image at all" in capsys.readouterr().err


def test_an_input_that_is_a_formula_is_guarded_in_csv(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("field 2.png").rename("=1+1.png")
    assert main(["read", "=1+1.png", "short.png", "--csv", str(tmp_path / "out.csv")]) == 1
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["file"] for row in rows] == ["'=1+1.png", "short.png"]
    assert rows[0]["densenet121 label"] in LABELS
    assert sum(float(rows[0][f"densenet121 {label}"]) for label in LABELS) == pytest.approx(1, abs=1e-6)
    assert rows[1]["densenet121 label"] == rows[1]["cells"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_begins_like_a_formula_gets_an_apostrophe(start: str) -> None:
    text = csv_text(["a"], [[f"{start}x"]])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a"], [f"'{start}x"]]


def test_numbers_are_left_as_they_are_in_csv() -> None:
    assert csv_text(["a"], [[-1.5]]) == '"a"\n-1.5\n'


def test_what_is_no_number_is_null_in_json() -> None:
    assert json.loads(json_text({"a": [float("nan"), float("inf"), 1.0]}), parse_constant=pytest.fail) == {"a": [None, None, 1.0]}


def test_control_codes_are_escaped_on_a_terminal() -> None:
    assert printable("a\x1b[2Jb\n\udcff µ") == "a\\x1b[2Jb\\n\\udcff µ"


def test_without_json_or_csv_a_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(folder / "field 2.png"), str(folder / "short.png")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "status", "suggestion", "probability", "agreement", "not", "ruled", "out", "flags"]
    assert "of 5" in lines[1]
    assert " error " in lines[2]
    assert "research use only" in lines[3]


def test_the_table_names_the_labels_that_cannot_be_ruled_out_either(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tmp_path / "weights"
    shutil.copytree(weights, some)
    monkeypatch.setenv("BALL_WEIGHTS", str(some))
    made = trust(load_engine().hashes)
    write(some, replace(made, limits=replace(made.limits, label_set=0.01)))
    reading = read(folder / "field 2.png")
    others = [label for label in reading.label_set if label != reading.leading]
    assert others, "random networks rule something out"
    main(["read", str(folder / "field 2.png")])
    assert f"  {', '.join(label for label in LABELS if label in others)}  " in capsys.readouterr().out.splitlines()[1]


def test_maps_are_named_by_hash_network_and_label(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, maps = folder / "field 2.png", tmp_path / "new" / "maps"
    _, (one,), _ = documents(capsys, path, "--maps", maps)
    assert {each.name for each in maps.iterdir()} == {f"{one['sha256'][:8]}_{vote['network']}_{vote['label']}.png" for vote in one["votes"]}
    assert all(np.asarray(Image.open(each)).shape == (768, 1024, 3) for each in maps.iterdir())


def test_a_field_that_breaks_the_software_leaves_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ball import reading

    whole, calls = reading.segment, []

    def broken(rgb: Any) -> Any:
        calls.append(rgb)
        if len(calls) == 1:
            raise MemoryError
        return whole(rgb)

    monkeypatch.setattr(reading, "segment", broken)
    status, found, err = documents(capsys, folder / "field 2.png", folder / "field 10.png")
    assert (status, [one["status"] for one in found]) == (1, ["error", "read"])
    assert found[0]["reason"] == "The software failed on this file (MemoryError); its log says more."
    assert "field 2.png: The software failed" in err


NOTHING = [(["gone.png"], "gone.png not found"), (["empty"], "the folders hold none"), (["empty", "gone.png"], "gone.png not found")]


@pytest.mark.parametrize(("inputs", "says"), NOTHING)
def test_no_image_at_all_is_wrong_usage(
    inputs: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert main(["read", *inputs, "--json", "-"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err


UNWRITABLE = [
    (["--json", "no/such/out.json"], "Nothing can be written to the folder no/such"),
    (["--csv", "."], "is a folder"),
    (["--json", "field 2.png"], "would be overwritten"),
    (["--json", "out", "--csv", "./out"], "would be overwritten"),
    (["--json", "-", "--csv", "-"], "cannot both go to standard output"),
    (["--maps", "short.png"], "cannot be made"),
    ([".", "--maps", "."], "lies in the input folder"),
    ([".", "--maps", "new/maps"], "lies in the input folder"),
    (["--engine", "steam"], "There is no engine named 'steam'"),
]


@pytest.mark.parametrize(("options", "says"), UNWRITABLE)
def test_what_cannot_be_done_is_said_before_anything_is_read(
    options: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(command, "_readings", lambda *_: pytest.fail("a field was read"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["read", "field 2.png", *options]) == 2
    assert says in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["n" * 300 + ".json", "file/b.json"])
def test_a_name_that_no_file_can_have_is_said_before_anything_is_read(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("ball.reading.read_many", lambda *_, **__: pytest.fail("read"))
    assert main(["read", str(folder / "field 2.png"), "--json", str(tmp_path / name)]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere, and Windows knows no modes")
def test_a_read_only_folder_is_said_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert main(["read", str(folder), "--json", str(closed / "out.json")]) == 2


def test_an_output_file_is_replaced_whole_and_leaves_nothing_beside(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("old")
    assert main(["read", str(folder / "field 2.png"), "--json", str(out)]) == 0
    assert len(json.loads(out.read_text())) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fields", "out.json"]


def test_a_device_is_written_to_and_not_replaced(folder: Path) -> None:
    assert main(["read", str(folder / "field 2.png"), "--json", os.devnull]) == 0
    assert not Path(os.devnull).is_file()


def test_an_interrupt_writes_what_was_read(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, calls = command._document, []

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return whole(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "_document", interrupted)
        assert main(["read", str(folder), "--json", str(tmp_path / "out.json")]) == 130
    assert len(json.loads((tmp_path / "out.json").read_text())) == 1
    assert "is written: 1 of the fields of 3 files" in capsys.readouterr().err


def test_missing_networks_are_named_and_flagged(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tmp_path / "weights"
    some.mkdir()
    for path in weights.glob("*"):
        if path.name != "alexnet.safetensors":
            (some / path.name).symlink_to(path)
    monkeypatch.setenv("BALL_WEIGHTS", str(some))
    status, (one,), err = documents(capsys, folder / "field 2.png")
    assert (status, one["missing"], len(one["votes"])) == (0, ["alexnet"], 4)
    assert any(flag.startswith("missing_networks: ") for flag in one["flags"])
    assert "alexnet.safetensors is missing" in err


def test_without_any_network_every_field_is_an_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path / "none"))
    status, (one,), _ = documents(capsys, folder / "field 2.png")
    assert (status, one["status"], one["missing"]) == (1, "error", list(NETWORKS))


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "ball", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_process_leaves_json_alone_on_standard_output(folder: Path) -> None:
    done = run("read", "field 2.png", "short.png", "--json", "-", cwd=folder)
    assert done.returncode == 1, done.stderr
    assert [one["file"] for one in json.loads(done.stdout)] == ["field 2.png", "short.png"]
    assert "short.png" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_makes_no_traceback(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ball", "models"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert process.wait(timeout=300) == 128 + signal.SIGPIPE
