"""The ways into the page: pages, frames, archives, the camera, hostile names, and the field at full size."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.images import MAX_BYTES
from benchmarks.samples import PERSON, dicom, picture, saved, tiff_pages, zipped
from pages._parts import intake, tables, viewer
from pages._parts.worklist import FULL, Row, Worklist


def upload(app: AppTest, *files: tuple[str, bytes]) -> list[Row]:
    for name, data in files:
        app.file_uploader[0].upload(name, data)
    app.run()
    assert not app.exception
    rows: list[Row] = app.session_state["worklist"].rows
    return rows


def html(app: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in app.get("html"))


def test_pages_frames_and_archives_are_rows(app: AppTest) -> None:
    several = zipped({"x/1.png": saved(picture(3), "PNG"), "bomb.png": bytes(2**24), "inner.zip": zipped({})})
    rows = upload(app, ("a.tif", tiff_pages([picture(1), picture(2)])), ("b.dcm", dicom([picture(4)])), ("c.zip", several))
    assert [row.name for row in rows] == ["a.tif, page 1", "a.tif, page 2", "b.dcm", "c.zip, 1.png", "c.zip, bomb.png", "c.zip, inner.zip"]
    assert [row.reading is not None and row.reading.status == "error" for row in rows] == [False] * 4 + [True] * 2
    assert all(row.reading.reason for row in rows[4:] if row.reading)
    assert len({row.reading.sha256 for row in rows[:4] if row.reading}) == 4
    assert [row.file for row in rows] == ["a.tif", "a.tif", "b.dcm", "c.zip", "c.zip", "c.zip"]
    for row in rows[:4]:
        assert PERSON.encode() not in row.data


def test_a_damaged_archive_is_one_row_with_a_sentence(app: AppTest) -> None:
    (row,) = upload(app, ("c.zip", zipped({"1.png": saved(picture(), "PNG")})[:-30]))
    assert row.reading is not None
    assert (row.reading.status, row.name) == ("error", "c.zip")
    assert "cut short" in (row.reading.reason or "")


def test_a_file_that_is_too_large_gets_a_row_and_a_sentence(app: AppTest) -> None:
    (row,) = upload(app, ("large.tif", b"II\x2a\x00" + bytes(64 * 2**20)))
    assert row.reading is not None
    assert "at most 64 can be read" in (row.reading.reason or "")


def test_a_full_list_says_so_and_has_room_once_it_is_cleared(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, one = tiff_pages([picture(1), picture(2)]), saved(picture(3), "PNG")
    monkeypatch.setattr(intake, "HELD", len(pages) + len(one) - 1)
    rows = upload(app, ("a.tif", pages), ("b.png", one))
    assert [row.name for row in rows] == ["a.tif, page 1", "a.tif, page 2", "b.png"]
    assert [row.reading is not None and row.reading.reason == FULL for row in rows] == [False, False, True]
    app.session_state["worklist"].chosen = rows[-1].number
    app.run()
    assert FULL in html(app)
    assert not any("image viewer" in text.value for text in app.markdown)
    app.button(key="clear-list").click().run()
    (row,) = upload(app, ("b.png", one))
    assert row.reading is not None
    assert row.reading.status != "error"


def test_what_waits_is_counted_once_and_what_is_read_as_it_is_kept() -> None:
    todo, pages, one = Worklist(), tiff_pages([picture(1), picture(2)]), saved(picture(3), "PNG")
    intake.add_file(todo, "a.tif", pages)
    todo.add("b.png", one)
    assert todo.held == len(pages) + len(one)
    todo.waiting.clear()
    todo.rows[0].data = one
    assert todo.held == len(one)


def test_the_page_says_how_large_a_file_may_be(app: AppTest) -> None:
    assert f"{MAX_BYTES // 2**20} MB each at most" in app.file_uploader[0].label


def test_names_in_an_archive_are_text_everywhere(app: AppTest) -> None:
    names = ["<img src=x onerror=alert(1)>.png", "=cmd|' /C calc'!A0.png", "../../x.png"]
    upload(app, ("=1+1.zip", zipped({name: saved(picture(), "PNG") for name in names})))
    assert "<img src=x" not in html(app)
    assert not any("<img src=x" in text.value for text in app.markdown)
    lines = tables.as_csv(app.session_state["worklist"]).splitlines()[1:]
    assert all(line.startswith("\"'=1+1.zip, ") for line in lines)
    assert not any("../" in line for line in lines)


def test_a_dropped_page_is_read_again_when_opened(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._parts.worklist.REMEMBERED", 1)
    rows = upload(app, ("a.tif", tiff_pages([picture(1), picture(2)])))
    for row in rows:
        app.session_state["worklist"].chosen = row.number
        app.run()
        assert not app.exception
        assert row.reading is not None
        assert row.reading.evidence is not None


def test_the_command_that_reads_a_page_again_names_its_file(app: AppTest) -> None:
    upload(app, ("a b.tif", tiff_pages([picture(1), picture(2)])))
    assert any(block.value.startswith("python -m ball read 'a b.tif'") for block in app.code)


def test_a_picture_made_on_the_page_is_offered_for_the_command_that_reads_it_again(app: AppTest) -> None:
    def told() -> tuple[bool, list[str]]:
        labels = [each.proto.label for each in app.get("download_button")]
        return any("is not on disk" in text.value for text in app.markdown), [each for each in labels if each.endswith(".png")]

    upload(app, ("a.png", saved(picture(), "PNG")))
    assert told() == (False, [])
    next(button for button in app.button if button.label == "Draw a synthetic field").click().run()
    app.session_state["worklist"].chosen = 2
    app.run()
    assert not app.exception
    assert told() == (True, ["Download synthetic-field-1.png"])
    assert any(block.value.startswith("python -m ball read synthetic-field-1.png") for block in app.code)


def test_the_camera_is_off_until_it_is_asked_for(app: AppTest) -> None:
    assert not app.get("camera_input")
    app.toggle(key="camera").set_value(True).run()
    assert not app.exception
    assert len(app.get("camera_input")) == 1


def test_a_photograph_is_a_field_and_the_next_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the camera calls when a photograph was taken, with a session and widgets of the test's own."""
    state: dict[str, Any] = {}
    taken: list[Any] = []

    monkeypatch.setattr(intake.st, "session_state", state)
    monkeypatch.setattr(intake.st, "toggle", lambda *_, **__: True)
    monkeypatch.setattr(intake.st, "camera_input", lambda *_, key, on_change, **__: taken.append((key, on_change)))
    todo = Worklist()
    for _ in range(2):
        intake._camera(todo)
        key, on_change = taken[-1]
        state[key] = UploadedFile(UploadedFileRec(key, "photo.jpg", "image/jpeg", saved(picture(), "JPEG")), FileURLs())
        on_change()
    assert [(row.name, row.on_disk) for row in todo.rows] == [("camera-1.jpg", False), ("camera-2.jpg", False)]
    assert taken[0][0] != taken[1][0]


