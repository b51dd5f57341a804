"""`python -m ball data check`: what a data folder holds, and what in it would spoil a figure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ball.files import read_bytes
from ball.images import ImageError, decode
from ball.labels import LABELS
from ball.training.data import Field, find_fields, misplaced, twin_groups
from ball.training.splits import FOLDS, PARTS, load_split

Group = tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """What was found; files are named relative to the folder, in its order.

    ``n``: fields that can be read. ``counts``: those by label. ``parts``: those by part of the split paper, and label.
    ``unreadable``: files that cannot be decoded. ``identical``: groups of equal bytes. ``twins``: groups of near duplicates
    (see `ball.training.data.twin_groups`) with more than one content. ``contradictory``: those of either kind whose labels
    differ. ``ambiguous``: groups of one file name. ``misplaced``: files whose name says another class than their folder.
    ``unknown``: files that no split names.
    """

    n: int
    counts: dict[str, int]
    parts: dict[str, dict[str, int]]
    unreadable: Group
    identical: tuple[Group, ...]
    twins: tuple[Group, ...]
    contradictory: tuple[Group, ...]
    ambiguous: tuple[Group, ...]
    misplaced: Group
    unknown: Group

    def document(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)


def check(folder: Path) -> Check:
    """Look a folder of class folders over.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        UnknownClassError: a folder that names no class.
    """
    found = find_fields(folder)
    digests = {field: digest for field in found if (digest := _digest(field.path)) is not None}
    fields = list(digests)
    numbers = dict(zip(fields, twin_groups(fields), strict=True)) if fields else {}
    identical = _groups(fields, digests.values())
    twins = [group for group in _groups(fields, numbers.values()) if len({digests[field] for field in group}) > 1]
    contradictory = [group for group in [*identical, *twins] if len({field.label for field in group}) > 1]
    paper = load_split("paper")
    known = _known_names()

    def named(group: Iterable[Field]) -> Group:
        return tuple(field.path.relative_to(folder).as_posix() for field in group)

    return Check(
        n=len(fields),
        counts=_counts(fields),
        parts={part: _counts([field for field in fields if field.name in paper.part(part)]) for part in PARTS},
        unreadable=named(field for field in found if field not in digests),
        identical=tuple(map(named, identical)),
        twins=tuple(map(named, twins)),
        contradictory=tuple(map(named, contradictory)),
        ambiguous=tuple(map(named, _groups(found, (field.name for field in found)))),
        misplaced=named(misplaced(found)),
        unknown=named(field for field in found if field.name not in known),
    )


def _counts(fields: Sequence[Field]) -> dict[str, int]:
    """Fields by label, in contract order, zeros included."""
    found = Counter(field.label for field in fields)
    return {label: found[label] for label in LABELS}


def _digest(path: Path) -> str | None:
    """SHA-256 of a file that can be decoded, else None."""
    try:
        data = read_bytes(path)
        decode(data)
    except ImageError:
        return None
    return hashlib.sha256(data).hexdigest()


def _groups(fields: Sequence[Field], keys: Iterable[Hashable]) -> list[list[Field]]:
    """Fields of equal key, where there are at least two."""
    groups = defaultdict(list)
    for field, key in zip(fields, keys, strict=True):
        groups[key].append(field)
    return [group for group in groups.values() if len(group) > 1]


def _known_names() -> frozenset[str]:
    """Every file name that stands in a part of a committed split."""
    splits = [load_split("paper"), *(load_split("stain", fold) for fold in range(FOLDS))]
    return frozenset().union(*(split.part(part) for split in splits for part in PARTS))
