"""`python -m ball read --slide` and `calibrate`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ball import synthetic
from ball.cli import main
from ball.labels import LABELS, UNIDENTIFIED
from ball.trust.slide import EMPTY


@pytest.fixture(autouse=True)
def weights(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seed in (("S1/a_1.png", 1), ("S1/a_2.png", 2), ("S2/b_1.png", 3)):
        path = tmp_path / "fields" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(synthetic.png(seed))
    (tmp_path / "fields" / "S2" / "b_2.png").write_bytes(b"no picture")
    return tmp_path / "fields"


def test_slides_are_written_beside_the_list_that_read_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(folder), "--slide", "--json", "-"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out, parse_constant=pytest.fail)
    assert "not measured" in err
    assert list(found) == ["slides", "fields"]
    assert [Path(slide["slide"]).name for slide in found["slides"]] == ["S1", "S2"]
    one, two = found["slides"]
    assert list(one) == list(two) == list(EMPTY)
    assert sum(one["fields"].values()) == 2
    assert one["suggestion"] in (*LABELS, UNIDENTIFIED)
    assert [Path(name).name for name in two["left_out"]] == ["b_2.png"]
    main(["read", str(folder), "--json", "-"])
    plain = json.loads(capsys.readouterr().out)
    assert [{**each, "seconds": 0} for each in plain] == [{**each, "seconds": 0} for each in found["fields"]]


def test_a_slide_without_a_readable_field_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b_2.png").write_bytes(b"no picture")
    assert main(["read", str(tmp_path / "b_2.png"), "--slide", "--group", "name", "--json", "-"]) == 1
    (slide,) = json.loads(capsys.readouterr().out)["slides"]
    assert (Path(slide["slide"]).name, slide["suggestion"], len(slide["left_out"])) == ("b", None, 1)


def test_without_json_slides_are_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["read", str(folder / "S1"), "--slide"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["slide", "suggestion", "probability"]
    assert "S1" in lines[1]


def test_slides_written_to_a_file_are_not_printed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["read", str(folder / "S1"), "--slide", "--json", str(tmp_path / "slides.json")])
    assert capsys.readouterr().out == ""
    assert len(json.loads((tmp_path / "slides.json").read_text())["slides"]) == 1


@pytest.mark.parametrize("arguments", [["--data", "nowhere"], ["--data", "."]])
def test_calibrate_says_what_it_needs(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", *arguments]) == 2
    assert "python -m ball: " in capsys.readouterr().err
