"""A case to take along: a PDF, and a ZIP with the pictures as they were seen."""

from ball.report.archive import zip_of
from ball.report.pdf import pdf_of
from ball.report.values import Report, Sheet, evidence_of, of_case

__all__ = ["Report", "Sheet", "evidence_of", "of_case", "pdf_of", "zip_of"]
