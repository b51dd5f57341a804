"""The least that a page costs: a title, one control and five plain pictures, no reading. `benchmarks.app` opens it and clicks on it."""

import streamlit as st

SIDE = 224


@st.fragment
def draw() -> None:
    """Draw the control and its pictures, other ones for each choice."""
    import cv2  # Not before the title is sent, which is all that a first page waits for.
    import numpy as np

    style = str(st.segmented_control("Picture", ["Heat map", "Spotlight"], default="Heat map", required=True))
    for column, number in zip(st.columns(5), range(5), strict=True):
        drawn = np.full((SIDE, SIDE, 3), 40 * number + (20 if style == "Spotlight" else 0), dtype=np.uint8)
        column.image(cv2.imencode(".png", drawn)[1].tobytes(), alt=f"{style} of {number}", output_format="PNG")


st.title("A bare page")
draw()
