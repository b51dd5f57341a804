from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional

from ball.focus import focus
from ball.networks import NETWORKS, Classifier, normalised
from ball.training import fit as fitting
from ball.training.augment import Augmentation
from ball.training.fit import (
    CHECKPOINT,
    STAINS,
    ChangedDataError,
    Examples,
    Objective,
    Run,
    State,
    begin,
    fit,
    load_trunk,
    off_cells,
    runs_folder,
)
from ball.training.recipe import Recipe, Stage, recipe_for
from ball.training.splits import FOLDS

ROOT = Path(__file__).resolve().parents[3]
NETWORK = "googlenet"
RECIPE = Recipe(stages=(Stage(2, 32), Stage(1, 48)), batch=4, rate=1e-3)


class StopFitError(Exception):
    """Raised from `say`, as a user who breaks off."""


def toy(count: int, seed: int = 0) -> Examples:
    """Two classes told apart by the brightness of a square."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 2
    images = torch.zeros(count, 48, 48, 3, dtype=torch.uint8)
    level = 60 + 120 * targets[:, None, None, None]
    images[:, 8:40, 8:40] = (level + torch.randint(-20, 20, (count, 32, 32, 3), generator=generator)).to(torch.uint8)
    return Examples(images, targets)


def run_in(folder: Path, stop: int | None = None, fingerprint: str = "one", start: State | None = None) -> Run:
    def say(text: str) -> None:
        if stop is not None and f"epoch {stop}/" in text:
            raise StopFitError

    return Run(NETWORK, toy(8), toy(4, 1), folder, fingerprint, 2, 48, start, say=say)


def alike(one: State, other: State) -> bool:
    return set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)


def whole(log: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in log]


Fitted = tuple[State, list[dict[str, object]]]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the uninterrupted fit."""
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def uninterrupted(ended: Path) -> Fitted:
    return fit(run_in(ended), RECIPE)


