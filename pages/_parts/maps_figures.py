"""What the class maps, the closer masks and the cells' weights are worth: figures for the Benchmark page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ball import benchmark
from ball.benchmark import NotMeasuredError
from ball.names import TITLES
from pages._parts.findings import share


def draw() -> None:
    """Draw the Maps tab: how much of each map lies on cells, whether it hangs on the weights, and whether weighty cells decide."""
    st.header("How much of the maps lies on cells", anchor=False)
    maps = _known(benchmark.load_maps, benchmark.MAPS)
    if maps is not None:
        st.markdown(f"**{on_cells(maps)}**")
        _table(rows(maps), "Maps on cells and with random weights, by network")
        st.markdown(
            "Each network’s map for its own vote. By chance: an even map. Best possible: a map of the same squares that follows the cells. "
            "With random weights: rank correlation of the map with that of the same network before training; "
            "near 0, the map shows what was learned, near 1, only the field."
        )
        _command(benchmark.MAPS)
    st.header("Whether the weightiest cells decide", anchor=False)
    cells = _known(benchmark.load_deciding_cells, benchmark.CELLS)
    if cells is not None:
        st.markdown(f"**{deciding(cells)}**")
        _command(benchmark.CELLS)


def closer_masks() -> None:
    """Draw how closely the refined masks follow drawn ones, and what they keep on fields without drawings."""
    st.header("Refined nuclei and whole cells", anchor=False)
    masks = _known(benchmark.load_closer_masks, benchmark.MASKS)
    if masks is None:
        return
    st.markdown(f"**{closeness(masks)}**")
    used = masks["with_defaults"]
    st.markdown(
        f"{masks['n']} single white cells; settings chosen on all folds but one, figures from that one, {masks['folds']} times. "
        f"The settings in use, which suit B-ALL fields better, reach {used['nucleus_dice']['mean']:.3f} "
        f"and {used['cell_dice']['mean']:.3f}. "
        "Neighbours cut by the picture’s edge, which the drawings leave out, are passed over. "
        "The cell table uses these outlines; the networks see the paper’s mask."
    )
    classes = [
        [label, row["fields"], share(row["median_share"], 0), share(row["least_share"], 0), row["nuclei"], row["objects"]]
        for label, row in masks["fields"]["classes"].items()
    ]
    columns = ["Class of field", "Fields", "Of the paper’s mask, median", "Least", "Nuclei", "Objects of the paper’s mask"]
    with st.container(width=760):
        _table(pd.DataFrame(classes, columns=columns), "Refined nuclei on fields by class")
    _command(benchmark.MASKS)


def on_cells(maps: Mapping[str, Any]) -> str:
    """How many networks look at cells more than chance, and the share of the best possible that each reaches."""
    found = {TITLES[name]: row["of_ideal"]["mean"] for name, row in maps["networks"].items() if row["of_ideal"]["mean"] is not None}
    if not found:
        return "No network has a map that is not empty."
    above = sum(row["on_cells"] > row["by_chance"] for row in maps["networks"].values() if row["on_cells"] is not None)
    least, most = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    return (
        f"{above} of {len(maps['networks'])} networks look at cells more than chance would, on {maps['n']} test fields. "
        f"Of what the coarse squares allow, their maps reach {share(found[least], 0)} ({least}) to {share(found[most], 0)} ({most})."
    )


def rows(maps: Mapping[str, Any]) -> pd.DataFrame:
    """One row a network."""
    lines = [
        [
            TITLES[name], share(row["on_cells"]), share(row["by_chance"]), share(row["ideal"]),
            _ranged(row["of_ideal"], share), _ranged(row["randomised"]["spearman"], lambda value: "–" if value is None else f"{value:.2f}"),
            row["empty"],
        ]
        for name, row in maps["networks"].items()
    ]  # fmt: skip
    columns = ["Network", "On cells", "By chance", "Best possible", "Of the best possible", "With random weights", "Empty maps"]
    return pd.DataFrame(lines, columns=columns)


def deciding(cells: Mapping[str, Any]) -> str:
    """Whether taking out the weightiest cells moves the consensus more than taking out others."""
    low, high = cells["difference"]["ci95"]
    verdict = "more than" if low > 0 else "less than" if high < 0 else "no differently, within the interval, from"
    return (
        f"Without its {cells['taken']} weightiest cells the leading label moves by {100 * cells['weightiest']:.1f} points, "
        f"without {cells['taken']} at random by {100 * cells['random']:.1f}: {verdict} chance "
        f"(difference {100 * cells['difference']['mean']:.1f}, 95 % interval {100 * low:.1f} to {100 * high:.1f}; "
        f"{cells['measured']} of {cells['n']} test fields, those with at least {cells['least_cells']} cells)."
    )


def closeness(masks: Mapping[str, Any]) -> str:
    """Out-of-fold Dice of nuclei and whole cells."""
    nucleus, cell = (masks["out_of_fold"][name] for name in ("nucleus_dice", "cell_dice"))
    return (
        f"Mean Dice of nuclei {nucleus['mean']:.3f} (95 % interval {nucleus['ci95'][0]:.3f} to {nucleus['ci95'][1]:.3f}), "
        f"of whole cells {cell['mean']:.3f} ({cell['ci95'][0]:.3f} to {cell['ci95'][1]:.3f})."
    )


def _ranged(value: Mapping[str, Any], text: Callable[[float | None], str]) -> str:
    ends: Sequence[float] | None = value["ci95"]
    return text(value["mean"]) + (f" ({text(ends[0])} to {text(ends[1])})" if ends else "")


def _known(load: Callable[[], Mapping[str, Any]], command: str) -> Mapping[str, Any] | None:
    try:
        return load()
    except NotMeasuredError as error:
        st.markdown(str(error))
        _command(command)
        return None


def _table(frame: pd.DataFrame, alt: str) -> None:
    right = {name: st.column_config.Column(alignment="right") for name in frame.columns[1:]}
    st.dataframe(frame, hide_index=True, height="content", column_config=right, alt=alt)


def _command(command: str) -> None:
    st.markdown("The command behind this:")
    st.code(command.replace(" --json", " \\\n    --json"), language=None, wrap_lines=True)
