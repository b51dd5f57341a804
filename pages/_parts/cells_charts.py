"""The pictures of the Cells tab: outlines over the field, and how large the nuclei are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from pages._parts import charts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ball.cells import Cell
    from ball.occlusion import Weights

CHOSEN: Final = "#D85A00"
INK: Final = "#10181E"
WHITE: Final = "#FFFFFF"
THIN: Final = 1.3
THICK: Final = 4.5
_STEPS: Final = 5
_EVEN: Final = 0.0005
"""A change of less than a twentieth of a point counts as none."""


def outlined(
    rgb: NDArray[np.uint8], cells: Sequence[Cell], chosen: int | None, weights: Weights | None, width: int
) -> go.Figure:
    """The field with every nucleus outlined and numbered, ink with a white casing, the chosen one in orange.

    With weights, an outline is the thicker the more its cell speaks for the label, and dotted where it speaks against it.
    """
    height = round(width * rgb.shape[0] / rgb.shape[1])
    chart = go.Figure()
    for (thick, dash), group in _grouped(cells, weights).items():
        _lines(chart, group, WHITE, thick + 1.8, "solid")
        _lines(chart, group, INK, thick, dash)
    _lines(chart, [cell for cell in cells if cell.number == chosen], CHOSEN, 3.2, "solid")
    _numbers(chart, cells, chosen, width)
    image = {"source": _png(rgb), "x": 0, "y": 0, "sizex": 1, "sizey": 1, "xref": "x", "yref": "y", "sizing": "stretch", "layer": "below"}
    chart.add_layout_image(image)
    chart.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    chart.update_yaxes(range=[1, 0], visible=False, fixedrange=True)
    chart.update_layout(
        width=width, height=height, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False, dragmode=False, hovermode="closest",
        clickmode="event+select", plot_bgcolor="rgba(0,0,0,0)", paper_bgcolor="rgba(0,0,0,0)",
    )
    return chart


def legend(weights: Weights) -> str:
    """What the outlines of weighed cells mean, in words."""
    number, most = max(weights.by_cell.items(), key=lambda item: item[1])
    against = sum(value < -_EVEN for value in weights.by_cell.values())
    if most <= _EVEN:
        text = f"No single cell carries {weights.label}: without any one of them it stays as probable."
    else:
        thick = f"The thicker the outline, the more {weights.label} rests on the cell"
        text = f"{thick}: without cell {number} it loses {100 * most:.1f} points."
    return f"{text} Dotted: {against} {'speaks' if against == 1 else 'speak'} against it." if against else text


def areas(cells: Sequence[Cell], number: int) -> None:
    """Draw the histogram of the nuclei's areas."""
    bars = {"marker": {"color": charts.OURS}, "hovertemplate": "%{x} px: %{y}<extra></extra>"}
    chart = go.Figure(go.Histogram(x=[cell.area for cell in cells], nbinsx=12, **bars))
    axes = {"tickfont": {"size": 14}, "title_font": {"size": 14}, "fixedrange": True, "automargin": True, "gridcolor": charts.FAINT}
    chart.update_xaxes(title="Area of the nucleus, px", **axes)
    chart.update_yaxes(title="Cells", nticks=4, tickformat="d", zeroline=False, **axes)
    chart.update_layout(height=170, margin={"l": 0, "r": 10, "t": 8, "b": 0}, bargap=0.06, dragmode=False, font={"size": 14})
    charts.show(chart, f"cells-areas-{number}", f"Histogram of the areas of {len(cells)} nuclei; the table holds each.")


def _grouped(cells: Sequence[Cell], weights: Weights | None) -> dict[tuple[float, str], list[Cell]]:
    """Cells by the style of their outline: thickness in a few steps, dotted where the weight is below 0."""
    most = max((abs(value) for value in weights.by_cell.values()), default=0.0) if weights else 0.0
    groups: dict[tuple[float, str], list[Cell]] = {}
    for cell in cells:
        value = weights.by_cell.get(cell.number, 0.0) if weights else 0.0
        step = round(abs(value) / most * _STEPS) if most > _EVEN else 0
        dash = "dot" if value < -_EVEN else "solid"
        groups.setdefault((THIN + (THICK - THIN) * step / _STEPS, dash), []).append(cell)
    return groups


def _lines(chart: go.Figure, cells: Sequence[Cell], colour: str, width: float, dash: str) -> None:
    """Outlines of several cells as one line with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for cell in cells:
        closed = [*cell.outline, cell.outline[0]]
        x += [*(point[0] for point in closed), None]
        y += [*(point[1] for point in closed), None]
    if x:
        chart.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": width, "dash": dash}, hoverinfo="skip")


def _numbers(chart: go.Figure, cells: Sequence[Cell], chosen: int | None, width: int) -> None:
    """A numbered mark on every cell, and around it a clear one as large as the nucleus, so that it is easily hit."""
    colours = [CHOSEN if cell.number == chosen else WHITE for cell in cells]
    inks = [WHITE if cell.number == chosen else INK for cell in cells]
    spread = [max(20.0, 0.9 * width * (max(x) - min(x))) for x in ([point[0] for point in cell.outline] for cell in cells)]
    clear: dict[str, Any] = {"size": spread, "color": "rgba(255,255,255,0.01)", "line": {"width": 0}}
    marks: dict[str, Any] = {"size": 18, "color": colours, "line": {"width": 1.2, "color": inks}}
    for marker, text in ((clear, None), (marks, [str(cell.number) for cell in cells])):
        chart.add_scatter(
            x=[cell.x for cell in cells], y=[cell.y for cell in cells], mode="markers+text" if text else "markers", text=text,
            textfont={"size": 11, "color": inks, "family": "sans-serif"}, marker=marker, customdata=[[cell.number] for cell in cells],
            hovertemplate="Cell %{customdata[0]}<extra></extra>",
            # A click must not pale the other marks.
            unselected={"marker": {"opacity": 1}}, selected={"marker": {"opacity": 1}},
        )


def _png(rgb: NDArray[np.uint8]) -> str:
    import cv2

    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()).decode()
