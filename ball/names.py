"""What networks and engines are called, without importing torch: the keys in files and the titles on screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
"""Engines that can be asked for; ``auto`` picks the best exact one present, ``fast`` is OpenVINO in bf16."""
