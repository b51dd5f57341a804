"""Readings as text: the same for pages and commands, and made without torch."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ball.export import readings_csv, readings_json
from ball.labels import LABELS
from ball.names import TITLES

SHARES = dict(zip(LABELS, (0.1, 0.2, 0.6, 0.1), strict=True))
DOCUMENT: dict[str, Any] = {
    "file": "=field.png", "sha256": "ab", "status": "read", "reason": None, "suggestion": "Pre-B", "probability": 0.6, "agreement": 1,
    "votes": [{"network": "googlenet", "label": "Pre-B", "probabilities": SHARES}], "missing": ["alexnet"], "flags": ["a: One.", "b: Two."],
    "notices": [], "cells": {"count": 3, "aspect": None}, "seconds": {"decode": 0.25, "predict": 0.5}, "engine": "torch",
    "weights": {"googlenet": "cd"},
}
ERROR: dict[str, Any] = {**DOCUMENT, "status": "error", "sha256": None, "votes": [], "cells": None, "seconds": {}, "weights": {}}


def test_csv_has_one_row_a_field() -> None:
    read, error = csv.DictReader(readings_csv([DOCUMENT, ERROR]).splitlines())
    assert (read["file"], read["googlenet label"], read["googlenet Pre-B"], read["alexnet label"]) == ("'=field.png", "Pre-B", "0.6", "")
    assert (read["flags"], read["cells"], read["seconds"], read["googlenet sha256"]) == ("a: One.; b: Two.", "3", "0.75", "cd")
    assert (error["sha256"], error["googlenet label"], error["cells"], error["googlenet sha256"]) == ("", "", "", "")
    assert [key.removesuffix(" label") for key in read if key.endswith(" label")] == list(TITLES)


def test_what_small_changes_do_has_columns_where_it_was_tried() -> None:
    tried = DOCUMENT | {"stability": {"low": 0.41, "high": 0.63}}
    first, second = csv.DictReader(readings_csv([tried, ERROR | {"stability": None}]).splitlines())
    assert (first["stability low"], first["stability high"]) == ("0.41", "0.63")
    assert (second["stability low"], second["stability high"]) == ("", "")
    assert "stability low" not in next(csv.DictReader(readings_csv([DOCUMENT]).splitlines()))


def test_json_is_the_documents_and_strict() -> None:
    assert json.loads(readings_json([DOCUMENT])) == [DOCUMENT]
    assert json.loads(readings_json([{"a": float("nan")}]), parse_constant=pytest.fail) == [{"a": None}]


def test_no_torch_is_imported() -> None:
    root = Path(__file__).resolve().parents[2]
    code = "import sys, ball.export; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout == "False\n"
