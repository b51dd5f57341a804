"""The report as PDF, by fpdf2: it draws text as text and takes none for markup, and brings no compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from fpdf import FPDF, XPos, YPos
from fpdf.enums import MethodReturnValue, WrapMode

from ball.casebook.values import Field, clock
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.report import pictures
from ball.report.fonts import FAMILY, font_file, shown
from ball.report.values import Drawn, Report, passed, spoken
from ball.thresholds import described
from ball.wording import MARKS, Mark, checks, mark_of, percent

if TYPE_CHECKING:
    from ball.reading import Evidence

NOTICE: Final = "Research use only. Not for diagnosis. The software suggests; the reader decides."
_INK: Final = (16, 24, 30)
_GREY: Final = (74, 87, 97)
_LINE: Final = (220, 226, 230)
_PALE: Final = (243, 245, 246)
_LEFT: Final = 14.0
_WIDTH: Final = 182.0
_DETAILS: Final = ("number", "area", "diameter", "circularity", "eccentricity", "solidity", "at_border")
_SHORT: Final = 110
"""Characters of a note at most beside the verdict on the cover; what does not stand there whole follows below."""
_BOX: Final = _WIDTH / 2 - 10
"""Width in mm of the text beside the verdict."""

_COLUMNS: Final = {"number": "Cell", "area": "Area, px", "diameter": "Diameter, px"}
_MAPS: Final = "The maps show where a network looked, not why, and are coarse; each is scaled to its own maximum."


class _Pages(FPDF):
    """A4 pages with the report's title above and the notice below."""

    def __init__(self, report: Report) -> None:
        super().__init__(format="A4")
        self.report = report
        self.add_font(FAMILY, "", font_file())
        self.add_font(FAMILY, "B", font_file(bold=True))
        self.set_margins(_LEFT, 22, _LEFT)
        self.c_margin = 0
        self.set_auto_page_break(True, 20)
        self.set_title(report.title)
        self.set_lang("en")
        self.set_creation_date(datetime.fromisoformat(report.made))

    def header(self) -> None:
        """Above each page."""
        self.set_y(10)
        self.write_text("Second reader for B-ALL smears", 8, colour=_GREY, ends=False)
        self.write_text(self.report.title, 8, colour=_GREY, align="R")
        self.set_draw_color(*_LINE)
        self.line(_LEFT, 16, _LEFT + _WIDTH, 16)
        self.set_y(20)

    def footer(self) -> None:
        """Below each page."""
        self.set_y(-14)
        self.write_text(NOTICE, 8, bold=True, align="C", ends=False)
        self.set_x(_LEFT + _WIDTH - 18)
        self.write_text(f"{self.page_no()} of {{nb}}", 8, colour=_GREY, width=18)

    def write_text(
        self, text: str, size: float = 9, *, bold: bool = False, colour: tuple[int, int, int] = _INK, align: str = "L",
        width: float = 0, ends: bool = True, anywhere: bool = False,
    ) -> None:  # fmt: skip
        """Write a paragraph from the current place on; ``anywhere`` lets it break within a word, as a hash must."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)
        known = self.fonts[f"{FAMILY.lower()}{'B' if bold else ''}"].cmap  # type: ignore[union-attr,unused-ignore]
        self.multi_cell(
            width, size * 0.5, shown(text, known), align=align, wrapmode=WrapMode.CHAR if anywhere else WrapMode.WORD,
            new_x=XPos.LEFT if ends else XPos.LMARGIN, new_y=YPos.NEXT if ends else YPos.TOP,
        )  # fmt: skip

    def lines(self, text: str, size: float, width: float) -> int:
        """How many lines a paragraph takes."""
        self.set_font(FAMILY, "", size)
        known = self.fonts[FAMILY.lower()].cmap  # type: ignore[union-attr,unused-ignore]
        height = self.multi_cell(width, 1, shown(text, known), dry_run=True, output=MethodReturnValue.HEIGHT)
        return round(cast("float", height))

    def room(self, height: float) -> None:
        """Go on to the next page unless ``height`` mm are left on this."""
        if self.will_page_break(height):
            self.add_page()

    def title_line(self, text: str, size: float = 11) -> None:
        """A heading with room below it for what it heads."""
        self.room(24)
        self.ln(3)
        self.write_text(text, size, bold=True)
        self.ln(1)

    def rows(self, widths: Sequence[float], rows: Sequence[Sequence[str]], size: float = 7.5) -> None:
        """A table; its first row is repeated on every page."""
        known = self.fonts[FAMILY.lower()].cmap  # type: ignore[union-attr,unused-ignore]
        self.set_font(FAMILY, "", size)
        self.set_text_color(*_INK)
        self.set_draw_color(*_LINE)
        self.set_fill_color(255, 255, 255)
        with self.table(
            col_widths=tuple(widths), width=sum(widths), align="L", text_align="L", line_height=size * 0.52, padding=0.8,
            borders_layout="HORIZONTAL_LINES", wrapmode="WORD",
        ) as table:  # fmt: skip
            for row in rows:
                table.row([shown(cell, known) for cell in row])


def pdf_of(report: Report, drawn: Drawn = passed) -> bytes:
    """The report as PDF: a page for the case where it is one or holds several fields, then at least a page a field."""
    pages = _Pages(report)
    if report.key or len(report.sheets) > 1:
        pages.add_page()
        _cover(pages, report)
    for number, sheet in enumerate(report.sheets, start=1):
        pages.add_page()
        evidence = sheet.look(sheet.field)
        _field(pages, sheet.field, evidence, f"Field {number} of {len(report.sheets)}")
        drawn(number, sheet.field, evidence)
    return bytes(pages.output())


def _cover(pages: _Pages, report: Report) -> None:
    pages.write_text(report.title, 18, bold=True)
    pages.ln(1)
    if report.name:
        pages.write_text(report.name, 11)
    count = len(report.sheets)
    facts = [f"{count} {'field' if count == 1 else 'fields'}"]
    if report.key:
        facts.append(f"{'signed' if report.signed else 'not signed'}, last saved by {report.changed_by} on {clock(report.changed)}")
    pages.write_text(" · ".join([*facts, f"report made on {clock(report.made)}"]), 9, colour=_GREY)
    pages.ln(3)
    top = pages.get_y()
    label = report.verdict.label(report.suggestion)
    said = MARKS[label] if label else spoken(report.verdict, report.suggestion)
    note = report.verdict.note.strip()
    short = _excerpt(pages, note)
    reviewed = f"{sum(sheet.field.verdict.given for sheet in report.sheets)} of {count} fields reviewed"
    _box(pages, _LEFT, top, "Reader", said if report.key else reviewed, short)
    most = sum(sheet.field.suggestion == report.suggestion for sheet in report.sheets)
    software = MARKS[report.suggestion] if report.suggestion else "No one class"
    below = f"suggested for {most} of {count} fields" if report.suggestion else "No class is suggested for more fields than every other."
    _box(pages, _LEFT + _WIDTH / 2 + 2, top, "Software, suggested most", software, below)
    pages.set_y(top + 30)
    if short != note:
        pages.write_text(note, 9)
    pages.title_line("Fields")
    header = ["", "File", "Suggestion", "Probability", "Votes", "Reader", "Check"]
    pages.rows((8, 38, 26, 19, 19, 30, 42), [header, *(_line(number, sheet.field) for number, sheet in enumerate(report.sheets, start=1))])
    if report.history:
        pages.title_line("History")
        lines = [[clock(line.time), line.action, line.who, (line.image_sha256 or "")[:16]] for line in report.history]
        pages.rows((44, 40, 40, 58), [["Time", "What", "Who", "Image, first of its SHA-256"], *lines])


def _box(pages: _Pages, x: float, y: float, head: str, line: Mark | str, below: str) -> None:
    pages.set_draw_color(*_LINE)
    pages.set_fill_color(*_PALE)
    pages.rect(x, y, _WIDTH / 2 - 2, 27, style="DF", round_corners=True, corner_radius=2)
    pages.set_xy(x + 4, y + 3)
    pages.write_text(head, 8, colour=_GREY, width=_BOX)
    pages.set_xy(x + 4, y + 8.5)
    if isinstance(line, Mark):
        _heading(pages, line, 14)
    else:
        pages.write_text(line, 14, bold=True, width=_BOX)
    pages.set_xy(x + 4, y + 17)
    pages.write_text(below, 8, width=_BOX)


def _excerpt(pages: _Pages, note: str) -> str:
    """As much of a note as fits the box in two lines, its own line breaks as spaces."""
    plain = " ".join(note.split())
    short = plain if len(plain) <= _SHORT else f"{plain[:_SHORT]} …"
    end = min(len(plain), _SHORT)
    # Letters differ in width, and some are written as their number: only the page knows how many fit.
    while pages.lines(short, 8, _BOX) > 2:
        end -= 1
        short = f"{plain[:end]} …"
    return short


def _line(number: int, field: Field) -> list[str]:
    record = field.record
    probability = percent(record.probability) if record.status == "read" and record.probability is not None else ""
    votes = {vote.network: MARKS[vote.label].glyph for vote in record.votes}
    strip = " ".join(votes.get(network, "–") for network in TITLES) if votes else ""
    found = [*([record.reason] if record.reason else []), *checks(record)]
    return [str(number), field.file, mark_of(record).chip, probability, strip, spoken(field.verdict, field.suggestion), " ".join(found)]


def _field(pages: _Pages, field: Field, evidence: Evidence | None, place: str) -> None:
    pages.write_text(field.file, 11, bold=True, anywhere=True)
    pages.write_text(place, 8, colour=_GREY)
    pages.ln(2)
    _verdict(pages, field, evidence)
    if field.record.votes:
        _votes(pages, field, evidence)
    if field.cells:
        _cells(pages, field)
    _sources(pages, field)


def _verdict(pages: _Pages, field: Field, evidence: Evidence | None) -> None:
    top, left, width = pages.get_y(), _LEFT, _WIDTH
    bottom = top
    if evidence is not None:
        bottom = top + _picture(pages, pictures.outlined(evidence), left, top, 84, f"Field {field.file}, cells outlined") + 2
        left, width = left + 90, width - 90
    record = field.record
    pages.set_left_margin(left)
    pages.set_xy(left, top)
    _heading(pages, mark_of(record), 18)
    pages.ln(1)
    for text in _sentences(field):
        pages.set_x(left)
        pages.write_text(text, 9, width=width)
        pages.ln(1)
    if record.status == "read" and record.consensus:
        _bars(pages, record.consensus, left, width)
    _own(pages, field, left, width)
    pages.set_left_margin(_LEFT)
    pages.set_xy(_LEFT, max(bottom, pages.get_y()))
    if evidence is None:
        pages.write_text("Pictures are not part of this report: none was kept, or other weights read it now.", 8, colour=_GREY)


def _heading(pages: _Pages, mark: Mark, size: float, *, bold: bool = True) -> None:
    """Mark and word, the mark in its colour, from the current place on; goes on below it."""
    left = pages.get_x()
    pages.set_font(FAMILY, "B" if bold else "", size)
    pages.set_text_color(*_rgb(mark))
    pages.cell(pages.get_string_width(mark.glyph) + size / 8, size / 2, mark.glyph, new_x=XPos.RIGHT, new_y=YPos.TOP)
    pages.set_text_color(*_INK)
    pages.cell(pages.get_string_width(mark.word), size / 2, mark.word, new_x=XPos.RIGHT, new_y=YPos.NEXT)
    pages.set_x(left)


def _rgb(mark: Mark) -> tuple[int, int, int]:
    red, green, blue = (int(mark.colour[index : index + 2], 16) for index in (1, 3, 5))
    return red, green, blue


def _sentences(field: Field) -> list[str]:
    record = field.record
    found = [record.reason] if record.reason else []
    if record.status == "read" and record.probability is not None:
        of = record.leading if record.suggestion == UNIDENTIFIED else None
        agree = f"{record.agreement} of {len(record.votes)} networks agree"
        found.append(f"{percent(record.probability)} probability{f' of {of}' if of else ''} · {agree}")
    found.extend(field.remarks)
    doubts = checks(record)
    return [*found, *([f"Check: {' '.join(doubts)}"] if doubts else []), *record.notices]


def _bars(pages: _Pages, shares: Sequence[float], left: float, width: float) -> None:
    for label, value in zip(LABELS, shares, strict=True):
        y = pages.get_y()
        mark = MARKS[label]
        pages.set_x(left)
        _heading(pages, mark, 8, bold=False)
        pages.set_fill_color(*_PALE)
        pages.rect(left + 30, y + 0.4, width - 48, 3, style="F")
        pages.set_fill_color(*_rgb(mark))
        pages.rect(left + 30, y + 0.4, max(0.3, (width - 48) * value), 3, style="F")
        pages.set_xy(left + width - 17, y)
        pages.write_text(percent(value), 8, bold=value == max(shares), width=17, align="R")
        pages.set_y(y + 5)


def _own(pages: _Pages, field: Field, left: float, width: float) -> None:
    """The reader's own verdict and note."""
    pages.set_xy(left, pages.get_y() + 2)
    by = f", {field.judged_by} on {clock(field.judged)}" if field.judged else ""
    pages.write_text(f"Reader: {spoken(field.verdict, field.suggestion)}{by}", 9, bold=True, width=width)
    if field.verdict.note:
        pages.set_x(left)
        pages.write_text(field.verdict.note, 9, width=width)


