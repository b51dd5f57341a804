"""The Cells tab: table, outlines, and the weights of the cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.cells import Cell, find_cells
from ball.occlusion import Weights
from ball.segmentation import segment
from pages._parts import cells as tab
from pages._parts import cells_charts as charts

ROOT = Path(__file__).resolve().parents[2]
FIELD = synthetic.draw(1)
CELLS = find_cells(segment(FIELD), FIELD.shape[:2])
WEIGHTS = Weights("Pro-B", 0.9, {cell.number: (-0.1 if cell.number == 2 else 0.02 * cell.number) for cell in CELLS[:-1]})


def traces(chosen: int | None = None, weights: Weights | None = None) -> list[Any]:
    return list(charts.outlined(FIELD, CELLS, chosen, weights, 448).data)


def test_the_table_holds_a_row_a_cell_and_weights_in_points() -> None:
    frame = tab.table(CELLS, WEIGHTS, 100.0, 224)
    assert list(frame["Cell"]) == [cell.number for cell in CELLS]
    assert frame["Weight"][1] == pytest.approx(-10)
    assert frame["Weight"].isna().tolist() == [False] * (len(CELLS) - 1) + [True]
    assert frame["Diameter, µm"][0] == pytest.approx(CELLS[0].diameter * 100 / 224)
    plain = tab.table(CELLS, None, None, 224)
    assert "Weight" not in plain
    assert "Diameter, µm" not in plain


def test_every_cell_has_an_outline_and_a_mark_to_click() -> None:
    lines = [trace for trace in traces() if trace.mode == "lines"]
    assert [line.line.color for line in lines] == [charts.WHITE, charts.INK]
    assert sum(value is None for value in lines[1].x) == len(CELLS)
    marks = traces()[-1]
    assert list(marks.text) == [str(cell.number) for cell in CELLS]
    assert [point[0] for point in marks.customdata] == [cell.number for cell in CELLS]


def test_the_chosen_cell_is_orange_and_no_other() -> None:
    lines = [trace for trace in traces(chosen=3) if trace.mode == "lines" and trace.line.color == charts.CHOSEN]
    assert len(lines) == 1
    assert lines[0].x[0] == pytest.approx(CELLS[2].outline[0][0])
    assert [colour == charts.CHOSEN for colour in traces(chosen=3)[-1].marker.color] == [cell.number == 3 for cell in CELLS]


def test_weightier_cells_have_thicker_outlines_and_those_against_are_dotted() -> None:
    inks = [trace for trace in traces(weights=WEIGHTS) if trace.mode == "lines" and trace.line.color == charts.INK]
    assert {trace.line.dash for trace in inks} == {"solid", "dot"}
    assert max(trace.line.width for trace in inks) > min(trace.line.width for trace in inks)
    assert "1 speaks against it" in charts.legend(WEIGHTS)
    assert "No single cell carries Pro-B" in charts.legend(Weights("Pro-B", 0.9, {1: 0.0}))


def test_the_heading_counts_cells_at_the_border() -> None:
    assert tab._heading(()) == "No cell found"
    assert tab._heading(CELLS[:1]) == "1 cell"
    cut: Cell = type(CELLS[0])(**{**vars(CELLS[0]), "at_border": True})
    assert tab._heading((cut, *CELLS[1:3])) == "3 cells, 1 cut by the border"


def test_cells_are_weighed_on_demand_and_the_table_then_has_weights(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    monkeypatch.delenv("BALL_DATA", raising=False)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    next(button for button in app.button if button.label == "Draw a synthetic field").click()
    app.run()
    assert not app.exception
    assert "Weight" not in next(frame.value for frame in app.dataframe if "Circularity" in frame.value)
    next(button for button in app.button if button.label == "Which cells decide?").click()
    app.run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "Circularity" in frame.value)
    assert table["Weight"].notna().all()
    assert not [button for button in app.button if button.label == "Which cells decide?"]
