"""The Slides page, the slider and the tabs of certainty, driven without a browser and without networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ball import benchmark
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.places import CALIBRATE
from ball.reading import Reading, Vote
from ball.trust.judge import Judgement
from pages._parts import certainty, slide_groups, slide_view
from pages._parts.worklist import Row, Worklist
from tests.benchmark_files import empty_benchmark

__all__ = ["empty_benchmark"]

ROOT = Path(__file__).resolve().parents[2]


def row(number: int, name: str, leading: float, label: str = "Pre-B", status: str = "read") -> Row:
    consensus = tuple(leading if each == label else (1 - leading) / 3 for each in LABELS)
    suggestion = label if leading >= 0.9 and status == "read" else UNIDENTIFIED
    judgement = Judgement(consensus, suggestion, label_set=(label,), coverage=0.95, strangeness=0.4, limit=0.9)
    votes = tuple(Vote(network, consensus) for network in TITLES)
    reading = Reading(name, f"{number:064d}", status, None, suggestion, leading, 5, votes, judgement=judgement)  # type: ignore[arg-type]
    return Row(number, name, reading, (224, 224), cells=4)


def opened(rows: list[Row], script: str) -> AppTest:
    app = AppTest.from_string(script, default_timeout=60)
    app.session_state["worklist"] = Worklist(rows=rows)
    return app.run()


def slides(*rows: Row) -> AppTest:
    return opened(list(rows), "from pages import slides\nslides.page()")


def said(app: AppTest) -> str:
    texts = [text.value for text in (*app.markdown, *app.caption)]
    return "\n".join([*texts, *(str(each.proto.body) for each in app.get("html"))])


@pytest.fixture(autouse=True)
def _no_weights(empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()


def test_without_fields_the_page_says_where_they_come_from() -> None:
    assert "Fields added on the **Read** page appear here" in said(slides())


def test_fields_of_one_name_are_one_slide() -> None:
    app = slides(*(row(number, f"S1_{number}.jpg", 0.95) for number in range(1, 6)), row(6, "S2_1.jpg", 0.5))
    assert not app.exception
    text = said(app)
    assert "**5 of 5** fields" in text
    assert "**20 of 20** cells" in text
    assert "**Settled**" in text
    assert '<h1 class="ball-head">' in text
    assert [header.value for header in app.header] == ["Share of classes", "What drives the answer"]


@pytest.mark.parametrize(("strange", "words"), [((), ""), ((1,), "1 of 3 fields is held back"), ((1, 2, 3), "3 of 3 fields are held back")])
def test_a_slide_that_is_not_told_says_how_many_fields_look_unlike_those_validated(strange: tuple[int, ...], words: str) -> None:
    rows = [row(number, f"S1_{number}.jpg", 0.6) for number in range(1, 4)]
    for each in rows:
        assert each.reading is not None
        assert each.reading.judgement is not None
        judgement = replace(each.reading.judgement, familiar=0.98 if each.number in strange else 0.6)
        each.reading = replace(each.reading, judgement=judgement)
    text = said(slides(*rows))
    assert ("held back" in text) == bool(words)
    assert words in text


def test_a_long_name_is_cut_in_its_middle_and_keeps_its_end() -> None:
    short = slide_groups.shortened("Hospital/ward 12/slide 0007")
    assert len(short) == 18
    assert short.startswith("Hospit")
    assert short.endswith("slide 0007")
    assert slide_groups.shortened("slide 7") == "slide 7"


def test_a_field_that_contradicts_is_named() -> None:
    fields = [row(1, "S1_1.jpg", 0.95), row(2, "S1_2.jpg", 0.96), row(3, "S1_3.jpg", 0.9, "Pro-B")]
    app = slides(*fields, row(4, "S1_4.jpg", 0.9, status="refused"))
    text = said(app)
    assert "one field contradicts: S1_3.jpg reads Pro-B." in text
    assert "1 field is left out" in text
    assert "What contradicts it" in [header.value for header in app.header]


DOUBTS = {
    "one": ((0.6,), "one field does not tell how others of the slide look"),
    "more": ((0.8, 0.95, 0.85), "more fields would tell whether it reaches 90 %"),
    "near": ((0.99, 0.6, 0.75), "too near 90 %; more fields may go either way"),
    "far": ((0.5, 0.5, 0.5), "more fields like these would not be enough. Photograph others"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_doubt_is_unidentified_and_says_what_more_fields_would_tell(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slide_view, "slide_limit", lambda: (0.9, True))
    values, sentence = DOUBTS[name]
    text = said(slides(*(row(number, f"S1_{number}.jpg", value) for number, value in enumerate(values, start=1))))
    assert UNIDENTIFIED in text
    assert "needed for a slide" in text
    assert sentence in text


def test_a_suggestion_that_more_fields_may_take_back_is_not_called_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slide_view, "slide_limit", lambda: (0.88, True))
    text = said(slides(row(1, "S1_1.jpg", 0.62), row(2, "S1_2.jpg", 0.98)))
    assert "**Suggested** after 2 fields, but they differ: more may take it below 88 %." in text
    assert "Settled" not in text


def test_nothing_is_said_to_contradict_where_nothing_does_and_fields_are_counted_whole() -> None:
    slide = slide_view.slide_of("S1", [row(1, "S1_1.jpg", 0.49)])
    alike = slide_view.slide_of("S1", [row(1, "S1_1.jpg", 0.49), row(2, "S1_2.jpg", 0.49)])
    assert slide is not None
    assert alike is not None
    assert "not be enough" in slide_view._settled(alike, 2)
    assert "contradict" not in slide_view._settled(alike, 2)
    assert slide_view._course(slide).layout.xaxis.dtick == 1
    many = slide_view.slide_of("S1", [row(number, f"S1_{number}.jpg", 0.6) for number in range(1, 31)])
    assert many is not None
    assert slide_view._course(many).layout.xaxis.dtick == 3


def test_fields_are_put_together_by_hand() -> None:
    app = slides(row(1, "x.jpg", 0.95), row(2, "y.jpg", 0.95), row(3, "z.jpg", 0.95))
    app.segmented_control(key="slide-grouping").set_value("Hand").run()
    assert "No field belongs to a slide yet" in said(app)
    app.multiselect(key="slide-picked").set_value([1, 2]).run()
    next(button for button in app.button if button.label == "Put together").click().run()
    assert "Give the slide a name" in app.toast[0].value
    app.text_input(key="slide-name").set_value("Patient slide")
    next(button for button in app.button if button.label == "Put together").click()
    app.run()
    assert not app.exception
    assert "**2 of 2** fields" in said(app)
    assert app.session_state["slide-chosen"] == "Patient slide"


def test_no_slide_of_refused_fields_alone() -> None:
    assert "nothing can be said of the slide" in said(slides(row(1, "S1_1.jpg", 0.9, status="refused")))


SLIDER = "from pages._parts import intake, suggest\ntodo = intake.worklist()\nsuggest.apply(todo)\nsuggest.slider(todo)"


def test_the_slider_starts_at_the_validated_limit_and_warns_below_it() -> None:
    app = opened([row(1, "a.jpg", 0.7), row(2, "b.jpg", 0.95)], SLIDER)
    assert app.slider[0].value == 90
    assert said(app) == ""
    app.slider[0].set_value(60.0).run()
    assert "**Below the validated limit of 90 %:** more suggestions, and more of them wrong." in said(app)
    first, second = (each.reading for each in app.session_state["worklist"].rows)
    assert (first.suggestion, first.flags[0].partition(":")[0]) == ("Pre-B", "below_validated_limit")
    assert second.flags == ()
    app.slider[0].set_value(99.0).run()
    assert [each.reading.suggestion for each in app.session_state["worklist"].rows] == [UNIDENTIFIED] * 2
    app.slider[0].set_value(90.0).run()
    assert [each.reading.suggestion for each in app.session_state["worklist"].rows] == [UNIDENTIFIED, "Pre-B"]


# ---------------------------------------------------------------- the tabs of the Benchmark page


def tabs() -> AppTest:
    return AppTest.from_string("from pages._parts import certainty\ncertainty.draw()\ncertainty.refusal()", default_timeout=60).run()


def test_what_is_not_measured_names_its_command() -> None:
    app = tabs()
    assert [code.value for code in app.code] == [CALIBRATE] * 2


def test_the_committed_figures_are_shown_with_their_conclusion(empty_benchmark: Path) -> None:
    for name in ("certainty.json", "refusal.json"):
        (empty_benchmark / "benchmark" / name).write_bytes((ROOT / "weights" / "benchmark" / name).read_bytes())
    found = benchmark.load_certainty()
    app = tabs()
    assert not app.exception
    assert f"**{certainty.conclusion(found)}**" in said(app)
    assert bool(app.warning) == (found["basis"] == "validation")
    if found["basis"] == "stain":
        rules = next(each.value for each in app.dataframe if "Held back beyond" in each.value)
        assert [words.endswith("in use") for words in rules["Held back beyond"]] == [each["in_use"] for each in found["held_back"]]
        assert rules["Held back beyond"].iloc[-1] == "nothing held back"
        ours, none = (next(each for each in found["held_back"] if each[key] is value) for key, value in (("in_use", True), ("usual", None)))
        hardest = min(range(5), key=lambda fold: ours["folds"][fold]["accuracy"])
        words = f"right are {100 * ours['folds'][hardest]['accuracy_when_given']:.1f} % of these, without it "
        assert f"{words}{100 * none['folds'][hardest]['accuracy_when_given']:.1f} %. On the others " in said(app)
    families = app.dataframe[-1].value
    assert list(families["Pictures"]) == [each["title"] for each in benchmark.load_refusal()["families"]]


def test_thresholds_made_with_other_weights_say_so(empty_benchmark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "certainty.json"
    (empty_benchmark / "benchmark" / name).write_bytes((ROOT / "weights" / "benchmark" / name).read_bytes())
    asked: list[object] = []
    monkeypatch.setattr("ball.benchmark.outdated", lambda weights: asked.append(weights) or ("resnet50",))
    app = tabs()
    assert asked == [benchmark.load_certainty()["weights"]]
    assert any("ResNet50" in each.value and CALIBRATE in each.value for each in app.warning)
