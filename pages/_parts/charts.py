"""The charts of the Benchmark page. Text is left uncoloured, so that it follows the theme; lines are named where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from ball.benchmark import METRICS, Counts, Evaluation, Measures, Reference, Training
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts.findings import changes, figure
from pages._parts.marks import MARKS, NEUTRAL

OURS: Final = "#4A86A3"
SIZE: Final = 14
FAINT: Final = "rgba(122,135,144,0.30)"
SHADES: Final = ((0, "rgba(74,134,163,0)"), (1, "rgba(74,134,163,0.55)"))
"""From nothing to "ours", on both themes light enough under the theme's text."""


def show(chart: go.Figure, key: str, alt: str) -> None:
    """Draw a chart as all are drawn here: the theme's colours, no mode bar, told in words to who cannot see it."""
    config = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
    st.plotly_chart(chart, theme="streamlit", config=config, key=key, alt=alt)


def paper_and_ours(reference: Reference, evaluation: Evaluation, metric: str) -> go.Figure:
    """Dot plot of one measure: paper ○, ours ● with its 95 % interval."""
    names = [name for name in TITLES if name in reference.networks or name in evaluation.networks]
    paper = {TITLES[name]: reference.networks[name][metric] for name in names if name in reference.networks}
    voters = {**{TITLES[name]: each for name, each in evaluation.networks.items()}, "Consensus": evaluation.consensus}
    ours = {title: float(getattr(each, metric)) for title, each in voters.items()}
    ranges = {title: each.intervals[metric] for title, each in voters.items() if metric in each.intervals}
    scale, unit = (100, " %") if metric == "accuracy" else (1, "")
    chart = go.Figure()
    for title, ends in ranges.items():
        line = {"line": {"color": OURS, "width": 3}, "opacity": 0.5, "hoverinfo": "skip", "showlegend": False}
        chart.add_scatter(x=[scale * end for end in ends], y=[title] * 2, mode="lines", **line)
    for who, values, symbol, colour in (("paper", paper, "circle-open", NEUTRAL), ("ours", ours, "circle", OURS)):
        chart.add_scatter(
            x=[scale * value for value in values.values()], y=list(values), mode="markers",
            name=f"{who}, 95 % interval" if who == "ours" and ranges else who,
            customdata=[figure(metric, value) for value in values.values()], hovertemplate=f"%{{y}}, {who}: %{{customdata}}<extra></extra>",
            marker={"symbol": symbol, "size": 13, "color": colour, "line": {"width": 2.5, "color": colour}},
        )
    chart.update_xaxes(ticksuffix=unit, nticks=6, zeroline=False)
    chart.update_yaxes(categoryorder="array", categoryarray=[*(TITLES[name] for name in names), "Consensus"][::-1], showgrid=False)
    return _plain(chart, 440, legend=True)


def confusion(measures: Measures) -> go.Figure:
    """Counts by true class (rows) and class read (columns), shaded by share of the row."""
    shares = [[count / max(sum(row), 1) for count in row] for row in measures.confusion]
    names = [_marked(label) for label in LABELS]
    chart = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, zmin=0, zmax=1, colorscale=SHADES, showscale=False, xgap=3, ygap=3, text=measures.confusion,
            texttemplate='<span style="color:currentColor">%{text}</span>', textfont={"size": 18},
            hovertemplate="%{y} read as %{x}: %{text} fields, %{z:.1%} of the class<extra></extra>",
        )
    )
    chart.update_xaxes(side="top", title="Read as", showgrid=False)
    chart.update_yaxes(autorange="reversed", title="True class", showgrid=False)
    return _plain(chart, 380)


def classes(counts: Counts) -> go.Figure:
    """Fields by class."""
    chart = go.Figure(
        go.Bar(
            x=[counts.classes[label] for label in LABELS], y=[_marked(label) for label in LABELS], orientation="h",
            text=[f"{counts.classes[label]:,}" for label in LABELS], textposition="outside", cliponaxis=False,
            marker={"color": [MARKS[label].colour for label in LABELS]}, hovertemplate="%{y}: %{x} fields<extra></extra>",
        )
    )
    chart.update_xaxes(visible=False)
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return _plain(chart, 240)


def losses(log: Training, most: float) -> go.Figure:
    """Training and validation loss by epoch, up to ``most``."""
    chart = go.Figure()
    _line(chart, log, "training", [each.train_loss for each in log.epochs], {"color": NEUTRAL, "dash": "dot"}, ".4f")
    _line(chart, log, "validation", [each.val_loss for each in log.epochs], {"color": OURS}, ".4f")
    chart.update_yaxes(title="Loss", range=[0, most * 1.05], nticks=5)
    return _staged(chart, log, 210, legend=True)


def accuracies(log: Training, least: float) -> go.Figure:
    """Validation accuracy by epoch, from ``least`` up."""
    chart = go.Figure()
    _line(chart, log, "validation", [100 * each.val_accuracy for each in log.epochs], {"color": OURS}, ".1f")
    chart.update_yaxes(title="Accuracy", ticksuffix=" %", range=[100 * least - 2, 101], nticks=5)
    chart.update_xaxes(title="Epoch")
    return _staged(chart, log, 210)


def _line(chart: go.Figure, log: Training, name: str, values: Sequence[float], line: Mapping[str, str], form: str) -> None:
    chart.add_scatter(
        x=[each.epoch for each in log.epochs], y=values, mode="lines+markers", line={"width": 2, **line}, marker={"size": 5}, name=name,
        hovertemplate=f"epoch %{{x}}, {name}: %{{y:{form}}}<extra></extra>",
    )


def _staged(chart: go.Figure, log: Training, height: int, legend: bool = False) -> go.Figure:
    """Add a dotted line wherever the image side changes."""
    for epoch in changes(log):
        chart.add_vline(x=epoch - 0.5, line={"dash": "dot", "width": 1.5, "color": NEUTRAL})
    chart.update_xaxes(range=[0.5, log.epochs[-1].epoch + 0.5], nticks=6, tickformat="d", showgrid=False)
    return _plain(chart, height, legend)


def _marked(label: str) -> str:
    """Mark, in its colour, and word, for an axis."""
    return f'<span style="color:{MARKS[label].colour};font-size:18px">{MARKS[label].glyph}</span> {label}'


def summary(metric: str) -> str:
    """What the dot plot shows, for those who cannot see it."""
    return f"{METRICS[metric]} of five networks, the paper's beside ours; the table beside it holds the same figures."


def _plain(chart: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """What all charts have in common: no title, no zoom, 14 px, the legend in one line above."""
    above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": SIZE}}
    above |= {"itemclick": False, "itemdoubleclick": False}
    axes = {"gridcolor": FAINT, "tickfont": {"size": SIZE}, "title_font": {"size": SIZE}, "fixedrange": True, "automargin": True}
    margin = {"l": 0, "r": 30, "t": 34 if legend else 8, "b": 0}
    chart.update_layout(height=height, margin=margin, font={"size": SIZE}, showlegend=legend, dragmode=False, legend=above)
    chart.update_xaxes(**axes)
    chart.update_yaxes(zeroline=False, **axes)
    return chart