def _votes(pages: _Pages, field: Field, evidence: Evidence | None) -> None:
    pages.room(70)
    pages.title_line("Five votes")
    record = field.record
    voted = {vote.network: vote for vote in record.votes}
    found = pictures.maps(evidence, {vote.network: vote.label for vote in record.votes}) if evidence else {}
    top, step = pages.get_y(), _WIDTH / len(TITLES)
    lowest = top
    for index, (network, title) in enumerate(TITLES.items()):
        x = _LEFT + index * step
        pages.set_xy(x, top)
        pages.write_text(title, 8, bold=True, width=step - 3)
        y = top + 5
        if network in found:
            y += _picture(pages, found[network], x, y, step - 3, f"Map of {title}") + 1.5
        pages.set_xy(x, y)
        vote = voted.get(network)
        share = percent(max(vote.probabilities)) if vote else ""
        if vote:
            _heading(pages, MARKS[vote.label], 9)
        else:
            pages.write_text("Not available", 9, bold=True, width=step - 3)
        pages.set_x(x)
        differs = vote is not None and network in record.dissenters
        pages.write_text(f"{share}{' · differs' if differs else ''}", 8, colour=_GREY, width=step - 3)
        lowest = max(lowest, pages.get_y())
    pages.set_xy(_LEFT, lowest + 1)
    if found:
        pages.write_text(_MAPS, 7.5, colour=_GREY)


