"""A picture on a page, quickly there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST: Final = 896
"""Longer side in pixels of what is sent, unless told otherwise: twice what a page shows, for screens that have twice the pixels."""

_LEVEL: Final = 1
"""Of PNG's compression. Streamlit's own takes four times as long, for a tenth less to send to the same machine."""

_PLAIN: Final = 448 * 448
"""Pixels up to which a picture is not compressed at all: that takes a twentieth of the time, for twice as much to send."""


def draw(picture: NDArray[np.uint8], alt: str, width: int | str = "stretch", longest: int = LONGEST) -> None:
    """Show a picture, (H, W, 3) RGB or (H, W) grey; no larger than a page needs it, and otherwise pixel by pixel as it is."""
    # Told the format: else Streamlit makes a JPEG of it, which takes as long again and is no longer what was drawn.
    st.image(_png(picture, longest), width=width, alt=alt, output_format="PNG")  # type: ignore[arg-type]


def _png(picture: NDArray[np.uint8], longest: int) -> bytes:
    import cv2

    from ball.explain import small

    sent = small(picture, longest)
    colours = sent if sent.ndim == 2 else cv2.cvtColor(sent, cv2.COLOR_RGB2BGR)
    how = [cv2.IMWRITE_PNG_COMPRESSION, _LEVEL]
    if sent.shape[0] * sent.shape[1] <= _PLAIN:
        how = [cv2.IMWRITE_PNG_COMPRESSION, 0, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    return bytes(cv2.imencode(".png", colours, how)[1].tobytes())
