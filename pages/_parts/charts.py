"""What all charts have in common. Text is left uncoloured, so that it follows the theme; lines are named where they end."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
import streamlit as st

OURS: Final = "#4A86A3"
SIZE: Final = 14
FAINT: Final = "rgba(122,135,144,0.30)"
SHADES: Final = ((0, "rgba(74,134,163,0)"), (1, "rgba(74,134,163,0.55)"))
"""From nothing to "ours", on both themes light enough under the theme's text."""


def show(chart: go.Figure, key: str, alt: str) -> None:
    """Draw a chart as all are drawn here: the theme's colours, no mode bar, told in words to who cannot see it."""
    config = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
    st.plotly_chart(chart, theme="streamlit", config=config, key=key, alt=alt)


def plain(chart: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """What all charts have in common: no title, no zoom, 14 px, the legend in one line above."""
    above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": SIZE}}
    above |= {"itemclick": False, "itemdoubleclick": False}
    axes = {"gridcolor": FAINT, "tickfont": {"size": SIZE}, "title_font": {"size": SIZE}, "fixedrange": True, "automargin": True}
    margin = {"l": 0, "r": 30, "t": 34 if legend else 8, "b": 0}
    chart.update_layout(height=height, margin=margin, font={"size": SIZE}, showlegend=legend, dragmode=False, legend=above)
    chart.update_xaxes(**axes)
    chart.update_yaxes(zeroline=False, **axes)
    return chart
