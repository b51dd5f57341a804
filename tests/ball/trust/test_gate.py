from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage import data as samples

from ball import synthetic
from ball.perturb import brightness
from ball.segmentation import segment
from ball.trust.appearance import GROUP_OF, GROUPS, NAMES, describe, described
from ball.trust.familiarity import Familiarity, remember
from ball.trust.gate import NO_NUCLEI, examine
from tests.trust_files import familiarity

FIELD = synthetic.draw(1001, (96, 128))


def look(rgb: np.ndarray, refuse: float = 3.0):  # type: ignore[no-untyped-def]
    found = segment(rgb, size=(96, 96))
    return examine(describe(found), found.empty, familiarity(), refuse)


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_any_picture_is_described_in_finite_figures(rgb: np.ndarray) -> None:
    values = describe(segment(rgb)).values
    assert values.shape == (len(NAMES),)
    assert np.isfinite(values).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_figures_are_those_of_the_pixels_themselves(seed: int) -> None:
    """Taken from counts, but the same: the bank of the fields of training was made from the pixels."""
    found = segment(synthetic.draw(seed, (96, 128)), size=(96, 96))
    inside, outside = (found.lab[where].astype(np.float64) for where in (found.mask, ~found.mask))
    values = dict(zip(NAMES, describe(found).values, strict=True))
    for name, expected in {
        "background a 5": np.percentile(outside[:, 1], 5),
        "background b 95": np.percentile(outside[:, 2], 95),
        "background L 25": np.percentile(outside[:, 0], 25),
        "nuclei a mean": inside[:, 1].mean(),
        "nuclei b spread": inside[:, 2].std(),
        "contrast": outside[:, 0].mean() - inside[:, 0].mean(),
        "L with b": np.corrcoef(found.lab[::2, ::2].reshape(-1, 3).T)[0, 2],
        "burnt out": np.log((found.resized.min(axis=2) >= 250).mean() + 1e-3),
        "drowned": np.log((found.resized.max(axis=2) <= 10).mean() + 1e-3),
    }.items():
        assert values[name] == pytest.approx(expected, abs=1e-9), name


def test_a_field_as_the_camera_gives_it_is_described_as_its_copy() -> None:
    large = synthetic.draw(5, (768, 1024))
    small = cv2.resize(large, (224, 224), interpolation=cv2.INTER_LINEAR)
    copy = cv2.imdecode(cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1], cv2.IMREAD_COLOR)[:, :, ::-1].copy()
    assert described(large, segment(large)).values == pytest.approx(describe(segment(copy)).values)
    assert described(copy, segment(copy)).values == pytest.approx(describe(segment(copy)).values)
    assert describe(segment(large)).values != pytest.approx(describe(segment(copy)).values, abs=0.05)
    # One that is larger still is first halved, so that what lies between pixels does not turn into grain.
    larger = cv2.resize(large, (3072, 2304), interpolation=cv2.INTER_CUBIC)
    assert described(larger, segment(larger)).values == pytest.approx(describe(segment(copy)).values, rel=0.01, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_any_picture_of_another_size_is_described_in_finite_figures(rgb: np.ndarray) -> None:
    assert np.isfinite(described(rgb, segment(rgb)).values).all()


def test_every_figure_belongs_to_a_group_that_has_words() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(GROUP_OF)
    assert set(GROUP_OF) == set(GROUPS)


def test_a_field_like_those_remembered_passes_without_a_flag() -> None:
    found = look(FIELD)
    assert found.refusal is None
    assert found.strangeness < 3


def test_a_photograph_is_refused_with_a_reason_in_words() -> None:
    found = look(samples.astronaut())
    assert found.refusal is not None
    assert found.refusal.startswith("Not like the validated smears: ")
    assert any(words in found.refusal for words in GROUPS.values())
    assert found.flags[0] == f"not_a_smear: {found.refusal}"


def test_stranger_pictures_are_stranger() -> None:
    strangeness = [look(rgb).strangeness for rgb in (FIELD, brightness(FIELD, 0.7), 255 - FIELD)]
    assert strangeness == sorted(strangeness)
    assert strangeness[2] > 3 * strangeness[0]


def test_between_flag_and_refusal_a_field_is_flagged_only() -> None:
    found = look(brightness(FIELD, 0.7), refuse=1e9)
    assert found.refusal is None
    assert found.flags[0].startswith("unfamiliar: Unlike the validated smears in ")
    assert any(flag.startswith("dark: ") for flag in found.flags)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 3), "blurred", "more blurred"),
        (lambda rgb: brightness(rgb, 1.5), "bright", "over-exposed"),
        (lambda rgb: brightness(rgb, 0.4), "dark", "darker"),
        (lambda rgb: cv2.resize(rgb[36:60, 48:80], (128, 96)), "nucleus_size", "check the magnification"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_words(change: Any, code: str, words: str) -> None:
    said = {flag.partition(": ")[0]: flag for flag in look(change(FIELD), refuse=1e9).flags}
    assert words in said[code]


def test_a_picture_without_a_nucleus_is_refused_for_that() -> None:
    found = look(np.full((96, 96, 3), 230, np.uint8))
    assert (found.refusal, found.flags) == (NO_NUCLEI, (f"no_nuclei: {NO_NUCLEI}",))


def test_ninety_nine_of_a_hundred_validation_fields_keep_within_one() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(400, len(NAMES)))
    known = remember(values[:300], values[300:])
    assert (known.strangeness(values[300:]) <= 1).mean() == pytest.approx(0.99, abs=0.011)
    assert (known.strangeness(values[:300]) < known.strangeness(values[:300] + 10)).all()
    assert (known.strangeness(values[300:]) <= known.usual).mean() == pytest.approx(0.9, abs=0.011)


def test_what_is_validated_speaks_in_full_up_to_the_usual_and_not_at_all_beyond_one() -> None:
    known = replace(familiarity(), usual=0.8)
    assert known.vouched(np.array([0.0, 0.8, 0.9, 1.0, 50.0])) == pytest.approx([1, 1, 0.5, 0, 0])
    # Where the validation fields that are strangest are alike there is nothing between.
    assert replace(known, usual=1.0).vouched(np.array([0.99, 1.0, 1.01])) == pytest.approx([1, 0, 0])
    with pytest.raises(ValueError, match="usual strangeness"):
        replace(known, usual=1.2)


def test_a_memory_checks_its_shapes() -> None:
    known = familiarity()
    with pytest.raises(ValueError, match="figures"):
        Familiarity(known.centre[:3], known.low, known.high, known.whiten, known.bank, known.unit, known.usual)
    with pytest.raises(ValueError, match="more than"):
        Familiarity(known.centre, known.low, known.high, known.whiten, known.bank[:3], known.unit, known.usual)
