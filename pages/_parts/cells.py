"""The Cells tab: the field with numbered outlines beside the table of measures, and which cells decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from pages._parts import cells_charts as charts
from pages._parts import intake, pictures
from pages._parts.worklist import Row

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

    from ball.cells import Cell
    from ball.occlusion import Weights
    from ball.reading import Evidence, Reading

_PICTURE: Final = 448
_ROW: Final = 35
_HELP: Final = {
    "Area": "Of the nucleus, in pixels of the unsqueezed field, 224 high.",
    "Diameter": "Of the circle of the nucleus’ area, in the same pixels.",
    "Circularity": "4π × area / perimeter²: 1 for a circle, less for a ragged or drawn-out outline.",
    "Eccentricity": "Of the ellipse of equal spread: 0 for a circle, towards 1 the longer it is.",
    "Solidity": "Area by that of the convex hull: 1 without dents, less where the outline is notched.",
    "Nucleus / cell": "Area of the nucleus by that of the whole cell. Blasts have little cytoplasm, so a high share.",
    "Stain": "Mean optical density of the nucleus: 0 as the background, 0.3 lets half of the light through.",
    "Weight": "How many percentage points the leading label loses when this cell is taken out: by the networks, before a field unlike "
    "those validated is held back. Below 0: it speaks against it.",
}
_FORMATS: Final = {
    "Diameter": "%.1f", "Diameter, µm": "%.1f", "Circularity": "%.2f", "Eccentricity": "%.2f", "Solidity": "%.2f",
    "Nucleus / cell": "%.2f", "Stain": "%.2f", "Weight": "%+.1f",
}


def draw(row: Row, reading: Reading, evidence: Evidence) -> None:
    """Draw the tab."""
    cells = evidence.cells
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_heading(cells), anchor=False, width="stretch")
        if cells:
            weights = _weighing(row, reading, evidence)
            scale = _scale(row)
    if not cells:
        pictures.draw(evidence.rgb, f"Field {row.name}, in which no cell was found", _PICTURE)
        return
    frame = table(cells, weights, scale, evidence.segmentation.mask.shape[0])
    chosen = _chosen(row, cells)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=_PICTURE):
            _picture(row, evidence, chosen, weights)
        with st.container(width="stretch"):
            _table(row, frame, cells, chosen)
            st.markdown(_note(cells))
            _below(row, frame, cells)


def table(cells: Sequence[Cell], weights: Weights | None, scale: float | None, rows: int) -> pd.DataFrame:
    """One row a cell; weights in percentage points, diameters in micrometres where the field's height in them is known."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "Cell": cell.number, "Area": cell.area, "Diameter": cell.diameter, "Circularity": cell.circularity,
            "Eccentricity": cell.eccentricity, "Solidity": cell.solidity, "Nucleus / cell": cell.nucleus_to_cell,
            "Stain": cell.stain, "At border": cell.at_border,
        }
        for cell in cells
    )
    if scale:
        frame.insert(3, "Diameter, µm", frame["Diameter"] * scale / rows)
    if weights is not None:
        frame.insert(1, "Weight", [100 * weights.by_cell[cell.number] if cell.number in weights.by_cell else None for cell in cells])
    return frame


def _heading(cells: Sequence[Cell]) -> str:
    border = sum(cell.at_border for cell in cells)
    count = "No cell found" if not cells else "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    return f"{count}, {border} cut by the border" if border else count


def _weighing(row: Row, reading: Reading, evidence: Evidence) -> Weights | None:
    """Offer to weigh the cells; the weights found, kept for this visit."""
    known: dict[str, Weights] = intake.worklist().found.setdefault("weights of cells", {})
    key = f"{reading.sha256}-{reading.leading}-{hash(tuple(reading.weights.values()))}"
    # One place for button and progress; emptied at the end, so that no rerun is needed.
    slot = st.empty()
    if key not in known and slot.button(
        "Which cells decide?", icon=":material/balance:", key=f"weigh-{row.number}",
        help="Takes every nucleus out in turn and reads the field again: as many readings as there are cells.",
    ):
        known[key] = _weigh(reading, evidence, slot)
        slot.empty()
    return known.get(key)


