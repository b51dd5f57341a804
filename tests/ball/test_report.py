"""The report holds what was read, as text and as pictures, and nothing in a name or a note turns into anything else."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ball import synthetic
from ball.casebook import CaseBook, Field
from ball.casebook.picture import pixels_png
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.report.archive import zip_of
from ball.report.pdf import NOTICE, pdf_of
from ball.report.values import Report, Sheet, evidence_of, of_case
from ball.verdict import AGREE, Verdict
from ball.wording import percent
from tests.case_files import document, field

HOSTILE = [
    "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "**bold** [x](javascript:alert(1))", "evil\u202egnp.exe", "a\x00b\x1b[2J", "名前"
]  # fmt: skip


def words(pdf: bytes) -> list[str]:
    """The text of every page, line breaks as spaces."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (requirements-dev.txt)")
    opened = pdfium.PdfDocument(pdf)
    try:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in opened]
    finally:
        opened.close()


def chunks(png: bytes) -> list[bytes]:
    """The names of the parts of a PNG."""
    place, found = 8, []
    while place < len(png):
        found.append(png[place + 4 : place + 8])
        place += 12 + int.from_bytes(png[place : place + 4], "big")
    return found


@pytest.fixture(scope="module")
def reading(random_weights: Path) -> Any:
    from ball.engine import load_engine
    from ball.reading import read
    from ball.weights import Store

    return read(synthetic.png(1), name="field.png", engine=load_engine(Store(random_weights)))


@pytest.fixture(scope="module")
def sheet(reading: Any) -> Sheet:
    cells = tuple(asdict(cell) for cell in reading.evidence.cells)
    versions = {"ball": "0.1.0", "torch": "2.15.0"}
    found = Field(reading.document(), reading.consensus, {"clusters": 3}, versions, cells, Verdict(AGREE, "Seen."))
    return Sheet(found, lambda _: reading.evidence)


def test_a_report_holds_all_that_was_read(sheet: Sheet, reading: Any) -> None:
    text = " ".join(words(pdf_of(Report((sheet,)))))
    assert NOTICE in text
    for vote in reading.votes:
        assert TITLES[vote.network] in text
        assert percent(max(vote.probabilities)) in text
    assert all(sha256 in text for sha256 in [reading.sha256, *reading.weights.values()])
    assert all(percent(value) in text for value in reading.consensus)
    assert "torch 2.15.0" in text
    assert "3 clusters of colour" in text
    assert "Seen." in text
    assert f"{len(reading.evidence.cells)} cells" in text
    assert "python -m ball read field.png --json -" in text


def test_what_small_changes_do_is_reported_where_it_was_tried() -> None:
    tried = replace(field(), document=document() | {"stability": {"low": 0.412, "high": 0.874}})
    text = " ".join(words(pdf_of(Report((Sheet(tried),)))))
    assert "41 % to 87 % under small changes of stain and light" in text
    assert "python -m ball read field.png --stability --json -" in text
    refused = replace(tried, document=tried.document | {"status": "refused", "suggestion": UNIDENTIFIED, "reason": "No smear."})
    for other in (field(), refused):
        assert "small changes" not in " ".join(words(pdf_of(Report((Sheet(other),)))))


def test_a_probability_that_was_held_back_is_said_to_be_so_where_a_class_is_suggested() -> None:
    held = replace(field(), document=document() | {"held_back_from": 0.971})
    words_of = " ".join(words(pdf_of(Report((Sheet(held),)))))
    assert "The networks themselves are surer (97 %), but few or no validated fields look like this one." in words_of
    unidentified = replace(held, document=held.document | {"suggestion": UNIDENTIFIED, "reason": "Below the limit."})
    assert "themselves are surer" not in " ".join(words(pdf_of(Report((Sheet(unidentified),)))))
    assert "themselves are surer" not in " ".join(words(pdf_of(Report((Sheet(field()),)))))


