"""Harmless changes of a field, by which a vote should not turn: stain, light, compression.

One family, defined here alone: the stability of a single reading and the audit of the networks both take it. Each change
is fixed, not drawn, so that a figure made with it is the same when made again. They are meant for fields at the size
that is segmented (224 x 224): a field is brought there first, so that JPEG blocks weigh on every field alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import hed_from_rgb, rgb_from_hed

from ball.values import require_rgb

STAIN: Final = 0.2
"""Relative change of the strength of a stain, in optical density."""

LIGHT: Final = 0.15
"""Relative change of brightness."""

QUALITY: Final = 50
"""JPEG quality, 0 to 100."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Perturbation:
    """One change: its name in files, its title on screen, the kind it belongs to, and the function that makes it."""

    name: str
    title: str
    kind: str
    change: Callable[[Image], Image]

    def __call__(self, rgb: Image) -> Image:
        """Change a field.

        Args:
            rgb: (H, W, 3) uint8; left as it is.

        Returns:
            (H, W, 3) uint8.

        Raises:
            ValueError: ``rgb`` is not an RGB uint8 array.
        """
        return self.change(require_rgb(rgb))


def stain(rgb: Image, hematoxylin: float = 1.0, eosin: float = 1.0, residual: float = 1.0) -> Image:
    """Scale the strength of each stain in optical density; 1 leaves it, and glass stays as bright as it is.

    Hematoxylin, eosin and residual are told apart by the colours of Ruifrok and Johnston (2001), as in the stain
    augmentation of Tellez et al. (2018, doi:10.1109/TMI.2018.2820199).
    """
    mix = hed_from_rgb @ np.diag([hematoxylin, eosin, residual]) @ rgb_from_hed
    density = -np.log(np.maximum(rgb, 1).astype(np.float32) / 255)
    return _bytes(255 * np.exp(-density @ mix.astype(np.float32)))


def brightness(rgb: Image, factor: float) -> Image:
    """Multiply every sample; what passes 255 is cut, as a camera would."""
    return _bytes(rgb.astype(np.float32) * factor)


def jpeg(rgb: Image, quality: int) -> Image:
    """Compress and decode again."""
    written = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _bytes(values: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


_MORE, _LESS = 1 + STAIN, 1 - STAIN

PERTURBATIONS: Final[Mapping[str, Perturbation]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Perturbation("hematoxylin-stronger", "blue stain stronger", "stain", lambda rgb: stain(rgb, hematoxylin=_MORE)),
            Perturbation("hematoxylin-weaker", "blue stain weaker", "stain", lambda rgb: stain(rgb, hematoxylin=_LESS)),
            Perturbation("eosin-stronger", "pink stain stronger", "stain", lambda rgb: stain(rgb, eosin=_MORE)),
            Perturbation("eosin-weaker", "pink stain weaker", "stain", lambda rgb: stain(rgb, eosin=_LESS)),
            Perturbation("brighter", "15 % brighter", "light", lambda rgb: brightness(rgb, 1 + LIGHT)),
            Perturbation("darker", "15 % darker", "light", lambda rgb: brightness(rgb, 1 - LIGHT)),
            Perturbation("jpeg-50", "JPEG of quality 50", "compression", lambda rgb: jpeg(rgb, QUALITY)),
        )
    }
)
"""Every change by its name. ``kind`` groups them: stain, light, compression."""
