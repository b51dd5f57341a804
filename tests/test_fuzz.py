"""A sample of `benchmarks/fuzz.py`: broken files of every kind, each with a result or a sentence, quickly and in little memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ball.images import MAX_PIXELS
from benchmarks import fuzz
from benchmarks.samples import SAMPLES
from tests.sentences import assert_plain

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).resolve().parent.parent
COUNT = 300
SLOW = {"flood", "bomb", "large DICOM", "too many files", "DICOM of many frames"}
CASES = [case for case in fuzz.cases(COUNT, seed=7) if case.kind.split(",")[0] not in SLOW]


@pytest.fixture(scope="module")
def peak() -> fuzz.Peak:
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is counted as Linux does")
    return fuzz.Peak()


@pytest.mark.parametrize("kind", sorted({case.kind for case in CASES}))
def test_a_broken_file_gives_pictures_or_sentences(kind: str, peak: fuzz.Peak) -> None:
    for case in CASES:
        if case.kind == kind:
            content, held = case.content(), peak.start()
            found, slowest = fuzz.outcomes(content)
            assert found, case
            assert slowest < fuzz.SECONDS, case
            assert peak.most() - held < fuzz.MEMORY, case
            for outcome in found:
                if outcome != "picture":
                    assert_plain(ValueError(outcome.removeprefix("refused: ")))


@pytest.mark.parametrize("name", ["flood, WebP", "flood, WebP of noise"])
def test_the_heaviest_files_are_held_to_the_limits_too(name: str, peak: fuzz.Peak) -> None:
    content, held = fuzz.HOSTILE[name](), peak.start()
    found, slowest = fuzz.outcomes(content)
    assert found == ["picture"]
    assert slowest < fuzz.SECONDS
    assert peak.most() - held < fuzz.MEMORY


def test_the_sample_has_every_kind_and_every_change() -> None:
    assert {case.kind for case in CASES if case.changes} == set(SAMPLES)
    assert {change for case in CASES for change in case.changes} == set(fuzz.MUTATIONS)
    assert len([case for case in CASES if case.changes]) == COUNT


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_not_broken_is_read(name: str) -> None:
    found, _ = fuzz.outcomes(SAMPLES[name]())
    assert set(found) == {"picture"}


def test_a_fault_is_told_from_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.images.decoding.Image.open", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fuzz.outcomes(SAMPLES["PNG"]())


def test_the_committed_result_is_of_this_script_and_without_fault() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "fuzz.json").read_text(encoding="utf-8"))
    assert found["files"] >= 5000
    assert set(found["kinds"]) == {*SAMPLES, *fuzz.HOSTILE}
    assert set(found["changes"]) == set(fuzz.MUTATIONS)
    assert found["page"]["files"] >= 100
    assert not found["faults"]
    assert not found["over_the_limits"]
    assert not found["page"]["faults"]
    assert not found["page"]["without_an_answer"]
    assert not found["page"]["names_as_markup"]
    assert found["limits"] == {"processor_seconds": fuzz.SECONDS, "grown_MB": fuzz.MEMORY}


def test_the_floods_are_as_large_as_is_read() -> None:
    assert 0.99 * MAX_PIXELS < 4900 * 5100 <= MAX_PIXELS
