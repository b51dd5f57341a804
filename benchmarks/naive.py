"""The naive path, written as the manuals have it: what every reading is measured against.

For each network one eager forward pass and one call of pytorch-grad-cam on the whole network, whose layer is the one of
the package's manual; cv2.kmeans with ten attempts, holes and small objects by scipy and scikit-image. Decoding and
measuring cells are ours in both paths, so that only what differs is compared. The networks read at the side that their
weights name, here as there.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy import ndimage
from skimage.morphology import remove_small_holes, remove_small_objects
from torch import Tensor, nn

from ball.cells import cells_of
from ball.images import decode
from ball.networks import NETWORKS, normalised
from ball.segmentation import CLUSTERS, MIN_OBJECT, SIZE, Image, Mask, resize
from ball.weights import Store


class Naive:
    """Five torchvision networks, each with a GradCAM object."""

    def __init__(self, store: Store) -> None:
        self.networks = {}
        for name in NETWORKS:
            classifier = store.load(name)
            # Plain memory format, as torchvision builds it.
            net: Any = copy.deepcopy(classifier.net).to(memory_format=torch.contiguous_format).requires_grad_(True).eval()
            whole, layer = explained(name, net)
            self.networks[name] = (whole, GradCAM(whole, [layer]), classifier.side)

    def read(self, path: Path) -> dict[str, tuple[Tensor, NDArray[np.float32]]]:
        """Logits (4,) and the map (side, side) of the leading class, by network."""
        rgb = decode(path.read_bytes()).rgb
        small = resize(rgb, (SIZE, SIZE))
        mask, _ = segmented(small)
        cells_of(small, mask, rgb.shape[:2])
        masked = torch.from_numpy(np.where(mask[:, :, None], small, np.uint8(0)))[None]
        return {name: self._answer(masked, *parts) for name, parts in self.networks.items()}

    def _answer(self, masked: Tensor, net: nn.Module, cam: Any, side: int) -> tuple[Tensor, NDArray[np.float32]]:
        batch = normalised(masked, side).contiguous()
        with torch.no_grad():
            logits = net(batch)[0]
        return logits, cam(batch, [ClassifierOutputTarget(int(logits.argmax()))])[0]


def explained(name: str, net: Any) -> tuple[nn.Module, nn.Module]:
    """A network and the layer whose maps are explained; nothing in place, which would overwrite what a hook sees."""
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    if name == "densenet121":
        apart = _DenseNet(net)
        return apart, apart.last
    layers = {"resnet50": "layer4", "alexnet": "features.11", "efficientnet_b0": "features", "googlenet": "inception5b"}
    return net, net.get_submodule(layers[name])


class _DenseNet(nn.Module):
    """torchvision's DenseNet, whose last ReLU is no module, with one."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.features, self.last, self.classifier = net.features, nn.ReLU(), net.classifier

    def forward(self, batch: Tensor) -> Any:
        return self.classifier(self.last(self.features(batch)).mean(dim=(2, 3)))


def segmented(rgb: Image) -> tuple[Mask, float]:
    """Mask by cv2.kmeans with ten attempts, and its inertia."""
    a_star = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[:, :, 1]
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 0.2)
    values = a_star.reshape(-1, 1).astype(np.float32)
    # The naive path has OpenCV's own threads, which ours goes without (ball/regions.py).
    cv2.setNumThreads(cv2.getNumberOfCPUs())
    inertia, marks, centres = cv2.kmeans(values, CLUSTERS, None, criteria, 10, cv2.KMEANS_RANDOM_CENTERS)  # type: ignore[call-overload]
    cv2.setNumThreads(1)
    binary = marks.reshape(a_star.shape) == int(centres.argmax())
    least = round(MIN_OBJECT * a_star.size / SIZE**2) - 1
    kept = remove_small_objects(ndimage.binary_fill_holes(binary), max_size=least, connectivity=2)
    return np.asarray(remove_small_holes(kept, max_size=least), dtype=bool), float(inertia)
