"""`python -m ball calibrate`: make the thresholds file beside the weights, and the figures that justify it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ball.commands._output import UsageError, make_folder, progress, require_writable, say, write, write_bytes
from ball.commands.data import undecodable
from ball.export import json_text

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.training.calibrate import Calibrators, Held
    from ball.training.data import Field
    from ball.training.gate import Looks
    from ball.trust.familiarity import Familiarity, Floats
    from ball.trust.store import Trust

STAIN: Final = "predictions-stain.csv"
_COMPARED: Final = 8
"""Fields read anew to see that validation predictions from a file belong to these weights."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate", help="make the thresholds: calibration, Unidentified, refusal",
        description="Make trust.json and trust.safetensors beside the weights, and certainty.json and refusal.json in their folder "
        "benchmark. The weights are run on the validation part; out-of-fold predictions of held-out stains are used where they exist.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of class folders")
    parser.add_argument("--others", type=Path, metavar="FOLDER",
                        help="folder with bccd, pbc128 and wbc_masks, pictures that must not pass; those that are missing are left out")
    parser.add_argument("--stain", type=Path, metavar="FILE",
                        help=f"out-of-fold predictions of the split stain; default benchmark/{STAIN} beside the weights, where it exists")
    parser.add_argument("--validation", type=Path, metavar="FILE",
                        help="predictions of the paper split's validation part by these weights (evaluate --predictions), to save time")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make every file, or none."""
    from ball.places import weights_folder
    from ball.training import calibrate, gate
    from ball.trust.gate import FLAG
    from ball.trust.store import Limits, Trust, files

    fields = _fields(args.data)
    folder = weights_folder()
    out = make_folder(folder / "benchmark")
    require_writable(out / "certainty.json", out / "refusal.json", folder / "trust.json")
    engine = _engine()
    values = _values(fields)
    familiarity = gate.memory(values)
    strange = gate.stain_strangeness(values)
    refuse = gate.refusal_limit(strangeness for strangeness, _ in strange.values())
    validation = _validation(args, fields, values, familiarity, engine)
    stain_file = args.stain or (out / STAIN if (out / STAIN).is_file() else None)
    stain = _stain(stain_file, strange) if stain_file else None
    held = calibrate.held_out(validation, stain)
    judged = stain or validation
    slides = calibrate.slide_draws(held, judged) if stain else []
    limits = Limits(
        suggest=calibrate.suggestion_limit(held.probabilities, judged.targets, judged.strangeness <= FLAG),
        target=calibrate.TARGET,
        label_set=calibrate.set_limit(held.probabilities, judged.targets),
        coverage=calibrate.COVERAGE,
        refuse=refuse,
        basis="stain" if stain else "validation",
    )
    slide = calibrate.fit_slides(slides, limits.suggest) if slides else {}
    trust = Trust(calibrate.fit(validation, stain), limits, familiarity, dict(engine.hashes), slide, _made_from(validation, stain))
    certainty = _certainty(judged, held, trust, slides)
    certainty["held_back"] = _held_back(values, validation, stain, refuse, certainty) if stain else []
    refusal = _refusal(args, fields, values, trust)
    for name, content in files(trust).items():
        write_bytes(folder / name, content)
    write(out / "certainty.json", json_text(certainty))
    write(out / "refusal.json", json_text(refusal))
    say(_summary(trust, certainty, refusal))
    return 0


def _fields(folder: Path) -> list[Field]:
    from ball.training.data import find_fields
    from ball.training.splits import load_split

    try:
        fields = find_fields(folder)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    split = load_split("paper")
    for part in ("train", "val", "test"):
        if sum(field.name in split.part(part) for field in fields) < 20:
            raise UsageError(f"{folder} holds fewer than 20 files of the part {part} of the split paper: too few to make thresholds from.")
    return fields


def _engine() -> Engine:
    from ball.engine import load_engine
    from ball.names import TITLES

    engine = load_engine()
    if engine.missing:
        raise UsageError(f"All {len(TITLES)} networks are needed to make thresholds. {next(iter(engine.missing.values()))}")
    return engine


def _values(fields: Sequence[Field]) -> dict[str, Floats]:
    """What every field looks like, by file name.

    Raises:
        UsageError: one cannot be decoded.
    """
    from ball.images import ImageError
    from ball.training.data import decoded
    from ball.training.gate import looks

    try:
        return {field.name: looks([decoded(field.path)]).values[0] for field in progress(fields, "field")}
    except ImageError as error:
        raise undecodable(error) from error


def _validation(
    args: argparse.Namespace, fields: Sequence[Field], values: dict[str, Floats], familiarity: Familiarity, engine: Engine
) -> Calibrators:
    """The validation part, read by the weights."""
    import numpy as np

    from ball.training.calibrate import Calibrators, random_folds, read_predictions
    from ball.training.splits import load_split

    chosen = [field for field in fields if field.name in load_split("paper").val]
    if args.validation is None:
        said = [_votes(field, engine) for field in progress(chosen, "validation field")]
        votes = {name: np.array([each[name] for each in said]) for name in said[0]}
        names, targets = tuple(field.name for field in chosen), np.array([field.target for field in chosen])
    else:
        names, targets, votes, _ = _read(args.validation, read_predictions)
        by_name = {field.name: field for field in chosen}
        for row in range(0, len(names), max(1, len(names) // _COMPARED)):
            now = _votes(by_name[names[row]], engine) if names[row] in by_name else {}
            if set(now) != set(votes) or any(np.abs(now[name] - votes[name][row]).max() > 1e-3 for name in now):
                raise UsageError(f"{args.validation} was not made by these weights on the validation part. Leave --validation out.")
    strangeness = familiarity.strangeness(np.array([values[name] for name in names]))
    return Calibrators(names, targets, votes, random_folds(len(names)), strangeness, familiarity.vouched(strangeness))


def _votes(field: Field, engine: Engine) -> dict[str, Any]:
    """Raw softmax by network of one field."""
    import numpy as np

    from ball.reading import read

    return {vote.network: np.array(vote.probabilities) for vote in read(field.path, engine=engine, maps=False).votes}


def _read(path: Path, parse: Any) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be used as predictions: {error}.") from error


def _stain(path: Path, strange: Mapping[str, tuple[float, float]]) -> Calibrators:
    """The out-of-fold predictions of the stain protocol; fields that are not in the data folder are left out."""
    import numpy as np

    from ball.training.calibrate import Calibrators, read_predictions
    from ball.training.splits import FOLDS, load_split

    names, targets, votes, told = _read(path, read_predictions)
    fold_of = {name: fold for fold in range(FOLDS) for name in load_split("stain", fold).test}
    folds = np.array([fold_of.get(name, -1) for name in names])
    if told is not None and (told != folds).any():
        raise UsageError(f"{path}: {int((told != folds).sum())} rows name another fold than the split stain does for their file.")
    known = np.array([name in strange for name in names]) & (folds >= 0)
    if len(np.unique(folds[known])) < 2:
        raise UsageError(f"{path} holds fields of fewer than two folds of the split stain: nothing can be held out.")
    strangeness, vouched = np.array([strange.get(name, (0.0, 1.0)) for name in names]).T
    return Calibrators(names, targets, votes, folds, strangeness, vouched).of(known)


def _made_from(validation: Calibrators, stain: Calibrators | None) -> dict[str, Any]:
    from ball.training.calibrate import fingerprint

    groups = {"validation": validation, "stain": stain}
    return {name: {"n": len(each.files), "networks": list(each.votes), "sha256": fingerprint(each.votes)}
            for name, each in groups.items() if each is not None}  # fmt: skip


def _certainty(judged: Calibrators, held: Held, trust: Trust, slides: list[dict[str, Any]]) -> dict[str, Any]:
    import numpy as np

    from ball.places import CALIBRATE
    from ball.training.calibrate import certainty, slide_figures

    figures = certainty(judged, held, trust.limits.refuse)
    common = {"command": CALIBRATE, "weights": dict(trust.weights), "basis": trust.limits.basis, "limit": trust.limits.suggest,
              "target": trust.limits.target}  # fmt: skip
    least = {int(fold): float(held.limits[judged.folds == fold][0]) for fold in np.unique(judged.folds)}
    return {**common, **figures, "slides": slide_figures(slides, least) if slides else None}


def _held_back(
    values: dict[str, Floats], validation: Calibrators, stain: Calibrators, refuse: float, ours: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What it comes to where more fields are vouched for in full, or fewer, or all; the share in use, ``ours``, among them."""
    from dataclasses import replace

    import numpy as np

    from ball.training import calibrate, gate
    from ball.trust.familiarity import USUAL

    def figures(usual: float | None) -> Mapping[str, Any]:
        if usual == USUAL:
            return ours
        vouched = [np.ones(len(each.files)) for each in (validation, stain)]
        if usual is not None:
            told = gate.stain_strangeness(values, usual)
            vouched = [gate.memory(values, usual).vouched(validation.strangeness), np.array([told[name][1] for name in stain.files])]
        known, judged = (replace(each, vouched=one) for each, one in zip((validation, stain), vouched, strict=True))
        return calibrate.certainty(judged, calibrate.held_out(known, judged), refuse)

    names = ("calibration_error", "coverage", "accuracy_when_given", "suggested_unflagged", "accuracy_unflagged",
             "wrong_and_unflagged", "folds")  # fmt: skip
    tried = ((usual, figures(usual)) for usual in progress([*sorted({*calibrate.OTHERWISE, USUAL}), None], "rule"))
    return [{"usual": usual, "in_use": usual == USUAL, **{name: found[name] for name in names}} for usual, found in tried]


