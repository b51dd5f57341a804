"""Which software made a reading: names and versions, told without importing any of it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from ball import __version__

PACKAGES: Final = ("torch", "torchvision", "openvino", "numpy", "opencv-python-headless", "scikit-image", "pillow")
"""What a reading depends on besides this project."""


def versions() -> dict[str, str]:
    """Version by name: this project, Python, and the packages that are installed of `PACKAGES`."""
    found = {"ball": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