def row_of(width: int, height: int) -> Row:
    rgb = synthetic.draw(1, (height, width))
    data = bytes(cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes())
    return Row(1, "field.png", size=(width, height), data=data)


def decoded(figure: Any) -> np.ndarray:
    import base64

    return cv2.imdecode(np.frombuffer(base64.b64decode(figure.data[0].source.split(",")[1]), np.uint8), cv2.IMREAD_COLOR)


def test_a_large_field_is_sent_small_and_whole_when_asked_for() -> None:
    row = row_of(2000, 1000)
    first, whole = viewer.figure(row, whole=False), viewer.figure(row, whole=True)
    assert decoded(first).shape[1] == viewer.FIRST
    assert decoded(whole).shape == (1000, 2000, 3)
    assert len(first.data[0].source) < len(whole.data[0].source)
    for figure in (first, whole):
        assert tuple(figure.layout.xaxis.range) == (0, 2000)
        assert decoded(figure).shape[1] * figure.data[0].dx == pytest.approx(2000)
        assert figure.layout.dragmode == "pan"


def test_enlarge_opens_the_field_once(app: AppTest) -> None:
    upload(app, ("a.png", saved(picture(), "PNG")))
    app.button(key="enlarge").click().run()
    assert not app.exception
    assert any("double-click to see all of it" in text.value for text in app.markdown)
    app.run()
    assert not any("double-click to see all of it" in text.value for text in app.markdown)


def test_nothing_can_be_enlarged_where_nothing_was_read(app: AppTest) -> None:
    upload(app, ("bad.png", b"no picture"))
    assert "enlarge" not in [button.key for button in app.button]
