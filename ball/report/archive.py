"""A case or a visit as a ZIP: report, tables, and the pictures as they were seen. No name inside comes from a file's own name."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from ball.export import readings_csv, readings_json
from ball.report import pictures
from ball.report.pdf import NOTICE, pdf_of
from ball.report.values import Drawn, Report, passed

if TYPE_CHECKING:
    from ball.casebook.values import Field
    from ball.reading import Evidence


def zip_of(report: Report, drawn: Drawn = passed) -> bytes:
    """report.pdf, readings.json, readings.csv, and a folder of PNG files a field: field, outlines, mask, maps."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(number: int, field: Field, evidence: Evidence | None) -> None:
            for name, data in _pictures(field, evidence).items():
                # A PNG is packed already.
                archive.writestr(f"fields/{number:03d}-{field.sha256[:8] or 'unread'}/{name}.png", data, zipfile.ZIP_STORED)
            drawn(number, field, evidence)

        archive.writestr("NOTICE.txt", f"{NOTICE}\nReaders' names and file names are in the report and the tables.\n")
        archive.writestr("readings.json", readings_json(report.documents()))
        archive.writestr("readings.csv", readings_csv(report.documents()))
        archive.writestr("report.pdf", pdf_of(report, add))
    return stream.getvalue()


def _pictures(field: Field, evidence: Evidence | None) -> dict[str, bytes]:
    if evidence is None:
        return {}
    votes = {vote.network: vote.label for vote in field.record.votes}
    seen = {"field": evidence.rgb, "outlined": pictures.outlined(evidence), "seen-by-networks": evidence.segmentation.masked}
    maps = {f"map-{network}-{votes[network]}": picture for network, picture in pictures.maps(evidence, votes).items()}
    return {name: pictures.png(picture) for name, picture in {**seen, **maps}.items()}
