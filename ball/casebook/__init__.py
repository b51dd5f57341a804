"""The case book: cases, readings and verdicts that are kept, with an append-only audit. Imports no torch."""

from ball.casebook.book import CaseBook
from ball.casebook.errors import CaseBookError, CaseChangedError, CaseDeletedError, NoSuchCaseError
from ball.casebook.values import AuditLine, Case, Field, Summary

__all__ = [
    "AuditLine", "Case", "CaseBook", "CaseBookError", "CaseChangedError", "CaseDeletedError", "Field", "NoSuchCaseError", "Summary",
]  # fmt: skip
