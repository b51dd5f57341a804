from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ball.images import decode
from ball.segmentation import (
    CLUSTERS,
    MAX_MIN_OBJECT,
    MIN_CONTRAST,
    MIN_OBJECT,
    SCALE_BAR,
    SIZE,
    Parameters,
    Segmentation,
    resize,
    segment,
)

Rgb = NDArray[np.uint8]
PAPER, STAIN = (228, 222, 214), (120, 60, 150)
STEPS = ["resized", "lab", "a_star", "clusters", "binary", "filled", "cleaned", "masked"]


def smear(shape: tuple[int, int] = (224, 224), *nuclei: tuple[int, int, int], noise: int = 4) -> Rgb:
    """A drawn field: pale ground, violet discs (x, y, radius, in pixels at 224 x 224), a little noise."""
    height, width = shape
    canvas = np.full((height, width, 3), PAPER, dtype=np.uint8)
    for x, y, radius in nuclei:
        centre, axes = (x * width // SIZE, y * height // SIZE), (max(radius * width // SIZE, 1), max(radius * height // SIZE, 1))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, STAIN, -1)
    jitter = np.random.default_rng(0).integers(-noise, noise + 1, canvas.shape)
    return np.clip(canvas.astype(int) + jitter, 0, 255).astype(np.uint8)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


# ---------------------------------------------------------------- what is found


def test_the_defaults_are_those_of_the_published_weights() -> None:
    assert (CLUSTERS, MIN_OBJECT, SIZE, SCALE_BAR) == (3, 60, 224, (24, 48))


def test_drawn_nuclei_are_found_where_they_were_drawn() -> None:
    nuclei = [(60, 60, 18), (150, 80, 25), (90, 160, 14)]
    found = segment(smear((224, 224), *nuclei))
    truth = np.zeros((224, 224), dtype=np.uint8)
    for x, y, radius in nuclei:
        cv2.circle(truth, (x, y), radius, 1, -1)
    assert found.count == 3
    assert overlap(found.mask, truth.astype(bool)) > 0.97
    assert not found.empty
    assert list(found.centres) == sorted(found.centres)
    assert found.centres[-1] - found.centres[0] > MIN_CONTRAST


def noisy_white() -> Rgb:
    """White paper under a noisy camera, through a JPEG of low quality."""
    noise = np.random.default_rng(1).normal(235, 4, (224, 224, 3))
    _, coded = cv2.imencode(".jpg", np.clip(noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 50])
    return decode(coded.tobytes()).rgb


FLAT = {
    "white": np.full((224, 224, 3), 255, dtype=np.uint8),
    "black": np.zeros((300, 400, 3), dtype=np.uint8),
    "violet": np.full((224, 224, 3), STAIN, dtype=np.uint8),
    "ramp of grey": np.repeat(np.tile(np.arange(224, dtype=np.uint8), (224, 1))[:, :, None], 3, axis=2),
    "noisy paper": noisy_white(),
    "empty smear": smear(),
}


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("clusters", [2, 3, 4])
def test_a_field_without_stain_gives_an_empty_mask(name: str, clusters: int) -> None:
    found = segment(FLAT[name], Parameters(clusters))
    assert found.empty
    assert found.count == 0
    assert not found.masked.any()
    assert len(list(found.steps())) == len(STEPS)


def test_small_objects_go_and_holes_are_filled() -> None:
    rgb = smear((224, 224), (60, 60, 20), (150, 60, 3), (150, 150, 25))
    cv2.circle(rgb, (150, 150), 10, PAPER, -1)
    found = segment(rgb)
    assert found.binary[60, 150]
    assert not found.cleaned[60, 150]
    assert not found.binary[150, 150]
    assert found.filled[150, 150]
    assert found.cleaned[150, 150]
    assert found.count == 2
    assert segment(rgb, Parameters(min_object=0)).count == 3
    assert segment(rgb, Parameters(min_object=1500)).count == 1


def test_a_small_gap_at_the_border_is_filled_and_a_large_one_stays() -> None:
    rgb = smear((224, 224), noise=0)
    rgb[:60, 60:140] = STAIN
    rgb[:5, 70:76] = PAPER
    rgb[:20, 100:120] = PAPER
    mask = segment(rgb).mask
    assert mask[2, 72]
    assert not mask[2, 110]


@pytest.mark.parametrize("shape", [(224, 224), (768, 1024)])
def test_the_corner_of_the_scale_bar_is_cleared(shape: tuple[int, int]) -> None:
    rgb = smear(shape, (60, 60, 20))
    height, width = (round(side * share / SIZE) for side, share in zip(shape, SCALE_BAR, strict=True))
    rgb[-height + 4 : -4, -width + 4 : -4] = STAIN
    assert segment(rgb, size=None).count == 1
    assert not segment(rgb, size=None).mask[-height:, -width:].any()
    assert segment(rgb, Parameters(clusters=2, clear_scale_bar=False), size=None).mask[-height:, -width:].any()


def test_the_cleared_corner_is_never_taken_for_a_hole() -> None:
    rgb = smear((224, 224), noise=0)
    rgb[100:, 100:] = STAIN
    found = segment(rgb, Parameters(min_object=4000))
    assert found.count == 1
    assert not found.mask[-SCALE_BAR[0] :, -SCALE_BAR[1] :].any()


def test_with_the_largest_least_area_nothing_is_found_rather_than_everything() -> None:
    found = segment(smear((224, 224), (60, 60, 20)), Parameters(min_object=MAX_MIN_OBJECT))
    assert found.empty


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clusters": 1}, "clusters must be 2 to 8, got 1"),
        ({"clusters": 9}, "clusters must be 2 to 8, got 9"),
        ({"min_object": -1}, "min_object must be 0 to 5000 pixels, got -1"),
        ({"min_object": 5001}, "min_object must be 0 to 5000 pixels, got 5001"),
    ],
)
def test_parameters_say_what_was_expected_and_what_came(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(**wrong)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 5), dtype=np.uint8), r"expected shape \(height, width, 3\), got \(5, 5\)"),
        (np.zeros((5, 5, 4), dtype=np.uint8), r"got \(5, 5, 4\)"),
        (np.zeros((0, 5, 3), dtype=np.uint8), r"got \(0, 5, 3\)"),
        (np.zeros((5, 5, 3), dtype=np.float32), "got dtype float32"),
        ([[1, 2, 3]], "got list"),
    ],
)
def test_what_is_no_rgb_array_is_refused(array: Rgb, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segment(array)


# ---------------------------------------------------------------- the steps


def test_steps_come_in_order_each_ready_to_be_shown() -> None:
    found = segment(smear((300, 400), (60, 60, 20)))
    steps = list(found.steps())
    assert [step.name for step in steps] == STEPS
    assert len({step.title for step in steps}) == len(STEPS)
    for step in steps:
        assert step.image.dtype == np.uint8
        assert step.image.shape[:2] == (224, 224)
    shown = {step.name: step.image for step in steps}
    for name in ("binary", "filled", "cleaned"):
        assert set(np.unique(shown[name])) == {0, 255}
    assert np.array_equal(shown["cleaned"] == 255, found.mask)
    assert np.array_equal(shown["a_star"], shown["lab"][:, :, 1])
    assert set(np.unique(shown["clusters"])) == {0, 127, 255}


def test_the_masked_image_is_image_and_mask() -> None:
    found = segment(smear((224, 224), (60, 60, 20), (150, 80, 25)))
    expected = cv2.bitwise_and(found.resized, found.resized, mask=found.mask.astype(np.uint8))
    assert np.array_equal(found.masked, expected)
    assert np.array_equal(found.masked[found.mask], found.resized[found.mask])


def test_the_source_is_left_as_it_was_and_may_lie_in_memory_as_it_likes() -> None:
    rgb = smear((224, 224), (60, 60, 20))
    kept = rgb.copy()
    bgr_view = np.ascontiguousarray(rgb[:, :, ::-1])[:, :, ::-1]
    rgb.setflags(write=False)
    assert np.array_equal(segment(bgr_view).mask, segment(rgb).mask)
    assert np.array_equal(rgb, kept)


@pytest.mark.parametrize("shape", [(768, 1024), (480, 640), (112, 112)])
def test_other_sizes_of_one_field_give_one_mask(shape: tuple[int, int]) -> None:
    nuclei = [(60, 60, 18), (150, 80, 25), (90, 160, 14)]
    reference = segment(smear((224, 224), *nuclei))
    squeezed = segment(smear(shape, *nuclei))
    assert squeezed.mask.shape == (224, 224)
    full = segment(smear(shape, *nuclei), size=None)
    assert full.mask.shape == shape
    assert squeezed.count == full.count == reference.count == 3
    assert overlap(squeezed.mask, reference.mask) > 0.92
    brought = cv2.resize(full.mask.astype(np.uint8), (224, 224), interpolation=cv2.INTER_AREA).astype(bool)
    assert overlap(brought, reference.mask) > 0.9


SIDES = st.sampled_from([1, 2, 3, 7, 31, 224, 300])
SHAPES = st.one_of(st.tuples(SIDES, SIDES), st.sampled_from([(1, 5000), (5000, 1), (2, 40_000)]))


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1), st.integers(2, 8), st.sampled_from([0, 60, MAX_MIN_OBJECT]), st.booleans(), st.booleans())
def test_any_picture_gives_whole_values(shape: tuple[int, int], seed: int, clusters: int, least: int, bar: bool, full: bool) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = segment(rgb, Parameters(clusters, least, bar), size=None if full else (SIZE, SIZE))
    check_whole(found, shape if full else (SIZE, SIZE))


