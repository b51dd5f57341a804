"""What lies under a verdict: the cells, every step of the segmentation, and where the numbers come from."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ball.names import TITLES
from ball.places import read_command
from pages._parts import cells as cells_tab
from pages._parts import pictures, steadiness
from pages._parts.marks import percent
from pages._parts.worklist import Row

if TYPE_CHECKING:
    from ball.reading import Evidence, Reading


@st.fragment
def draw(row: Row) -> None:
    """Draw the tabs below the votes. A fragment: nothing done in them reads the field again."""
    reading = row.reading
    if reading is None or reading.evidence is None:
        return
    cells, steps, steady, details = st.tabs(["Cells", "Segmentation", "Stability", "Details"])
    with cells:
        cells_tab.draw(row, reading, reading.evidence)
    with steps:
        _steps(reading.evidence, row.name)
    with steady:
        steadiness.draw(row)
    with details:
        _details(reading, row)


def _steps(evidence: Evidence, name: str) -> None:
    st.subheader("From the field to what the networks see", anchor=False)
    steps = list(evidence.segmentation.steps())
    grid = st.grid(8, min_column_width=92, gap=12, key="steps")
    for number, step in enumerate(steps, start=1):
        with grid.cell():
            pictures.draw(step.image, f"Step {number}, {step.title}, of {name}")
            st.markdown(f"**{number}** {step.title}")
    last = steps[-1]
    with st.container(horizontal=True, gap="medium"):
        pictures.draw(last.image, f"{last.title} of {name}, enlarged", 448)
        with st.container(width="stretch"):
            st.subheader(last.title, anchor=False)
            st.markdown("All that the five networks see of the field: what lies outside the mask is black to them.")
            share = percent(float(evidence.segmentation.mask.mean()), 0)
            st.markdown(f"The mask covers {share} of the field, in {len(evidence.cells)} objects.")


def _details(reading: Reading, row: Row) -> None:
    width, height = row.size or (0, 0)
    facts = {
        "File": row.name,
        "SHA-256": row.sha256 or reading.sha256,
        "Picture": f"{width} × {height} px",
        "Engine": reading.engine,
        "Seconds": " · ".join(f"{stage} {seconds:.3f}" for stage, seconds in reading.seconds.items()),
        **{f"Weights of {TITLES[name]}": sha256 for name, sha256 in reading.weights.items()},
    }
    lines = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
    st.subheader("Where these numbers come from", anchor=False)
    st.html(f'<dl class="ball-facts">{lines}</dl>')
    st.markdown("The same reading, on the command line:")
    st.code(read_command(row.file or row.name, row.stability is not None, row.asked), language=None, wrap_lines=True)
    if not row.on_disk:
        st.markdown("This picture was made on this page and is not on disk. Download it to where you type the command.")
        st.download_button(
            f"Download {row.name}", row.data, row.name, icon=":material/download:", on_click="ignore", key=f"picture-{row.number}"
        )