def test_thresholds_are_told_in_words_and_rounded_and_stay_exact_in_the_document() -> None:
    held = {
        "clusters": 3, "min_object": 60, "min_contrast": 8.0, "suggest": 0.953, "target": 0.015, "label_set": 0.028705277234310437,
        "coverage": 0.95, "refuse": 1.94821530923672, "basis": "stain", "validated": 0.88, "of_tomorrow": "new",
    }  # fmt: skip
    text = " ".join(words(pdf_of(Report((Sheet(replace(field(), thresholds=held)),)))))
    told = [
        "objects from 60 px on", "a class suggested from 95.3 % on", "the validated limit is 88 %",
        "a class from 2.9 % on is not ruled out",
        "at most 1.5 % of fields suggested wrongly", "the right one in at least 95 % of fields", "a strangeness of 1.95 on",
        "limits from stains held out", "of tomorrow new",
    ]  # fmt: skip
    assert [each for each in told if each not in text] == []
    assert "0.0287" not in text
    assert "1.948" not in text


def test_the_command_names_the_limit_that_the_reader_asked_for() -> None:
    sheet = Sheet(field())
    assert "--suggest-from" not in " ".join(words(pdf_of(Report((sheet,)))))
    asked = Sheet(replace(field(), thresholds={"suggest": 0.953, "validated": 0.88}))
    assert "python -m ball read field.png --suggest-from 95.3 --json -" in " ".join(words(pdf_of(Report((asked,)))))


def test_a_field_is_let_go_once_its_page_is_drawn(sheet: Sheet, reading: Any) -> None:
    looked: list[str] = []
    two = tuple(replace(sheet, look=lambda _, name=name: looked.append(name) or reading.evidence) for name in ("a", "b"))
    drawn: list[tuple[int, list[str]]] = []
    zip_of(Report(two), lambda number, _field, evidence: drawn.append((number, [*looked])) if evidence is reading.evidence else None)
    assert drawn == [(1, ["a"]), (2, ["a", "b"])]


def test_a_page_of_a_file_is_read_again_from_the_file() -> None:
    sheet = Sheet(field("slides.tif, page 2", container="slides.tif"))
    assert "python -m ball read slides.tif --json -" in " ".join(words(pdf_of(Report((sheet,)))))


def test_a_report_shows_the_field_and_a_map_of_every_vote(sheet: Sheet) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (requirements-dev.txt)")
    opened = pdfium.PdfDocument(pdf_of(Report((sheet,))))
    pictures = [each for page in opened for each in page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE])]
    assert len(pictures) == 1 + len(TITLES)
    opened.close()


def test_the_notice_and_the_number_are_on_every_page() -> None:
    report = Report(tuple(Sheet(field(f"{number}.png")) for number in range(4)), key="2026-0007")
    pages = words(pdf_of(report))
    assert len(pages) >= 5
    for number, page in enumerate(pages, start=1):
        assert NOTICE in page
        assert "Case 2026-0007" in page
        assert f"{number} of {len(pages)}" in page


def test_a_case_says_who_decided_what(tmp_path: Path) -> None:
    book = CaseBook(tmp_path / "cases.db")
    case = book.save([field("a.png", choice="Pro-B", note="Large nucleoli"), field("b.png")], "RK", "Bench 4")
    case = book.change(case, "LM", verdict=Verdict("Pro-B", "word " * 300), signed=True)
    cover = words(pdf_of(of_case(case, history=tuple(book.history(case)))))
    assert "Bench 4" in cover[0]
    assert "signed, last saved by LM" in cover[0]
    assert "suggested for 2 of 2 fields" in cover[0]
    assert "overridden RK" in " ".join(cover)
    assert " ".join(cover).count("word") >= 300
    assert "Large nucleoli" in " ".join(cover)


@pytest.mark.parametrize("note", ["a\nb\n" * 25, "W" * 110, "名前 " * 30, "One line only."])
def test_the_note_stays_above_the_table_of_fields(note: str) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (requirements-dev.txt)")
    opened = pdfium.PdfDocument(pdf_of(Report((Sheet(field("a.png")),), key="1", verdict=Verdict("Pro-B", note))))
    page = opened[0].get_textpage()
    places = [page.get_rect(number) for number in range(page.count_rects())]
    # Text in the place of other text: points from the left, bottom, right and top of each.
    over = [
        (one, other)
        for number, one in enumerate(places)
        for other in places[:number]
        if min(one[2], other[2]) - max(one[0], other[0]) > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 1
    ]
    assert not over
    said = " ".join(page.get_text_range().split()).replace(" ", "")
    assert not note.isascii() or "".join(note.split()) in said
    opened.close()


