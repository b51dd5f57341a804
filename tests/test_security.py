"""Every promise of SECURITY.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_is_there() -> None:
    promises = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(promises) > 10
    for promise in promises:
        named = re.findall(r"`(tests/[\w/.]+)?(?:::(\w+))?`", promise.rsplit("|", 2)[1])
        assert named, promise
        last = ""
        for path, function in named:
            last = path or last
            assert (ROOT / last).exists(), last
            if function:
                assert f"def {function}(" in (ROOT / last).read_text(encoding="utf-8"), f"{last}::{function}"


def test_no_video_is_ever_opened() -> None:
    """Pictures are decoded by Pillow and by OpenCV's own readers of pictures; FFmpeg, in its package, by nobody."""
    files = [ROOT / "app.py", *(path for folder in ("ball", "pages") for path in (ROOT / folder).rglob("*.py"))]
    for path in files:
        assert not re.search(r"Video(?:Capture|Writer)|videoio", path.read_text(encoding="utf-8")), path


def test_the_limits_are_those_of_the_code() -> None:
    from ball import archive, images
    from benchmarks import fuzz
    from pages._parts import worklist

    assert f"{images.MAX_BYTES // 2**20} MiB and {images.MAX_PIXELS // 10**6} million pixels" in TEXT
    assert f"{archive.MAX_MEMBERS:,} files, {archive.MAX_UNPACKED // 2**20} MiB and {archive.MAX_RATIO} times" in TEXT
    assert f"{worklist.HELD // 2**30} GiB of them" in TEXT
    assert f"last {worklist.REMEMBERED} keep their maps" in TEXT
    assert f"{fuzz.SECONDS:.0f} seconds of the processor for a step nor {fuzz.MEMORY} MB" in TEXT


def test_the_commands_name_files_that_are_there() -> None:
    for name in set(re.findall(r"[\w/.-]+\.(?:py|json|lock|txt|example)\b", TEXT)):
        assert (ROOT / name).exists(), name
