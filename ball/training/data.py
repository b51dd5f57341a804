"""The data set: find its fields, know which are alike, hold them masked in memory."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ball.files import find_files, is_field, is_folder, natural_key, read_bytes
from ball.images import ImageError, decode
from ball.labels import LABELS, label_of_folder
from ball.segmentation import SIZE, resize, segment

T = TypeVar("T")

TWIN_CORRELATION: Final = 0.93
"""Two fields whose 32 x 32 grey copies correlate above this are held to be one field seen twice."""


@dataclass(frozen=True)
class Field:
    """One labelled field on disk."""

    path: Path
    label: str

    @property
    def name(self) -> str:
        """File name, by which splits know a field."""
        return self.path.name

    @property
    def target(self) -> int:
        """Index of the label in contract order."""
        return LABELS.index(self.label)


def find_fields(folder: Path) -> list[Field]:
    """List the fields of a folder of class folders, in natural order; hidden folders are not entered.

    Both Kaggle layouts are known: class folders at the top, or under ``Original`` (its ``Segmented`` copy is
    poor and passed over).

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        UnknownClassError: a folder that names no class.
    """
    if not is_folder(folder):
        raise FileNotFoundError(f"There is no folder {folder}. Point to the folder that holds Benign, Early, Pre and Pro.")
    if is_folder(folder / "Original"):
        folder = folder / "Original"
    fields = []
    for child in sorted((entry for entry in folder.iterdir() if is_folder(entry)), key=lambda entry: natural_key(entry.name)):
        if child.name.startswith("."):
            continue
        label = label_of_folder(child.name)
        # The walk keeps what cannot be looked at, so that reading tells; there is nothing to learn or measure in it.
        fields += [Field(path, label) for path in find_files([child]) if is_field(path)]
    if not fields:
        raise FileNotFoundError(f"{folder} holds no image in a class folder (Benign, Early, Pre, Pro).")
    return sorted(fields, key=lambda field: field.target)


class MislabelledError(ValueError):
    """A field lies in the folder of another class than its name says, or in the folders of two classes."""


_NAMED: Final = re.compile(r"^WBC-(?:Malignant-)?(Benign|Early|Pre|Pro)-\d+\.", re.IGNORECASE)


def label_of_name(name: str) -> str | None:
    """The label that a file name of the data set carries (``WBC-Malignant-Pre-001.jpg``); None for any other name."""
    found = _NAMED.match(name)
    return label_of_folder(found[1]) if found else None


def misplaced(fields: Sequence[Field]) -> list[Field]:
    """Fields that lie in the folder of another class than their name says."""
    return [field for field in fields if label_of_name(field.name) not in (None, field.label)]


def require_labels(fields: Sequence[Field]) -> None:
    """Prove that labels do not contradict one another.

    Raises:
        MislabelledError: a name that says another class than its folder, or one content in two classes.
    """
    wrong = misplaced(fields)
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise MislabelledError(f"{wrong[0].path} lies in a folder of {wrong[0].label}, but its name says "
                               f"{label_of_name(wrong[0].name)}{more}. Put each field into the folder of its class.")
    same: defaultdict[str, list[Field]] = defaultdict(list)
    for field in fields:
        same[hashlib.sha256(field.path.read_bytes()).hexdigest()].append(field)
    for group in same.values():
        other = next((field for field in group if field.label != group[0].label), None)
        if other:
            raise MislabelledError(f"{group[0].path} and {other.path} are the same picture in two classes. Keep the one in its own class.")


def fingerprint(fields: Sequence[Field]) -> str:
    """SHA-256 over the names, labels and contents of the fields: changes when any of them does."""
    total = hashlib.sha256()
    for field in sorted(fields, key=lambda each: each.name):
        total.update(f"{field.label}/{field.name}".encode() + hashlib.sha256(field.path.read_bytes()).digest())
    return total.hexdigest()


def load_masked(fields: Sequence[Field]) -> NDArray[np.uint8]:
    """Decode and mask every field once: (N, 224, 224, 3) uint8.

    Raises:
        ImageError: a file cannot be decoded; the text names it.
    """
    return load_each(fields, lambda field: segment(decoded(field.path)).masked, (SIZE, SIZE, 3))


def load_plain(paths: Sequence[Path], side: int) -> NDArray[np.uint8]:
    """Decode images without masking: (N, side, side, 3) uint8.

    Raises:
        ImageError: a file cannot be decoded; the text names it.
    """
    return load_each(paths, lambda path: resize(decoded(path), (side, side)), (side, side, 3))


def decoded(path: Path) -> NDArray[np.uint8]:
    """Decode one field: (H, W, 3) uint8.

    Raises:
        ImageError: it cannot be read or decoded; the text names it.
    """
    try:
        return decode(read_bytes(path)).rgb
    except ImageError as error:
        raise ImageError(f"{path.parent.name}/{path.name}: {error}") from error


def load_each(items: Sequence[T], read: Callable[[T], NDArray[np.uint8]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read every item, several at a time: (N, *shape) uint8, in the order of the items. What ``read`` raises is raised."""
    images = np.empty((len(items), *shape), dtype=np.uint8)
    with ThreadPoolExecutor() as pool:
        for index, image in enumerate(pool.map(read, items)):
            images[index] = image
    return images


def twin_groups(fields: Sequence[Field]) -> NDArray[np.intp]:
    """Number the groups of fields that are copies of one another: (N,), equal numbers belong together.

    Two fields are alike where their bytes are equal or their 32 x 32 grey copies correlate above
    ``TWIN_CORRELATION``.

    Raises:
        ImageError: a file cannot be decoded; the text names it.
    """
    grey = thumbnails(fields)
    alike = np.argwhere(np.triu(grey @ grey.T > TWIN_CORRELATION, k=1))
    links = coo_matrix((np.ones(len(alike)), (alike[:, 0], alike[:, 1])), shape=(len(fields), len(fields)))
    numbers: NDArray[np.intp] = connected_components(links, directed=False)[1].astype(np.intp)
    return numbers


def thumbnails(fields: Sequence[Field]) -> NDArray[np.float32]:
    """The `thumbnail` of every field: (n, 1024).

    Raises:
        ImageError: a file cannot be decoded; the text names it.
    """
    return np.stack([thumbnail(decoded(field.path)) for field in fields])


def thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A 32 x 32 grey copy of mean 0 and norm 1, (1024,), so that a dot product is a correlation."""
    grey = cv2.cvtColor(resize(rgb, (32, 32)), cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    grey -= grey.mean()
    return np.asarray(grey / max(float(np.linalg.norm(grey)), 1e-6), dtype=np.float32)
