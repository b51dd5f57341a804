"""Evidence for the defaults of the segmentation: K of the k-means, and the least area of an object.

The command is `ball.benchmark.SEGMENT`; its DATA holds ``wbc_masks`` (300 single white cells with hand-drawn masks:
255 nucleus, 128 cytoplasm) and ``all`` (fields in class folders). The cells are measured without clearing a scale bar;
areas scale with the picture, so ``min_object`` means pixels at 224 x 224 throughout.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ball.benchmark import SEGMENT
from ball.images import decode
from ball.labels import LABELS
from ball.segmentation import CLUSTERS, MIN_OBJECT, Parameters, segment
from ball.training.data import find_fields

KS: Final = (2, 3, 4)
LEAST: Final = (0, 30, 60, 120)
STEP: Final = 10

Cell = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def cells(folder: Path) -> Iterator[Cell]:
    """Yield each single cell, (H, W, 3) RGB, with its drawn mask, (H, W)."""
    for path in sorted((folder / "images").iterdir()):
        drawn = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        if drawn is None:
            raise FileNotFoundError(f"{path.name} has no mask in {folder / 'masks'}")
        yield decode(path.read_bytes()).rgb, np.asarray(drawn, dtype=np.uint8)


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Overlap of two masks: 1 where equal, 0 where apart."""
    return float(2 * (mask & truth).sum() / max(int(mask.sum() + truth.sum()), 1))


def score_cells(pairs: Sequence[Cell], clusters: int, least: int) -> dict[str, Any]:
    """Dice of one setting against the nucleus alone and against the whole cell."""
    how = Parameters(clusters, least, clear_scale_bar=False)
    masks = [segment(rgb, how, size=None).mask for rgb, _ in pairs]
    # The masks are clean levels (0, 128, 255); the cuts lie between them.
    nucleus = [dice(mask, drawn > 191) for mask, (_, drawn) in zip(masks, pairs, strict=True)]
    whole = [dice(mask, drawn > 63) for mask, (_, drawn) in zip(masks, pairs, strict=True)]
    return {
        "clusters": clusters,
        "min_object": least,
        "nucleus_dice": {"mean": round(float(np.mean(nucleus)), 4), "median": round(float(np.median(nucleus)), 4)},
        "cell_dice": {"mean": round(float(np.mean(whole)), 4), "median": round(float(np.median(whole)), 4)},
    }


def score_fields(fields: Sequence[tuple[NDArray[np.uint8], str]], clusters: int, least: int) -> dict[str, Any]:
    """Empty masks, objects and masked share of one setting, by class."""
    found = [(label, segment(rgb, Parameters(clusters, least))) for rgb, label in fields]
    classes = {}
    for label in LABELS:
        own = [each for of, each in found if of == label]
        classes[label] = {
            "fields": len(own),
            "empty": round(float(np.mean([each.empty for each in own])), 4),
            "median_count": float(np.median([each.count for each in own])),
            "median_mask_share": round(float(np.median([each.mask.mean() for each in own])), 4),
        }
    return {"clusters": clusters, "min_object": least, "classes": classes}


def run(data: Path) -> dict[str, Any]:
    """All settings on the cells; on the fields, each K and each least area beside the other's default."""
    pairs = list(cells(data / "wbc_masks"))
    chosen = find_fields(data / "all")[::STEP]
    fields = [(decode(field.path.read_bytes()).rgb, field.label) for field in chosen]
    settings = dict.fromkeys([*((k, MIN_OBJECT) for k in KS), *((CLUSTERS, least) for least in LEAST)])
    return {
        "command": SEGMENT,
        "defaults": {"clusters": CLUSTERS, "min_object": MIN_OBJECT},
        "cells": {"n": len(pairs), "settings": [score_cells(pairs, k, least) for k in KS for least in LEAST]},
        "fields": {"n": len(fields), "every": STEP, "settings": [score_fields(fields, *setting) for setting in settings]},
    }


def show(document: dict[str, Any]) -> None:
    """Print both tables."""
    print(f"{document['cells']['n']} single cells\n  K  least  nucleus Dice (median)  whole-cell Dice (median)")
    for row in document["cells"]["settings"]:
        nucleus, cell = row["nucleus_dice"], row["cell_dice"]
        print(f"  {row['clusters']}  {row['min_object']:5d}  {nucleus['mean']:.3f} ({nucleus['median']:.3f})"
              f"          {cell['mean']:.3f} ({cell['median']:.3f})")
    print(f"{document['fields']['n']} fields\n  K  least  class        fields  empty  objects  masked share (medians)")
    for row in document["fields"]["settings"]:
        for label, of in row["classes"].items():
            print(f"  {row['clusters']}  {row['min_object']:5d}  {label:11s}  {of['fields']:6d}  {of['empty']:5.1%}"
                  f"  {of['median_count']:7.0f}  {of['median_mask_share']:.3f}")


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds wbc_masks and all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    document = run(arguments.data)
    show(document)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
