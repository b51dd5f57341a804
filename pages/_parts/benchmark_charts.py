"""The charts of the Benchmark page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from ball.benchmark import MEASURES, Counts, Evaluation, Measures, Reference, Training
from ball.benchmark.trials import Baseline, Robustness, Tuning
from ball.labels import LABELS
from ball.names import TITLES
from pages._parts.charts import OURS, SHADES, SIZE, plain
from pages._parts.findings import changes, figure
from pages._parts.marks import MARKS, NEUTRAL

if TYPE_CHECKING:
    from ball.benchmark.curves import Reliability, Roc

def paper_and_ours(reference: Reference, evaluation: Evaluation, metric: str, baselines: Sequence[Baseline] = ()) -> go.Figure:
    """Dot plot of one measure: paper ○, ours ●, colour alone ◇ and cells alone □, all but the paper's with their 95 % intervals."""
    names = [name for name in TITLES if name in reference.networks or name in evaluation.networks]
    paper = {TITLES[name]: reference.networks[name][metric] for name in names if metric in reference.networks.get(name, {})}
    voters = {**{TITLES[name]: each for name, each in evaluation.networks.items()}, "Consensus": evaluation.consensus}
    ours = {title: float(value) for title, each in voters.items() if (value := getattr(each, metric)) is not None}
    colour, cells = (
        {each.title: each.figures[metric] for each in baselines if metric in each.figures and each.of_colour is kind}
        for kind in (True, False)
    )
    ranges = [(title, each.intervals[metric], OURS) for title, each in voters.items() if metric in each.intervals]
    ranges += [(each.title, each.intervals[metric], NEUTRAL) for each in baselines if metric in each.intervals]
    scale, unit = (100, " %") if metric in {"accuracy", "balanced_accuracy"} else (1, "")
    chart = go.Figure()
    for title, ends, shade in ranges:
        line = {"line": {"color": shade, "width": 3}, "opacity": 0.5, "hoverinfo": "skip", "showlegend": False}
        chart.add_scatter(x=[scale * end for end in ends], y=[title] * 2, mode="lines", **line)
    kinds = (("paper, random split", paper, "circle-open", NEUTRAL), ("ours, 95 % interval" if ranges else "ours", ours, "circle", OURS),
             ("colour alone", colour, "diamond-open", NEUTRAL), ("cells alone", cells, "square-open", NEUTRAL))  # fmt: skip
    for who, values, symbol, shade in kinds:
        if values:
            chart.add_scatter(
                x=[scale * value for value in values.values()], y=list(values), mode="markers", name=who,
                customdata=[figure(metric, value) for value in values.values()], hovertemplate="%{y}: %{customdata}<extra></extra>",
                marker={"symbol": symbol, "size": 13, "color": shade, "line": {"width": 2.5, "color": shade}},
            )  # fmt: skip
    chart.update_xaxes(ticksuffix=unit, nticks=6, zeroline=False)
    rows = [*(TITLES[name] for name in names), "Consensus", *colour, *cells]
    chart.update_yaxes(categoryorder="array", categoryarray=rows[::-1], showgrid=False)
    return plain(chart, 80 + 50 * len(rows), legend=True)


def reliability(found: Reliability) -> go.Figure:
    """Share right over mean probability, beside the line where both are equal."""
    least = 100 * max(min(*found.probability, *found.right) - 0.05, 0)
    chart = go.Figure()
    chart.add_scatter(x=[least, 100], y=[least, 100], mode="lines", line={"color": NEUTRAL, "dash": "dot", "width": 2}, hoverinfo="skip")
    chart.add_scatter(
        x=[100 * each for each in found.probability], y=[100 * each for each in found.right], mode="lines+markers",
        line={"color": OURS, "width": 2}, marker={"size": 10}, hovertemplate="says %{x:.1f} %: right in %{y:.1f} %<extra></extra>",
    )  # fmt: skip
    chart.update_xaxes(title="Probability of the leading class", ticksuffix=" %", range=[least, 101])
    chart.update_yaxes(title="Right", ticksuffix=" %", range=[least, 102])
    return plain(chart, 400)


