"""What networks, engines and maps are called, without importing torch: the keys in files and the titles on screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "densenet121": "DenseNet121",
        "resnet50": "ResNet50",
        "alexnet": "AlexNet",
        "efficientnet_b0": "EfficientNet-B0",
        "googlenet": "GoogLeNet",
    }
)
"""Title of every network by its name, in contract order."""

ENGINES: Final = ("auto", "torch", "openvino", "fast")
"""Engines that can be asked for; ``auto`` picks the best exact one present, ``fast`` is OpenVINO in bf16 where that is sure."""

Method = Literal["grad-cam", "grad-cam++", "layer-cam"]
"""How a map of where a network looked is made; the first comes with every reading, the others when asked for."""

METHODS: Final[Mapping[Method, str]] = MappingProxyType(
    {"grad-cam": "Grad-CAM", "grad-cam++": "Grad-CAM++", "layer-cam": "LayerCAM, finer squares"}
)
"""Title of every method by its name."""
