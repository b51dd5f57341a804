"""The five networks, each described once. A sixth is one more entry here, and its title in ball/names.py.

A network is cut in three: ``early`` (up to feature maps of fine squares), ``late`` (from there to the last feature maps,
after the last activation) and ``head`` (from those to the logits). One pass of the trunk, ``maps``, and the head yields
maps and logits together, and an explanation needs only the head; one over finer squares needs ``late`` as well. The cut
is after the last ReLU, so that in-place activations cannot overwrite what Grad-CAM reads. ``explained`` is the head once
more, with Grad-CAM's weights beside the logits in closed form: they need no backward pass, so a compiled graph can hold
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ball.labels import LABELS
from ball.names import TITLES
from ball.segmentation import SIZE

MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)
"""Channel mean and deviation of ImageNet: one normalisation, whichever start the weights had."""


@dataclass(frozen=True)
class Network:
    """One network: its name in files and in torchvision, where to cut it, and with which settings to build it.

    ``quantised``: matrices that its weight file holds in 8 bits. ``rounds``: whether bf16 is near enough to f32
    (`python -m benchmarks.rounding`).
    """

    name: str
    early: Callable[[Any, Tensor], Tensor]
    late: Callable[[Any, Tensor], Tensor]
    head: Callable[[Any, Tensor], Tensor]
    explained: Callable[[Any, Tensor], tuple[Tensor, Tensor]]
    classifier: str
    imagenet: str
    quantised: tuple[str, ...] = ()
    rounds: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    def build(self, num_classes: int) -> nn.Module:
        """torchvision's network, its weights drawn."""
        # Reading by compiled graphs builds none, and torchvision takes seconds and 0.2 GB to import.
        from torchvision import models

        built: nn.Module = models.get_model(self.name, num_classes=num_classes, **self.settings)
        return built

    @property
    def title(self) -> str:
        """Its name on screen."""
        return TITLES[self.name]

    @property
    def file(self) -> str:
        """Name of the weight file."""
        return f"{self.name}.safetensors"


class Classifier(nn.Module):
    """A torchvision network with its trunk and head apart.

    ``forward`` takes (N, 3, side, side) float32, normalised, and returns logits (N, classes). ``side`` in pixels is
    what these weights read at; it belongs to them and stands in their manifest entry.
    """

    def __init__(self, network: Network, classes: int = len(LABELS), side: int = SIZE) -> None:
        super().__init__()
        self.network = network
        self.side = side
        self.net = network.build(num_classes=classes)

    def maps(self, batch: Tensor) -> Tensor:
        """Last feature maps, (N, channels, h, w)."""
        return self.late(self.early(batch))

    def early(self, batch: Tensor) -> Tensor:
        """Feature maps of finer squares from early in the trunk, (N, channels, h, w)."""
        return self.network.early(self.net, batch)

    def late(self, early: Tensor) -> Tensor:
        """Last feature maps from the early ones."""
        return self.network.late(self.net, early)

    def head(self, maps: Tensor) -> Tensor:
        """Logits (N, classes) from the last feature maps."""
        return self.network.head(self.net, maps)

    def explained(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, classes), and Grad-CAM's weights (N, classes, channels): the mean over a map of d logit / d map."""
        return self.network.explained(self.net, maps)

    def forward(self, batch: Tensor) -> Tensor:
        return self.head(self.maps(batch))


# Where `early` ends was chosen on validation fields, among the ends of the trunks' stages: there LayerCAM's maps lie most on cells
# and what they rate high moves the vote more than what they rate low.
_DENSENET_EARLY: Final = 6
"""Children of its features up to the first transition."""


def _densenet_early(net: Any, batch: Tensor) -> Any:
    return net.features[:_DENSENET_EARLY](batch)


def _densenet_late(net: Any, early: Tensor) -> Tensor:
    return functional.relu(net.features[_DENSENET_EARLY:](early))


def _resnet_early(net: Any, batch: Tensor) -> Any:
    return net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(batch)))))


def _resnet_late(net: Any, early: Tensor) -> Any:
    return net.layer4(net.layer3(net.layer2(early)))


def _features(start: int | None, end: int | None) -> Callable[[Any, Tensor], Tensor]:
    """Some of the children of ``features``."""

    def run(net: Any, batch: Tensor) -> Tensor:
        found: Tensor = net.features[start:end](batch)
        return found

    return run


_EARLY: Final = 3
"""Children of AlexNet's and EfficientNet-B0's features in `early`."""

_ALEXNET_LAST_RELU: Final = 11


def _alexnet_head(net: Any, maps: Tensor) -> Any:
    return net.classifier(torch.flatten(net.avgpool(net.features[_ALEXNET_LAST_RELU + 1 :](maps)), 1))


