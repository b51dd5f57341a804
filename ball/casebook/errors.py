"""What can go wrong with a case book, in sentences that say what to do."""

from __future__ import annotations

from datetime import UTC, tzinfo

from ball.casebook.values import clock


class CaseBookError(RuntimeError):
    """The case book cannot be used, or refuses; the text says what to do."""

    def told(self, zone: tzinfo = UTC) -> str:  # noqa: ARG002
        """The text, with its times as they are in a time zone."""
        return str(self)


class NoSuchCaseError(CaseBookError):
    """There is no case of that number, or it was purged."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no case {key}. It may have been erased.")


class CaseDeletedError(CaseBookError):
    """The case was deleted; it takes no change until it is restored."""

    def __init__(self, key: str, who: str) -> None:
        super().__init__(f"{who} deleted case {key}. Restore it in the Case book, under Deleted, and save again.")


class CaseChangedError(CaseBookError):
    """Someone else saved the case after it was opened here. Nothing was overwritten.

    ``who`` and ``when`` (ISO 8601, UTC) say by whom and when.
    """

    def __init__(self, key: str, who: str, when: str) -> None:
        self.key, self.who, self.when = key, who, when
        super().__init__(self.told())

    def told(self, zone: tzinfo = UTC) -> str:
        """The text, with its times as they are in a time zone."""
        return (
            f"{self.who or 'Someone'} changed case {self.key} on {clock(self.when, zone)}, after you opened it. Nothing was overwritten, "
            "and what you entered is still on your screen. Open the case anew, look at what changed, then save yours."
        )