def _picture(pages: _Pages, picture: pictures.Picture, x: float, y: float, width: float, alt: str) -> float:
    """Draw a picture no higher than wide; how high it is, in mm."""
    height = width * float(picture.shape[0] / picture.shape[1])
    shrink = min(1.0, width / height)
    pages.image(pictures.jpeg(picture), x, y, width * shrink, height * shrink, alt_text=shown(alt, range(32, 0x2000)))
    return height * shrink


def _cells(pages: _Pages, field: Field) -> None:
    count = len(field.cells)
    pages.title_line("1 cell" if count == 1 else f"{count} cells")
    columns = [name for name in _DETAILS if name in field.cells[0]]
    rows = [[_figure(cell.get(name)) for name in columns] for cell in field.cells]
    widths = [_WIDTH / len(columns)] * len(columns)
    pages.rows(widths, [[_COLUMNS.get(name, name.replace("_", " ").capitalize()) for name in columns], *rows], 7)


def _figure(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.2f}" if isinstance(value, float) else str(value if value is not None else "")


def _sources(pages: _Pages, field: Field) -> None:
    """Everything that it takes to read this field again."""
    document = field.document
    facts = {
        "SHA-256 of the file": field.sha256,
        "Flags": "; ".join(document["flags"]) or "none",
        "Thresholds": "; ".join(described(field.thresholds)),
        "Engine": document["engine"],
        "Software": ", ".join(f"{name} {version}" for name, version in field.versions.items()),
        **{f"Weights of {TITLES.get(name, name)}": sha256 for name, sha256 in document["weights"].items()},
        "Read it again": field.command,
    }
    pages.title_line("Where these numbers come from")
    for key, value in facts.items():
        if not value:
            continue
        pages.room(6)
        pages.write_text(key, 7.5, colour=_GREY, width=44, ends=False)
        pages.set_x(_LEFT + 44)
        pages.write_text(value, 7.5, width=_WIDTH - 44, anywhere=len(value.split(" ")[0]) > 40)
        pages.set_x(_LEFT)
