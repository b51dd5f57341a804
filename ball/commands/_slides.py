"""`python -m ball read --slide`: fields of one slide read together.

With ``--slide``, ``--json`` writes an object instead of the list: ``{"slides": [...], "fields": [...]}``. ``fields`` is the list
that `read` writes without it. Each slide is

    {"slide": name, "suggestion": a label or "Unidentified" or null, "leading", "probability", "probabilities": {label: p},
     "limit": probability needed, "fields": {label: fields that it leads}, "cells": {label: cells of these fields},
     "left_out": [file], "course": [{"fields": n, "probability": p, "low", "high"}], "settled_after": n or null,
     "more_needed": fields that would tell whether it reaches the limit, or null,
     "drives": [{"file", "weight"}], "contradicts": [{"file", "weight"}]}

and one of which no field could be read has null for all but ``slide`` and ``left_out``. Without --json: a table of slides.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ball.commands._output import say, table, write
from ball.export import USE, json_text, readings_csv

if TYPE_CHECKING:
    from ball.trust.slide import SlideField

GROUPINGS = ("folder", "name", "all")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of `read`."""
    parser.add_argument("--slide", action="store_true",
                        help="read fields of one slide together; JSON is then {slides, fields}, without --json a table of slides")
    parser.add_argument("--group", choices=GROUPINGS, default="folder",
                        help="with --slide, what makes a slide: the folder (default), the name without its last number, or all files")


def output(documents: Sequence[dict[str, Any]], fields: Sequence[SlideField], args: argparse.Namespace) -> None:
    """Write slides and fields, or print a table of slides."""
    slides = read_slides(fields, args.group)
    if args.json:
        write(args.json, json_text({"slides": slides, "fields": documents}))
    if args.csv:
        write(args.csv, readings_csv(documents))
    if not args.json and not args.csv:
        print(table(("slide", "suggestion", "probability", "fields", "leading", "settled after", "more to tell"), map(_row, slides)))
        print(USE)


def read_slides(fields: Sequence[SlideField], grouping: str) -> list[dict[str, Any]]:
    """The documents of all slides, in the order of their first fields."""
    from ball.trust.slide import EMPTY, GROUPINGS, grouped, read_slide, slide_limit

    limit, measured = slide_limit()
    if not measured:
        say("The limit of slides is not measured yet; a cautious one is used.")
    found = []
    for name, members in grouped(fields, lambda field: GROUPINGS[grouping](field.name)).items():
        slide = read_slide(name, members, limit)
        found.append(slide.document() if slide else {**EMPTY, "slide": name, "left_out": [field.name for field in members]})
    return found


def _row(slide: dict[str, Any]) -> tuple[object, ...]:
    if slide["suggestion"] is None:
        return slide["slide"], "-", "-", 0, "-", "-", "-"
    count, leading = sum(slide["fields"].values()), slide["fields"][slide["leading"]]
    ends = ("-" if end is None else end for end in (slide["settled_after"], slide["more_needed"]))
    return slide["slide"], slide["suggestion"], f"{slide['probability']:.3f}", count, leading, *ends
