"""Write one model card a network from the manifest and the benchmark files: what it is, what it learned from, what it reached.

    python docs/model_cards.py [--check]

With --check nothing is written; exit status 1 if a card is not what the files say. After Mitchell et al. 2019,
doi:10.1145/3287560.3287596.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ball import benchmark  # noqa: E402
from ball.benchmark import MEASURES, PROTOCOLS, Evaluation, Measures, NotMeasuredError, trials  # noqa: E402
from ball.labels import LABELS  # noqa: E402
from ball.names import TITLES  # noqa: E402
from ball.places import weights_folder  # noqa: E402
from ball.training.recipe import held_to_cells, recipe_for  # noqa: E402

FOLDER = ROOT / "docs" / "model-cards"


def main() -> int:
    """Write the cards, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a card is out of date")
    checking = parser.parse_args().check
    stale = [name for name in TITLES if not _same(name)]
    for name in stale:
        print(f"{'out of date' if checking else 'wrote'}: docs/model-cards/{name}.md")
        if not checking:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{name}.md").write_text(card(name), encoding="utf-8")
    return int(checking and bool(stale))


def _same(name: str) -> bool:
    path = FOLDER / f"{name}.md"
    return path.is_file() and path.read_text(encoding="utf-8") == card(name)


def card(name: str) -> str:
    """The card of one network, as Markdown."""
    entry = json.loads((weights_folder() / "manifest.json").read_text(encoding="utf-8"))["networks"].get(name)
    parts = [_head(name), _model(name, entry) if entry else "This network has no weights in the manifest.\n", _USE]
    parts += [_reached(name, protocol) for protocol in PROTOCOLS]
    parts += [_refit(name), _robustness(name), _LIMITS]
    return "\n".join(part for part in parts if part)


def _head(name: str) -> str:
    return (
        f"# {TITLES[name]}\n\n*Written by `python docs/model_cards.py` from the manifest and the benchmark files; do not edit.*\n\n"
        "**Research use only. Not for diagnosis.** One of five networks of a second reader for B-ALL smears.\n"
    )


def _model(name: str, entry: dict[str, Any]) -> str:
    recipe = entry.get("recipe", {})
    stages = ", ".join(f"{stage['epochs']} epochs at {stage['side']} px" for stage in recipe.get("stages", []))
    rows = [
        ("Architecture", f"{TITLES[name]} of torchvision, last layer of {len(LABELS)} classes: {', '.join(LABELS)}"),
        ("Weight file", f"`{entry['file']}`, {entry['bytes'] / 1e6:.1f} MB, half precision, dense layers of AlexNet in 8 bits"
                        if name == "alexnet" else f"`{entry['file']}`, {entry['bytes'] / 1e6:.1f} MB, half precision"),
        ("SHA-256", f"`{entry['sha256']}`"),
        ("Input", f"a masked field (nuclei on black), read at {entry.get('side', 224)} x {entry.get('side', 224)} pixels"),
        ("Start", {"pbc": "learned on normal blood cells (PBC, CC BY 4.0)", "imagenet": "ImageNet", "scratch": "random"}.get(
            entry.get("init", ""), "not recorded")),
        ("Schedule", f"{stages}; batch {recipe.get('batch')}, AdamW, rate {recipe.get('rate')}, seed {recipe.get('seed')}" if recipe
         else "not recorded"),
        *_more(recipe),
        ("Data", f"ALL image dataset, doi:10.34740/KAGGLE/DSV/2175623; fingerprint `{str(entry.get('data', 'not recorded'))[:16]}`"),
        ("Command", f"`{entry.get('command', 'not recorded')}`"),
    ]  # fmt: skip
    return "## The model\n\n" + _table(("", ""), rows)