@pytest.mark.parametrize(
    "changes",
    [{"status": "refused", "suggestion": UNIDENTIFIED, "reason": "Not a smear."}, {"suggestion": UNIDENTIFIED},
     {"status": "error", "suggestion": None, "reason": "The file is damaged.", "sha256": None, "votes": [], "probability": None,
      "agreement": None, "cells": None, "weights": {}}],
)  # fmt: skip
def test_whatever_became_of_a_field_is_reported(changes: dict[str, Any]) -> None:
    found = document(**changes)
    shares = field().consensus if found["votes"] else ()
    text = " ".join(words(pdf_of(Report((Sheet(Field(found, shares)),)))))
    assert (changes.get("reason") or UNIDENTIFIED) in text
    assert "Pictures are not part of this report" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_notes_are_text_and_never_markup_or_formulas(text: str) -> None:
    named = Field({**document(), "file": f"{text}.png"}, field().consensus, verdict=Verdict("Pro-B", text))
    report = Report((Sheet(named),), name=text, key="1")
    pdf = pdf_of(report)
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    read = " ".join(words(pdf))
    assert "\u202e" not in read
    assert "\x1b" not in read
    if text.isascii() and text.isprintable():
        assert text.replace(" ", "") in read.replace(" ", "")
    with zipfile.ZipFile(io.BytesIO(zip_of(report))) as archive:
        assert all(name.startswith(("fields/001-", "report.pdf", "readings.", "NOTICE.txt")) for name in archive.namelist())
        line = next(csv.DictReader(io.StringIO(archive.read("readings.csv").decode("utf-8", "surrogateescape"))))
    for cell in (line["file"], line["reader note"]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_zip_holds_report_tables_and_pictures_as_seen(sheet: Sheet, reading: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_of(Report((sheet,))))) as archive:
        names = archive.namelist()
        folder = f"fields/001-{reading.sha256[:8]}"
        maps = [f"{folder}/map-{vote.network}-{vote.label}.png" for vote in reading.votes]
        assert {f"{folder}/field.png", f"{folder}/outlined.png", f"{folder}/seen-by-networks.png", *maps} <= set(names)
        assert archive.read("report.pdf").startswith(b"%PDF")
        [found] = json.loads(archive.read("readings.json"))
    contract = reading.document()
    assert {key: found[key] for key in contract} == contract
    assert {key: found[key] for key in found if key not in contract} == {
        "reader_verdict": AGREE, "reader_label": reading.suggestion if reading.suggestion in LABELS else None, "reader_note": "Seen.",
    }  # fmt: skip


def test_a_kept_picture_is_read_as_the_file_was(reading: Any, sheet: Sheet, random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(random_weights))
    again = evidence_of(sheet.field, pixels_png(synthetic.png(1)))
    assert again is not None
    assert (again.rgb == reading.evidence.rgb).all()
    changed = {**sheet.field.document, "weights": {**sheet.field.document["weights"], "alexnet": "0" * 64}}
    assert evidence_of(Field(changed), pixels_png(synthetic.png(1))) is None


def test_a_kept_picture_has_no_data_but_pixels() -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    image = Image.open(io.BytesIO(synthetic.png(1)))
    exif = image.getexif()
    exif[0x010E] = "Jane Doe, born 1 Jan 1990"
    notes = PngInfo()
    notes.add_text("Patient", "Jane Doe")
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif, pnginfo=notes)
    assert b"Jane Doe" in stream.getvalue()
    kept = pixels_png(stream.getvalue())
    assert b"Jane" not in kept
    assert set(chunks(kept)) == {b"IHDR", b"IDAT", b"IEND"}
    assert Image.open(io.BytesIO(kept)).tobytes() == image.convert("RGB").tobytes()
