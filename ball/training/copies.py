"""Copies of training fields that were changed before they were segmented, or of which cells were taken out.

What is drawn at each step (`ball.training.augment`) changes a masked field, and its mask stays. Another exposure, stain or
compression moves the mask, too, and a network that has only ever seen one mask of a field takes its edge for a sign. How many
cells there are is taken to go with the slide, not with the class: copies without some of them show that crowding is no sign, either.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from ball.perturb import brightness, jpeg, stain
from ball.segmentation import SIZE, resize, segment
from ball.training.data import Field, decoded, load_each

LIGHT: Final = (0.8, 1.25)
STAIN: Final = (0.75, 1.25)
QUALITY: Final = (40, 96)
"""What is drawn from: brightness and strength of a stain as factors, JPEG quality. A little wider than what the audit asks for."""

TAKEN: Final = (0.2, 0.9)
"""Chance, drawn anew for each thinned copy, with which a cell of it is taken out."""

Image = NDArray[np.uint8]


def changed(rgb: Image, chance: np.random.Generator) -> Image:
    """Another exposure and stain of a field (H, W, 3), in half of all cases compressed as well."""
    hematoxylin, eosin = chance.uniform(*STAIN, size=2)
    found = brightness(stain(rgb, hematoxylin, eosin), chance.uniform(*LIGHT))
    return jpeg(found, int(chance.integers(*QUALITY))) if chance.random() < 0.5 else found


def without_some(masked: Image, chance: np.random.Generator) -> Image:
    """A masked field (H, W, 3) without some of its cells, as chance has it; touching ones go together, and one stays where there is any."""
    cells, count = label(masked.any(axis=2))
    stays = chance.random(count + 1) >= chance.uniform(*TAKEN)
    if count:
        stays[chance.integers(1, count + 1)] = True
    return np.where(stays[cells][..., None], masked, np.uint8(0))


def load_copies(fields: Sequence[Field], masked: int, bare: int, seed: int, thinned: int = 0) -> NDArray[np.uint8]:
    """Change every field some times, each time another way.

    Args:
        fields: what to decode.
        masked: copies that are segmented after the change.
        bare: copies that are not, so that no sign hangs on the black around the nuclei.
        seed: with the name of a field, the only source of chance.
        thinned: copies that lack some cells.

    Returns:
        (masked + bare + thinned, N, 224, 224, 3) uint8.

    Raises:
        ImageError: a file cannot be decoded; the text names it.
    """

    def read(field: Field) -> NDArray[np.uint8]:
        rgb = resize(decoded(field.path), (SIZE, SIZE))
        chance = np.random.default_rng((seed, zlib.crc32(field.name.encode())))
        copies = [changed(rgb, chance) for _ in range(masked + bare)]
        found = [segment(copy).masked for copy in copies[:masked]] + copies[masked:]
        if thinned:
            whole = segment(rgb).masked
            found += [without_some(whole, chance) for _ in range(thinned)]
        return np.stack(found)

    return load_each(fields, read, (masked + bare + thinned, SIZE, SIZE, 3)).swapaxes(0, 1)
