from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ball.training.augment import Augmentation, augment

STILL = Augmentation(zoom=(1.0, 1.0), squeeze=0, stain=0, shift=0, light=0, rotate=False)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch() -> torch.Tensor:
    """Four masked fields: a violet square off the centre on black."""
    images = torch.zeros(4, 64, 64, 3, dtype=torch.uint8)
    images[:, 10:30, 20:44] = torch.tensor([120, 60, 150], dtype=torch.uint8)
    return images


@pytest.mark.parametrize("side", [16, 64, 100])
def test_size_type_and_range(batch: torch.Tensor, side: int) -> None:
    kept = batch.clone()
    found = augment(batch, side, Augmentation(), chance())
    assert found.shape == (4, side, side, 3)
    assert found.dtype == torch.float32
    assert 0 <= float(found.min()) <= float(found.max()) <= 255
    assert torch.equal(batch, kept)


def test_the_generator_is_the_only_chance(batch: torch.Tensor) -> None:
    torch.manual_seed(1)
    one = augment(batch, 32, Augmentation(), chance(5))
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two = augment(batch, 32, Augmentation(), chance(5))
    assert torch.equal(one, two)
    assert not torch.equal(one, augment(batch, 32, Augmentation(), chance(6)))
    torch.manual_seed(1)
    augment(batch, 32, Augmentation(), chance(5))
    assert torch.equal(torch.get_rng_state(), state), "global chance was drawn from"


def test_fields_of_a_batch_are_drawn_apart(batch: torch.Tensor) -> None:
    found = augment(batch, 32, Augmentation(), chance())
    assert not any(torch.equal(found[0], other) for other in found[1:])


def test_black_stays_black_whatever_is_added_to_the_stain(batch: torch.Tensor) -> None:
    how = Augmentation(zoom=(1.0, 1.0), squeeze=0, stain=0.9, shift=0.5, light=0.5, rotate=False)
    found = augment(batch, 64, how, chance())
    lit = (found.amax(dim=3) > 0).float().mean(dim=(1, 2))
    share = 20 * 24 / 64**2
    assert torch.allclose(lit, torch.full((4,), share), rtol=0.25)
    assert not augment(torch.zeros_like(batch), 32, how, chance()).any()


def test_without_changes_only_turns_and_flips_remain(batch: torch.Tensor) -> None:
    batch[:, 12:16, 20:24] = torch.tensor([200, 180, 60], dtype=torch.uint8)
    variants = [turn.float() for image in (batch[0], batch[0].flip(0)) for turn in (torch.rot90(image, k) for k in range(4))]
    seen = set()
    for seed in range(12):
        for image in augment(batch, 64, STILL, chance(seed)):
            gaps = [float((image - variant).abs().mean()) for variant in variants]
            assert min(gaps) < 0.5
            seen.add(gaps.index(min(gaps)))
    assert seen == set(range(8))


def test_zoom_cuts_a_smaller_square_out(batch: torch.Tensor) -> None:
    whole = torch.full_like(batch, 100)
    close = augment(whole, 32, Augmentation(zoom=(0.3, 0.4), squeeze=0, stain=0, shift=0, light=0, rotate=False), chance())
    # Only the outermost pixels blend with what lies beyond the field, at most to (1 - 0.2) squared.
    assert float(close.min()) > 60, "the square lay outside the field"
    far = augment(whole, 32, Augmentation(zoom=(2.0, 2.0), squeeze=0, stain=0, shift=0, light=0, rotate=False), chance())
    assert float((far > 0).float().mean()) == pytest.approx(0.25, abs=0.05)


def test_a_cut_is_never_empty_where_the_field_is_not() -> None:
    images = torch.zeros(8, 64, 64, 3, dtype=torch.uint8)
    images[:, 2:8, 54:60] = 150
    close = Augmentation(zoom=(0.2, 0.3), squeeze=0, stain=0, shift=0, light=0, rotate=False)
    for seed in range(5):
        assert bool((augment(images, 32, close, chance(seed)) > 50).flatten(1).any(dim=1).all())


