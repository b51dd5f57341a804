"""Make the thresholds: from predictions, from what fields look like, and from pictures that are no smear.

Calibrators are fields that the networks did not learn from, each with its label, its votes and how strange it looks: the
validation part and, where they exist, the out-of-fold predictions of the stain protocol. Every figure reported comes from
fields that the figure's own thresholds were not made from: the calibrators are cut into folds (whole stains where there are
such), and each fold is judged by what the others gave. (The limit of refusal, and how strange the fields of other folds look,
rest on all fields, without their labels.)
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from ball.labels import LABELS
from ball.names import TITLES
from ball.training.evaluation import DIGITS, calibration_error
from ball.trust.calibration import (
    RULES,
    Calibration,
    Floats,
    combine,
    conformal_limit,
    disagreement,
    held_back,
    pooled,
    tempered,
)
from ball.trust.gate import FLAG
from ball.trust.slide import joint

TARGET: Final = 0.015
"""Share of all fields that may be suggested wrongly without a flag: three quarters of what is allowed, since a new stain may be harder.

At a half, markedly fewer fields of held-out stains got a suggestion.
"""

BENIGN_TARGET: Final = 0.0025
"""Share of all fields that may be malignant and suggested as Benign without a flag: half of what is allowed."""

COVERAGE: Final = 0.95
"""Share of prediction sets that must hold the true label."""

NEVER_RULED_OUT: Final = 0.05
"""Probability from which on no class is ruled out, though the coverage would allow it: one in twenty is worth a look."""

SLIDE_TARGET: Final = 0.05
"""Share of slides that may be suggested wrongly: 1 in 20."""

OTHERWISE: Final = (0.8, 0.95)
"""Shares of the validation fields vouched for in full that are tried beside the one in use (`ball.trust.familiarity.USUAL`)."""

FOLDS: Final = 5
DRAWS: Final = 100
SIZES: Final = (1, 3, 5, 10, 20)
"""Fields of a slide in the error curve, each drawn `DRAWS` times from every cluster."""

_STEPS: Final = np.round(np.concatenate([np.arange(0.30, 0.99, 0.01), np.arange(0.990, 1.0, 0.001)]), 3)
_BENIGN: Final = LABELS.index("Benign")
_PENALTY: Final = 1e-3
_BOUNDS: Final = ((-2.0, 3.0), (0.0, 4.0))

Integers = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Calibrators:
    """Labelled fields with their votes.

    ``files``, ``targets``, ``folds``: (n,). ``strangeness``, ``vouched``: (n,), as `Familiarity` tells them. ``votes``: raw softmax (n,
    classes) by network. Fields of one fold are never judged by what that fold gave.

    Raises:
        ValueError: no network, or lengths that differ.
    """

    files: tuple[str, ...]
    targets: Integers
    votes: Mapping[str, Floats]
    folds: Integers
    strangeness: Floats
    vouched: Floats

    def __post_init__(self) -> None:
        lengths = {len(each) for each in (self.files, self.targets, self.folds, self.strangeness, self.vouched, *self.votes.values())}
        if not self.votes or len(lengths) != 1:
            raise ValueError(f"expected votes and columns of one length, got networks {list(self.votes)} and lengths {sorted(lengths)}")

    def of(self, chosen: Bools) -> Calibrators:
        """Some of them."""
        files = tuple(file for file, yes in zip(self.files, chosen, strict=True) if yes)
        votes = {name: values[chosen] for name, values in self.votes.items()}
        return Calibrators(files, self.targets[chosen], votes, self.folds[chosen], self.strangeness[chosen], self.vouched[chosen])


def read_predictions(text: str) -> tuple[tuple[str, ...], Integers, dict[str, Floats], Integers | None]:
    """Read a predictions file: one row a field and voter, columns file, label, network, the four labels and perhaps fold.

    The four columns hold probabilities, or logits where they are no distribution. The consensus is passed over, and so is a
    network that does not speak of every field.

    Returns:
        File names without folders, targets (n,), raw softmax (n, classes) by network in contract order, and folds (n,) or None.

    Raises:
        ValueError: no field, a column missing, an unknown label, or no network that speaks of every field.
    """
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row.get("network") in TITLES]
    absent = {"file", "label", "network", *LABELS} - set(rows[0] if rows else ())
    if absent:
        raise ValueError(f"expected rows of known networks with the columns {', '.join(sorted(absent))}")
    files = list(dict.fromkeys(row["file"] for row in rows))
    labels = {row["file"]: LABELS.index(row["label"]) for row in rows}
    said = {(row["network"], row["file"]): [float(row[label]) for label in LABELS] for row in rows}
    votes = {
        name: _softmax(np.array([said[name, file] for file in files])) for name in TITLES if all((name, file) in said for file in files)
    }
    if not votes:
        raise ValueError("no network speaks of every field of the file")
    folds = {row["file"]: int(row["fold"]) for row in rows} if rows[0].get("fold") not in (None, "") else {}
    names = tuple(file.rpartition("/")[2] for file in files)
    targets = np.array([labels[file] for file in files], dtype=np.intp)
    return names, targets, votes, np.array([folds[file] for file in files], dtype=np.intp) if folds else None


def _softmax(values: Floats) -> Floats:
    """The values where they are distributions (to the six digits written), else their softmax."""
    if values.min() >= 0 and np.abs(values.sum(axis=1) - 1).max() < 1e-3:
        return values
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def random_folds(count: int, seed: int = 0) -> Integers:
    """Folds drawn by chance, for calibrators that have none of their own: (n,)."""
    return np.random.default_rng(seed).permutation(count) % FOLDS


def fit(validation: Calibrators, stain: Calibrators | None = None) -> Calibration:
    """Fit temperatures and rule on validation, and the pool's temperature on all calibrators.

    Args:
        validation: fields of the stains of training.
        stain: fields of held-out stains, read by networks that saw none of them.
    """
    temperatures = {name: _temperature(values, validation.targets) for name, values in validation.votes.items()}
    rule = min(RULES, key=lambda each: _loss(pooled(validation.votes, temperatures, each), validation.targets))  # type: ignore[arg-type]
    start = Calibration(temperatures, rule)  # type: ignore[arg-type]
    return warmed(start, [validation] if stain is None else [validation, stain])


def warmed(start: Calibration, groups: Sequence[Calibrators]) -> Calibration:
    """Fit the temperature of the pool: base and dissent. Each group weighs as its number of fields."""
    pools = np.concatenate([pooled(each.votes, start.temperatures, start.rule) for each in groups])
    targets = np.concatenate([each.targets for each in groups])
    apart = np.concatenate([disagreement(each.votes) for each in groups])
    vouched = np.concatenate([each.vouched for each in groups])

    def cost(numbers: Floats) -> float:
        warm = np.exp(numbers[0] + numbers[1] * apart)
        return _loss(held_back(tempered(pools, warm), vouched), targets) + _PENALTY * float((numbers**2).sum())

    best = minimize(cost, np.zeros(2), bounds=_BOUNDS, method="L-BFGS-B").x
    base, dissent = (round(float(value), DIGITS) for value in best)
    return replace(start, base=base, dissent=dissent)


def _temperature(probabilities: Floats, targets: Integers) -> float:
    """The temperature of least negative log likelihood, 0.2 to 5."""

    def cost(log: float) -> float:
        return _loss(tempered(probabilities, np.full(len(targets), np.exp(log))), targets)

    return round(float(np.exp(minimize_scalar(cost, bounds=(np.log(0.2), np.log(5)), method="bounded").x)), DIGITS)


def _loss(probabilities: Floats, targets: Integers) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(targets)), targets], 1e-12)).mean())


def suggestion_limit(probabilities: Floats, targets: Integers, passed: Bools, target: float = TARGET) -> float:
    """The least probability from which on suggesting keeps the targets.

    Args:
        probabilities: (n, classes), calibrated.
        targets: (n,) true labels.
        passed: (n,) fields that would be suggested at all: not refused and without a flag.
        target: share of all fields that may be suggested wrongly; `BENIGN_TARGET` holds as well.

    Returns:
        The lowest step that keeps them; 1 where none does.
    """
    top, called = probabilities.max(axis=1), probabilities.argmax(axis=1)
    wrong = passed & (called != targets)
    missed = wrong & (called == _BENIGN)
    for step in _STEPS:
        if (wrong & (top >= step)).mean() <= target and (missed & (top >= step)).mean() <= BENIGN_TARGET:
            return float(step)
    return 1.0


def set_limit(probabilities: Floats, targets: Integers) -> float:
    """The probability from which on a label belongs to the prediction set: that of split conformal prediction, or `NEVER_RULED_OUT`.

    Where most fields are clear, and right, conformal sets of a single label hold the true one often enough over all; of the
    doubtful fields they do not. So sets may be larger than the coverage asks for, never smaller.
    """
    return min(conformal_limit(probabilities, targets, COVERAGE), NEVER_RULED_OUT)


@dataclass(frozen=True, eq=False)
class Held:
    """Calibrators as judged by what the other folds gave: (n, classes) calibrated probabilities, (n,) limits, sets."""

    probabilities: Floats
    limits: Floats
    sets: Floats


def held_out(validation: Calibrators, stain: Calibrators | None) -> Held:
    """Judge every calibrator of the last group by the other folds: its stain, or its random fifth of validation.

    Within the other folds limits are made as those in use are: of probabilities by a calibration that did not see the field.
    """
    judged = stain or validation
    own = validation if stain is not None else None
    probabilities = crossed(own, judged)
    limits, sets = np.empty(len(judged.files)), np.empty(len(judged.files))
    for fold in np.unique(judged.folds):
        inside = judged.folds == fold
        rest = judged.of(~inside)
        # What the validation part says of the fold's own fields has no say in its limits.
        known = crossed(own and own.of(~np.isin(own.files, judged.of(inside).files)), rest)
        limits[inside] = suggestion_limit(known, rest.targets, rest.strangeness <= FLAG)
        sets[inside] = set_limit(known, rest.targets)
    return Held(probabilities, limits, sets)


def crossed(validation: Calibrators | None, judged: Calibrators) -> Floats:
    """Calibrated probabilities (n, classes), each by a calibration that was fitted without the field's fold.

    Args:
        validation: fitted on as well, but for the fields that are judged; None where there are no others.
        judged: of two folds at least.
    """
    found = np.empty((len(judged.files), len(LABELS)))
    for fold in np.unique(judged.folds):
        inside = judged.folds == fold
        rest, one = judged.of(~inside), judged.of(inside)
        calibration = fit(rest) if validation is None else fit(validation.of(~np.isin(validation.files, one.files)), rest)
        found[inside] = combine(one.votes, calibration, one.vouched)
    return found


def certainty(judged: Calibrators, held: Held, refuse: float) -> dict[str, Any]:
    """The figures of a set of calibrators judged by other folds: JSON values. From strangeness ``refuse`` on nothing is suggested."""
    called = held.probabilities.argmax(axis=1)
    top = np.where(judged.strangeness < refuse, held.probabilities.max(axis=1), 0.0)
    wrong, clean = called != judged.targets, judged.strangeness <= FLAG
    given = top >= held.limits
    sets = held.probabilities >= held.sets[:, None]
    sets[np.arange(len(called)), called] = True
    return {
        "n": len(called),
        "networks": list(judged.votes),
        "accuracy": float(1 - wrong.mean()),
        "calibration_error": calibration_error(held.probabilities, judged.targets),
        "calibration_error_raw": calibration_error(np.mean(list(judged.votes.values()), axis=0), judged.targets),
        "coverage": float(given.mean()),
        "accuracy_when_given": _share(~wrong, given),
        "flagged": float((~clean).mean()),
        "wrong_and_unflagged": float((given & clean & wrong).mean()),
        "benign_and_unflagged": float((given & clean & wrong & (called == _BENIGN)).mean()),
        "set_coverage": float(sets[np.arange(len(called)), judged.targets].mean()),
        "set_size": float(sets.sum(axis=1).mean()),
        "suggested_unflagged": float((given & clean).mean()),
        "accuracy_unflagged": _share(~wrong, given & clean),
        "folds": [
            {"fold": int(fold), **_fold(held.probabilities, judged.targets, judged.folds == fold, given, clean)}
            for fold in np.unique(judged.folds)
        ],
        "curve": _curve(top, wrong, clean),
        "reliability": _reliability(held.probabilities.max(axis=1), ~wrong),
    }


def _share(values: Bools, among: Bools) -> float | None:
    """Share of the values that are true among some; None where there are none."""
    return float(values[among].mean()) if among.any() else None


def _fold(probabilities: Floats, targets: Integers, inside: Bools, given: Bools, clean: Bools) -> dict[str, Any]:
    """Figures of one fold; ``probability`` is the mean of the largest ones."""
    wrong = probabilities.argmax(axis=1) != targets
    return {
        "n": int(inside.sum()),
        "probability": float(probabilities[inside].max(axis=1).mean()),
        "accuracy": float(1 - wrong[inside].mean()),
        "calibration_error": calibration_error(probabilities[inside], targets[inside]),
        "coverage": float(given[inside].mean()),
        "accuracy_when_given": _share(~wrong, inside & given),
        "wrong_and_unflagged": float((given & clean & wrong)[inside].mean()),
    }


def _curve(top: Floats, wrong: Bools, clean: Bools) -> list[dict[str, float]]:
    """Coverage, and suggestions that are wrong and unflagged, by the limit asked for."""
    return [
        {
            "limit": float(step),
            "coverage": float((top >= step).mean()),
            "wrong_and_unflagged": float((wrong & clean & (top >= step)).mean()),
        }
        for step in _STEPS
    ]


def _reliability(top: Floats, right: Bools, bins: int = 15) -> list[dict[str, float]]:
    """Mean probability and share right in bins of equal mass."""
    order = np.array_split(np.argsort(top, kind="stable"), bins)
    return [{"probability": float(top[part].mean()), "right": float(right[part].mean()), "n": len(part)} for part in order if len(part)]


# ---------------------------------------------------------------- slides


def clusters(folds: Integers, targets: Integers) -> list[Integers]:
    """Rows of each stain cluster: every fold of stain.json holds one Ward cluster of each class."""
    found = [np.flatnonzero((folds == fold) & (targets == target)) for fold in np.unique(folds) for target in range(len(LABELS))]
    return [rows for rows in found if len(rows)]


def slide_draws(held: Held, judged: Calibrators, seed: int = 0) -> list[dict[str, Any]]:
    """Draw `DRAWS` slides of each of `SIZES` fields from every cluster; clusters with fewer fields give smaller slides."""
    random = np.random.default_rng(seed)
    drawn = []
    for number, rows in enumerate(clusters(judged.folds, judged.targets)):
        for size in SIZES:
            for _ in range(DRAWS):
                chosen = random.choice(rows, min(size, len(rows)), replace=False)
                logs = np.log(np.maximum(held.probabilities[chosen], 1e-6))
                drawn.append({"cluster": number, "size": size, "target": int(judged.targets[rows[0]]),
                              "fold": int(judged.folds[rows[0]]), "logs": logs})  # fmt: skip
    return drawn


def fit_slides(drawn: Sequence[Mapping[str, Any]], least: float) -> dict[str, float]:
    """The limit of a slide: the lowest that keeps `SLIDE_TARGET`, but no lower than ``least``, what a single field is held to."""
    together = np.array([joint(each["logs"]) for each in drawn])
    top, wrong = together.max(axis=1), together.argmax(axis=1) != np.array([each["target"] for each in drawn])
    limit = next((float(step) for step in _STEPS if (wrong & (top >= step)).mean() <= SLIDE_TARGET), 1.0)
    return {"limit": max(limit, least)}


def slide_figures(drawn: Sequence[Mapping[str, Any]], least: Mapping[int, float]) -> dict[str, Any]:
    """Errors by number of fields, each cluster judged by what the clusters of the other folds gave.

    Args:
        drawn: as `slide_draws` gives them.
        least: by fold what a single field is held to there.
    """
    folds = sorted({each["fold"] for each in drawn})
    settings = {fold: fit_slides([each for each in drawn if each["fold"] != fold] or drawn, least[fold]) for fold in folds}
    results = [(each, _read_draw(each, settings[each["fold"]])) for each in drawn]
    sizes = [_size(size, [(each, how) for each, how in results if each["size"] == size]) for size in SIZES]
    return {"clusters": len({each["cluster"] for each in drawn}), "draws": DRAWS, "settings": settings, "sizes": sizes}


def _read_draw(drawn: Mapping[str, Any], settings: Mapping[str, float]) -> str:
    """"right", "wrong" or "unidentified"."""
    together = joint(drawn["logs"])
    if together.max() < settings["limit"]:
        return "unidentified"
    return "right" if int(together.argmax()) == drawn["target"] else "wrong"


def _size(size: int, results: Sequence[tuple[Mapping[str, Any], str]]) -> dict[str, Any]:
    """Shares over all draws of one size, and clusters that are right or Unidentified in nearly every draw."""
    numbers = sorted({each["cluster"] for each, _ in results})
    wrong = {number: np.mean([how == "wrong" for each, how in results if each["cluster"] == number]) for number in numbers}
    shares = {name: float(np.mean([how == name for _, how in results])) for name in ("right", "unidentified", "wrong")}
    return {"fields": size, **shares, "clusters_held": int(sum(share <= SLIDE_TARGET for share in wrong.values()))}


def fingerprint(parts: Mapping[str, Floats]) -> str:
    """SHA-256 of predictions, rounded as they are written."""
    total = hashlib.sha256()
    for name, values in parts.items():
        total.update(name.encode() + np.round(values, 6).tobytes())
    return total.hexdigest()


