"""Pictures that are no B-ALL smear, family by family: what the gate is judged on.

Half of the families were looked at while the gate was made (``development``); the others were only ever measured. Crops of
one sample picture stay within one family. Every draw comes from the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ball.files import find_files
from ball.images import decode

SAMPLES: Final = 200
"""Pictures a family."""

Image = NDArray[np.uint8]
Random = np.random.Generator

_SEEN: Final = ("astronaut", "brick", "camera", "cat", "coins", "grass", "horse", "moon", "text", "colorwheel")
_UNSEEN: Final = ("coffee", "gravel", "page", "retina", "rocket", "hubble_deep_field", "logo")
_TISSUE: Final = ("immunohistochemistry",)


@dataclass(frozen=True)
class Sources:
    """Where pictures come from: the folder with ``bccd``, ``pbc128`` and ``wbc_masks``, and genuine fields to spoil."""

    folder: Path
    fields: Sequence[Path]


@dataclass(frozen=True)
class Family:
    """One kind of picture that must not pass.

    ``goal``: "refused", or "refused or flagged" where it is blood after all. ``folder`` is the data folder needed, if any.
    """

    name: str
    title: str
    development: bool
    goal: str
    draw: Callable[[Sources, Random], Iterator[Image]]
    folder: str = ""


def pictures(family: Family, sources: Sources, count: int = SAMPLES, seed: int = 0) -> Iterator[Image]:
    """Yield up to ``count`` pictures of a family, RGB uint8, the same for the same seed."""
    for index, picture in enumerate(family.draw(sources, np.random.default_rng([seed, len(family.name), *family.name.encode()]))):
        if index == count:
            return
        yield picture


def _files(folder: str, pattern: str = "*") -> Callable[[Sources, Random], Iterator[Image]]:
    def draw(sources: Sources, random: Random) -> Iterator[Image]:
        paths = [path for path in find_files([sources.folder / folder]) if path.match(pattern)]
        for index in random.permutation(len(paths)):
            yield decode(paths[index].read_bytes()).rgb

    return draw


def _crops(names: Sequence[str]) -> Callable[[Sources, Random], Iterator[Image]]:
    def draw(_: Sources, random: Random) -> Iterator[Image]:
        from skimage import data

        samples = [_rgb(np.asarray(getattr(data, name)())) for name in names]
        while True:
            for picture in samples:
                side = round(min(picture.shape[:2]) * random.uniform(0.4, 1.0))
                top, left = (int(random.integers(0, length - side + 1)) for length in picture.shape[:2])
                yield np.ascontiguousarray(picture[top : top + side, left : left + side])

    return draw


def _rgb(picture: NDArray[np.generic]) -> Image:
    """Grey, with transparency, or of two levels: as 8-bit RGB."""
    scaled = picture.astype(np.uint8) * np.uint8(255) if picture.dtype == np.bool_ else picture.astype(np.uint8)
    return np.repeat(scaled[:, :, None], 3, axis=2) if scaled.ndim == 2 else np.ascontiguousarray(scaled[:, :, :3])


def _spoilt(change: Callable[[Image, Random], Image]) -> Callable[[Sources, Random], Iterator[Image]]:
    def draw(sources: Sources, random: Random) -> Iterator[Image]:
        for index in random.permutation(len(sources.fields)):
            yield change(decode(sources.fields[index].read_bytes()).rgb, random)

    return draw


def _inverted(rgb: Image, _: Random) -> Image:
    return np.asarray(255 - rgb, dtype=np.uint8)


def _hue_turned(rgb: Image, random: Random) -> Image:
    """Every hue turned by 90 to 270 degrees."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + int(random.integers(45, 136))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def _textures(_: Sources, random: Random) -> Iterator[Image]:
    """Blurred noise, stripes and checks, each between two or three drawn colours."""
    rows, columns = np.mgrid[0:224, 0:224]
    while True:
        noise = np.asarray(cv2.GaussianBlur(random.normal(size=(224, 224)), (0, 0), random.uniform(1, 14)), dtype=np.float64)
        turn, wide = random.uniform(0, np.pi), random.uniform(4, 40)
        stripes = np.sin((rows * np.cos(turn) + columns * np.sin(turn)) * 2 * np.pi / wide)
        checks = np.sign(np.sin(rows * np.pi / wide) * np.sin(columns * np.pi / wide))
        for pattern in (noise, stripes, checks):
            yield _coloured(pattern, random)