def roc(areas: Sequence[Roc]) -> go.Figure:
    """Sensitivity over the share of false alarms, each class against the rest."""
    chart = go.Figure()
    chart.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": NEUTRAL, "dash": "dot", "width": 1.5}, hoverinfo="skip",
                      showlegend=False)  # fmt: skip
    for each in areas:
        mark = MARKS.get(each.label)
        line: dict[str, Any] = {"color": mark.colour, "width": 2.5} if mark else {"color": NEUTRAL, "width": 2.5, "dash": "dash"}
        chart.add_scatter(
            x=[100 * value for value in each.false_positives], y=[100 * value for value in each.sensitivity], mode="lines", line=line,
            name=f"{mark.glyph + ' ' if mark else ''}{each.label} {each.area:.3f}",
            hovertemplate=f"{each.label}: %{{y:.1f}} % found, %{{x:.1f}} % false alarms<extra></extra>",
        )  # fmt: skip
    # Where every curve has found its whole class, nothing more can be seen.
    reach = max((next(x for x, y in zip(each.false_positives, each.sensitivity, strict=True) if y >= 1) for each in areas), default=1.0)
    chart.update_xaxes(title="False alarms (1 − specificity)", ticksuffix=" %", range=[-0.2, min(max(120 * reach, 10), 101)])
    chart.update_yaxes(title="Found (sensitivity)", ticksuffix=" %", range=[0, 101])
    return plain(chart, 400, legend=True)


def falls(found: Robustness) -> go.Figure:
    """Points of accuracy lost under each change: networks as small dots, the consensus as a large one."""
    changes = [each for each in found.changes if each.of_picture]
    chart = go.Figure()
    networks = [(100 * each.lost[name], each.title, TITLES[name]) for each in changes for name in TITLES if name in each.lost]
    for who, points, size, shade in (
        ("one network", networks, 8, NEUTRAL),
        ("consensus", [(100 * each.lost["consensus"], each.title, "Consensus") for each in changes], 13, OURS),
    ):
        chart.add_scatter(
            x=[x for x, _, _ in points], y=[y for _, y, _ in points], mode="markers", name=who, customdata=[name for _, _, name in points],
            marker={"size": size, "color": shade}, hovertemplate="%{customdata}, %{y}: %{x:.1f} points lost<extra></extra>",
        )  # fmt: skip
    chart.add_vline(x=1, line={"dash": "dot", "width": 1.5, "color": NEUTRAL})
    chart.update_xaxes(title="Points of accuracy lost; dotted line: the goal, at most 1", nticks=8)
    chart.update_yaxes(categoryorder="array", categoryarray=[each.title for each in changes][::-1], showgrid=False)
    return plain(chart, 90 + 36 * len(changes), legend=True)


def tuning(found: Tuning) -> go.Figure:
    """Parallel plot of the grid: network, optimiser, rate, epochs, validation accuracy."""
    rows = [(name, each) for name, trials in found.networks.items() for each in trials]
    names, optimisers = list(found.networks)[::-1], sorted({each.optimiser for _, each in rows})
    rates, epochs = (sorted({getattr(each, key) for _, each in rows}) for key in ("rate", "epochs"))
    accuracy = [100 * each.accuracy for _, each in rows]
    axes: list[dict[str, Any]] = [
        {"label": "Network", "values": [names.index(name) for name, _ in rows], "tickvals": list(range(len(names))),
         "ticktext": [TITLES[name] for name in names]},
        {"label": "Optimiser", "values": [optimisers.index(each.optimiser) for _, each in rows], "tickvals": list(range(len(optimisers))),
         "ticktext": optimisers},
        {"label": "Rate", "values": [rates.index(each.rate) for _, each in rows], "tickvals": list(range(len(rates))),
         "ticktext": [f"{rate:g}" for rate in rates]},
        {"label": "Epochs", "values": [epochs.index(each.epochs) for _, each in rows], "tickvals": list(range(len(epochs))),
         "ticktext": [str(each) for each in epochs]},
        {"label": "Accuracy, %", "values": accuracy},
    ]  # fmt: skip
    line = {"color": accuracy, "colorscale": [[0, "#C9D3D9"], [1, "#2F5266"]]}
    chart = go.Figure(go.Parcoords(dimensions=axes, line=line, labelfont={"size": SIZE}, tickfont={"size": SIZE}, rangefont={"size": 1}))
    chart.update_layout(height=420, margin={"l": 130, "r": 60, "t": 40, "b": 20})
    return chart


