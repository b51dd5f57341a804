"""Two tabs of the Benchmark page: what a probability is worth, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from ball import benchmark
from ball.benchmark import NotMeasuredError
from ball.names import TITLES
from ball.places import CALIBRATE
from pages._parts import charts, standing
from pages._parts.benchmark_tabs import outdated
from pages._parts.charts import OURS
from pages._parts.findings import share
from pages._parts.marks import NEUTRAL

_WRONG: Final = "#B4570E"
"""Of what is wrong; class colours mean classes."""

_FROM: Final = {
    "stain": "fields of held-out stains, each judged by networks and limits that never saw its stain",
    "validation": "validation fields of the same stains as in training",
}


def draw() -> None:
    """Draw the tab "Certainty"."""
    st.header("What a probability is worth", anchor=False)
    found = _loaded(benchmark.load_certainty)
    if found is None:
        return
    outdated(found["weights"], CALIBRATE)
    st.markdown(f"**{conclusion(found)}**")
    st.markdown(f"From {found['n']:,} {_FROM[found['basis']]}; networks: {', '.join(TITLES[name] for name in found['networks'])}.")
    few = standing.tried_by(found["networks"]) if found["basis"] == "stain" else ""
    if few:
        st.markdown(f"**{few} What is called consensus here is of no more than that.**")
    if found["basis"] == "validation":
        st.warning(
            "Validation on the stains of training is overconfident: on a slide with another stain more suggestions are wrong than shown "
            "here. The limit will come from held-out stains as soon as their predictions exist.",
            icon=":material/warning:",
        )
    grid = st.grid(2, min_column_width=420)
    with grid.cell():
        st.subheader("What each limit costs", anchor=False)
        charts.show(_curve(found["curve"], found["limit"]), "certainty-curve", f"Coverage and errors by limit. {conclusion(found)}")
        st.caption(
            "Suggested: share of fields that get a label. Wrong: share of all fields that get a wrong one without a flag. Fields that are "
            "wholly held back stand at 50 %, hence the step there."
        )
    with grid.cell():
        st.subheader("Probability against share right", anchor=False)
        charts.show(_reliability(found["reliability"]), "certainty-reliability", _calibration(found))
        st.caption(_calibration(found))
    _figures(found)
    if found["held_back"]:
        _held_back(found["held_back"])
    if found["slides"]:
        _slides(found["slides"])
    _command()


def conclusion(found: Mapping[str, Any]) -> str:
    """What a limit made in this way gives, in one sentence: that in use has seen these fields, those judged by have not."""
    others = "stains" if found["basis"] == "stain" else "fifths"
    return (
        f"A class is suggested from {share(found['limit'])} on. By limits made in the same way of the other {others} alone, "
        f"{share(found['coverage'])} of fields get a suggestion, and {share(found['wrong_and_unflagged'])} of all fields a wrong one "
        "without a flag."
    )


def refusal() -> None:
    """Draw the tab "Refusal"."""
    st.header("What is refused", anchor=False)
    found = _loaded(benchmark.load_refusal)
    if found is None:
        return
    genuine = found["genuine"]
    least = min(found["families"], key=lambda each: each["refused_or_flagged"]["share"], default=None)
    if least:
        st.markdown(
            f"**Of pictures that are no such smear at least {share(least['refused_or_flagged']['share'])} are refused or flagged, in every "
            f"family; of {genuine['n']} genuine test fields {share(genuine['refused']['share'])} are refused and "
            f"{share(genuine['refused_or_flagged']['share'])} flagged.**"
        )
    st.dataframe(_families(found["families"]), hide_index=True, height="content", alt="Share refused by family of pictures")
    st.caption(
        "The gate compares stain, light, nuclei and sharpness of the whole field with the fields of training; the five networks vote all "
        "the same. Families marked unseen were never looked at while it was made. AUROC: 1 where every such picture is stranger than every "
        "genuine field. Intervals are 95 %, Wilson; where a family is cut from a few pictures they are too narrow."
    )
    _command()


def _loaded(load: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    try:
        return load()
    except NotMeasuredError as error:
        st.markdown(str(error))
        st.code(error.command, language=None, wrap_lines=True)
        return None


def _command() -> None:
    st.markdown("The command behind this:")
    st.code(CALIBRATE, language=None, wrap_lines=True)


def _figures(found: Mapping[str, Any]) -> None:
    st.subheader("In figures", anchor=False)
    rows = [
        ("Calibration error of the consensus", share(found["calibration_error"]), "2 % or less"),
        ("Calibration error of the plain mean of votes", share(found["calibration_error_raw"]), ""),
        ("Fields given a suggestion", share(found["coverage"]), "75 % or more"),
        ("Wrong and not flagged, of all fields", share(found["wrong_and_unflagged"]), "2 % or less"),
        ("Malignant read as Benign and not flagged", share(found["benign_and_unflagged"]), "0.5 % or less"),
        ("True class among those not ruled out", share(found["set_coverage"]), "95 % or more"),
        ("Classes not ruled out, mean", f"{found['set_size']:.2f}", ""),
    ]
    grid = st.grid(2, min_column_width=420)
    with grid.cell():
        frame = [{"Measure": name, "Here": value, "Goal": goal} for name, value, goal in rows]
        st.dataframe(frame, hide_index=True, height="content", alt="Calibration and coverage")
    with grid.cell():
        title = "Held-out stain" if found["basis"] == "stain" else "Random fifth"
        folds = [
            {title: each["fold"], "Fields": each["n"], "Says": share(each["probability"]), "Right": share(each["accuracy"]),
             "Calibration error": share(each["calibration_error"]), "Suggested": share(each["coverage"]),
             "Wrong, no flag": share(each["wrong_and_unflagged"])}
            for each in found["folds"]
        ]  # fmt: skip
        st.dataframe(folds, hide_index=True, height="content", alt="The same by fold")


def _held_back(found: Sequence[Mapping[str, Any]]) -> None:
    """What the rule for fields unlike those validated buys, and what its one number costs."""
    st.subheader("Fields unlike those validated", anchor=False)
    ours, none = next(each for each in found if each["in_use"]), next(each for each in found if each["usual"] is None)
    by_accuracy = [each["fold"] for each in sorted(ours["folds"], key=lambda each: each["accuracy"])]
    st.markdown(
        f"**The stranger a field looks beyond {share(ours['usual'], 0)} of the validation fields, the nearer its probability is held to "
        f"50 %.** On stain {by_accuracy[0]}, the hardest, {_rightly(ours, none, by_accuracy[:1])}. "
        f"On the others {_rightly(ours, none, by_accuracy[1:])}."
    )
    st.dataframe([_rule(each) for each in found], hide_index=True, height="content", width="content", alt="What the rule costs and buys")
    st.caption(
        "Beyond 99 % of the validation fields no class is called likelier than not. From where on fields are held back was set so that the "
        "goals are met on these same stains: it has not been tested on a stain that played no part in the choice."
    )


def _rightly(ours: Mapping[str, Any], none: Mapping[str, Any], stains: Sequence[int]) -> str:
    """How many fields of some stains get a suggestion with and without the rule, and how many of those are right."""
    (covered, right), (covered_before, right_before) = (_pooled(each["folds"], stains) for each in (ours, none))
    return (
        f"{share(covered, 0)} of fields get a suggestion, without it {share(covered_before, 0)}; right are {share(right)} of these, "
        f"without it {share(right_before)}"
    )


def _pooled(folds: Sequence[Mapping[str, Any]], stains: Sequence[int]) -> tuple[float, float | None]:
    """Share of the fields of some stains that get a suggestion, and share of those that are right; None where none does."""
    chosen = [each for each in folds if each["fold"] in stains]
    given = [each["n"] * each["coverage"] for each in chosen]
    right = sum(count * (each["accuracy_when_given"] or 0) for count, each in zip(given, chosen, strict=True))
    return sum(given) / sum(each["n"] for each in chosen), right / sum(given) if sum(given) else None


def _rule(each: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Held back beyond": "nothing held back" if each["usual"] is None else
                            f"{share(each['usual'], 0)} of validation{', in use' if each['in_use'] else ''}",
        "Calibration error": share(each["calibration_error"]),
        "Suggested": share(each["coverage"]),
        "Right of these": share(each["accuracy_when_given"]),
        "Suggested, no flag": share(each["suggested_unflagged"]),
        "Right of those": share(each["accuracy_unflagged"]),
        "Wrong, no flag": share(each["wrong_and_unflagged"]),
    }  # fmt: skip


def _slides(found: Mapping[str, Any]) -> None:
    st.subheader("Many fields of one slide", anchor=False)
    last = next((each for each in found["sizes"] if each["fields"] == 10), found["sizes"][-1])
    st.markdown(
        f"**With {last['fields']} fields {last['clusters_held']} of {found['clusters']} held-out stain clusters are right or "
        f"Unidentified** (wrong in at most 1 of 20 draws); {share(last['wrong'])} of all draws are wrong."
    )
    chart = go.Figure()
    counts = [each["fields"] for each in found["sizes"]]
    for name, title, colour, dash in (("right", "right", OURS, "solid"), ("unidentified", "Unidentified", NEUTRAL, "dot"),
                                      ("wrong", "wrong", _WRONG, "dash")):  # fmt: skip
        chart.add_scatter(
            x=counts, y=[100 * each[name] for each in found["sizes"]], name=title, mode="lines+markers",
            line={"color": colour, "width": 3, "dash": dash}, hovertemplate=f"%{{x}} fields, {title}: %{{y:.1f}} %<extra></extra>",
        )
    chart.update_xaxes(title="Fields of a slide", tickvals=counts)
    chart.update_yaxes(ticksuffix=" %", range=[0, 102])
    words = "; ".join(f"{each['fields']} fields: {share(each['wrong'])} wrong" for each in found["sizes"])
    charts.show(charts.plain(chart, 300, legend=True), "certainty-slides", words)
    st.caption(f"{found['draws']} draws of each number of fields from each cluster; every cluster judged by what the other folds gave.")


def _curve(points: Sequence[Mapping[str, float]], limit: float) -> go.Figure:
    chart = go.Figure()
    for key, name, colour, dash in (("coverage", "suggested", OURS, "solid"), ("wrong_and_unflagged", "wrong", _WRONG, "dash")):
        chart.add_scatter(
            x=[100 * each["limit"] for each in points], y=[100 * each[key] for each in points], mode="lines", name=name,
            line={"color": colour, "width": 3, "dash": dash}, hovertemplate=f"from %{{x:.1f}} %, {name}: %{{y:.1f}} %<extra></extra>",
        )
    said = {"text": f"in use: {share(limit)}", "font": {"size": charts.SIZE}}
    chart.add_vline(x=100 * limit, line={"dash": "dot", "width": 1.5, "color": NEUTRAL}, annotation=said, annotation_position="top left")
    chart.update_xaxes(title="Suggest only from", ticksuffix=" %")
    chart.update_yaxes(title="Share of all fields", ticksuffix=" %", range=[0, 104])
    return charts.plain(chart, 340, legend=True)


def _reliability(points: Sequence[Mapping[str, float]]) -> go.Figure:
    chart = go.Figure()
    least = 100 * min([*(each["probability"] for each in points), *(each["right"] for each in points)])
    line = {"color": NEUTRAL, "dash": "dot", "width": 1.5}
    chart.add_scatter(x=[least, 100], y=[least, 100], mode="lines", line=line, name="as it should be")
    x, y = ([100 * each[key] for each in points] for key in ("probability", "right"))
    chart.add_scatter(
        x=x, y=y, mode="markers", name="fields, in 15 parts", marker={"size": 11, "color": OURS},
        hovertemplate="at %{x:.1f} %: %{y:.1f} % right<extra></extra>",
    )
    chart.update_xaxes(title="Probability", ticksuffix=" %")
    chart.update_yaxes(title="Right", ticksuffix=" %")
    return charts.plain(chart, 340, legend=True)


def _calibration(found: Mapping[str, Any]) -> str:
    ours, raw = share(found["calibration_error"]), share(found["calibration_error_raw"])
    return f"Calibration error {ours}; {raw} for the plain mean of the votes. Fifteen parts of equal size, the surest at the right."


def _families(families: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "Pictures": each["title"],
            "": "" if each["development"] else "unseen",
            "Refused": _interval(each["refused"]),
            "Refused or flagged": _interval(each["refused_or_flagged"]),
            "AUROC": f"{each['auroc']:.4f}",
            "Number": str(each["n"]),
            "Goal": "98 % refused" if each["goal"] == "refused" else "95 % refused or flagged",
        }
        for each in families
    ]


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{share(found['share'])} ({100 * low:.1f} to {100 * high:.1f})"


