"""A case as a ZIP: report, tables, and the pictures as they were seen. No name inside comes from a file's own name."""

from __future__ import annotations

import io
import zipfile

from ball.export import readings_csv, readings_json
from ball.report import pictures
from ball.report.pdf import NOTICE, pdf_of
from ball.report.values import Report, Sheet


def zip_of(report: Report) -> bytes:
    """report.pdf, readings.json, readings.csv, and a folder of PNG files a field: field, outlines, mask, maps."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("NOTICE.txt", f"{NOTICE}\nReaders' names and file names are in the report and the tables.\n")
        archive.writestr("report.pdf", pdf_of(report))
        archive.writestr("readings.json", readings_json(report.documents()))
        archive.writestr("readings.csv", readings_csv(report.documents()))
        for number, sheet in enumerate(report.sheets, start=1):
            for name, data in _pictures(sheet).items():
                archive.writestr(f"fields/{number:03d}-{sheet.field.sha256[:8] or 'unread'}/{name}.png", data)
    return stream.getvalue()


def _pictures(sheet: Sheet) -> dict[str, bytes]:
    if sheet.evidence is None:
        return {}
    votes = {vote.network: vote.label for vote in sheet.field.record.votes}
    masked = sheet.evidence.segmentation.masked
    seen = {"field": sheet.evidence.rgb, "outlined": pictures.outlined(sheet.evidence), "seen-by-networks": masked}
    maps = {f"map-{network}-{votes[network]}": picture for network, picture in pictures.maps(sheet.evidence, votes).items()}
    return {name: pictures.png(picture) for name, picture in {**seen, **maps}.items()}
