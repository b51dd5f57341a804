"""One slide: the strong line, the course of its probability, shares of the classes, and the fields for and against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from ball.labels import LABELS, UNIDENTIFIED
from ball.trust.slide import SlideField, SlideReading, read_slide, slide_limit
from pages._parts import charts, marks, pictures
from pages._parts.worklist import Row

_SHOWN: Final = 5
"""Fields in each gallery."""


def slide_of(name: str, rows: Sequence[Row]) -> SlideReading | None:
    """The slide of some rows; its fields are named by the number of their row."""
    fields = [
        SlideField(str(row.number), row.reading.consensus, row.reading.suggestion, row.cells or 0, row.reading.status == "read")
        for row in rows
        if row.reading is not None
    ]
    return read_slide(name, fields, slide_limit()[0])


def suggested(rows: Sequence[Row]) -> marks.Mark:
    """The mark of a slide for a list."""
    slide = slide_of("", rows)
    if slide is None:
        return marks.MARKS[marks.NOT_READ if all(row.not_read for row in rows) else marks.REFUSED]
    return marks.MARKS[slide.suggestion]


def draw(name: str, rows: Sequence[Row]) -> None:
    """Draw a slide."""
    slide, by_name = slide_of(name, rows), {str(row.number): row for row in rows}
    if slide is None:
        st.title(name, anchor=False)
        st.markdown("None of these fields is a smear that can be read, so nothing can be said of the slide.")
        return
    with st.container(border=True, horizontal=True, gap="medium", key="slide"):
        with st.container(width="stretch", gap="small", key="slide-text"):
            _verdict(slide, by_name)
        with st.container(width=440, key="slide-course"):
            charts.show(_course(slide), "slide-course-chart", _course_words(slide))
    st.header("Share of classes", anchor=False)
    charts.show(_shares(slide), "slide-shares", _shares_words(slide))
    st.caption("A cell counts for the class that its field is read as.")
    for title, found in (("What drives the answer", slide.drives), ("What contradicts it", slide.contradicts)):
        if found:
            st.header(title, anchor=False)
            _gallery(found, by_name)


def _verdict(slide: SlideReading, rows: Mapping[str, Row]) -> None:
    st.html(f'<div class="ball-file"><b>{escape(slide.name)}</b></div>')
    st.html(marks.heading(1, marks.MARKS[slide.suggestion]))
    leading, fields, cells = slide.leading, sum(slide.fields.values()), sum(slide.cells.values())
    counts = f"**{slide.fields[leading]} of {fields}** {'field' if fields == 1 else 'fields'} · **{slide.cells[leading]} of {cells}** cells"
    if slide.suggestion == UNIDENTIFIED:
        needed = marks.percent(slide.limit, 0)
        st.markdown(f"**{marks.percent(slide.probability)} {leading}** is below the {needed} needed for a slide · {counts}")
        if held := _held_back(rows.values(), fields):
            st.markdown(held)
    else:
        st.markdown(f"**{marks.percent(slide.probability)}** probability for the slide · {counts}")
    st.markdown(_settled(slide, fields))
    against = [f"{rows[name].name} reads {_leading(rows[name])}" for name, _ in slide.contradicts]
    if against:
        more = f" and {len(against) - 2} more" if len(against) > 2 else ""
        word = "one field contradicts" if len(against) == 1 else f"{len(against)} fields contradict"
        st.markdown(f":material/visibility: **Check** {word}: {'; '.join(against[:2])}{more}.")
    if slide.left_out:
        count = len(slide.left_out)
        st.markdown(f"{count} {'field is' if count == 1 else 'fields are'} left out: refused or not read.")
    if not slide_limit()[1]:
        st.caption("What a slide needs is not measured for these weights: a cautious limit is taken.")
    if leading == LABELS[0]:
        st.markdown("Benign here means hematogones (normal B-cell precursors), not normal blood.")


def _held_back(rows: Iterable[Row], fields: int) -> str:
    """How many of the fields read look unlike those validated; empty where none does."""
    read = [row.reading.judgement for row in rows if row.reading is not None and row.reading.status == "read"]
    held = sum(judgement is not None and judgement.held_back for judgement in read)
    if not held:
        return ""
    which = "The field is" if fields == 1 else f"{held} of {fields} fields {'is' if held == 1 else 'are'}"
    return f"{which} held back: few or no validated fields look like {'it' if held == 1 else 'them'}."


def _settled(slide: SlideReading, fields: int) -> str:
    if slide.settled is not None:
        rest = fields - slide.settled
        after = f"after {slide.settled} {'field' if slide.settled == 1 else 'fields'}"
        if slide.open:
            return f":material/help: **Suggested** {after}, but they differ: more may take it below {marks.percent(slide.limit, 0)}."
        return f":material/check_circle: **Settled** {after}{f'; {rest} more did not change it' if rest else ''}."
    if slide.more is not None:
        word = "field" if slide.more == 1 else "fields"
        needed = marks.percent(slide.limit, 0)
        return f":material/add_circle: **Not settled:** {slide.more} more {word} would tell whether it reaches {needed}."
    if fields == 1:
        return ":material/add_circle: **Not settled:** one field does not tell how others of the slide look. Photograph more."
    if slide.open:
        return f":material/help: **Not settled:** too near {marks.percent(slide.limit, 0)}; more fields may go either way."
    more = " Look at those that contradict." if slide.contradicts else " Photograph others, or judge by eye."
    return f":material/help: **Not settled:** more fields like these would not be enough.{more}"


def _leading(row: Row) -> str:
    return (row.reading.leading if row.reading else None) or UNIDENTIFIED


def _gallery(found: Sequence[tuple[str, float]], rows: Mapping[str, Row]) -> None:
    grid = st.grid(_SHOWN, min_column_width=146, gap=12)
    for name, weight in found[:_SHOWN]:
        row = rows[name]
        with grid.cell():
            reading = row.reading
            if reading and reading.evidence is not None:
                pictures.draw(reading.evidence.rgb, f"Field {row.name}", longest=448)
            elif row.thumbnail:
                st.image(row.thumbnail, width=96, alt=f"Field {row.name}")
            st.html(marks.heading(3, marks.MARKS[_leading(row)]))
            shown = marks.percent(reading.probability) if reading and reading.probability is not None else ""
            st.html(f'<div class="ball-file"><b>{escape(row.name)}</b><br>{shown} · weight {marks.percent(weight, 0)}</div>')
    if len(found) > _SHOWN:
        st.caption(f"The {_SHOWN} strongest of {len(found)}.")


def _course(slide: SlideReading) -> go.Figure:
    """Probability by fields read, with its band and the limit."""
    colour = marks.MARKS[slide.leading].colour
    counts = list(range(1, len(slide.course) + 1))
    chart = go.Figure()
    band = {"x": [*counts, *counts[::-1]], "y": [100 * high for *_, high in slide.course] + [100 * low for _, low, _ in slide.course[::-1]]}
    chart.add_scatter(**band, fill="toself", mode="lines", line={"width": 0}, fillcolor=_clear(colour), hoverinfo="skip", showlegend=False)
    chart.add_scatter(
        x=counts, y=[100 * at for at, *_ in slide.course], mode="lines+markers", line={"color": colour, "width": 3}, marker={"size": 8},
        hovertemplate="%{x} fields: %{y:.1f} %<extra></extra>", showlegend=False,
    )
    said = {"text": f"needed: {marks.percent(slide.limit, 0)}", "font": {"size": charts.SIZE}}
    line = {"dash": "dot", "width": 1.5, "color": marks.NEUTRAL}
    chart.add_hline(y=100 * slide.limit, line=line, annotation=said, annotation_position="bottom right")
    chart.update_yaxes(ticksuffix=" %", range=[0, 104], nticks=6)
    # Whole fields only: with a free choice, a single field is numbered 1, 1.5 and 2.
    step = max(1, -(-len(counts) // 10))
    chart.update_xaxes(title="fields read", tickformat="d", tick0=1, dtick=step, range=[0.5, max(len(counts), 2) + 0.5])
    return charts.plain(chart, 240)


def _course_words(slide: SlideReading) -> str:
    at, low, high = slide.course[-1]
    return f"{slide.leading} after {len(slide.course)} fields: {marks.percent(at)}, band {marks.percent(low)} to {marks.percent(high)}."


def _shares(slide: SlideReading) -> go.Figure:
    """Fields and cells by class, stacked."""
    chart = go.Figure()
    for label in LABELS:
        counts = {"Cells": slide.cells[label], "Fields": slide.fields[label]}
        totals = {"Cells": max(sum(slide.cells.values()), 1), "Fields": max(sum(slide.fields.values()), 1)}
        chart.add_bar(
            x=[100 * counts[row] / totals[row] for row in counts], y=list(counts), orientation="h", name=marks.MARKS[label].chip,
            text=[str(count) if count else "" for count in counts.values()], textposition="inside", insidetextanchor="middle",
            marker={"color": marks.MARKS[label].colour}, textfont={"color": "#08131A" if label in LABELS[1:3] else "#FFFFFF"},
            hovertemplate=f"{label}: %{{text}} of %{{y}}<extra></extra>",
        )
    chart.update_layout(barmode="stack", bargap=0.35, legend_traceorder="normal")
    chart.update_xaxes(visible=False, range=[0, 100])
    chart.update_yaxes(showgrid=False)
    return charts.plain(chart, 170, legend=True)


def _shares_words(slide: SlideReading) -> str:
    fields = ", ".join(f"{label} {count}" for label, count in slide.fields.items() if count)
    cells = ", ".join(f"{label} {count}" for label, count in slide.cells.items() if count)
    return f"Fields: {fields}. Cells: {cells or 'none'}."


def _clear(colour: str) -> str:
    """A colour of the marks at 18 % opacity."""
    red, green, blue = (int(colour[index : index + 2], 16) for index in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
