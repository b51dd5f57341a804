"""The votes, one card a network: where it looked and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import streamlit as st

from ball.labels import LABELS
from ball.names import METHODS, TITLES, Method
from pages._parts import intake, marks, pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ball.explain import Style
    from ball.reading import Evidence, Reading, Vote

    Heat = NDArray[np.float32]

_FIELD: Final = "field"
_STYLES: Final = {"heat": "Heat map", "spotlight": "Spotlight", "map": "Map alone", _FIELD: "Field"}
_VOTED: Final = "The voted class"
_METHODS: Final[Mapping[Method, str]] = {
    "grad-cam": "",
    "grad-cam++": "Grad-CAM++ counts only what speaks for the class.",
    "layer-cam": "LayerCAM takes earlier maps of finer squares, nearer to edges and colours than to what a cell is.",
}
_PICTURE: Final = 448


@st.fragment
def draw(reading: Reading, name: str) -> None:
    """Draw the cards. A fragment: another map or opacity draws anew and reads nothing again."""
    with st.container(horizontal=True, vertical_alignment="center", key="votes-head"):
        st.header("Five votes", anchor=False, width="stretch")
        style = st.segmented_control(
            "Picture", list(_STYLES), default="heat", required=True, format_func=lambda key: _STYLES[key],
            label_visibility="collapsed", key="map-style",
        )
        with st.popover("Map", icon=":material/tune:"):
            opacity = st.slider("Opacity of the map", 0, 100, 60, step=5, format="%d %%", key="map-opacity")
            explained = st.selectbox("Class to explain", [_VOTED, *LABELS], key="map-class")
            method: Method = st.selectbox(
                "Method", list(METHODS), format_func=METHODS.__getitem__, key="map-method",
                help="Grad-CAM comes with the reading. For the others the networks run once more.",
            )  # fmt: skip
    votes = {vote.network: vote for vote in reading.votes}
    labels = {name: vote.label if explained == _VOTED else str(explained) for name, vote in votes.items()}
    heats = _heats(reading, labels, method)
    grid = st.grid(5, min_column_width=146, gap=12, border=True, key="votes")
    for network in TITLES:
        with grid.cell():
            if network not in votes:
                _missing(network)
                continue
            _card(reading, votes[network], str(style), opacity / 100, labels[network], heats.get(network), name)
    st.markdown(_spread(reading))
    if heats:
        # Its figures bring the tables and charts of the page Benchmark, which nothing else here needs.
        from pages._parts import maps_figures

        about = " ".join(filter(None, (_METHODS[method], maps_figures.standing(method))))
        st.caption(
            f"The maps show where a network looked, not why. They are coarse: {_coarseness(heats)}. "
            f"Each map is scaled to its own maximum. {about}"
        )


def _heats(reading: Reading, labels: Mapping[str, str], method: Method) -> dict[str, Heat]:
    """The map of every network for its label; those of another method than the reading's are kept for this visit."""
    evidence = reading.evidence
    if evidence is None:
        return {}
    if method == "grad-cam":
        return {name: evidence.maps[name][LABELS.index(label)] for name, label in labels.items() if name in evidence.maps}
    known: dict[tuple[str, ...], Heat] = intake.worklist().found.setdefault("maps of other methods", {})
    keys = {name: (reading.sha256, reading.weights.get(name, ""), label, method) for name, label in labels.items()}
    if not known.keys() >= set(keys.values()):
        from ball.engine import load_engine
        from ball.explain import label_map

        with st.spinner(f"Explaining by {METHODS[method]}"):
            models = load_engine().models
            for name, key in keys.items():
                if key not in known and name in models:
                    known[key] = label_map(models[name], evidence.segmentation.masked, method, labels[name])
    return {name: known[key] for name, key in keys.items() if key in known}


def _spread(reading: Reading) -> str:
    """How far the raw votes are apart, and how undecided they are together: 0 to 100 % each."""
    from ball.trust.calibration import disagreement, undecided

    votes = {vote.network: np.array([vote.probabilities]) for vote in reading.votes}
    apart, open_ = (marks.percent(float(found(votes)[0]), 0) for found in (disagreement, undecided))
    return f"Disagreement of the votes **{apart}** (0 %: all say the same) · Entropy of their mean **{open_}** (100 %: every class alike)"


def _card(reading: Reading, vote: Vote, style: str, opacity: float, label: str, heat: Heat | None, name: str) -> None:
    title = TITLES[vote.network]
    differs = '<span class="ball-differs">differs</span>' if vote.network in reading.dissenters else ""
    room = " two-lines" if reading.dissenters else ""
    st.html(f'<div class="ball-card-name{room}"><span>{title}</span>{differs}</div>')
    if reading.evidence is not None:
        alt = f"Field {name}" if style == _FIELD else f"{_STYLES[style]} of {title} for {label}, over {name}"
        pictures.draw(_picture(reading.evidence, heat, style, opacity), alt)
    said = marks.heading(3, marks.MARKS[vote.label]) + marks.bars(vote.probabilities)
    if reading.evidence is not None and heat is not None:
        said += f'<div class="ball-file">{focus_line(reading.evidence, heat, label)}</div>'
    st.html(f'<div class="ball-card">{said}</div>')  # One element of the page, not three: each has its price at every click.


def focus_line(evidence: Evidence, heat: Heat, label: str) -> str:
    """How much of a map lies on cells, against an even map."""
    from ball.focus import focus

    found = focus(heat, evidence.segmentation.mask)
    if found is None:
        return f"No part of the field speaks for {label}: the map is empty."
    line = f"{marks.percent(found.on_cells, 0)} of the map on cells, by chance {marks.percent(found.by_chance, 0)}"
    return line.replace(" %", "\N{NO-BREAK SPACE}%")


def _picture(evidence: Evidence, heat: Heat | None, style: str, opacity: float) -> NDArray[np.uint8]:
    from ball.explain import overlay, small

    rgb = small(evidence.rgb, _PICTURE)
    if style == _FIELD or heat is None:
        return rgb
    return overlay(rgb, heat, cast("Style", style), opacity)


def _missing(network: str) -> None:
    st.html(f'<div class="ball-card-name"><span>{TITLES[network]}</span></div>')
    st.markdown(":material/cloud_off: Not available")
    st.html(f'<div class="ball-file">{escape(_reasons().get(network, "Its weights were not loaded."))}</div>')
    st.code("python -m ball models", language=None, wrap_lines=True)


def _reasons() -> Mapping[str, str]:
    from ball.engine import load_engine

    return load_engine().missing


def _coarseness(heats: Mapping[str, Heat]) -> str:
    """The squares of the maps, the most common first, then the networks that have others."""
    squares = {name: f"{heat.shape[0]} × {heat.shape[1]} squares" for name, heat in heats.items()}
    usual = Counter(squares.values()).most_common(1)[0][0]
    others = [f"{TITLES[name]} {size.removesuffix(' squares')}" for name, size in squares.items() if size != usual]
    return ", ".join([usual, *others])