def _more(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of what the recipe asks for beside its schedule."""
    weight = held_to_cells(recipe)
    if not weight:
        return []
    more = recipe.get("refinement")
    epochs = sum(stage["epochs"] for stage in more["stages"]) if more else 0
    when = f"{epochs} epochs more at a rate of {more['rate']:g}, in which" if more else "throughout,"
    told = (
        f"{when} the part of the class map beside the cells was part of the loss, with a weight of {weight:g}: that its Grad-CAM maps "
        "lie on cells was asked for, and is no discovery"
    )
    return [("Held to the cells", told)]


_USE = """## Intended use

To let a hematologist compare her own reading of a photographed field with those of five networks, in research. It reads
fields of peripheral blood smears of the one hospital whose images it learned from. Not for diagnosis, not for triage, not
without a reader, and not for other stains, magnifications or cell types.
"""


def _reached(name: str, protocol: str) -> str:
    title = f"## {PROTOCOLS[protocol]}\n\n"
    evaluation = _known(lambda: benchmark.load_evaluation(protocol))
    if evaluation is None:
        return f"{title}Not measured yet: `{benchmark.EVALUATE[protocol]}`\n"
    stale = name in benchmark.outdated(evaluation.weights)
    warning = "**These figures were made with other weights than those above.**\n\n" if stale else ""
    warning += _anew(name) if protocol == "stain" else ""
    ours = evaluation.networks.get(name)
    if ours is None:
        return f"{title}{warning}{_partly(name, evaluation)}\n"
    return f"{title}{warning}{_figures(name, protocol, evaluation, ours)}"


def _anew(name: str) -> str:
    """How the networks of the folds were trained, where that is not how the weights were."""
    shipped, fold = recipe_for(name), recipe_for(name, "stain")
    if shipped == fold:
        return "For each fold the network was fitted anew by the same recipe.\n\n"
    told = [
        f"{sum(stage.epochs for stage in each.stages)} epochs, stain changed by up to {each.stages[-1].augmentation.stain:.0%}"
        + (", then held to the cells" if each.refinement else "")
        + (f", read at {each.side} px" if fold.side != shipped.side else "")
        for each in (fold, shipped)
    ]
    return f"For each fold the network was fitted anew, by another recipe than the weights above: {told[0]} (above: {told[1]}).\n\n"


def _partly(name: str, evaluation: Evaluation) -> str:
    """A network that was trained for some of the folds alone."""
    folds = [f"stain {fold.number}: {100 * fold.accuracy[name]:.1f} %" for fold in evaluation.folds if name in fold.accuracy]
    return f"Trained for some of the folds alone, so nothing is pooled; accuracy of {', '.join(folds)}." if folds else "Not measured."


def _figures(name: str, protocol: str, evaluation: Evaluation, ours: Measures) -> str:
    reference = _known(benchmark.load_reference)
    paper = reference.networks.get(name, {}) if reference else {}
    rows = []
    for metric, title in MEASURES.items():
        value, ends = getattr(ours, metric), ours.intervals.get(metric)
        shown = "not in the file" if value is None else f"{value:.4f}"
        rows.append((title, shown, f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "-", f"{paper[metric]:.4f}" if metric in paper else "-"))
    per_class = [(label, _maybe(one.sensitivity), _maybe(one.specificity), str(one.support)) for label, one in ours.per_class.items()]
    lines = [f"{evaluation.n} test fields.\n", _table(("", "reached", "95 % interval", "paper, its own random split"), rows)]
    lines.append(_table(("class", "sensitivity", "specificity", "fields"), per_class))
    colour = [each for each in _known(lambda: trials.load_baselines(protocol)) or () if each.of_colour]
    if colour:
        top = max(colour, key=lambda each: each.figures["accuracy"])
        lines.append(f"Without any network, from colour alone ({top.title.lower()}): accuracy {top.figures['accuracy']:.4f}, "
                     f"macro recall {top.figures['balanced_accuracy']:.4f}.\n")  # fmt: skip
    lines.append(f"Command: `{benchmark.EVALUATE[protocol]}`\n")
    return "\n".join(lines)


def _refit(name: str) -> str:
    """The network fitted anew by its recorded command; nothing where that was not done."""
    again = _known(lambda: benchmark.load_refit(name))
    if again is None or name not in again.networks:
        return ""
    reached = f"accuracy {again.networks[name].accuracy:.4f} on the {again.n} test fields of the random split"
    return f"## Fitted anew\n\nThe command above, run once more: {reached}. Command: `{benchmark.refit_command(name)}`\n"


def _robustness(name: str) -> str:
    title = "## Changed fields\n\n"
    found = _known(trials.load_robustness)
    if found is None or name not in found.changes[0].accuracy:
        return f"{title}Not measured yet: `{trials.ROBUSTNESS}`\n"
    trial = "" if found.n == found.of else " (a trial, not a figure to rely on)"
    stale = " **Made with other weights than those above.**" if name in benchmark.outdated(found.weights) else ""
    rows = [(each.title, f"{each.accuracy[name]:.4f}", f"{100 * each.lost[name]:.1f}") for each in found.changes]
    text = f"{title}{found.n} of {found.of} test fields of the random split{trial}.{stale}\n\n"
    return f"{text}{_table(('change', 'accuracy', 'points lost'), rows)}\nCommand: `{trials.ROBUSTNESS}`\n"


_LIMITS = """## Limits

- One hospital, one kind of camera, patients not known: fields of one patient may stand on both sides of a split.
- Fields of like stain are alike, and colour alone goes far on a random split; the held-out stains are the fairer test.
- It leans on how crowded a field is: see what half of the cells taken out costs, above.
- Benign means hematogones here, not normal blood.
- There is no test on fields of another laboratory.
"""


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _maybe(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _known(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except NotMeasuredError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
