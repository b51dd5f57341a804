"""The Benchmark page: what it shows is what the files say, and whatever is missing is said in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.benchmark import Pair
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts import findings
from pages.benchmark import TABS
from tests.benchmark_files import benchmark_files, empty_benchmark

__all__ = ["benchmark_files", "empty_benchmark"]


ROOT = Path(__file__).resolve().parents[2]
EVERY = [title for title, _ in TABS]


def run(tab: str = "Networks", protocol: str | None = None) -> AppTest:
    """The page by itself, with one tab open."""

    def script() -> None:
        from pages.benchmark import page

        page()

    app = AppTest.from_function(script, default_timeout=300)
    app.session_state["tab"] = tab
    if protocol:
        app.session_state["protocol"] = protocol
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """All text of the page."""
    return "\n".join(each.value for each in [*app.markdown, *app.warning])


def test_cards_show_the_figures_of_the_file(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    assert {card.label: (card.value, card.delta) for card in run(protocol="paper").metric} == {
        "Consensus accuracy": ("93.2 %", "95 %: 88.2 to 98.2 %"),
        "Macro recall": ("93.8 %", ""),
        "Malignant sensitivity": ("99.1 %", "8 malignant fields"),
        "Given a suggestion": ("100.0 %", "others Unidentified"),
        "Wrong and not flagged": ("10.0 %", "of all 10 fields"),
        "Calibration error": ("3.5 %", "against the share right"),
    }
    assert [card.label for card in run(protocol="stain").metric] == [
        "Consensus accuracy", "Macro recall", "Malignant sensitivity", "Calibration error"]  # fmt: skip


@pytest.mark.parametrize(("fields", "cards"), [(10, ["75.8 %", "1.5 %", "1.8 %"]), (11, ["3.5 %"])])
def test_cards_of_held_out_stains_are_of_the_calibrated_consensus_where_it_was_judged_on_these_fields(
    benchmark_files: Path, fields: int, cards: list[str]
) -> None:
    document = json.loads((ROOT / "weights" / "benchmark" / "certainty.json").read_text())
    judged = {"basis": "stain", "n": fields, "networks": ["googlenet"], "coverage": 0.758, "wrong_and_unflagged": 0.0154,
              "calibration_error": 0.0183}  # fmt: skip
    (benchmark_files / "benchmark" / "certainty.json").write_text(json.dumps(document | judged))
    assert [card.value for card in run(protocol="stain").metric][3:] == cards


def test_the_harder_test_comes_first_where_it_has_been_measured(benchmark_files: Path) -> None:
    assert "**Stain held out.** 10 test fields" in said(run())
    (benchmark_files / "benchmark" / "stain-test.json").unlink()
    assert "**Random split, as in the paper.** 10 test fields" in said(run())
    text = said(run(protocol="stain"))
    assert "there is no file stain-test.json." in text
    assert "with whole stains held out, is **not measured yet**" in said(run())


def test_table_sets_the_paper_and_colour_beside_ours(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    table = run(protocol="paper").dataframe[0].value
    titles = [title for title in TITLES.values() for _ in range(2)]
    assert list(table["Network"]) == [*titles, "Consensus", "Field colours", "Size and shape"]
    assert list(table.iloc[0]) == ["DenseNet121", "paper", "98.77 %", "0.9877", "0.9877", "0.9878", "0.0313", "–"]
    assert list(table.iloc[1]) == ["DenseNet121", "ours", "90.00 %", "0.8900", "0.9000", "0.9100", "0.1234", "93.75 %"]
    assert list(table.iloc[-1])[:3] == ["Size and shape", "cells", "99.00 %"]
    assert list(table.iloc[-2]) == ["Field colours", "colour", "95.00 %", "0.9400", "0.9500", "0.9600", "–", "94.00 %"]


FINDINGS = [
    ("Networks", "paper", "Our accuracy is higher than the paper’s for 0 of 5 networks."),
    ("Networks", "paper", "The consensus reaches 93.21 %, colour alone 95.00 %: by this test the networks are no better than colour."),
    ("Networks", "paper", "1 of 2 pairs differ by more than chance (p < 0.05): the consensus better than AlexNet."),
    ("Networks", "stain", "The consensus reaches 93.75 %, colour alone 94.00 %"),
    ("Networks", "stain", "Stain 1 is the hardest: the consensus reads 65.0 % of its 6 fields rightly, colour alone 80.0 %, size and "
     "shape of the cells alone 99.0 %."),
    ("Confusion", "paper", "The consensus misreads 1 of 10 fields (10.0 %); most often Early Pre-B read as Pre-B (1)."),
    ("Confusion", "paper", "Early Pre-B is found least often: 75.0 % of its 4 fields."),
    ("Misread fields", "paper", "The consensus misreads 1 of 2 test fields."),
    ("Misread fields", "stain", "The consensus misreads 1 of 2 test fields."),
    ("Curves", "paper", "Furthest off where it says 90.0 %: right in 50.0 %, so it is too sure there."),
    ("Changed fields", "paper", "“15 % darker” costs the consensus most, 2.0 points. 1 of 2 changes cost more than 1 point."),
    ("Changed fields", "paper", "1 of 1 fields keep label and probability"),
    ("Changed fields", "paper", "A trial on 5 of 10 test fields"),
    ("Changed fields", "paper", "With half of the cells taken out of every field the consensus loses 2.0 points."),
    ("Changed fields", "paper", "These figures were made with other weights than those in use now: AlexNet."),
    ("Training", "paper", "Epochs: 2 at 112 px, 1 at 224 px. 3 min. Ends at 80.0 %"),
    ("Training", "paper", "GoogLeNet 91.0 %, within the interval of the weights in use (89.0 % to 99.0 %)."),
    ("Tuning", "paper", "AlexNet SGD 0.01, 10 epochs (61.0 %). Not run yet for DenseNet121, ResNet50, EfficientNet-B0 and GoogLeNet."),
    ("Tuning", "paper", "images of 96 × 96 pixels (the paper: 224)"),
    ("Ingredients", "stain", "“Stains mixed between fields” does best: 75.0 % macro recall, 12.5 points above “Little stain jitter”."),
    ("Ingredients", "stain", "Each of the stains 1 and 4 was held out in turn (778 fields)"),
    ("Ingredients", "stain", "against a random start, EfficientNet-B0 loses 5.0 points and GoogLeNet gains 2.5 points of macro recall."),
    ("Ingredients", "stain", "At full size, on stain 0, “Stains mixed between fields” reads 60.0 % rightly, 10.0 points less than the fold "
                             "as it was fitted (with 4 epochs on whole fields for 8)."),
    ("Data", "paper", "100 fields: 80 training, 10 validation, 10 test."),
    ("Segmentation", "paper", "a mean Dice of 0.825"),
    ("Speed", "paper", "A full reading with five maps takes 200 ms, the plain way 1600 ms; 1 of 2 goals is missed."),
    ("Speed", "paper", "both cores full from the first network to the last, a reading would take 1.25 (f32) times as long"),
    ("Speed", "paper", "This processor has no bf16"),
    ("Speed", "paper", "five networks 33 ms by OpenVINO and 31 ms by ONNX Runtime; of the two OpenVINO alone computes in bf16, in 19 ms."),
    ("Speed", "paper", "Training sees 1.4 times (GoogLeNet, f32) and 2.5 times (GoogLeNet, bf16) as many images a second; "
                       "the network itself takes at least 80 % of our time."),
    ("Speed", "paper", "f32: 2 of 1,500 votes differ, and no probability moves by more than 0.04"),
    ("Speed", "paper", "First page 2.1 s after the server is started, 1.7 s where it is a bare one; "
     "120 ms from a click to five new pictures, 100 ms on the bare page with five plain ones; at most 1.9 GB of memory "
     "after 200 fields. Goals: 2.5 s, 150 ms, 2 GB."),
]


def test_findings_follow_from_the_figures(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    texts = {key: said(run(*key)) for key in dict.fromkeys((tab, protocol) for tab, protocol, _ in FINDINGS)}
    for tab, protocol, sentence in FINDINGS:
        assert sentence in texts[tab, protocol], (tab, protocol, sentence)


def test_voters_that_never_differ_are_not_called_equal() -> None:
    assert findings.differences([Pair("googlenet", "consensus", 0, 0, 1.0)]).startswith("Not to be said")
    assert findings.differences([Pair("googlenet", "alexnet", 2, 3, 1.0)]).startswith("No: none of 1")


def test_measure_and_network_can_be_chosen(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    app = run(protocol="paper")
    app.segmented_control(key="metric-paper").set_value("loss").run()
    assert not app.exception
    assert "Our test loss is lower than the paper’s for 0 of 5 networks." in said(app)
    app = run("Confusion", "paper")
    app.segmented_control(key="voter").set_value("AlexNet").run()
    assert "AlexNet misreads 1 of 10 fields" in said(app)


def test_without_any_file_every_tab_names_its_command(empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()
    for tab in EVERY:
        app = run(tab)
        assert not app.metric
        assert "Not measured yet" in said(app), tab
        assert app.code, tab
    commands = "\n".join(each.value for each in run("Training").code)
    assert all(f"ball train --network {name}" in commands for name in TITLES)


@pytest.mark.parametrize(("name", "tab"), [("paper-test.json", "Networks"), ("reference.json", "Networks"), ("baselines.json", "Networks"),
                                           ("data.json", "Data"), ("segmentation.json", "Segmentation"), ("tuning.json", "Tuning"),
                                           ("predictions-paper-test.csv", "Misread fields"), ("robustness.json", "Changed fields"),
                                           ("ingredients.json", "Ingredients"), ("speed.json", "Speed"),
                                           ("engines.json", "Speed"), ("training-speed.json", "Speed"),
                                           ("app.json", "Speed"), ("training-resnet50.json", "Training")])  # fmt: skip
@pytest.mark.parametrize("text", [None, '{"n": 3'])
def test_one_bad_file_spoils_its_part_alone(name: str, tab: str, text: str | None, benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / name
    path.unlink() if text is None else path.write_text(text)
    app = run(tab, "paper")
    assert f"there is no file {name}." in said(app) if text is None else f"{name} cannot be used" in said(app)
    assert app.metric or name == "paper-test.json"


def test_curves_are_offered_of_voters_that_read_every_field(benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "predictions-paper-test.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("b.jpg,Early Pre-B,alexnet,")))
    app = run("Curves", "paper")
    [voters] = [each.options for each in app.segmented_control if each.key == "curve-voter"]
    assert voters == ["Consensus", "DenseNet121", "ResNet50", "EfficientNet-B0", "GoogLeNet"]


@pytest.mark.parametrize(("bounds", "told"), [
    ({"one field against the floor, f32": {"median": 1.31}, "one field, f32": {"median": 9.0}}, "take 9.00 (f32) and 1.31 (f32) times"),
    ({}, None),
])  # fmt: skip
def test_how_near_the_floor_is_said_where_it_was_worked_out(bounds: dict[str, Any], told: str | None, benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "speed.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bounds": bounds}))
    said_now = said(run("Speed", "paper"))
    assert told in said_now if told else "both cores full" not in said_now


@pytest.mark.parametrize(("name", "damage"), [
    ("training-speed.json", {"networks": {}}), ("engines.json", {"sum": {"batch 1": {"torch": 1.0}, "batch 8": {"openvino f32": 1.0}}}),
    ("speed.json", {"milliseconds": {"naive": 1.0}}), ("app.json", {"megabytes_after_fields": {}}),
])  # fmt: skip
def test_a_file_of_speed_that_lacks_a_part_says_so(name: str, damage: dict[str, Any], benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    app = run("Speed", "paper")
    assert not app.exception
    assert f"{name} cannot be used" in said(app)


def test_half_an_evaluation_is_shown_as_far_as_it_goes(benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "paper-test.json"
    document = json.loads(path.read_text())
    del document["networks"]["resnet50"]
    for key in ("ece", "malignant", "ci95", "per_class", "coverage", "wrong_and_unflagged", "balanced_accuracy"):
        del document["consensus"][key]
    path.write_text(json.dumps(document))
    app = run(protocol="paper")
    assert [card.label for card in app.metric] == ["Consensus accuracy"]
    table = app.dataframe[0].value
    assert set(table[(table["Network"] == "ResNet50") & (table["Source"] == "ours")].iloc[0, 2:]) == {"–"}
    assert "for 0 of 4 networks" in said(app)


def test_misread_fields_carry_their_votes(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    table = next(each.value for each in run("Misread fields", "paper").dataframe if "Differ from it" in each.value)
    assert list(table["File"]) == ["b.jpg"]
    assert table.iloc[0]["True class"] == [f"▲ {LABELS[1]}"]
    assert table.iloc[0]["Consensus"] == [f"■ {LABELS[2]}"]
    assert table.iloc[0]["Differ from it"] == f"GoogLeNet ▲ {LABELS[1]}"


def test_misread_fields_are_shown_where_the_data_lie_here(benchmark_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert benchmark_files.is_dir()
    monkeypatch.delenv("BALL_DATA", raising=False)
    assert "set BALL_DATA" in said(run("Misread fields", "stain"))
    monkeypatch.setenv("BALL_DATA", str(tmp_path))
    (tmp_path / "Pro").mkdir()
    (tmp_path / "Pro" / "d.jpg").write_bytes(synthetic.png(0))
    text = said(run("Misread fields", "stain"))
    assert "set BALL_DATA" not in text
    assert "◆ Pro-B, read as ■ Pre-B" in text


def test_pages_come_up_without_torch() -> None:
    code = "import sys, pages.benchmark, pages.about; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], check=False).returncode == 0
