"""What the Read page offers to take along: a report and an archive of what is on screen, made when they are asked for."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ball import synthetic
from ball.casebook import CaseBook
from ball.names import TITLES
from ball.report.pdf import pdf_of
from ball.verdict import Verdict
from ball.wording import percent
from pages._parts import saving, visit_export, worklist
from pages._parts.worklist import Worklist
from tests.ball.test_report import words


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page offers for download by the name of its file, kept as the page hands it over."""
    found: dict[str, Any] = {}
    button = visit_export.st.download_button

    def kept(label: str, data: Any, file_name: str, *given: Any, **options: Any) -> bool:
        found[file_name] = data
        return button(label, data, file_name, *given, **options)

    monkeypatch.setattr(visit_export.st, "download_button", kept)
    return found


def upload(app: AppTest, *files: tuple[str, bytes]) -> Worklist:
    for name, data in files:
        app.file_uploader[0].upload(name, data)
    app.run()
    assert not app.exception
    found: Worklist = app.session_state["worklist"]
    return found


def press(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception


def pictures(pdf: bytes) -> int:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (requirements-dev.txt)")
    opened = pdfium.PdfDocument(pdf)
    count = sum(1 for page in opened for _ in page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE]))
    opened.close()
    return count


def test_readings_that_nobody_saved_have_a_report_with_pictures_verdicts_and_notes(app: AppTest, offered: dict[str, Any]) -> None:
    todo = upload(app, ("a.png", synthetic.png(1)), ("b.png", synthetic.png(2)), ("bad.jpg", b"no picture"))
    todo.rows[0].verdict = Verdict("Pro-B", "Large nucleoli")
    app.run()
    assert not [name for name in offered if name.endswith((".pdf", ".zip"))], "drawn before it was asked for"
    press(app, "export-pdf")
    text = " ".join(words(offered["readings.pdf"]))
    assert "Readings of one visit" in text
    assert "Nothing saved yet" in text
    assert "1 of 3 fields reviewed" in text
    assert "Large nucleoli" in text
    for row in todo.rows[:2]:
        assert row.reading is not None
        assert percent(row.reading.probability or 0) in text
        assert row.reading.sha256 in text
    assert todo.rows[2].reading.reason in text
    assert pictures(offered["readings.pdf"]) == 2 * (1 + len(TITLES))


def test_the_archive_holds_the_pictures_as_the_page_shows_them(app: AppTest, offered: dict[str, Any]) -> None:
    from PIL import Image

    [row] = upload(app, ("large.png", synthetic.png(1))).rows
    press(app, "export-zip")
    with zipfile.ZipFile(io.BytesIO(offered["readings.zip"])) as archive:
        [name] = [each for each in archive.namelist() if each.endswith("/field.png")]
        seen = Image.open(io.BytesIO(archive.read(name)))
        maps = [each for each in archive.namelist() if "/map-" in each]
    assert row.reading.evidence is not None
    assert seen.tobytes() == row.reading.evidence.rgb.tobytes()
    assert max(seen.size) == worklist.SHOWN < max(row.size)
    assert len(maps) == len(TITLES)


def test_fields_whose_evidence_was_dropped_are_shown_all_the_same(
    app: AppTest, offered: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "REMEMBERED", 1)
    todo = upload(app, *((f"{number}.png", synthetic.png(number)) for number in range(3)))
    assert sum(row.faded for row in todo.rows) == 2
    press(app, "export-pdf")
    assert pictures(offered["readings.pdf"]) == 3 * (1 + len(TITLES))
    assert sum(row.faded for row in todo.rows) == 2, "the report keeps no more in memory than the page does"


def test_a_long_list_is_taken_along_in_parts(app: AppTest, offered: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_export, "MOST", 2)
    upload(app, *((f"{number}.png", synthetic.png(number)) for number in range(3)))
    app.selectbox(key="export-part").set_value(2)
    press(app, "export-zip")
    with zipfile.ZipFile(io.BytesIO(offered["readings-3.zip"])) as archive:
        assert [name for name in archive.namelist() if name.endswith("/field.png")]
        assert '"2.png"' in archive.read("readings.json").decode()
        assert '"0.png"' not in archive.read("readings.json").decode()


def test_progress_is_told_field_by_field(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    todo = upload(app, ("a.png", synthetic.png(1)), ("b.png", synthetic.png(2)))
    told: list[tuple[float, str]] = []

    class Bar:
        def progress(self, share: float, text: str) -> None:
            told.append((share, text))

        def empty(self) -> None:
            told.append((1.0, ""))

    monkeypatch.setattr(visit_export.st, "progress", lambda share, text: told.append((share, text)) or Bar())
    visit_export._made(visit_export.report_of(todo, todo.rows), visit_export._KINDS[0])
    assert told == [(0.0, "Drawing field 1 of 2"), (0.5, "Drawing field 2 of 2"), (1.0, "Drawing field 2 of 2"), (1.0, "")]


def test_nothing_is_drawn_while_fields_are_still_read(app: AppTest) -> None:
    upload(app, ("a.png", synthetic.png(1)))
    assert not app.button(key="export-pdf").disabled
    waiting = AppTest.from_string("from pages._parts import intake, visit_export\nvisit_export.draw(intake.worklist())")
    todo = Worklist()
    todo.add("b.png", synthetic.png(2))
    waiting.session_state["worklist"] = todo
    waiting.run()
    assert waiting.button(key="export-pdf").disabled
    assert waiting.button(key="export-zip").disabled


def test_a_verdict_changed_since_it_was_saved_bears_no_name_of_another(app: AppTest, tmp_path: Path) -> None:
    todo = upload(app, ("a.png", synthetic.png(1)))
    todo.rows[0].verdict = Verdict("Pro-B")
    saving.save(todo, CaseBook(tmp_path / "cases.db"), "RK", "", keep=False)
    text = " ".join(words(pdf_of(visit_export.report_of(todo, todo.rows))))
    assert "Pro-B, RK on " in text
    todo.rows[0].verdict = Verdict("Pre-B")
    text = " ".join(words(pdf_of(visit_export.report_of(todo, todo.rows))))
    assert "Reader: ■ Pre-B" in text
    assert "RK" not in text


def test_pictures_of_other_networks_than_the_field_was_saved_with_are_left_out(app: AppTest, tmp_path: Path) -> None:
    todo = upload(app, ("a.png", synthetic.png(1)))
    saving.save(todo, CaseBook(tmp_path / "cases.db"), "RK", "", keep=False)
    assert pictures(pdf_of(visit_export.report_of(todo, todo.rows))) == 1 + len(TITLES)
    saved = todo.rows[0].saved
    assert saved is not None
    todo.rows[0].saved = replace(saved, document={**saved.document, "weights": {"alexnet": "0" * 64}})
    assert pictures(pdf_of(visit_export.report_of(todo, todo.rows))) == 0
