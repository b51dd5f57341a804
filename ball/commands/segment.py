"""`python -m ball segment`: every step of the segmentation of one field, as files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ball.commands._output import UsageError, above_zero, make_folder, printable, require_writable, say, write, write_image
from ball.export import csv_text

if TYPE_CHECKING:
    from ball.images import Decoded


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "segment", help="write every step of the segmentation of one field",
        description="Write every named step as NN-name.png, the mask (mask.png, 0/255, size of the input) and the cells (cells.csv).",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="an image of a field")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="folder to write to; made if need be")
    parser.add_argument("--method", choices=("paper", "refined"), default="paper",
                        help="mask to write: what the networks see (paper, the default) or the closer outline of the nuclei (refined)")
    parser.add_argument("--aspect", type=above_zero, metavar="RATIO",
                        help="width over height of the camera's field; default the picture's own, and 4:3 for a square one")
    parser.add_argument("--height-um", type=above_zero, metavar="UM", help="height of the field in micrometres, to give diameters in them")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment one file; 0, or 1 if it cannot be decoded."""
    from ball.files import is_file, read_bytes
    from ball.images import ImageError, decode

    if not is_file(args.file):
        raise UsageError(f"There is no file {args.file}, or it lies in a folder that may not be opened.")
    make_folder(args.out)
    try:
        decoded = decode(read_bytes(args.file))
    except ImageError as error:
        say(f"{printable(str(args.file))}: {error}")
        return 1
    for notice in decoded.notices:
        say(notice)
    count = write_steps(decoded, args)
    say(f"{count} cells; written to {args.out}")
    return 0


def write_steps(decoded: Decoded, args: argparse.Namespace) -> int:
    """Write steps, mask and cells; return the number of cells.

    Raises:
        UsageError: one of these files cannot be written, or is the source itself; then nothing is written.
    """
    from dataclasses import fields

    import numpy as np

    from ball.cells import Cell, find_cells
    from ball.segmentation import segment

    found = segment(decoded.rgb, method=args.method)
    cells = find_cells(segment(decoded.rgb), decoded.rgb.shape[:2], aspect=args.aspect, scale=args.height_um)
    folder, source = args.out, args.file
    steps = {folder / f"{number:02}-{step.name}.png": step.image for number, step in enumerate(found.steps(), start=1)}
    mask, table = folder / "mask.png", folder / "cells.csv"
    require_writable(*steps, mask, table, inputs=[source])
    for path, image in steps.items():
        write_image(path, image)
    write_image(mask, enlarged(found.mask.astype(np.uint8) * np.uint8(255), decoded.rgb.shape[:2]))
    header = [each.name for each in fields(Cell) if each.name != "outline"]
    write(table, csv_text(header, (list(cell.values().values()) for cell in cells)))
    return len(cells)


def enlarged(mask: Any, shape: tuple[int, ...]) -> Any:
    """A mask (H, W) brought to (height, width) by the nearest pixel, so that it stays of two values."""
    import cv2

    return cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
