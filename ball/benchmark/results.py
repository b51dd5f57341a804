"""The benchmark files, one function each, and the commands that make them. Nothing here computes a figure."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any, Final

from ball.benchmark import parse
from ball.benchmark.store import NotMeasuredError, known_networks, load_file, load_keys
from ball.benchmark.values import Counts, Evaluation, Masks, Prediction, Reference, Training, WeightFile
from ball.names import TITLES
from ball.places import CALIBRATE, train_command, weights_folder

PROTOCOLS: Final[Mapping[str, str]] = {"stain": "Stain held out", "paper": "Random split"}
"""The two ways to part training from test, the harder one first."""

EVALUATE: Final[Mapping[str, str]] = {
    "paper": "python -m ball evaluate DATA/all --split paper --part test"
    " --json weights/benchmark/paper-test.json --predictions weights/benchmark/predictions-paper-test.csv",
    "stain": "python -m ball evaluate weights/benchmark/predictions-stain.csv --json weights/benchmark/stain-test.json",
}
"""The command behind the figures of each protocol."""

PREDICT: Final[Mapping[str, str]] = {
    "paper": EVALUATE["paper"],
    "stain": "python -m ball evaluate DATA/all --split stain --part test --weights FOLDS"
    " --predictions weights/benchmark/predictions-stain.csv",
}
"""The command behind the predictions of each protocol; FOLDS holds the weights of the folds, stain-0 to stain-4."""

_PREDICTIONS: Final = {"paper": "predictions-paper-test.csv", "stain": "predictions-stain.csv"}

CHECK: Final = "python -m ball data check DATA/all --json weights/benchmark/data.json"
SEGMENT: Final = "python -m benchmarks.segmentation DATA --json weights/benchmark/segmentation.json"
MASKS: Final = "python -m benchmarks.masks DATA --json weights/benchmark/masks.json"
MAPS: Final = "python -m benchmarks.maps DATA/all --json weights/benchmark/maps.json"
CELLS: Final = "python -m benchmarks.cells DATA/all --json weights/benchmark/cells.json"


def load_reference() -> Reference:
    """The paper's table.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("reference.json", _restore("benchmark/reference.json"), parse.reference)


def load_evaluation(protocol: str = "paper") -> Evaluation:
    """The test part of a protocol: of the paper's split, or the five held-out stains pooled.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(f"{protocol}-test.json", EVALUATE[protocol], parse.evaluation)


def refit_command(network: str) -> str:
    """The command behind the figures of a network fitted anew; REFIT holds what its recorded command wrote with ``--out REFIT``."""
    return f"python -m ball evaluate DATA/all --split paper --part test --weights REFIT --json weights/benchmark/refit-{network}.json"


def load_refit(network: str) -> Evaluation:
    """A network fitted anew by the command that the manifest records, on the test part of the paper's split.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(f"refit-{network}.json", refit_command(network), parse.evaluation)


def load_training(network: str) -> Training:
    """Training log of one network.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(f"training-{network}.json", train_command(network), parse.training)


def load_counts() -> Counts:
    """Fields by class and part.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("data.json", CHECK, parse.counts)


def load_predictions(protocol: str = "paper") -> tuple[Prediction, ...]:
    """What every network said of every test field.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(_PREDICTIONS[protocol], PREDICT[protocol], parse.predictions if protocol == "paper" else parse.held_out)


def load_masks() -> Masks:
    """The segmentation on hand-drawn masks.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("segmentation.json", SEGMENT, parse.masks)


def load_closer_masks() -> Mapping[str, Any]:
    """The refined masks on hand-drawn ones, as `benchmarks/masks.py` writes them.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_keys("masks.json", MASKS, ("n", "folds", "out_of_fold", "with_defaults", "fields"))


def load_maps() -> Mapping[str, Any]:
    """What the class maps are worth, as `benchmarks/maps.py` writes it.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    found = load_keys("maps.json", MAPS, ("command", "n", "weights", "asked", "networks"))
    return {**found, "networks": dict(known_networks(found["networks"]))}


def load_deciding_cells() -> Mapping[str, Any]:
    """Whether the weightiest cells decide, as `benchmarks/cells.py` writes it.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    keys = ("command", "weights", "n", "measured", "taken", "least_cells", "weightiest", "random", "difference", "more_in")
    return load_keys("cells.json", CELLS, keys)


def load_certainty() -> Mapping[str, Any]:
    """How calibrated the consensus is, and what each limit costs: the document that `python -m ball calibrate` writes.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    keys = ("weights", "basis", "limit", "n", "networks", "calibration_error", "calibration_error_raw", "coverage", "wrong_and_unflagged",
            "benign_and_unflagged", "set_coverage", "set_size", "folds", "curve", "reliability", "slides", "held_back")  # fmt: skip
    return load_keys("certainty.json", CALIBRATE, keys)


def load_refusal() -> Mapping[str, Any]:
    """What the gate does to genuine fields and to pictures that are no such smear.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_keys("refusal.json", CALIBRATE, ("refuse", "genuine", "families"))


def load_weight_files() -> tuple[WeightFile, ...]:
    """The manifest's weight files, in contract order; those it does not name are left out.

    Raises:
        NotMeasuredError: the manifest is missing or not as expected.
    """
    return load_file("../manifest.json", _restore("manifest.json"), parse.weight_files)


def _restore(name: str) -> str:
    """The command that brings back a file of the weights folder; `git` knows only the package's own folder."""
    if not os.environ.get("BALL_WEIGHTS"):
        return "git checkout weights"
    target = weights_folder() / name
    return f"mkdir -p {shlex.quote(str(target.parent))} && cp weights/{name} {shlex.quote(str(target))}"


def outdated(weights: Mapping[str, str]) -> tuple[str, ...]:
    """Networks whose figures were made with other weights than those in the weights folder.

    Args:
        weights: SHA-256 by network, as a benchmark file names them.

    Returns:
        Names in contract order; empty where the manifest cannot be read, since nothing is known then.
    """
    try:
        shipped = {each.network: each.sha256 for each in load_weight_files()}
    except NotMeasuredError:
        return ()
    return tuple(name for name in TITLES if name in weights and weights[name] != shipped.get(name))