def check_whole(found: Segmentation, size: tuple[int, int]) -> None:
    for picture in (found.resized, found.lab, found.masked):
        assert (picture.shape, picture.dtype) == ((*size, 3), np.uint8)
    for plane in (found.a_star, found.clusters):
        assert (plane.shape, plane.dtype) == (size, np.uint8)
    for mask in (found.binary, found.filled, found.cleaned):
        assert (mask.shape, mask.dtype) == (size, np.bool_)
    assert not (found.binary & ~found.filled).any()
    assert found.clusters.max() == len(found.centres) - 1
    assert found.count == cv2.connectedComponents(found.mask.astype(np.uint8), connectivity=8)[0] - 1
    assert found.empty == (found.count == 0)


def test_resize_squeezes_and_never_crops() -> None:
    rgb = np.zeros((768, 1024, 3), dtype=np.uint8)
    rgb[:, 512:] = 255
    small = resize(rgb, (224, 224))
    assert small.shape == (224, 224, 3)
    assert not small[:, :112].any()
    assert (small[:, 112:] == 255).all()
    assert resize(rgb, None) is rgb


# ---------------------------------------------------------------- real fields


def sample(data: Path, label: str) -> list[Path]:
    paths = sorted((data / "all" / label).iterdir())
    return paths[:: max(len(paths) // 20, 1)][:20]


@pytest.mark.data
@pytest.mark.parametrize("label", ["Benign", "Early", "Pre", "Pro"])
def test_no_real_field_comes_out_empty_or_full(data: Path, label: str) -> None:
    paths = sample(data, label)
    assert len(paths) == 20
    for path in paths:
        found = segment(decode(path.read_bytes()).rgb)
        assert 0.003 < found.mask.mean() < 0.6, path.name
        assert found.count >= 1, path.name


@pytest.mark.data
def test_original_fields_give_the_mask_of_their_squeezed_copies(data: Path) -> None:
    originals = sorted((data / "hires").rglob("*.jpg"))
    assert len(originals) == 5
    for path in originals:
        rgb = decode(path.read_bytes()).rgb
        copy = squeezed_copy(data / "all" / path.parent.name, rgb)
        at_224, full, stored = segment(rgb), segment(rgb, size=None), segment(copy)
        assert at_224.mask.shape == stored.mask.shape
        assert overlap(at_224.mask, stored.mask) > 0.85, path.name
        brought = cv2.resize(full.mask.astype(np.float32), (224, 224), interpolation=cv2.INTER_AREA) > 0.5
        assert overlap(at_224.mask, brought) > 0.8, path.name


def squeezed_copy(folder: Path, rgb: Rgb) -> Rgb:
    """The field of the set that shows the same picture; the picture's own JPEG squeeze where it is withheld."""
    small = resize(rgb, (224, 224))
    wanted = thumbnail(small)
    found = [decode(path.read_bytes()).rgb for path in sorted(folder.iterdir())]
    alike = [float(thumbnail(each) @ wanted) for each in found]
    if max(alike) > 0.97:
        return found[int(np.argmax(alike))]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return decode(coded.tobytes()).rgb


def thumbnail(rgb: Rgb) -> NDArray[np.float32]:
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-6)
