"""Documents and fields of cases, made up: no patient, no picture."""

from __future__ import annotations

import hashlib
from typing import Any

from ball.casebook import Field
from ball.labels import LABELS
from ball.names import TITLES
from ball.verdict import Verdict


def document(file: str = "field.png", suggestion: str | None = "Early Pre-B", **changes: Any) -> dict[str, Any]:
    """A reading as the contract gives it, four votes for the suggestion and one for another class."""
    label = suggestion if suggestion in LABELS else "Early Pre-B"
    other = next(each for each in LABELS if each != label)
    votes = [
        {"network": name, "label": each, "probabilities": {key: 0.955 if key == each else 0.015 for key in LABELS}}
        for name, each in zip(TITLES, [label, label, other, label, label], strict=True)
    ]
    return {
        "file": file, "sha256": hashlib.sha256(file.encode()).hexdigest(), "status": "read", "reason": None, "suggestion": suggestion,
        "probability": 0.767, "agreement": 4, "votes": votes, "missing": [], "flags": ["blur: The field is blurred."], "notices": [],
        "cells": {"count": 2, "aspect": 1.25}, "seconds": {"decode": 0.25}, "engine": "torch",
        "weights": {name: hashlib.sha256(name.encode()).hexdigest() for name in TITLES}, **changes,
    }  # fmt: skip


def field(
    file: str = "field.png", suggestion: str | None = "Early Pre-B", choice: str | None = None, note: str = "", **changes: Any
) -> Field:  # fmt: skip
    """A field to be saved."""
    cells = ({"number": 1, "area": 402, "circularity": 0.91}, {"number": 2, "area": 377, "circularity": 0.88})
    found = document(file, suggestion)
    mean = tuple(sum(vote["probabilities"][label] for vote in found["votes"]) / 5 for label in LABELS)
    versions = {"ball": "0.1.0", "python": "3.11", "torch": "2.15"}
    return Field(found, mean, {"suggest": 0.9}, versions, cells, Verdict(choice, note), **changes)
