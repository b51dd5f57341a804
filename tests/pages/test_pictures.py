"""Pictures reach the browser pixel by pixel as they were drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ball.explain import small
from pages._parts import pictures


@pytest.mark.parametrize("shape", [(224, 224, 3), (336, 448, 3), (449, 448, 3), (600, 1200, 3), (1, 3, 3), (300, 400)])
def test_what_is_sent_is_what_was_drawn(shape: tuple[int, ...]) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sent = cv2.imdecode(np.frombuffer(pictures._png(drawn, 896), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(sent if drawn.ndim == 2 else sent[:, :, ::-1], small(drawn, 896))


def test_a_large_picture_is_compressed() -> None:
    flat = np.full((600, 800, 3), 200, dtype=np.uint8)
    assert len(pictures._png(flat, 896)) < flat.size / 50