def _refusal(args: argparse.Namespace, fields: Sequence[Field], values: dict[str, Floats], trust: Trust) -> dict[str, Any]:
    """What the gate does to genuine test fields, and to every family."""
    import numpy as np

    from ball.places import CALIBRATE
    from ball.training.families import FAMILIES, Sources, pictures
    from ball.training.gate import Looks, family_figures, looks, shares
    from ball.training.splits import load_split

    split = load_split("paper")
    tested = [values[field.name] for field in fields if field.name in split.test]
    genuine = Looks(np.array(tested), np.zeros(len(tested), dtype=np.bool_))
    sources = Sources(args.others or args.data, [field.path for field in fields if field.name in split.val])
    limits = trust.limits
    found = []
    for family in progress([each for each in FAMILIES if _present(each.folder, args.others)], "group"):
        seen: Looks = looks(pictures(family, sources))
        facts = {"name": family.name, "title": family.title, "development": family.development, "goal": family.goal}
        found.append({**facts, **family_figures(seen, genuine, trust.familiarity, limits.refuse)})
    test = shares(genuine.examined(trust.familiarity, limits.refuse))
    return {"command": CALIBRATE, "refuse": limits.refuse, "genuine": test, "families": found}


def _present(folder: str, others: Path | None) -> bool:
    if not folder or (others is not None and any(path.is_file() for path in (others / folder).rglob("*"))):
        return True
    say(f"There is no folder {folder} with a picture {f'in {others}' if others else '(--others)'}: its family is left out.")
    return False


def _summary(trust: Trust, certainty: dict[str, Any], refusal: dict[str, Any]) -> str:
    lines = [
        f"Basis: {trust.limits.basis}. Suggest from {trust.limits.suggest:g}; refuse from strangeness {trust.limits.refuse:.2f}.",
        f"Calibration error {certainty['calibration_error']:.4f} (plain mean {certainty['calibration_error_raw']:.4f}), coverage "
        f"{certainty['coverage']:.4f}, wrong and unflagged {certainty['wrong_and_unflagged']:.4f}.",
    ]
    lines += [f"{each['name']}: refused {each['refused']['share']:.3f}, refused or flagged {each['refused_or_flagged']['share']:.3f}, "
              f"AUROC {each['auroc']:.4f}" for each in refusal["families"]]
    lines.append(f"Genuine test fields refused {refusal['genuine']['refused']['share']:.4f}, "
                 f"refused or flagged {refusal['genuine']['refused_or_flagged']['share']:.4f}")
    return "\n".join(lines)