def _alexnet_explained(net: Any, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Back through three linear layers by hand.

    Max and average pooling pass the gradient of a channel on in other places but in the same sum, and Grad-CAM takes
    nothing but its mean: so the first linear layer's weights may be summed over the places of a channel beforehand.
    """
    first, second, third = net.classifier[1], net.classifier[4], net.classifier[6]
    flat = torch.flatten(net.avgpool(net.features[_ALEXNET_LAST_RELU + 1 :](maps)), 1)
    early = functional.relu(first(flat))
    late = functional.relu(second(early))
    into_late = third.weight * (late > 0).to(late.dtype).unsqueeze(1)
    into_early = torch.matmul(into_late, second.weight) * (early > 0).to(early.dtype).unsqueeze(1)
    summed = first.weight.unflatten(1, (maps.shape[1], -1)).sum(dim=2)
    return third(late), torch.matmul(into_early, summed) / (maps.shape[2] * maps.shape[3])


_GOOGLENET_EARLY: Final = ("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b")
_GOOGLENET_LATE: Final = (
    "maxpool3", "inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4", "inception5a", "inception5b",
)


def _in_turn(layers: tuple[str, ...]) -> Callable[[Any, Tensor], Tensor]:
    """The named layers one after the other."""

    def run(net: Any, batch: Tensor) -> Tensor:
        for name in layers:
            batch = net.get_submodule(name)(batch)
        return batch

    return run


def _pooled(*layers: str) -> Callable[[Any, Tensor], Tensor]:
    """Head of a network that ends in global average pooling and the named layers."""

    def head(net: Any, maps: Tensor) -> Tensor:
        pooled = torch.flatten(functional.adaptive_avg_pool2d(maps, 1), 1)
        for layer in layers:
            pooled = net.get_submodule(layer)(pooled)
        return pooled

    return head


def _pooled_explained(*layers: str) -> Callable[[Any, Tensor], tuple[Tensor, Tensor]]:
    """The same head; the gradient of its mean is the last layer's weight over the area, alike for every field."""

    def explained(net: Any, maps: Tensor) -> tuple[Tensor, Tensor]:
        weight = net.get_submodule(layers[-1]).weight / (maps.shape[2] * maps.shape[3])
        return _pooled(*layers)(net, maps), weight.expand(maps.shape[0], *weight.shape)

    return explained


NETWORKS: Final[dict[str, Network]] = {
    network.name: network
    for network in (
        Network(
            "densenet121", _densenet_early, _densenet_late, _pooled("classifier"), _pooled_explained("classifier"),
            "classifier", "IMAGENET1K_V1", rounds=False,
        ),
        Network(
            "resnet50", _resnet_early, _resnet_late, _pooled("fc"), _pooled_explained("fc"),
            "fc", "IMAGENET1K_V2",
        ),
        Network(
            "alexnet", _features(None, _EARLY), _features(_EARLY, _ALEXNET_LAST_RELU + 1), _alexnet_head,
            _alexnet_explained, "classifier.6", "IMAGENET1K_V1", ("classifier.1.weight", "classifier.4.weight"),
        ),
        Network(
            "efficientnet_b0", _features(None, _EARLY), _features(_EARLY, None),
            _pooled("classifier"), _pooled_explained("classifier.1"), "classifier.1", "IMAGENET1K_V1",
            # Stochastic depth has no weights; it suits schedules far longer than ours.
            rounds=False, settings={"stochastic_depth_prob": 0.0},
        ),
        Network(
            "googlenet", _in_turn(_GOOGLENET_EARLY), _in_turn(_GOOGLENET_LATE), _pooled("dropout", "fc"),
            _pooled_explained("fc"), "fc", "IMAGENET1K_V1", settings={"aux_logits": False, "init_weights": False},
        ),
    )
}
"""Every network by name, in contract order."""


def normalised(masked: Tensor, side: int) -> Tensor:
    """The batch that a network takes.

    Args:
        masked: (N, H, W, 3) masked RGB, 0..255, any number type.
        side: height and width that the network reads at.

    Returns:
        (N, 3, side, side) float32, channels last in memory.
    """
    return sized(standardised(masked), side)


def standardised(masked: Tensor) -> Tensor:
    """Masked RGB (N, H, W, 3), 0..255, as float32 (N, 3, H, W) of ImageNet's mean and deviation, channels last in memory."""
    mean = torch.tensor(MEAN, device=masked.device) * 255
    std = torch.tensor(STD, device=masked.device) * 255
    return ((masked.float() - mean) / std).permute(0, 3, 1, 2)


def sized(batch: Tensor, side: int) -> Tensor:
    """Standardised fields brought to ``side`` x ``side`` pixels."""
    if batch.shape[2:] == (side, side):
        return batch
    return functional.interpolate(batch, size=(side, side), mode="bilinear", antialias=True)
