"""The Read page, driven without a browser."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.trust.judge import Judgement
from ball.verdict import AGREE
from pages._parts import fields, marks, tables, verdict, worklist
from pages._parts.worklist import Row, Worklist

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reading(random_weights: Path) -> Any:
    from ball.engine import load_engine
    from ball.reading import read
    from ball.weights import Store

    # Without a judgement the consensus follows the votes, which the tests below change.
    return replace(read(synthetic.png(1), name="field.png", engine=load_engine(Store(random_weights))), judgement=None)


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = app.file_uploader[0]
    for name, data in files:
        uploader.upload(name, data)
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def html(app: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in app.get("html"))


def todo(app: AppTest) -> Worklist:
    found: Worklist = app.session_state["worklist"]
    return found


def test_the_empty_page_says_what_to_do_and_offers_a_drawn_field(app: AppTest) -> None:
    assert any("Nothing leaves this computer" in text.value for text in app.markdown)
    assert [button.label for button in app.button] == ["Draw a synthetic field"]


def test_a_drawn_field_is_read_and_opened(app: AppTest) -> None:
    press(app, "Draw a synthetic field")
    assert not app.exception
    assert "synthetic-field-1.png" in html(app)
    assert '<h1 class="ball-head">' in html(app)
    assert all(title in html(app) for title in TITLES.values())
    assert any("probability · **" in text.value and "of 5** networks agree" in text.value for text in app.markdown)
    assert any("where a network looked, not why" in text.value for text in app.caption)


@pytest.mark.parametrize("suggested", [LABELS[0], UNIDENTIFIED, LABELS[1]])
def test_benign_is_said_to_mean_hematogones(app: AppTest, suggested: str) -> None:
    press(app, "Draw a synthetic field")
    row = todo(app).rows[0]
    assert row.reading is not None
    leading = LABELS[1] if suggested == LABELS[1] else LABELS[0]
    votes = tuple(replace(vote, probabilities=tuple(0.97 if each == leading else 0.01 for each in LABELS)) for vote in row.reading.votes)
    row.reading = replace(row.reading, votes=votes, suggestion=suggested, judgement=None)
    app.run()
    assert (verdict.BENIGN in [text.value for text in app.markdown]) == (leading == LABELS[0])


def test_many_files_get_a_row_each_and_bad_ones_a_sentence(app: AppTest) -> None:
    upload(app, ("a.png", synthetic.png(1)), ("a.png", synthetic.png(1)), ("b.jpg", b"no picture at all"), ("empty.png", b""))
    assert not app.exception
    assert [row.name for row in todo(app).rows] == ["a.png", "a.png", "b.jpg", "empty.png"]
    first, again, bad, empty = (row.reading for row in todo(app).rows)
    assert first is not None
    assert again == first
    assert bad is not None
    assert empty is not None
    assert (bad.status, empty.status) == ("error", "error")
    assert bad.reason
    assert not todo(app).waiting


def test_the_uploader_is_empty_again_after_taking_files(app: AppTest) -> None:
    upload(app, ("a.png", synthetic.png(1)))
    assert app.file_uploader[0].value == []


def test_what_is_not_read_gives_cause_and_remedy_and_can_be_removed(app: AppTest) -> None:
    upload(app, ("good.png", synthetic.png(1)), ("bad.jpg", b"no picture at all"))
    todo(app).chosen = 2
    app.run()
    assert "Not read" in html(app)
    assert any(text.value == "The other file was read." for text in app.markdown)
    press(app, "Remove")
    assert [row.name for row in todo(app).rows] == ["good.png"]


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((b"",), "The other file was not read either."),
        ((b"", b"no"), "None of the other 2 files was read either."),
        ((synthetic.png(1), b""), "Of the other 2 files 1 was read."),
        ((synthetic.png(1), synthetic.png(2)), "The other 2 files were read."),
    ],
)
def test_what_is_not_read_tells_what_became_of_the_others(app: AppTest, others: tuple[bytes, ...], told: str) -> None:
    upload(app, ("bad.jpg", b"no picture at all"), *((f"{number}.png", data) for number, data in enumerate(others)))
    todo(app).chosen = 1
    app.run()
    assert any(text.value == told for text in app.markdown)


def test_the_first_start_on_a_computer_says_that_it_takes_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino", reason="nothing is compiled without OpenVINO")
    monkeypatch.setenv("BALL_CACHE", str(tmp_path))
    assert fields._loading() == "Loading the five networks · the first time this may take a minute"
    (tmp_path / "graphs").mkdir()
    assert fields._loading() == "Loading the five networks"


def test_files_that_still_wait_are_not_taken_for_read() -> None:
    from ball.reading import Reading

    bad, good = (Row(number, "a.png", Reading("a.png", "", status)) for number, status in ((1, "error"), (2, "read")))
    mine = Worklist(rows=[bad, Row(3, "b.png")])
    assert verdict.others(bad, mine) == "1 file still waits to be read."
    mine.rows += [good, Row(4, "c.png")]
    assert verdict.others(bad, mine) == "The other file was read. 2 files still wait to be read."


def test_file_names_are_text_and_never_markup(app: AppTest) -> None:
    upload(app, ("<img src=x onerror=alert(1)>.png", synthetic.png(1)))
    assert "<img src=x" not in html(app)
    assert "&lt;img src=x" in html(app)
    assert not any("<img src=x" in text.value for text in app.markdown)


def test_next_and_back_walk_the_list(app: AppTest) -> None:
    upload(app, ("a.png", synthetic.png(1)), ("b.png", synthetic.png(2)))
    first, second = todo(app).ordered()
    todo(app).chosen = first.number
    app.run()
    press(app, "Next")
    assert todo(app).chosen == second.number
    press(app, "Back")
    assert todo(app).chosen == first.number


def test_another_opacity_class_or_style_reads_nothing_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from ball.engine import Engine

    press(app, "Draw a synthetic field")
    monkeypatch.setattr(Engine, "predict_beside", lambda *_: pytest.fail("the networks ran again"))
    app.slider(key="map-opacity").set_value(30)
    app.selectbox(key="map-class").set_value("Pro-B")
    app.run()
    assert not app.exception


def test_another_method_explains_the_same_votes_and_is_kept(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    press(app, "Draw a synthetic field")
    assert any("Disagreement of the votes" in text.value and "Entropy of their mean" in text.value for text in app.markdown)
    coarse = next(text.value for text in app.caption if "They are coarse" in text.value)
    app.selectbox(key="map-method").set_value("layer-cam")
    app.run()
    assert not app.exception
    fine = next(text.value for text in app.caption if "They are coarse" in text.value)
    assert "LayerCAM takes earlier maps" in fine
    assert fine.split(". Each")[0] != coarse.split(". Each")[0]
    monkeypatch.setattr("ball.explain.label_map", lambda *_: pytest.fail("explained again"))
    app.slider(key="map-opacity").set_value(30)
    app.run()
    assert not app.exception


def test_a_refused_field_gives_its_reason_and_keeps_its_votes(app: AppTest) -> None:
    import cv2
    import numpy as np

    blank = cv2.imencode(".png", np.full((300, 400, 3), 230, np.uint8))[1].tobytes()
    upload(app, ("blank.png", blank))
    assert "Refused" in html(app)
    assert 'class="ball-bars wide"' not in html(app)
    assert html(app).count('class="ball-bars"') == len(TITLES)


def test_an_unidentified_field_says_how_the_votes_split_and_suggests_nothing(app: AppTest) -> None:
    press(app, "Draw a synthetic field")
    row = todo(app).rows[0]
    assert row.reading is not None
    row.reading = replace(row.reading, suggestion=UNIDENTIFIED)
    app.run()
    assert not app.exception
    assert f"<span>{UNIDENTIFIED}</span></h1>" in html(app)
    assert any("is not enough for a suggestion" in text.value for text in app.markdown)
    assert html(app).count('class="ball-bars"') == len(TITLES)


def test_whatever_one_file_breaks_the_others_are_read(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from ball import reading

    whole, calls = reading.read_many, []

    def read_many(sources: Any, **options: Any) -> Any:
        calls.append(options)
        return whole(sources, **options) if len(calls) > 1 else iter(next(iter(sources)) / 0 for _ in range(1))

    monkeypatch.setattr(reading, "read_many", read_many)
    upload(app, ("bad.png", synthetic.png(1)), ("good.png", synthetic.png(2)))
    assert not app.exception
    assert [row.reading and row.reading.status for row in todo(app).rows] == ["error", "read"]


def test_a_missing_network_is_named_and_the_others_vote(random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(random_weights, folder)
    (folder / "alexnet.safetensors").unlink()
    monkeypatch.setenv("BALL_WEIGHTS", str(folder))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    press(app, "Draw a synthetic field")
    assert any("of 4** networks agree" in text.value for text in app.markdown)
    assert any("**Check**" in text.value and "AlexNet" in text.value for text in app.markdown)
    assert any("Not available" in text.value for text in app.markdown)
    assert "alexnet.safetensors is missing" in html(app)


def test_without_weights_the_page_says_so_and_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert any("weights folder is empty" in text.value for text in app.markdown)
    # `git` knows only the package's own folder.
    assert any(f"into {tmp_path} ($BALL_WEIGHTS), or train" in text.value for text in app.markdown)
    assert any("ball train" in block.value for block in app.code)
    press(app, "Draw a synthetic field")
    assert not app.exception
    assert "Not read" in html(app)


def test_examples_are_offered_where_a_data_folder_is_named(random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Benign", "Pro"):
        (tmp_path / "Original" / name).mkdir(parents=True)
        (tmp_path / "Original" / name / "field.png").write_bytes(synthetic.png(1))
    (tmp_path / "Segmented").mkdir()
    monkeypatch.setenv("BALL_DATA", str(tmp_path))
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    press(app, "Open example fields")
    assert len(todo(app).rows) == 2


def test_a_folder_of_no_classes_offers_no_examples(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "field.png").write_bytes(synthetic.png(1))
    monkeypatch.setenv("BALL_DATA", str(tmp_path))
    app.run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Draw a synthetic field"]


def test_a_dropped_field_is_read_again_when_opened(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "REMEMBERED", 1)
    upload(app, ("a.png", synthetic.png(1)), ("b.png", synthetic.png(2)))
    assert [row.reading is not None and row.reading.evidence is None for row in todo(app).rows].count(True) == 1
    kept = tables.documents(todo(app))
    assert all(document["cells"] for document in kept)
    for row in todo(app).rows:
        todo(app).chosen = row.number
        app.run()
        assert not app.exception
        assert row.reading is not None
        assert row.reading.evidence is not None
    assert [document["votes"] for document in tables.documents(todo(app))] == [document["votes"] for document in kept]


def test_stability_is_tried_once_shown_beside_the_probability_and_kept(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from ball.trust.stability import Stability

    turned = Stability("Pre-B", {"brighter": 0.41, "darker": 0.63}, {"alexnet": ("brighter",)}, {})
    tried = []
    monkeypatch.setattr("ball.trust.stability.try_changes", lambda *given: tried.append(given) or turned)
    upload(app, ("field.png", synthetic.png(1)))
    press(app, "Try seven changes")
    assert "Networks under stain changes **41 % to 63 %**" in " ".join(each.value for each in app.markdown)
    assert [flag.split(":")[0] for flag in todo(app).rows[0].reading.flags].count("unstable") == 1
    todo(app).rows[0].reading = replace(todo(app).rows[0].reading, evidence=None)
    app.run()
    [row] = todo(app).rows
    assert row.reading is not None
    assert row.reading.evidence is not None
    assert [flag.split(":")[0] for flag in row.reading.flags].count("unstable") == 1
    assert len(tried) == 1
    assert json.loads(tables.as_json(todo(app)))[0]["stability"]["turned"] == {"alexnet": ["brighter"]}
    # What was tried with other networks is no part of a reading by those of today.
    row.reading = replace(row.reading, evidence=None, weights={"alexnet": "other"})
    app.run()
    assert row.stability is None
    assert not [flag for flag in row.reading.flags if flag.startswith("unstable")]


def test_next_walks_the_rows_to_check_alone(app: AppTest, reading: Any) -> None:
    clear = replace(reading, votes=reading.votes[:1], flags=(), suggestion=reading.votes[0].label)
    upload(app, ("a.png", synthetic.png(1)), ("b.png", synthetic.png(2)), ("c.png", synthetic.png(3)))
    for row, found in zip(todo(app).rows, (clear, replace(clear, suggestion=UNIDENTIFIED), clear), strict=True):
        row.reading = found
    todo(app).chosen = 2
    app.segmented_control(key="show").set_value("To check").run()
    assert "field 1 of 1 to check" in html(app)
    assert next(button for button in app.button if button.label == "Next").disabled
    todo(app).chosen = 3
    app.run()
    assert "not among the 1 to check" in html(app)
    press(app, "Next")
    assert todo(app).chosen == 2


def test_next_comes_round_to_what_was_not_opened_yet(reading: Any) -> None:
    fields = Worklist()
    for name in ("clear", "worse"):
        fields.add(name, b"")
    fields.rows[0].reading = replace(reading, votes=reading.votes[:1], flags=(), suggestion=reading.votes[0].label)
    opened = fields.opened()
    assert opened is fields.rows[0]
    fields.rows[1].reading = replace(reading, suggestion=UNIDENTIFIED)
    fields.waiting.clear()
    assert fields.beside(opened.number, 1) is fields.rows[1], "it lies above, and was never opened"
    fields.chosen = fields.rows[1].number
    fields.opened()
    fields.chosen = fields.rows[0].number
    assert fields.beside(fields.rows[0].number, 1) is None


def test_the_list_turns_to_the_page_of_the_field_that_is_opened(app: AppTest, reading: Any) -> None:
    upload(app, ("1.png", synthetic.png(1)))
    fields = todo(app)
    for number in range(2, 31):
        fields.add(f"{number}.png", b"")
        fields.rows[-1].reading = reading
    fields.waiting.clear()
    app.run()

    def listed() -> int:
        return len(next(frame.value for frame in app.dataframe if "reviewed" in frame.value))

    assert (app.pagination(key="list-page").value, listed()) == (1, 12)
    fields.chosen = fields.ordered()[-1].number
    app.run()
    assert (app.pagination(key="list-page").value, listed()) == (3, 6)
    app.pagination(key="list-page").set_value(2).run()
    assert listed() == 12
    assert fields.chosen == fields.ordered()[-1].number, "turning a page opens nothing"
    press(app, "Back")
    assert (app.pagination(key="list-page").value, listed()) == (3, 6)


def test_the_field_on_screen_stays_when_a_worse_one_is_read(reading: Any) -> None:
    fields = Worklist()
    for name in ("clear", "worse"):
        fields.add(name, b"")
    fields.rows[0].reading = replace(reading, votes=reading.votes[:1], flags=(), suggestion=reading.votes[0].label)
    assert fields.opened() is fields.rows[0]
    fields.rows[1].reading = replace(reading, suggestion=UNIDENTIFIED)
    fields.waiting.clear()
    assert fields.ordered()[0] is fields.rows[1]
    assert fields.opened() is fields.rows[0]


class Engine:
    """As much of an engine as a list asks for."""

    name = "none"
    hashes: dict[str, str] = {}  # noqa: RUF012


def test_a_list_cleared_and_filled_during_a_read_loses_nothing(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = Worklist()

    def read_many(sources: Any, **_: Any) -> Any:
        for _source in sources:
            fields.clear()
            fields.add("new.png", b"new")
            yield reading

    monkeypatch.setattr("ball.reading.read_many", read_many)
    fields.add("old.png", b"old")
    fields.read_next(Engine())  # type: ignore[arg-type]
    assert [row.name for row, _ in fields.waiting] == ["new.png"]
    assert [row.name for row in fields.rows] == ["new.png"]
    assert not fields._known
    assert not fields._kept


def test_sixty_files_at_once_are_all_read_and_one_twice_only_once(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def read_many(sources: Any, **_: Any) -> Any:
        for data in sources:
            asked.append(f"{data.decode()}.png")
            yield replace(reading, sha256=data.decode())

    monkeypatch.setattr("ball.reading.read_many", read_many)
    fields = Worklist()
    for number in range(60):
        fields.add(f"{number}.png", str(number).encode())
    fields.add("again.png", b"0")
    while fields.waiting:
        fields.read_next(Engine())  # type: ignore[arg-type]
    assert [row.reading and row.reading.file for row in fields.rows] == [*asked, "again.png"]
    assert len(asked) == 60
    assert [row.reading and row.reading.sha256 for row in fields.rows] == [*map(str, range(60)), "0"]
    assert all(row.thumbnail and row.cells == len(reading.evidence.cells) for row in fields.rows)


def stream(reading: Any, broken_at: int | None = None) -> Any:
    """A read_many whose readings carry their content, or that breaks at a source."""

    def read_many(sources: Any, **_: Any) -> Any:
        for index, data in enumerate(sources):
            if index == broken_at:
                raise MemoryError
            yield replace(reading, sha256=data.decode())

    return read_many


def finish(fields: Worklist) -> list[Any]:
    while fields.waiting:
        fields.read_next(Engine())  # type: ignore[arg-type]
    return [row.reading and row.reading.sha256 for row in fields.rows]


def test_files_added_while_others_are_read_go_on_in_their_order(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.read_many", stream(reading))
    monkeypatch.setattr("ball.reading.read", lambda *_, **__: pytest.fail("the stream passed a file over"))
    fields = Worklist()
    for name in ("a", "b", "a", "c"):
        fields.add(name, name.encode())
    fields.read_next(Engine())  # type: ignore[arg-type]
    fields.read_next(Engine())  # type: ignore[arg-type]
    for name in ("b", "d", "d"):
        fields.add(name, name.encode())
    assert finish(fields) == ["a", "b", "a", "c", "b", "d", "d"]
    for name in ("a", "e"):
        fields.add(name, name.encode())
    assert finish(fields)[-2:] == ["a", "e"]


def test_a_stream_that_breaks_leaves_the_others_to_be_read_singly(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.read_many", stream(reading, broken_at=1))
    monkeypatch.setattr("ball.reading.read", lambda data, **_: replace(reading, sha256=data.decode()))
    fields = Worklist()
    for name in ("a", "b", "c"):
        fields.add(name, name.encode())
    finish(fields)
    assert [row.reading and row.reading.status for row in fields.rows] == ["read", "error", "read"]


def test_stopping_keeps_what_is_read(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.read_many", stream(reading))
    fields = Worklist()
    for name in ("a", "b", "c"):
        fields.add(name, name.encode())
    fields.read_next(Engine())  # type: ignore[arg-type]
    fields.stop()
    assert [row.name for row in fields.rows] == ["a"]
    assert not fields.waiting
    fields.add("d", b"d")
    assert finish(fields) == ["a", "d"]


def test_evidence_is_kept_for_some_rows_alone(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.read", lambda *_, **__: reading)
    monkeypatch.setattr("ball.reading.read_many", lambda sources, **_: (reading for _ in sources))
    fields = Worklist()
    for number in range(worklist.REMEMBERED + 6):
        fields.add(f"{number}.png", str(number).encode())
    while fields.waiting:
        fields.read_next(Engine())  # type: ignore[arg-type]
    assert [row.faded for row in fields.rows] == [number < 6 for number in range(len(fields.rows))]
    fields.recall(fields.rows[0], Engine())  # type: ignore[arg-type]
    assert [row.number for row in fields.rows if row.faded] == [2, 3, 4, 5, 6, 7]


def test_the_full_table_and_the_downloads_hold_every_field(app: AppTest) -> None:
    upload(app, ("a.png", synthetic.png(1)), ("=bad.jpg", b"no picture at all"))
    app.segmented_control(key="view").set_value("All fields")
    app.run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "file" in frame.value)
    assert list(table["file"]) == [row.name for row in todo(app).ordered()]
    heads = [column.get("label") for frame in app.dataframe for column in json.loads(frame.proto.columns).values()]
    assert "Votes alike" in heads
    assert AGREE not in heads, "that is what a reader says"
    documents = json.loads(tables.as_json(todo(app)))
    assert [document["file"] for document in documents] == ["a.png", "=bad.jpg"]
    lines = list(csv.DictReader(io.StringIO(tables.as_csv(todo(app)))))
    assert [line["file"] for line in lines] == ["a.png", "'=bad.jpg"]
    assert float(lines[0][f"alexnet {LABELS[0]}"]) == documents[0]["votes"][2]["probabilities"][LABELS[0]]


def ranked(reading: Any, **changes: Any) -> int:
    return Row(1, "x", replace(reading, **changes)).rank


def test_worst_comes_first(reading: Any) -> None:
    agreed = {"votes": reading.votes[:1], "flags": (), "status": "read", "suggestion": reading.votes[0].label}
    assert ranked(reading, suggestion=UNIDENTIFIED) == 0
    assert ranked(reading, **{**agreed, "flags": ("code: A reason.",)}) == 1
    told = Judgement(reading.votes[0].probabilities, reading.votes[0].label, label_set=LABELS)
    assert ranked(reading, **agreed, judgement=told) == 1
    assert ranked(reading, **agreed, judgement=replace(told, label_set=(reading.votes[0].label,))) == 4
    assert ranked(reading, status="refused") == 2
    assert ranked(reading, status="error") == 3
    assert ranked(reading, **agreed) == 4
    assert Row(1, "x").rank == 5


def test_the_check_line_groups_dissenters_and_gives_flags_as_sentences(reading: Any) -> None:
    def vote(index: int, label: str) -> Any:
        return replace(reading.votes[index], probabilities=tuple(0.97 if each == label else 0.01 for each in LABELS))

    votes = (vote(0, "Pro-B"), vote(1, "Pro-B"), vote(2, "Pre-B"), vote(3, "Pro-B"), vote(4, "Pre-B"))
    found = verdict.checks(replace(reading, votes=votes, flags=("blur: The field is blurred.",)))
    assert found == ["AlexNet and GoogLeNet read Pre-B.", "The field is blurred."]


def test_every_class_has_a_shape_a_glyph_and_a_colour_of_its_own() -> None:
    shown = [marks.MARKS[label] for label in LABELS]
    for part in ("glyph", "colour", "shape"):
        assert len({getattr(mark, part) for mark in shown}) == len(LABELS)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.957, 1, "95.7 %"), (0.99999, 1, "> 99.9 %"), (1.0, 1, "100.0 %"), (0.004, 0, "< 1 %"), (0.0, 0, "0 %"),
     (0.999, 0, "> 99 %"), (1.0, 0, "100 %"), (0.0004, 1, "< 0.1 %")],
)  # fmt: skip
def test_percent_never_claims_certainty(value: float, digits: int, text: str) -> None:
    assert marks.percent(value, digits) == text
