"""The Benchmark page: what it shows is what the files say, and whatever is missing is said in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ball.labels import LABELS
from ball.names import TITLES
from tests.benchmark_files import benchmark_files, empty_benchmark

__all__ = ["benchmark_files", "empty_benchmark"]


def run() -> AppTest:
    """The page by itself."""

    def script() -> None:
        from pages.benchmark import page

        page()

    app = AppTest.from_function(script, default_timeout=300).run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """All text of the page."""
    return "\n".join(each.value for each in app.markdown)


def test_cards_show_the_figures_of_the_file(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    cards = {card.label: (card.value, card.delta) for card in run().metric}
    assert cards == {
        "Consensus accuracy": ("93.2 %", "95 % interval 88.2 % to 98.2 %"),
        "Malignant sensitivity": ("99.1 %", "8 malignant fields"),
        "Consensus test loss": ("0.1234", "the paper’s best: 0.0313, DenseNet121"),
        "Calibration error": ("3.5 %", "probability against share right"),
    }


def test_table_sets_the_paper_beside_ours(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    table = run().dataframe[0].value
    assert list(table["Network"]) == [*(title for title in TITLES.values() for _ in range(2)), "Consensus"]
    assert list(table.iloc[0]) == ["DenseNet121", "paper", "98.77 %", "0.9877", "0.9877", "0.9878", "0.0313"]
    assert list(table.iloc[1]) == ["DenseNet121", "ours", "90.00 %", "0.8900", "0.9000", "0.9100", "0.1234"]


def test_findings_follow_from_the_figures(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    text = said(run())
    assert "Our accuracy is higher than the paper’s for 0 of 5 networks." in text
    assert "The consensus misreads 1 of 10 fields (10.0 %); most often Early Pre-B read as Pre-B (1)." in text
    assert "Early Pre-B is found least often: 75.0 % of its 4 fields." in text
    assert "The consensus misreads 1 of 2 test fields." in text
    assert "100 fields: 80 training, 10 validation, 10 test." in text
    assert "Epochs: 2 at 112 px, 1 at 224 px. 3 min. Ends at 80.0 %" in text
    assert "a mean Dice of 0.825" in text


def test_measure_and_network_can_be_chosen(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    app = run()
    app.segmented_control(key="metric").set_value("loss").run()
    app.segmented_control(key="voter").set_value("AlexNet").run()
    assert not app.exception
    assert "Our test loss is lower than the paper’s for 0 of 5 networks." in said(app)
    assert "AlexNet misreads 1 of 10 fields" in said(app)


def test_the_split_and_what_it_cannot_show_are_said(empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()
    text = said(run())
    assert "A random split can be passed on stain colour alone" in text
    assert "**not measured yet**" in text
    (empty_benchmark / "benchmark").mkdir(exist_ok=True)
    (empty_benchmark / "benchmark" / "stain-test.json").write_text("{}")
    assert "**not measured yet**" not in said(run())


def test_without_any_file_every_part_names_its_command(empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()
    app = run()
    assert not app.metric
    assert said(app).count("Not measured yet") >= 9
    commands = "\n".join(each.value for each in app.code)
    for command in ("ball evaluate", "ball data check", *(f"ball train --network {name}" for name in TITLES), "benchmarks/segmentation.py"):
        assert command in commands


@pytest.mark.parametrize("name", ["paper-test.json", "reference.json", "data.json", "segmentation.json", "predictions-paper-test.csv",
                                  "training-resnet50.json"])  # fmt: skip
@pytest.mark.parametrize("text", [None, '{"n": 3', "{}"])
def test_one_bad_file_spoils_its_part_alone(name: str, text: str | None, benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / name
    path.unlink() if text is None else path.write_text(text)
    app = run()
    assert f"there is no file {name}." in said(app) if text is None else f"{name} cannot be used" in said(app)
    assert "Our accuracy" in said(app) or name in {"paper-test.json", "reference.json"}
    assert "a mean Dice of" in said(app) or name == "segmentation.json"


def test_half_an_evaluation_is_shown_as_far_as_it_goes(benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "paper-test.json"
    document = json.loads(path.read_text())
    del document["networks"]["resnet50"]
    for key in ("ece", "malignant", "ci95", "per_class"):
        del document["consensus"][key]
    path.write_text(json.dumps(document))
    app = run()
    assert [card.label for card in app.metric] == ["Consensus accuracy", "Consensus test loss"]
    table = app.dataframe[0].value
    assert set(table[(table["Network"] == "ResNet50") & (table["Source"] == "ours")].iloc[0, 2:]) == {"–"}
    assert "for 0 of 4 networks" in said(app)


def test_misread_fields_carry_their_votes(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    table = next(each.value for each in run().dataframe if "Differ from it" in each.value)
    assert list(table["File"]) == ["b.jpg"]
    assert table.iloc[0]["True class"] == [f"▲ {LABELS[1]}"]
    assert table.iloc[0]["Consensus"] == [f"■ {LABELS[2]}"]
    assert table.iloc[0]["Differ from it"] == f"GoogLeNet ▲ {LABELS[1]}"


def test_pages_come_up_without_torch() -> None:
    code = "import sys, pages.benchmark, pages.about; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], check=False).returncode == 0
