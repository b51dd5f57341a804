"""The field at its own size, to zoom into and to move about; a large one is sent small first, and whole when asked for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from pages._parts.worklist import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST: Final = 1600
"""Longest side in pixels of the picture that is sent at first."""

_QUALITY: Final = 92
_TOOLS: Final = {
    "scrollZoom": True, "displaylogo": False, "displayModeBar": True, "modeBarButtons": [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
}  # fmt: skip


def button(row: Row) -> None:
    """Draw the button that opens the viewer; off where there is no picture."""
    st.button("Enlarge", icon=":material/zoom_in:", type="tertiary", disabled=not row.data, on_click=_ask, key="enlarge")
    if row.data and st.session_state.pop("enlarge-asked", False):
        _open(row)


def _ask() -> None:
    st.session_state["enlarge-asked"] = True


@st.dialog("Field", width="large")
def _open(row: Row) -> None:
    width, height = row.size or (0, 0)
    whole = True
    if max(width, height) > FIRST:
        whole = st.toggle(f"Every pixel of {width} × {height}", help="The picture is sent small first. All of it may take a moment.")
    st.plotly_chart(
        figure(row, whole), config=_TOOLS, key=f"viewer-{row.number}", alt=f"Field {row.name}, to zoom into", on_select="ignore"
    )
    st.markdown("Scroll to zoom, drag to move, double-click to see all of it again.")


def figure(row: Row, whole: bool) -> Any:
    """The field as a chart in pixels of the file's own picture, whole or with its longest side brought to `FIRST`."""
    import plotly.graph_objects as go

    from ball.explain import small
    from ball.images import decode

    rgb = decode(row.data).rgb
    height, width = rgb.shape[:2]
    sent = rgb if whole else small(rgb, FIRST)
    step = {"dx": width / sent.shape[1], "dy": height / sent.shape[0]}
    made = go.Figure(go.Image(source=_jpeg(sent), hoverinfo="skip", **step))
    made.update_layout(height=640, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode="pan", uirevision=row.number)
    made.update_xaxes(visible=False, range=[0, width])
    made.update_yaxes(visible=False, range=[height, 0])
    return made


def _jpeg(rgb: NDArray[Any]) -> str:
    import cv2

    written = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(written.tobytes()).decode()
