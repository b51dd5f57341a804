"""Visits at the same time: each reads what it would read alone, and sees nothing of the others."""

from __future__ import annotations

import json
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime import Runtime
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.cells import Cell
from benchmarks import sessions
from pages._parts import worklist

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def engine(random_weights: Path) -> Any:
    from ball.engine import load_engine
    from ball.weights import Store

    return load_engine(Store(random_weights))


def test_four_visits_at_once_read_what_they_read_alone(engine: Any) -> None:
    found = sessions.compare(visits=4, fields=5, engine=engine)
    assert found["differences"] == []
    assert found["not_read"] == 0
    assert found["largest_difference_of_a_probability"] <= sessions.CLOSE


def test_a_difference_is_found_where_there_is_one(engine: Any) -> None:
    first, second = (sessions.read_all([sessions.field(visit, 0)], engine) for visit in (0, 1))
    assert sessions.differences(first, second)[0]
    again = sessions.read_all([sessions.field(0, 0)], engine)
    assert sessions.differences(first, again) == ([], 0.0)
    reading = again.rows[0].reading
    assert reading is not None
    changed = replace(reading.votes[0], probabilities=(*reading.votes[0].probabilities[1:], reading.votes[0].probabilities[0]))
    again.rows[0].reading = replace(reading, votes=(changed, *reading.votes[1:]))
    assert sessions.differences(first, again)[1] > sessions.CLOSE


def test_two_visits_of_the_app_hold_their_own_fields_alone(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    monkeypatch.delenv("BALL_DATA", raising=False)
    # The visit that ends first takes the stand-in of the server away from under the other.
    stand_ins = []

    def instance(cls: type[Runtime]) -> Runtime:
        if cls._instance is not None:
            stand_ins.append(cls._instance)
        return stand_ins[-1]

    monkeypatch.setattr(Runtime, "instance", classmethod(instance))
    visits = [AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run() for _ in range(2)]
    for visit, app in enumerate(visits):
        for number in range(2):
            app.file_uploader[0].upload(*sessions.field(visit, number))
    threads = [threading.Thread(target=app.run) for app in visits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for visit, app in enumerate(visits):
        assert not app.exception
        assert [row.name for row in app.session_state["worklist"].rows] == [f"visit-{visit}-field-{number}.png" for number in range(2)]
        assert all(row.reading.status != "error" for row in app.session_state["worklist"].rows)
        text = "\n".join(str(block.proto.body) for block in app.get("html"))
        assert f"visit-{visit}-" in text
        assert f"visit-{1 - visit}-" not in text


def test_a_long_visit_keeps_evidence_of_some_fields_alone(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "REMEMBERED", 3)
    todo = sessions.read_all([sessions.field(0, number) for number in range(8)], engine)
    assert sum(row.reading is not None and row.reading.evidence is not None for row in todo.rows) == 3
    assert len(todo._known) == 3


def test_the_measures_of_a_row_are_those_of_its_cells(engine: Any) -> None:
    (row,) = sessions.read_all([("a.png", synthetic.png(1))], engine).rows
    assert row.reading is not None
    assert row.reading.evidence is not None
    cells = row.reading.evidence.cells
    assert cells
    assert [Cell(**measures | {"outline": tuple(map(tuple, measures["outline"]))}) for measures in row.measures] == list(cells)


def test_a_row_taken_off_the_list_takes_its_reading_with_it_unless_another_has_the_same_file(engine: Any) -> None:
    fields = worklist.Worklist()
    for name, seed in (("a.png", 1), ("b.png", 2), ("a again.png", 1)):
        fields.add(name, synthetic.png(seed))
    while fields.waiting:
        fields.read_next(engine)
    hashes = [row.reading.sha256 for row in fields.rows if row.reading]
    fields.found["slides by hand"] = {1: "Patient slide", 2: "Patient slide", 3: "Patient slide"}
    fields.found["maps of other methods"] = {(each, "weights"): None for each in hashes}
    fields.found["weights of cells"] = {f"{each}-Benign-1": None for each in hashes}
    left = []
    for number in (1, 2, 3):
        fields.remove(number)
        left.append((len(fields._known), *map(len, fields.found.values())))
    assert left == [(2, 2, 2, 2), (1, 1, 1, 1), (0, 0, 0, 0)]


def test_the_growth_of_a_long_visit_is_told_with_its_files_and_without() -> None:
    told = sessions.grown({100: 2000.0, 200: 2060.0, 300: 2110.0}, {100: 50.0, 200: 100.0, 300: 150.0})
    assert told == {"most_growth_after_100": 0.055, "most_growth_besides_the_files": 0.005}
    assert set(sessions.grown({}, {}).values()) == {None}


def test_the_fields_of_a_long_visit_are_of_a_camera_and_no_two_alike(tmp_path: Path) -> None:
    from ball.images import decode

    paths = sessions.camera(None).files(tmp_path, range(12))
    assert len({path.read_bytes() for path in paths}) == 12
    assert all(decode(path.read_bytes()).rgb.shape == (768, 1024, 3) for path in paths)


def test_the_committed_result_is_of_the_weights_here() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "sessions.json").read_text(encoding="utf-8"))
    manifest = json.loads((ROOT / "weights" / "manifest.json").read_text(encoding="utf-8"))
    assert found["weights"] == {name: entry["sha256"] for name, entry in manifest["networks"].items()}
    once = found["at_once"]
    assert (once["visits"], once["fields_each"], once["differences"], once["not_read"]) == (8, 20, [], 0)
    assert once["from"] == "fields of the data set"
    assert once["largest_difference_of_a_probability"] <= found["goals"]["probability"] == sessions.CLOSE
    assert found["long"]["fields"] == found["long_of_a_camera"]["fields"] == 1000
    assert found["goals"]["growth_after_100"] == sessions.GROWTH
    assert not sessions.missed(found)


def test_a_missed_goal_is_told() -> None:
    once = {"differences": [], "not_read": 0, "largest_difference_of_a_probability": 0.0}
    reached = {"at_once": once, "long": {"most_growth_after_100": 0.04}, "long_of_a_camera": {"most_growth_besides_the_files": 0.04}}
    assert not sessions.missed(reached)
    assert not sessions.missed({"at_once": None, "long": None, "long_of_a_camera": None})
    for change in (
        {"at_once": once | {"differences": ["a"]}}, {"at_once": once | {"not_read": 1}},
        {"at_once": once | {"largest_difference_of_a_probability": 1e-4}}, {"long": {"most_growth_after_100": 0.051}},
        {"long": {"most_growth_after_100": None}}, {"long_of_a_camera": {"most_growth_besides_the_files": 0.051}},
    ):  # fmt: skip
        assert sessions.missed(reached | change), change


def test_a_row_that_was_read_is_small_but_for_its_file(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a long list may hold of each field; its outlines, unpacked, are several times as much."""
    monkeypatch.setattr(worklist, "REMEMBERED", 1)
    row, _ = sessions.read_all([sessions.field(0, number) for number in range(2)], engine).rows
    assert row.packed
    assert len(pickle.dumps(row)) - len(row.data) < 20_000
