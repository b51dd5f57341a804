"""What the class maps, the closer masks and the cells' weights are worth: figures for the Benchmark page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd
import streamlit as st

from ball import benchmark
from ball.benchmark import NotMeasuredError
from ball.names import METHODS, TITLES, Method
from pages._parts.benchmark_tabs import outdated
from pages._parts.findings import listed, share


def draw() -> None:
    """Draw the Maps tab: what the maps are worth by each method, and whether weighty cells decide."""
    st.header("What the maps are worth", anchor=False)
    maps = _known(benchmark.load_maps, benchmark.MAPS)
    if maps is not None:
        outdated(maps["weights"], benchmark.MAPS)
        _maps(maps)
    st.header("Whether the weightiest cells decide", anchor=False)
    cells = _known(benchmark.load_deciding_cells, benchmark.CELLS)
    if cells is not None:
        outdated(cells["weights"], benchmark.CELLS)
        st.markdown(f"**{deciding(cells)}**")
        _command(cells["command"])


def _maps(maps: Mapping[str, Any]) -> None:
    st.markdown(f"**{compared(maps)}**")
    method: Method = st.segmented_control(
        "Method", list(METHODS), default="grad-cam", required=True, format_func=METHODS.__getitem__, label_visibility="collapsed",
        key="maps-method",
    )  # fmt: skip
    st.markdown(f"{on_cells(maps, method)} {held_up(maps, method)}")
    _table(rows(maps, method), f"What maps by {METHODS[method]} are worth, by network")
    st.markdown(
        "Each network’s map for its own vote. By chance: an even map. Following the cells: a map of the same squares, "
        "each as bright as its share of cells; a map that keeps to the fullest squares has more. "
        "Without the highest, lowest: points that the vote’s probability falls when the stained pixels that the map rates highest, or as "
        "many that it rates lowest, are taken out; alike, the map says nothing of the vote. "
        "With random weights: rank correlation of the map with that of the same network before training; "
        "near 0, the map shows what was learned, near 1, only the field."
    )
    _command(maps["command"])


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


def compared(maps: Mapping[str, Any]) -> str:
    """By each method, over the networks: how much lies on cells, how many hold up, and how much hangs on the field alone."""
    words = []
    for method, title in METHODS.items():
        networks = _by(maps, method).values()
        shares = [row["on_cells"] for row in networks if row["on_cells"] is not None]
        alike = [value for row in networks for value in [row["randomised"]["spearman"]["mean"]] if value is not None]
        words.append(
            f"{title} {share(fmean(shares) if shares else None, 0)} on cells, holds up for {len(_holding(maps, method))}, "
            f"{f'{fmean(alike):.2f}' if alike else '–'} like a map of random weights"
        )
    return f"Of {len(maps['networks'])} networks, on {maps['n']} test fields: {'; '.join(words)}."


def on_cells(maps: Mapping[str, Any], method: Method) -> str:
    """How many networks look at cells more than chance, and how much each has there of what a map that follows them has."""
    networks = _by(maps, method)
    found = {TITLES[name]: row["of_ideal"]["mean"] for name, row in networks.items() if row["of_ideal"]["mean"] is not None}
    if not found:
        return "No network has a map that is not empty."
    above = sum(row["on_cells"] > row["by_chance"] for row in networks.values() if row["on_cells"] is not None)
    least, most = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    return (
        f"{above} of {len(networks)} networks look at cells more than chance would. "
        f"Of what a map that follows the cells has on them, theirs have {share(found[least], 0)} ({least}) to "
        f"{share(found[most], 0)} ({most}). {taught(maps)}"
    ).rstrip()


def taught(maps: Mapping[str, Any]) -> str:
    """Which networks were trained to have their maps on the cells; empty where none was."""
    asked = [TITLES[name] for name in maps["asked"] if name in maps["networks"]]
    return f"In training the Grad-CAM maps of {listed(asked)} were held to the cells: that they lie there is no discovery." if asked else ""


def held_up(maps: Mapping[str, Any], method: Method) -> str:
    """For which networks what the map rates highest decides more than what it rates lowest."""
    holding = _holding(maps, method)
    names = [TITLES[name] for name in maps["networks"] if name not in holding]
    if not names:
        return "What it rates highest decides more than what it rates lowest, beyond chance, for every network."
    return f"That what it rates highest decides more than what it rates lowest is not shown for {listed(names)}."


def standing(method: Method) -> str:
    """`held_up` and `taught` for the page of a reading; empty where it is not measured for the weights in use."""
    try:
        maps = benchmark.load_maps()
        if benchmark.outdated(maps["weights"]):
            return ""
        return f"On {maps['n']} test fields (Benchmark, Maps): {held_up(maps, method)} {taught(maps)}".rstrip()
    except (NotMeasuredError, KeyError):
        return ""


def _by(maps: Mapping[str, Any], method: Method) -> dict[str, Any]:
    return {name: methods[method] for name, methods in maps["networks"].items()}


def _holding(maps: Mapping[str, Any], method: Method) -> list[str]:
    """Networks of which the 95 % interval of the difference lies above 0."""
    ends = {name: row["taken_out"]["difference"]["ci95"] for name, row in _by(maps, method).items()}
    return [name for name, each in ends.items() if each and each[0] > 0]


def rows(maps: Mapping[str, Any], method: Method) -> pd.DataFrame:
    """One row a network."""
    lines = [
        [
            TITLES[name], share(row["on_cells"]), share(row["by_chance"]), share(row["ideal"]), _ranged(row["of_ideal"], share),
            _points(row["taken_out"]["most"]), _points(row["taken_out"]["least"]), _ranged(row["taken_out"]["difference"], _points),
            _ranged(row["randomised"]["spearman"], lambda value: "–" if value is None else f"{value:.2f}"), row["empty"],
        ]
        for name, row in _by(maps, method).items()
    ]  # fmt: skip
    columns = ["Network", "On cells", "By chance", "Following the cells", "Of that", "Without the highest", "Without the lowest",
               "Difference", "With random weights", "Empty maps"]  # fmt: skip
    return pd.DataFrame(lines, columns=columns)


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


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
