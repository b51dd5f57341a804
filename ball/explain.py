"""Where a network looked: Grad-CAM over its last feature maps, and pictures made of a map.

Grad-CAM (Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74) of all classes comes with the prediction, in closed form
(`grad_cam`). pytorch-grad-cam, which holds it to account in the tests and gives the other methods (`label_map`), runs on
what lies behind the feature maps that it explains by. Each such call hooks a layer of its own, never the shared network,
so calls cannot disturb each other and leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ball.engine import Output
from ball.labels import LABELS
from ball.names import Method
from ball.networks import Classifier, normalised
from ball.segmentation import resize

Style = Literal["heat", "spotlight", "map"]
STYLES: Final[tuple[str, ...]] = get_args(Style)


def grad_cam(output: Output) -> NDArray[np.float32]:
    """Grad-CAM of every class for one field, from what a network said of it: no pass of its own.

    Args:
        output: of a batch of one.

    Returns:
        (classes, h, w) float32, each map scaled to 0..1 as pytorch-grad-cam does.
    """
    maps = output.maps[0]
    raw = torch.matmul(output.importance[0], maps.flatten(1)).reshape(-1, *maps.shape[1:]).clamp_(min=0).numpy()
    # Twice, as the library does: for the layer, and for the sum over layers.
    return _scaled(_scaled(raw))


def _scaled(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each map brought to 0..1; a flat one to 0.

    pytorch-grad-cam's ``scale_cam_image``, which the tests hold it to. Importing that package takes 0.15 GB more.
    """
    above = maps - maps.min(axis=(1, 2), keepdims=True)
    return np.asarray(above / (1e-7 + above.max(axis=(1, 2), keepdims=True)), dtype=np.float32)


@dataclass(frozen=True)
class _Way:
    """How a method explains: the name of the library's class, and the feature maps it explains by, from which it runs to the logits."""

    cam: str
    maps: Callable[[Classifier, Tensor], Tensor]
    behind: Callable[[Classifier, Tensor], Tensor]


def _last(model: Classifier, batch: Tensor) -> Tensor:
    return model.maps(batch)


def _head(model: Classifier, maps: Tensor) -> Tensor:
    return model.head(maps)


def _early(model: Classifier, batch: Tensor) -> Tensor:
    return model.early(batch)


def _late_and_head(model: Classifier, early: Tensor) -> Tensor:
    return model.head(model.late(early))


# Over the last maps LayerCAM is all but Grad-CAM: behind them come a mean and one linear layer, whose gradient is the same
# everywhere. It was made for earlier maps (Jiang et al. 2021, doi:10.1109/TIP.2021.3089943), and gets those.
_WAYS: Final[Mapping[Method, _Way]] = {
    "grad-cam": _Way("GradCAM", _last, _head),
    "grad-cam++": _Way("GradCAMPlusPlus", _last, _head),
    "layer-cam": _Way("LayerCAM", _early, _late_and_head),
}


class _Behind(nn.Module):
    """What lies behind some feature maps, after a layer of its own, which takes the hooks."""

    def __init__(self, model: Classifier, behind: Callable[[Classifier, Tensor], Tensor]) -> None:
        super().__init__()
        self.maps = nn.Identity()
        # pytorch-grad-cam asks the first parameter where to compute.
        self._place = nn.Parameter(torch.empty(0, device=next(model.parameters()).device), requires_grad=False)
        # A plain reference: the shared network is no child, so nothing done to this module reaches it.
        self._behind = [lambda maps: behind(model, maps)]

    def forward(self, maps: Tensor) -> Tensor:
        return self._behind[0](self.maps(maps))


def class_maps(model: Classifier, maps: Tensor) -> NDArray[np.float32]:
    """Grad-CAM of every class for one field, by pytorch-grad-cam.

    Args:
        model: network in evaluation mode, its parameters frozen (as `Store.load` gives it).
        maps: (1, channels, h, w) last feature maps of the field.

    Returns:
        (classes, h, w) float32, each map scaled to 0..1 as pytorch-grad-cam does.
    """
    return _by_library(model, maps, _WAYS["grad-cam"], range(len(LABELS)))


def label_map(model: Classifier, masked: NDArray[np.uint8], method: Method, label: str) -> NDArray[np.float32]:
    """The map of one label by one of the library's methods: a pass through the trunk of its own.

    Args:
        model: network in evaluation mode, its parameters frozen (as `Store.load` gives it).
        masked: (224, 224, 3) masked field.
        method: by which to explain.
        label: whose logit is explained.

    Returns:
        (h, w) float32, scaled to 0..1. ``layer-cam`` has finer squares than the others.

    Raises:
        ValueError: unknown method or label.
    """
    if method not in _WAYS or label not in LABELS:
        raise ValueError(f"expected one of {', '.join(_WAYS)} and one of {', '.join(LABELS)}, got {method!r} and {label!r}")
    device = next(model.parameters()).device
    with torch.no_grad():
        maps = _WAYS[method].maps(model, normalised(torch.from_numpy(masked[None]).to(device), model.side))
    return np.asarray(_by_library(model, maps, _WAYS[method], [LABELS.index(label)])[0])


def _by_library(model: Classifier, maps: Tensor, way: _Way, classes: Sequence[int]) -> NDArray[np.float32]:
    """Maps of some classes, (len(classes), h, w), from the feature maps of one field, (1, channels, h, w)."""
    # Imported when first asked for: see `_scaled`.
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    device = next(model.parameters()).device
    targets = [ClassifierOutputTarget(index) for index in classes]
    behind = _Behind(model, way.behind)
    with torch.inference_mode(False), torch.enable_grad(), getattr(pytorch_grad_cam, way.cam)(behind, [behind.maps]) as cam:
        batch = maps.detach().to(device).expand(len(classes), *maps.shape[1:]).clone().requires_grad_()
        return np.asarray(cam(batch, targets), dtype=np.float32)


_DARK: Final = 0.35
"""What the light of a field is dimmed to where a spotlight does not fall."""


def overlay(rgb: NDArray[np.uint8], heat: NDArray[np.float32], style: Style = "heat", opacity: float = 0.6) -> NDArray[np.uint8]:
    """Lay a map over a field.

    Args:
        rgb: (H, W, 3) uint8 field.
        heat: (h, w) map in 0..1; brought to the field's size.
        style: ``heat`` (viridis, alpha follows the map), ``spotlight`` (colour where it looked, dark grey
            elsewhere: keeps the stain true) or ``map`` (the map alone).
        opacity: 0 (the field alone) to 1; ``map`` takes no account of it.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: unknown style, or opacity outside 0..1.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; expected one of {', '.join(STYLES)}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be 0 to 1, got {opacity}")
    weight = np.clip(cv2.resize(heat, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.cvtColor(cv2.applyColorMap((weight * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    if style == "map":
        return np.asarray(colours, dtype=np.uint8)
    if style == "heat":
        share, other = opacity * weight, colours
    else:
        share = opacity * (1 - weight)
        other = cv2.cvtColor(cv2.convertScaleAbs(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), alpha=_DARK), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.blendLinear(rgb, other, 1 - share, share), dtype=np.uint8)


def small(rgb: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Shrink a picture so that its longer side is at most ``longest`` pixels."""
    height, width = rgb.shape[:2]
    factor = min(1.0, longest / max(height, width))
    return resize(rgb, (max(1, round(height * factor)), max(1, round(width * factor))))
