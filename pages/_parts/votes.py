"""The votes, one card a network: where it looked and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import streamlit as st

from ball.labels import LABELS
from ball.names import TITLES
from pages._parts import marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ball.explain import Style
    from ball.reading import Evidence, Reading, Vote

_FIELD: Final = "field"
_STYLES: Final = {"heat": "Heat map", "spotlight": "Spotlight", "map": "Map alone", _FIELD: "Field"}
_VOTED: Final = "The voted class"
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
    votes = {vote.network: vote for vote in reading.votes}
    grid = st.grid(5, min_column_width=146, gap=12, border=True, key="votes")
    for network in TITLES:
        with grid.cell():
            if network not in votes:
                _missing(network)
                continue
            _card(reading, votes[network], str(style), opacity / 100, str(explained), name)
    if reading.evidence and reading.evidence.maps:
        st.caption(
            f"The maps show where a network looked, not why. They are coarse: {_coarseness(reading.evidence)}. "
            "Each map is scaled to its own maximum."
        )


def _card(reading: Reading, vote: Vote, style: str, opacity: float, explained: str, name: str) -> None:
    title = TITLES[vote.network]
    differs = '<span class="ball-differs">differs</span>' if vote.network in reading.dissenters else ""
    room = " two-lines" if reading.dissenters else ""
    st.html(f'<div class="ball-card-name{room}"><span>{title}</span>{differs}</div>')
    label = vote.label if explained == _VOTED else explained
    if reading.evidence is not None:
        alt = f"Field {name}" if style == _FIELD else f"{_STYLES[style]} of {title} for {label}, over {name}"
        st.image(_picture(reading.evidence, vote.network, label, style, opacity), width="stretch", alt=alt)
    st.html(marks.heading(3, marks.MARKS[vote.label]))
    st.html(marks.bars(vote.probabilities))
    if reading.evidence is not None and vote.network in reading.evidence.maps:
        st.html(f'<div class="ball-file">{focus_line(reading.evidence, vote.network, label)}</div>')


def focus_line(evidence: Evidence, network: str, label: str) -> str:
    """How much of a map lies on cells, against an even map."""
    from ball.focus import focus

    found = focus(evidence.maps[network][LABELS.index(label)], evidence.segmentation.mask)
    if found is None:
        return f"No part of the field speaks for {label}: the map is empty."
    line = f"{marks.percent(found.on_cells, 0)} of the map on cells, by chance {marks.percent(found.by_chance, 0)}"
    return line.replace(" %", "\N{NO-BREAK SPACE}%")


def _picture(evidence: Evidence, network: str, label: str, style: str, opacity: float) -> NDArray[np.uint8]:
    from ball.explain import overlay, small

    rgb = small(evidence.rgb, _PICTURE)
    if style == _FIELD or network not in evidence.maps:
        return rgb
    return overlay(rgb, evidence.maps[network][LABELS.index(label)], cast("Style", style), opacity)


def _missing(network: str) -> None:
    st.html(f'<div class="ball-card-name"><span>{TITLES[network]}</span></div>')
    st.markdown(":material/cloud_off: Not available")
    st.html(f'<div class="ball-file">{escape(_reasons().get(network, "Its weights were not loaded."))}</div>')
    st.code("python -m ball models", language=None, wrap_lines=True)


def _reasons() -> Mapping[str, str]:
    from ball.engine import load_engine

    return load_engine().missing


def _coarseness(evidence: Evidence) -> str:
    """The squares of the maps, the most common first, then the networks that have others."""
    squares = {name: f"{maps.shape[1]} × {maps.shape[2]} squares" for name, maps in evidence.maps.items()}
    usual = Counter(squares.values()).most_common(1)[0][0]
    others = [f"{TITLES[name]} {size.removesuffix(' squares')}" for name, size in squares.items() if size != usual]
    return ", ".join([usual, *others])
