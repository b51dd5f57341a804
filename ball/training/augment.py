"""Augmentation of masked fields, a whole batch at a time: geometry, stain, light.

Colour is a crutch in this data set, so each field is stained anew: hematoxylin, eosin and residual are
scaled and shifted in optical density (Tellez et al. 2018, doi:10.1109/TMI.2018.2820199). A part of a batch can be given
the stain of its neighbours, whatever their class (mean and deviation, after Reinhard et al. 2001, doi:10.1109/38.946629), or
no colour at all; and a part of each field can be blanked, so that crowding is no clue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from skimage.color import hed_from_rgb, rgb_from_hed
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; every draw is uniform in its range.

    ``zoom``: side of the square cut out around a nucleus, as a share of the field. ``squeeze``: largest change of aspect.
    ``stain``: largest relative change of a stain's strength; ``shift``: largest optical density added to one.
    ``light``: largest relative change of brightness. ``rotate``: free rotation besides right angles and flips.
    ``mix``: share of fields that get the stain of another field of the batch. ``grey``: share of fields without colour.
    ``window``: side of the square around a nucleus outside of which all is blanked, as a share of the field; from 2 on it
    blanks nothing.
    """

    zoom: tuple[float, float] = (0.5, 1.0)
    squeeze: float = 0.2
    stain: float = 0.2
    shift: float = 0.04
    light: float = 0.15
    rotate: bool = True
    mix: float = 0.0
    grey: float = 0.0
    window: tuple[float, float] = (2.0, 2.0)


def augment(batch: Tensor, side: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Draw one variant of each image.

    Args:
        batch: (N, H, W, 3) uint8, background 0.
        side: height and width of the result.
        how: ranges.
        generator: the only source of chance.

    Returns:
        (N, side, side, 3) float32 in 0..255, background 0.
    """
    count = len(batch)
    planes = batch.permute(0, 3, 1, 2).float() / 255
    centres = _centres(batch, generator)
    theta = _transforms(centres, how, generator).to(planes.device)
    if how.window[0] < 2:
        planes = planes * _windows(centres, batch.shape[1:3], how, generator).to(planes.device)
    grid = functional.affine_grid(theta, [count, 3, side, side], align_corners=False)
    planes = functional.grid_sample(planes, grid, align_corners=False)
    on = planes.amax(dim=1, keepdim=True) > 0.04
    planes = _restain(planes, on, how, generator) * on
    return planes.permute(0, 2, 3, 1) * 255


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _centres(batch: Tensor, generator: torch.Generator) -> Tensor:
    """A nucleus pixel of each image, drawn evenly, as (x, y) in -1..1: a cut around it is never empty. (N, 2)."""
    count, height, width, _ = batch.shape
    on = (batch.amax(dim=3) > 0).view(count, -1).cpu()
    # The small addend gives an empty image a centre, too.
    drawn = torch.multinomial(on.float() + 1e-9, 1, generator=generator)[:, 0]
    return torch.stack([(drawn % width + 0.5) / width, (drawn // width + 0.5) / height], dim=1) * 2 - 1


def _transforms(centres: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Affine matrices (N, 2, 3) from result to source: zoom, squeeze, rotation, mirror, place."""
    count = len(centres)
    zoom = _uniform(count, *how.zoom, generator=generator)
    squeeze = torch.exp(_uniform(count, -how.squeeze, how.squeeze, generator))
    turn = _uniform(count, -math.pi, math.pi, generator)
    if not how.rotate:
        turn = torch.round(turn / (math.pi / 2)) * (math.pi / 2)
    mirror = torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1.0
    cos, sin = torch.cos(turn), torch.sin(turn)
    matrix = torch.stack([cos, -sin, sin, cos], dim=1).view(count, 2, 2)
    matrix = matrix * torch.stack([zoom * squeeze * mirror, zoom / squeeze], dim=1)[:, None, :]
    room = (1 - zoom).clamp(min=0)[:, None]
    place = torch.minimum(torch.maximum(centres, -room), room)
    return torch.cat([matrix, place[:, :, None]], dim=2)


def _windows(centres: Tensor, size: Sequence[int], how: Augmentation, generator: torch.Generator) -> Tensor:
    """1 inside a square around each centre, 0 outside: (N, 1, H, W)."""
    half = _uniform(len(centres), *how.window, generator=generator)[:, None]
    along = [(torch.arange(length) + 0.5) / length * 2 - 1 for length in size]
    inside = [((place[None] - centres[:, axis, None]).abs() <= half).float() for place, axis in zip(along, (1, 0), strict=True)]
    return (inside[0][:, :, None] * inside[1][:, None, :])[:, None]


def _restain(planes: Tensor, on: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Scale and shift each stain in optical density, and the light with it; all of it is one affine change of density."""
    count = len(planes)
    to_stain = torch.tensor(hed_from_rgb, dtype=torch.float32)
    to_rgb = torch.tensor(rgb_from_hed, dtype=torch.float32)
    strength = 1 + how.stain * (torch.rand(count, 3, generator=generator) * 2 - 1)
    shift = how.shift * (torch.rand(count, 3, generator=generator) * 2 - 1)
    light = torch.log(_uniform(count, 1 - how.light, 1 + how.light, generator))[:, None]
    density = -torch.log(planes.clamp(min=1 / 255))
    if how.mix:
        scale, added = _neighbours(density, on, to_stain.to(planes.device), how.mix, generator)
        strength, shift = strength * scale, shift + added * strength
    change = (to_stain[None] * strength[:, None, :]) @ to_rgb
    offset = (shift @ to_rgb - light)[:, :, None, None]
    density = torch.einsum("nchw,ncd->ndhw", density, change.to(planes.device)) + offset.to(planes.device)
    if how.grey:
        grey = (torch.rand(count, generator=generator) < how.grey).to(planes.device)[:, None, None, None]
        density = torch.where(grey, density.mean(dim=1, keepdim=True), density)
    return torch.exp(-density).clamp(0, 1)


_WIDEST = 2.0
"""Largest change of a stain's deviation: a field with next to none of a stain is not blown up to one full of it."""


def _neighbours(density: Tensor, on: Tensor, to_stain: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scale and addend (N, 3) that bring the nuclei of some fields to the mean and deviation of another field's."""
    stains = torch.einsum("nchw,cs->nshw", density, to_stain).flatten(2)
    seen = on.flatten(2)
    pixels = seen.sum(dim=2).clamp(min=1)
    mean = (stains * seen).sum(dim=2) / pixels
    deviation = (((stains - mean[:, :, None]) ** 2 * seen).sum(dim=2) / pixels).sqrt().clamp(min=1e-3)
    mean, deviation = mean.cpu(), deviation.cpu()
    other = torch.randperm(len(density), generator=generator)
    scale = (deviation[other] / deviation).clamp(1 / _WIDEST, _WIDEST)
    chosen = (torch.rand(len(density), generator=generator) < share)[:, None] & (pixels.cpu() > 1) & (pixels.cpu()[other] > 1)
    return torch.where(chosen, scale, 1.0), torch.where(chosen, mean[other] - scale * mean, 0.0)