def _weigh(reading: Reading, evidence: Evidence, slot: DeltaGenerator) -> Weights:
    from ball.engine import load_engine
    from ball.occlusion import cell_weights

    text = "Taking out one cell after the other"
    slot.progress(0.0, text)

    def tell(done: int, of: int) -> None:
        slot.progress(done / of, f"{text}: {done} of {of}")

    return cell_weights(load_engine(), evidence.segmentation, evidence.cells, reading.leading, tell)


def _scale(row: Row) -> float | None:
    with st.popover("Scale", icon=":material/straighten:"):
        height: float | None = st.number_input(
            "Height of the field, µm", min_value=0.1, value=None, format="%.1f", placeholder="not known", key=f"scale-{row.number}",
            help="With it, diameters are given in micrometres too. Measure it with a stage micrometer at the same magnification.",
        )
    return height


def _chosen(row: Row, cells: Sequence[Cell]) -> int | None:
    """Number of the chosen cell."""
    number = st.session_state.get(f"cell-{row.number}")
    return number if any(cell.number == number for cell in cells) else None


def _picture(row: Row, evidence: Evidence, chosen: int | None, weights: Weights | None) -> None:
    # A key for each choice: a click on the cell chosen last is a click again, and what was clicked before is forgotten.
    key = f"cells-picture-{row.number}-{chosen}-{weights is not None}"

    def choose() -> None:
        points = st.session_state[key]["selection"]["points"]
        st.session_state[f"cell-{row.number}"] = int(points[0]["customdata"][0]) if points else None

    st.plotly_chart(
        charts.outlined(evidence.rgb, evidence.cells, chosen, weights, _PICTURE), key=key, on_select=choose, selection_mode="points",
        theme=None, config={"displayModeBar": False, "scrollZoom": False, "doubleClick": False},
        alt=f"Field {row.name} with {len(evidence.cells)} numbered outlines; the table beside it holds their measures.",
    )
    if weights is not None:
        st.markdown(charts.legend(weights))


def _table(row: Row, frame: pd.DataFrame, cells: Sequence[Cell], chosen: int | None) -> None:
    key = f"cells-{row.number}-{len(frame.columns)}"
    place = next((index for index, cell in enumerate(cells) if cell.number == chosen), None)
    st.session_state[key] = {"selection": {"rows": [] if place is None else [place], "columns": [], "cells": []}}

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        st.session_state[f"cell-{row.number}"] = cells[rows[0]].number if rows and rows[0] < len(cells) else None

    names = [name for name in frame.columns if name in _HELP or name in _FORMATS]
    st.dataframe(
        frame, hide_index=True, on_select=choose, selection_mode="single-row", key=key, alt="Cells and their measures",
        height=min(_ROW * len(frame) + 38, 400),
        column_config={name: st.column_config.NumberColumn(format=_FORMATS.get(name), help=_HELP.get(name)) for name in names},
    )


def _note(cells: Sequence[Cell]) -> str:
    return (
        "Select a row to find its cell, or click a number to find its row. Touching nuclei are split by shape. "
        f"Measured on the field taken as {cells[0].aspect:.2f} times as wide as high (a square field is taken as 4 : 3)."
    )


def _below(row: Row, frame: pd.DataFrame, cells: Sequence[Cell]) -> None:
    from ball.export import csv_text

    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width="stretch"):
            if len(cells) > 1:
                charts.areas(cells, row.number)
        st.download_button(
            "Cells, CSV", lambda: csv_text(list(frame.columns), frame.astype(object).to_numpy().tolist()),
            f"{row.name}-cells.csv", "text/csv",
            icon=":material/download:", on_click="ignore", key=f"cells-csv-{row.number}",
        )