def confusion(measures: Measures) -> go.Figure:
    """Counts by true class (rows) and class read (columns), shaded by share of the row."""
    shares = [[count / max(sum(row), 1) for count in row] for row in measures.confusion]
    names = [_marked(label) for label in LABELS]
    chart = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, zmin=0, zmax=1, colorscale=SHADES, showscale=False, xgap=3, ygap=3, text=measures.confusion,
            texttemplate='<span style="color:currentColor">%{text}</span>', textfont={"size": 18},
            hovertemplate="%{y} read as %{x}: %{text} fields, %{z:.1%} of the class<extra></extra>",
        )
    )
    chart.update_xaxes(side="top", title="Read as", showgrid=False)
    chart.update_yaxes(autorange="reversed", title="True class", showgrid=False)
    return plain(chart, 380)


def classes(counts: Counts) -> go.Figure:
    """Fields by class."""
    chart = go.Figure(
        go.Bar(
            x=[counts.classes[label] for label in LABELS], y=[_marked(label) for label in LABELS], orientation="h",
            text=[f"{counts.classes[label]:,}" for label in LABELS], textposition="outside", cliponaxis=False,
            marker={"color": [MARKS[label].colour for label in LABELS]}, hovertemplate="%{y}: %{x} fields<extra></extra>",
        )
    )
    chart.update_xaxes(visible=False)
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return plain(chart, 240)


def losses(log: Training, most: float) -> go.Figure:
    """Training and validation loss by epoch, up to ``most``."""
    chart = go.Figure()
    _line(chart, log, "training", [each.train_loss for each in log.epochs], {"color": NEUTRAL, "dash": "dot"}, ".4f")
    _line(chart, log, "validation", [each.val_loss for each in log.epochs], {"color": OURS}, ".4f")
    chart.update_yaxes(title="Loss", range=[0, most * 1.05], nticks=5)
    return _staged(chart, log, 210, legend=True)


def accuracies(log: Training, least: float) -> go.Figure:
    """Validation accuracy by epoch, from ``least`` up."""
    chart = go.Figure()
    _line(chart, log, "validation", [100 * each.val_accuracy for each in log.epochs], {"color": OURS}, ".1f")
    chart.update_yaxes(title="Accuracy", ticksuffix=" %", range=[100 * least - 2, 101], nticks=5)
    chart.update_xaxes(title="Epoch")
    return _staged(chart, log, 210)


def _line(chart: go.Figure, log: Training, name: str, values: Sequence[float], line: Mapping[str, str], form: str) -> None:
    chart.add_scatter(
        x=[each.epoch for each in log.epochs], y=values, mode="lines+markers", line={"width": 2, **line}, marker={"size": 5}, name=name,
        hovertemplate=f"epoch %{{x}}, {name}: %{{y:{form}}}<extra></extra>",
    )


def _staged(chart: go.Figure, log: Training, height: int, legend: bool = False) -> go.Figure:
    """Add a dotted line wherever the image side changes."""
    for epoch in changes(log):
        chart.add_vline(x=epoch - 0.5, line={"dash": "dot", "width": 1.5, "color": NEUTRAL})
    chart.update_xaxes(range=[0.5, log.epochs[-1].epoch + 0.5], nticks=6, tickformat="d", showgrid=False)
    return plain(chart, height, legend)


def _marked(label: str) -> str:
    """Mark, in its colour, and word, for an axis."""
    return f'<span style="color:{MARKS[label].colour};font-size:18px">{MARKS[label].glyph}</span> {label}'


def summary(metric: str) -> str:
    """What the dot plot shows, for those who cannot see it."""
    what = "the networks, the paper's beside ours, and of colour and cells alone"
    return f"{MEASURES[metric]} of {what}; the table beside it holds the same figures."