def test_the_stain_changes_the_colour_within_its_range(batch: torch.Tensor) -> None:
    mild = Augmentation(zoom=(1.0, 1.0), squeeze=0, stain=0.2, shift=0.04, light=0.15, rotate=False)
    found = augment(batch.repeat(8, 1, 1, 1), 64, mild, chance())
    colours = torch.stack([image[image.amax(dim=2) > 0].median(dim=0).values for image in found])
    away = (colours - torch.tensor([120.0, 60.0, 150.0])).abs()
    assert float(away.mean()) > 3
    assert float(away.max()) < 90


def test_nothing_to_change_is_the_same_colour(batch: torch.Tensor) -> None:
    found = augment(batch, 64, STILL, chance())
    for image in found:
        assert image[image.amax(dim=2) > 0].median(dim=0).values.tolist() == pytest.approx([120, 60, 150], abs=0.5)


def stained(*colours: tuple[int, int, int]) -> torch.Tensor:
    """One field a colour: a square with some grain on black."""
    images = torch.zeros(len(colours), 64, 64, 3, dtype=torch.uint8)
    for index, colour in enumerate(colours):
        grain = torch.randint(-12, 13, (20, 24, 1), generator=chance(index))
        images[index, 10:30, 20:44] = (torch.tensor(colour) + grain).clamp(1, 255).to(torch.uint8)
    return images


def mean_colours(found: torch.Tensor) -> torch.Tensor:
    return torch.stack([image[image.amax(dim=2) > 12].mean(dim=0) for image in found])


def test_mixed_fields_bear_the_stain_of_one_another() -> None:
    batch = stained((120, 60, 150), (60, 80, 170), (170, 120, 160))
    own = mean_colours(augment(batch, 64, STILL, chance()))
    for seed in range(8):
        found = mean_colours(augment(batch, 64, replace(STILL, mix=1.0), chance(seed)))
        apart = torch.cdist(found, own)
        # Each colour is handed on as a whole, none twice and none lost.
        assert float(apart.min(dim=1).values.max()) < 4
        assert sorted(apart.argmin(dim=1).tolist()) == [0, 1, 2]
    shares = [int((mean_colours(augment(batch, 64, replace(STILL, mix=0.0), chance(seed))) - own).abs().max() < 1) for seed in range(4)]
    assert all(shares)


def test_a_field_without_nuclei_neither_gives_nor_takes_a_stain() -> None:
    batch = stained((120, 60, 150), (60, 80, 170))
    batch[1] = 0
    own = mean_colours(augment(batch[:1], 64, STILL, chance()))
    for seed in range(6):
        found = augment(batch, 64, replace(STILL, mix=1.0), chance(seed))
        assert not found[1].any()
        assert float((mean_colours(found[:1]) - own).abs().max()) < 1


def test_grey_fields_keep_their_form_and_lose_their_colour() -> None:
    batch = stained((120, 60, 150), (60, 80, 170))
    found = augment(batch, 64, replace(STILL, grey=1.0), chance())
    assert float((found.amax(dim=3) - found.amin(dim=3)).max()) < 1e-3
    assert torch.equal(found.amax(dim=3) > 12, augment(batch, 64, STILL, chance()).amax(dim=3) > 12)


def test_a_window_blanks_what_lies_far_from_a_nucleus_and_changes_nothing_else(batch: torch.Tensor) -> None:
    whole = torch.full_like(batch, 100)
    for seed in range(4):
        found = augment(whole, 64, replace(STILL, window=(0.3, 0.4)), chance(seed))
        lit = (found > 50).all(dim=3)
        assert 0 < float(lit.float().mean()) <= 0.4**2 + 0.02
        assert float(found[lit].min()) == pytest.approx(100, abs=1)
    assert torch.equal(augment(batch, 64, replace(STILL, window=(2.0, 2.0)), chance(3)), augment(batch, 64, STILL, chance(3)))


@given(seed=st.integers(0, 2**32 - 1), mix=st.floats(0, 1), grey=st.floats(0, 1), low=st.floats(0.05, 2))
@settings(max_examples=25, deadline=None)
def test_whatever_is_drawn_is_a_picture(seed: int, mix: float, grey: float, low: float) -> None:
    batch = torch.randint(0, 256, (3, 32, 32, 3), generator=chance(seed), dtype=torch.uint8)
    batch[0] = 0
    found = augment(batch, 16, Augmentation(mix=mix, grey=grey, window=(low, 2.1)), chance(seed))
    assert bool(torch.isfinite(found).all())
    assert 0 <= float(found.min()) <= float(found.max()) <= 255
