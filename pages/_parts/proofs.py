"""What lies under a verdict: the cells, every step of the segmentation, and where the numbers come from."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ball.names import TITLES
from ball.places import read_command
from pages._parts import steadiness
from pages._parts.marks import percent
from pages._parts.worklist import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ball.reading import Evidence, Reading

_CHOSEN = "#D85A00"
_HELP = {
    "Circularity": "4π × area / perimeter²: 1 for a circle, less for a ragged or drawn-out outline.",
    "Eccentricity": "Of the ellipse of equal spread: 0 for a circle, towards 1 the longer it is.",
    "Solidity": "Area by that of the convex hull: 1 without dents, less where nuclei touch or the outline is notched.",
}


@st.fragment
def draw(row: Row) -> None:
    """Draw the tabs below the votes. A fragment: nothing done in them reads the field again."""
    reading = row.reading
    if reading is None or reading.evidence is None:
        return
    cells, steps, steady, details = st.tabs(["Cells", "Segmentation", "Stability", "Details"])
    with cells:
        _cells(reading.evidence, row)
    with steps:
        _steps(reading.evidence, row.name)
    with steady:
        steadiness.draw(row)
    with details:
        _details(reading, row)


def _cells(evidence: Evidence, row: Row) -> None:
    count = len(evidence.cells)
    st.subheader("No cell found" if not count else "1 cell" if count == 1 else f"{count} cells", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        picture = st.container(width=448)
        if count:
            with st.container(width="stretch"):
                chosen = _table(evidence, row)
                st.caption(
                    f"Measured on the field taken as {evidence.cells[0].aspect:.2f} times as wide as high "
                    "(a square field is taken as 4 : 3). "
                    "Area and diameter in pixels of the unsqueezed field, 224 high. Select a row to find its cell. "
                    "An object may be several nuclei that touch."
                )
        else:
            chosen = None
    picture.image(_marked(evidence, chosen), alt=f"Field {row.name} with {count} numbered outlines", width="stretch")


def _table(evidence: Evidence, row: Row) -> int | None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "Cell": cell.number, "Area": cell.area, "Diameter": cell.diameter, "Circularity": cell.circularity,
            "Eccentricity": cell.eccentricity, "Solidity": cell.solidity, "At border": cell.at_border,
        }
        for cell in evidence.cells
    )
    formats = {"Diameter": "%.1f", "Circularity": "%.2f", "Eccentricity": "%.2f", "Solidity": "%.2f"}
    event: Any = st.dataframe(
        frame, hide_index=True, on_select="rerun", selection_mode="single-row", key=f"cells-{row.number}",
        height=min(36 * len(frame) + 38, 400), alt="Cells and their measures",
        column_config={name: st.column_config.NumberColumn(format=shape, help=_HELP.get(name)) for name, shape in formats.items()},
    )
    rows = event["selection"]["rows"]
    return evidence.cells[rows[0]].number if rows and rows[0] < len(evidence.cells) else None


def _marked(evidence: Evidence, chosen: int | None) -> str:
    """The field as SVG, every object of the mask outlined, every cell numbered, the chosen one in orange."""
    import cv2

    height, width = evidence.rgb.shape[:2]
    mask = evidence.segmentation.mask
    unit = max(height, width) / 448
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    scale = np.array([width / mask.shape[1], height / mask.shape[0]])
    path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (line[:, 0] + 0.5) * scale) + "Z" for line in outlines)
    parts = [f'<image width="{width}" height="{height}" href="{_png(evidence.rgb)}"/>']
    for colour, thick in (("#FFFFFF", 3.0), ("#10181E", 1.2)):
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick * unit:.2f}" stroke-linejoin="round"/>')
    for cell in evidence.cells:
        ink, paper = ("#FFFFFF", _CHOSEN) if cell.number == chosen else ("#10181E", "#FFFFFF")
        x, y = cell.x * width, cell.y * height
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{8.5 * unit:.1f}" fill="{paper}" stroke="{ink}" stroke-width="{unit:.2f}"/>'
            f'<text x="{x:.1f}" y="{y + 3.8 * unit:.1f}" font-size="{10.5 * unit:.1f}" font-family="sans-serif" font-weight="600" '
            f'text-anchor="middle" fill="{ink}">{cell.number}</text>'
        )
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _png(rgb: NDArray[np.uint8]) -> str:
    import cv2

    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()).decode()


def _steps(evidence: Evidence, name: str) -> None:
    st.subheader("From the field to what the networks see", anchor=False)
    steps = list(evidence.segmentation.steps())
    grid = st.grid(8, min_column_width=92, gap=12, key="steps")
    for number, step in enumerate(steps, start=1):
        with grid.cell():
            st.image(step.image, width="stretch", alt=f"Step {number}, {step.title}, of {name}")
            st.markdown(f"**{number}** {step.title}")
    last = steps[-1]
    with st.container(horizontal=True, gap="medium"):
        st.image(last.image, width=448, alt=f"{last.title} of {name}, enlarged")
        with st.container(width="stretch"):
            st.subheader(last.title, anchor=False)
            st.markdown("All that the five networks see of the field: what lies outside the mask is black to them.")
            share = percent(float(evidence.segmentation.mask.mean()), 0)
            st.markdown(f"The mask covers {share} of the field, in {len(evidence.cells)} objects.")


def _details(reading: Reading, row: Row) -> None:
    width, height = row.size or (0, 0)
    facts = {
        "File": row.name,
        "SHA-256": reading.sha256,
        "Picture": f"{width} × {height} px",
        "Engine": reading.engine,
        "Seconds": " · ".join(f"{stage} {seconds:.3f}" for stage, seconds in reading.seconds.items()),
        **{f"Weights of {TITLES[name]}": sha256 for name, sha256 in reading.weights.items()},
    }
    lines = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
    st.subheader("Where these numbers come from", anchor=False)
    st.html(f'<dl class="ball-facts">{lines}</dl>')
    st.markdown("The same reading, on the command line:")
    st.code(read_command(row.file or row.name), language=None, wrap_lines=True)