@pytest.fixture(scope="module")
def first_epoch(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of a fit that was broken off after its first epoch."""
    folder = tmp_path_factory.mktemp("broken-off")
    with pytest.raises(StopFitError):
        fit(run_in(folder, stop=1), RECIPE)
    return (folder / CHECKPOINT).read_bytes()


@pytest.fixture
def broken_off(first_epoch: bytes, tmp_path: Path) -> Path:
    (tmp_path / CHECKPOINT).write_bytes(first_epoch)
    return tmp_path


# ---------------------------------------------------------------- resuming


def test_a_fit_broken_off_and_resumed_gives_the_same_weights(broken_off: Path, uninterrupted: Fitted) -> None:
    torch.manual_seed(12345)
    state, log = fit(run_in(broken_off), RECIPE)
    assert whole(log) == whole(uninterrupted[1])
    assert alike(state, uninterrupted[0])


KILLED = """
import sys, time
sys.path[:0] = [{root!r}, {here!r}]
import test_fit
from pathlib import Path
def say(text):
    print(text, flush=True)
    time.sleep(60)
run = test_fit.run_in(Path({folder!r}))
run.say = say
test_fit.torch.set_num_threads(1)
test_fit.fit(run, test_fit.RECIPE)
"""


def test_a_fit_that_was_killed_and_resumed_gives_the_same_weights(tmp_path: Path, uninterrupted: Fitted) -> None:
    code = KILLED.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(tmp_path))
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=alone) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
    assert "epoch 1/3" in line
    state, log = fit(run_in(tmp_path), RECIPE)
    assert whole(log) == whole(uninterrupted[1])
    assert alike(state, uninterrupted[0])


def test_a_fit_that_came_to_its_end_is_not_repeated(ended: Path, uninterrupted: Fitted) -> None:
    before = (ended / CHECKPOINT).stat().st_mtime_ns
    state, log = fit(run_in(ended), RECIPE)
    assert alike(state, uninterrupted[0])
    assert log == uninterrupted[1]
    assert (ended / CHECKPOINT).stat().st_mtime_ns == before
    assert not list(ended.glob("*.part"))


def test_moments_come_back_laid_out_as_their_parameters(broken_off: Path) -> None:
    """The fused optimiser walks memory, not indices: another layout would mix the moments of a kernel up."""
    model = Classifier(NETWORKS[NETWORK], 2).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    average = torch.optim.swa_utils.AveragedModel(model, use_buffers=True)
    fitting._resume(run_in(broken_off), model, average, optimizer)
    filters = [parameter for parameter in model.parameters() if parameter.ndim == 4 and parameter.shape[2] > 1]
    assert len(filters) > 10
    for parameter in filters:
        assert optimizer.state[parameter]["exp_avg"].stride() == parameter.stride()
        assert optimizer.state[parameter]["exp_avg_sq"].stride() == parameter.stride()


def test_changed_data_are_refused_and_the_checkpoint_stays(broken_off: Path, first_epoch: bytes) -> None:
    with pytest.raises(ChangedDataError, match="data changed") as caught:
        fit(run_in(broken_off, fingerprint="two"), RECIPE)
    assert "Delete that folder" in str(caught.value)
    assert (broken_off / CHECKPOINT).read_bytes() == first_epoch


def half(_: State, path: Path, __: dict[str, str]) -> None:
    """A disk that is full in the middle of the file."""
    Path(path).write_bytes(b"\x10\x00\x00")
    raise OSError(28, "No space left on device")


def test_a_checkpoint_half_written_is_never_seen(broken_off: Path, first_epoch: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "save_file", half)
    with pytest.raises(OSError, match="No space left"):
        fit(run_in(broken_off), RECIPE)
    assert (broken_off / CHECKPOINT).read_bytes() == first_epoch


def test_a_checkpoint_names_its_data_and_its_epochs(broken_off: Path) -> None:
    with safe_open(broken_off / CHECKPOINT, framework="pt") as file:
        metadata = file.metadata()
        kinds = {key.split(".")[0] for key in file.keys()}  # noqa: SIM118 - not a dict
    assert metadata["fingerprint"] == "one"
    assert [entry["epoch"] for entry in json.loads(metadata["log"])] == [1]
    assert kinds == {"model", "average", "optimizer"}


# ---------------------------------------------------------------- learning


def test_the_loss_falls_on_what_can_be_told_apart(tmp_path: Path) -> None:
    still = Augmentation(zoom=(0.9, 1.0), squeeze=0, stain=0.02, shift=0, light=0.02)
    recipe = Recipe(stages=(Stage(8, 32, still),), batch=8, rate=1e-3)
    state, log = fit(run_in(tmp_path), recipe)
    losses = [entry["train_loss"] for entry in log]
    assert all(math.isfinite(loss) for loss in losses)
    assert sum(losses[-2:]) / 2 < 0.6 * losses[0]
    assert all(value.dtype in (torch.float32, torch.int64) for value in state.values())
    Classifier(NETWORKS[NETWORK], 2).net.load_state_dict(state, strict=True)


def test_the_log_says_what_each_epoch_was(uninterrupted: Fitted) -> None:
    assert [(entry["epoch"], entry["side"]) for entry in uninterrupted[1]] == [(1, 32), (2, 32), (3, 48)]
    for entry in uninterrupted[1]:
        assert set(entry) == {"epoch", "side", "train_loss", "val_loss", "val_accuracy", "seconds"}
        assert 0 <= entry["val_accuracy"] <= 1


def test_the_time_left_counts_only_what_this_run_has_spent() -> None:
    sides = [100, 100, 200, 200]
    assert fitting._seconds_left(sides, 0, 2, 20.0) == pytest.approx(80)
    assert fitting._seconds_left(sides, 2, 3, 40.0) == pytest.approx(40)
    assert fitting._seconds_left(sides, 0, 4, 100.0) == 0


def rates(recipe: Recipe, steps: int = 200) -> list[float]:
    return [fitting.warmed(recipe, step / steps) for step in range(steps)]


@pytest.mark.parametrize("warmup", [0.05, 0.1, 0.5])
def test_the_rate_rises_to_its_height_and_falls_to_nothing(warmup: float) -> None:
    found = rates(Recipe(rate=0.01, warmup=warmup))
    top = round(200 * warmup)
    assert found.index(max(found)) == top
    assert max(found) == pytest.approx(0.01)
    assert found[1:top] == sorted(found[1:top])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert all(rate > 0 for rate in found)
    assert found[0] < 0.01 * 0.02
    assert found[-1] == pytest.approx(0.01 / 200 / (1 - warmup))
    assert found[top // 2] == pytest.approx(0.005, rel=0.3)


@pytest.mark.parametrize("network", ["resnet50", "googlenet", "efficientnet_b0"])
def test_a_start_brings_the_trunk_and_leaves_the_last_layer(network: str) -> None:
    torch.manual_seed(0)
    donor = Classifier(NETWORKS[network], 8).net.state_dict()
    model = Classifier(NETWORKS[network], 4)
    last = NETWORKS[network].classifier
    own = {key: value.clone() for key, value in model.net.state_dict().items() if key.startswith(f"{last}.")}
    load_trunk(model, donor)
    assert len(own) == 2
    for key, value in model.net.state_dict().items():
        assert torch.equal(value, own[key] if key in own else donor[key]), key


@pytest.mark.parametrize("spoil", [lambda state: state.pop("conv1.conv.weight"), lambda state: state.update({"more": torch.ones(1)})])
def test_a_start_that_does_not_fit_is_refused(spoil: Callable[[State], object]) -> None:
    state = dict(Classifier(NETWORKS[NETWORK], 8).net.state_dict())
    spoil(state)
    with pytest.raises(RuntimeError):
        load_trunk(Classifier(NETWORKS[NETWORK], 4), state)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(("images", "targets"), [(3, 2), (0, 0)])
def test_examples_check_themselves(images: int, targets: int) -> None:
    with pytest.raises(ValueError, match=f"got {images} and {targets}"):
        Examples(torch.zeros(images, 4, 4, 3, dtype=torch.uint8), torch.zeros(targets, dtype=torch.int64))


def test_recipes_with_other_settings_have_other_digests() -> None:
    base = recipe_for("googlenet")
    assert base.digest() == recipe_for("googlenet").digest()
    assert len({base.digest(), recipe_for("googlenet", seed=1).digest(), recipe_for("googlenet", rate=2e-3).digest()}) == 3
    assert json.loads(json.dumps(base.document()))["seed"] == 0
    with pytest.raises(ValueError, match="unknown network 'vgg'"):
        recipe_for("vgg")
    assert all(recipe_for(name).stages for name in NETWORKS)


def test_the_folder_of_checkpoints_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BALL_RUNS", str(tmp_path))
    assert runs_folder() == tmp_path
    monkeypatch.delenv("BALL_RUNS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert runs_folder() == tmp_path / ".cache" / "ball" / "runs"


# ---------------------------------------------------------------- copies and attention


def test_a_step_takes_fields_and_copies_alike_often() -> None:
    images = torch.zeros(6, 2, 2, 3, dtype=torch.uint8)
    copies = torch.stack([torch.full_like(images, 10), torch.full_like(images, 20)])
    copies += torch.arange(6, dtype=torch.uint8)[None, :, None, None, None]
    examples = Examples(images + torch.arange(6, dtype=torch.uint8)[:, None, None, None], torch.zeros(6, dtype=torch.int64), copies)
    batch = torch.tensor([5, 0, 3, 3]).repeat(300)
    drawn = examples.draw(batch, torch.Generator().manual_seed(0))[:, 0, 0, 0]
    assert torch.equal(drawn % 10, batch.to(torch.uint8))
    assert all(0.28 < float((drawn // 10 == kind).float().mean()) < 0.39 for kind in range(3))
    assert (examples.images < 10).all()


def test_without_copies_nothing_is_drawn() -> None:
    examples, generator = toy(4), torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert torch.equal(examples.draw(torch.tensor([2, 1]), generator), examples.images[[2, 1]])
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(
    ("heat", "expected"),
    [([[1.0, 0.0], [0.0, 0.0]], 0.0), ([[0.0, 1.0], [1.0, 0.0]], 1.0), ([[1.0, 1.0], [0.0, 0.0]], 0.5), ([[0.0, 0.0], [0.0, 0.0]], 0.0)],
    ids=["on the cell", "beside it", "half and half", "no map"],
)
def test_what_lies_beside_the_cells_is_counted(heat: list[list[float]], expected: float) -> None:
    cells = torch.zeros(1, 8, 8, dtype=torch.bool)
    cells[:, :4, :4] = True
    assert float(off_cells(torch.tensor([heat]), cells)) == pytest.approx(expected)


@pytest.mark.parametrize("everything", [False, True])
def test_a_field_all_or_nothing_of_which_is_cells_asks_for_nothing(everything: bool) -> None:
    heat = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(0))
    assert float(off_cells(heat, torch.full((3, 8, 8), everything))) == pytest.approx(0.0, abs=1e-6)


def test_the_penalty_agrees_with_the_figure_that_is_reported() -> None:
    generator = torch.Generator().manual_seed(1)
    heat, cells = torch.rand(1, 4, 4, generator=generator), torch.rand(1, 32, 32, generator=generator) > 0.7
    cells[:, 16:] = False
    measured = focus(heat[0].numpy(), cells[0].numpy())
    assert measured is not None
    assert float(off_cells(heat, cells)) == pytest.approx(1 - measured.of_ideal, abs=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_attention_moves_the_weights_that_make_the_map(network: str) -> None:
    torch.manual_seed(0)
    model = Classifier(NETWORKS[network], 4).train()
    images = torch.zeros(4, 96, 96, 3)
    images[:, :80, :80] = torch.rand(4, 80, 80, 3) * 255
    targets = torch.arange(4)
    losses = []
    for attention in (0.0, 1.0):
        torch.manual_seed(0)
        losses.append(Objective(model, Recipe(attention=attention))(images, targets))
    assert losses[1] > losses[0]
    (losses[1] - losses[0]).backward()
    assert any(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in model.parameters())


# ---------------------------------------------------------------- an adversary against the stain


def stained(folder: Path, stop: int | None = None) -> Run:
    """A run whose fields are of two stains a class."""
    run = run_in(folder, stop)
    run.train = replace(run.train, stains=torch.arange(8) // 2 % 2)
    return run


@pytest.mark.parametrize("network", NETWORKS)
def test_the_head_of_stains_learns_and_the_maps_are_driven_the_other_way(network: str, tmp_path: Path) -> None:
    run = stained(tmp_path)
    run.network = network
    images = run.train.images.float().repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    stains = run.train.stains
    assert stains is not None
    grown = {}
    for adversary in (1e-9, 1.0):
        model = begin(run, Recipe(adversary=adversary))[0].eval()
        Objective(model, Recipe(adversary=adversary))(images, run.train.targets, stains).backward()
        grown[adversary] = gradients(model)
    # The same head, learned from as it stands: what the maps would move by if they were to help it.
    model = begin(run, Recipe(adversary=1.0))[0].eval()
    told = model.get_submodule(STAINS)(model.maps(normalised(images, 96)).mean(dim=(2, 3))).unflatten(1, (2, FOLDS))
    functional.cross_entropy(told[torch.arange(8), run.train.targets], stains).backward()
    head, first = gradients(model)
    plain, full = grown[1e-9], grown[1.0]
    torch.testing.assert_close(full[0], head)
    torch.testing.assert_close(plain[0], head)
    assert bool(first.abs().max() > 0)
    torch.testing.assert_close(full[1] - plain[1], -first, rtol=1e-2, atol=1e-5)


def gradients(model: Classifier) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the head of stains, and of the first weights of the trunk."""
    head, first = model.get_submodule(STAINS).weight.grad, next(model.net.parameters()).grad
    assert isinstance(head, torch.Tensor)
    assert first is not None
    return head.clone(), first.clone()


def test_against_an_adversary_a_fit_resumes_as_well_and_leaves_no_trace_of_it(tmp_path: Path) -> None:
    recipe = replace(RECIPE, adversary=0.3)
    state, _ = fit(stained(tmp_path / "whole"), recipe)
    with pytest.raises(StopFitError):
        fit(stained(tmp_path / "broken", stop=1), recipe)
    again, _ = fit(stained(tmp_path / "broken"), recipe)
    assert alike(state, again)
    assert not any(key.startswith(STAINS) for key in state)
    assert set(state) == set(fit(run_in(tmp_path / "plain"), RECIPE)[0])