def _coloured(pattern: NDArray[np.float64], random: Random) -> Image:
    share = (pattern - pattern.min()) / max(float(np.ptp(pattern)), 1e-9)
    stops, colours = np.linspace(0, 1, 3), random.uniform(0, 255, (3, 3))
    drawn = np.stack([np.interp(share, stops, colours[:, channel]) for channel in range(3)], axis=2)
    return np.clip(drawn + random.normal(0, random.uniform(0, 8), drawn.shape), 0, 255).astype(np.uint8)


def _screens(_: Sources, random: Random) -> Iterator[Image]:
    """Windows of a desktop: boxes of flat colour, title bars, lines of text."""
    while True:
        canvas = np.full((480, 640, 3), random.integers(0, 256, 3), np.uint8)
        for _box in range(int(random.integers(2, 6))):
            left, top = random.integers(0, 400), random.integers(0, 300)
            right, bottom = left + random.integers(120, 400), top + random.integers(100, 300)
            paper, ink = ((255, 20), (30, 230), (245, 60))[int(random.integers(3))]
            cv2.rectangle(canvas, (int(left), int(top)), (int(right), int(bottom)), (paper,) * 3, -1)
            cv2.rectangle(canvas, (int(left), int(top)), (int(right), int(top) + 20), random.integers(0, 256, 3).tolist(), -1)
            for row in range(int(top) + 40, int(bottom), 18):
                words = "".join(random.choice(list("abcdefg hijklm nopqr stuvw xyz"), int(random.integers(8, 40))))
                cv2.putText(canvas, words, (int(left) + 8, row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (ink,) * 3, 1, cv2.LINE_AA)
        yield canvas


def _blanks(_: Sources, random: Random) -> Iterator[Image]:
    """Empty glass: one pale colour, uneven light, grain."""
    rows, columns = np.mgrid[0:224, 0:224] / 224
    while True:
        tilt = random.uniform(-20, 20) * rows + random.uniform(-20, 20) * columns
        canvas = random.uniform((200, 190, 190), (250, 250, 250)) + tilt[:, :, None] + random.normal(0, random.uniform(1, 5), (224, 224, 3))
        yield np.clip(canvas, 0, 255).astype(np.uint8)


_REFUSE, _NOTICE = "refused", "refused or flagged"

FAMILIES: Final[tuple[Family, ...]] = (
    Family("bccd", "Normal blood, another laboratory (BCCD)", True, _NOTICE, _files("bccd", "*.jpg"), "bccd"),
    Family("pbc128", "Single normal cells, cropped (PBC)", True, _NOTICE, _files("pbc128"), "pbc128"),
    Family("photographs", "Photographs", True, _REFUSE, _crops(_SEEN)),
    Family("textures", "Drawn textures", True, _REFUSE, _textures),
    Family("inverted", "Inverted fields", True, _REFUSE, _spoilt(_inverted)),
    Family("hue", "Fields with the hue turned by 90 degrees or more", True, _REFUSE, _spoilt(_hue_turned)),
    Family("single-cells", "Single cells, cropped, another laboratory", False, _NOTICE, _files("wbc_masks/images"), "wbc_masks"),
    Family("photographs-unseen", "Other photographs", False, _REFUSE, _crops(_UNSEEN)),
    Family("tissue", "Stained tissue section", False, _REFUSE, _crops(_TISSUE)),
    Family("screens", "Screenshots", False, _REFUSE, _screens),
    Family("blank", "Empty glass", False, _REFUSE, _blanks),
)
"""Every family. "Normal blood" and single cells are blood: they must be refused or flagged, the rest refused."""
