"""The About page: purpose, limits and classes are said, and the weights listed are the manifest's."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ball.labels import LABELS
from tests.benchmark_files import benchmark_files, empty_benchmark
from tests.trust_files import trust, write

__all__ = ["benchmark_files", "empty_benchmark"]


def run() -> AppTest:
    """The page by itself."""

    def script() -> None:
        from pages.about import page

        page()

    app = AppTest.from_function(script, default_timeout=300).run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """All text of the page, lines joined."""
    return " ".join(" ".join(each.value for each in app.markdown).split())


@pytest.mark.parametrize(
    "words",
    [
        "for research use only", "Hematogones: normal B-cell precursors. Not normal blood.", "a validated limit no class is suggested",
        "it is refused", "stain colour alone", "One hospital.", "No patient numbers", "Nothing leaves the computer",
        "10.34740/KAGGLE/DSV/2175623", "CC BY 4.0", "Chowdhury",
    ],
)  # fmt: skip
def test_what_must_be_said_is_said(words: str, benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    assert words in said(run())


def test_every_class_has_its_mark(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    marks = " ".join(each.proto.body for each in run().get("html"))
    assert all(label in marks for label in LABELS)


def test_weights_are_those_of_the_manifest(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    app = run()
    table = app.dataframe[0].value
    assert list(table["Network"]) == ["DenseNet121", "AlexNet"]
    assert set(table["SHA-256"]) == {"ab" * 32}
    assert list(table["Size"]) == ["1.5 MB", "1.5 MB"]
    assert "Not in the manifest: ResNet50, EfficientNet-B0, GoogLeNet." in said(app)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"networks": {"alexnet": {"file": "a"}}}'])
def test_without_a_usable_manifest_it_says_so(text: str | None, empty_benchmark: Path) -> None:
    if text is not None:
        (empty_benchmark / "manifest.json").write_text(text)
    app = run()
    assert "No weights are listed." in said(app)
    assert not app.dataframe


def test_the_way_of_pooling_in_use_is_explained(empty_benchmark: Path) -> None:
    assert "the plain mean of the votes" in said(run())
    write(empty_benchmark, trust({}))
    assert "In use: their geometric mean" in said(run())
