from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from ball.explain import STYLES, class_maps, label_map, overlay, small
from ball.labels import LABELS
from ball.names import METHODS
from ball.networks import NETWORKS, Classifier, normalised
from ball.weights import Store

TOLERANCE = 1e-3
POOLED = ("densenet121", "resnet50", "efficientnet_b0", "googlenet")

Heat = NDArray[np.float32]


@pytest.fixture(scope="module")
def fields() -> list[torch.Tensor]:
    """Two different normalised fields, each a batch of one."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (2, 3, 14, 14), generator=generator).float()
    smooth = nn.functional.interpolate(coarse, size=(224, 224), mode="bilinear").permute(0, 2, 3, 1).to(torch.uint8)
    return list(normalised(smooth, smooth.shape[1]).split(1))


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest, random_weights: Path, fields: list[torch.Tensor]) -> Classifier:
    """A network of random weights whose batch-norm statistics are those of the fields, as after training.

    Without them activations fade to nothing (1e-13 in EfficientNet-B0), and a map of nothing is only rounding.
    """
    loaded = Store(random_weights).load(request.param).train()
    for module in loaded.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        loaded(torch.cat(fields))
    return loaded.eval()


def maps_of(model: Classifier, batch: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.maps(batch)


class DenseNetWithItsReluApart(nn.Module):
    """torchvision's DenseNet, the last ReLU a module of its own."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.features, self.last, self.classifier = net.features, nn.ReLU(), net.classifier

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.last(self.features(batch)).mean(dim=(2, 3)))


def plain_gradcam(model: Classifier, batch: torch.Tensor) -> Heat:
    """pytorch-grad-cam as its manual has it, on torchvision's whole network; nothing in place, at the map's own size."""
    net = copy.deepcopy(model.net).eval().requires_grad_(True)
    if model.network.name == "densenet121":
        net = DenseNetWithItsReluApart(net)
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    layer = {
        "densenet121": lambda: net.last,
        "resnet50": lambda: net.layer4[-1],
        "alexnet": lambda: net.features[11],
        "efficientnet_b0": lambda: net.features[-1],
        "googlenet": lambda: net.inception5b,
    }[model.network.name]()
    with GradCAM(net, [layer]) as cam:
        cam.get_target_width_height = lambda _: None  # no enlargement: compare the maps themselves
        targets = [ClassifierOutputTarget(index) for index in range(len(LABELS))]
        return np.concatenate([cam(batch, [target]) for target in targets])


def closed_form(model: Classifier, maps: torch.Tensor) -> Heat:
    """Pooling and one linear layer: the gradient is the layer's weight, the same everywhere."""
    weight = model.net.get_submodule(model.network.classifier).weight
    raw = torch.einsum("kc,chw->khw", weight, maps[0]).clamp(min=0).numpy()
    low, high = raw.min(axis=(1, 2), keepdims=True), raw.max(axis=(1, 2), keepdims=True)
    return np.asarray((raw - low) / np.where(high > low, high - low, 1), dtype=np.float32)


def error(got: Heat, expected: Heat) -> float:
    return float(np.abs(got - expected).max() / max(float(np.abs(expected).max()), 1e-12))


def state(model: Classifier) -> list[object]:
    """All that a call could leave behind on a model."""
    hooks = [len(value) for module in model.modules() for key, value in vars(module).items() if key.endswith("_hooks")]
    return [hooks, [p.requires_grad for p in model.parameters()], [p.grad is None for p in model.parameters()], model.training]


def test_maps_equal_plain_gradcam_on_the_whole_network(model: Classifier, fields: list[torch.Tensor]) -> None:
    got = class_maps(model, maps_of(model, fields[0]))
    expected = plain_gradcam(model, fields[0])
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    for index, label in enumerate(LABELS):
        assert error(got[index], expected[index]) <= TOLERANCE, label
    assert max(float(each.max()) for each in got) == pytest.approx(1, abs=1e-4)
    assert got.min() >= 0
    assert not np.allclose(got[0], got[1], atol=0.05) or not np.allclose(got[1], got[2], atol=0.05)


def test_maps_equal_the_closed_form_where_pooling_and_a_linear_layer_end_it(model: Classifier, fields: list[torch.Tensor]) -> None:
    if model.network.name not in POOLED:
        pytest.skip("three linear layers end this network: there is no closed form")
    for batch in fields:
        maps = maps_of(model, batch)
        assert error(class_maps(model, maps), closed_form(model, maps)) <= TOLERANCE


def test_two_threads_at_once_get_the_right_maps(model: Classifier, fields: list[torch.Tensor]) -> None:
    taken = [maps_of(model, batch) for batch in fields]
    expected = [class_maps(model, maps) for maps in taken]
    assert error(expected[0], expected[1]) > 0.05
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda maps: class_maps(model, maps), taken * 5))
    for got, wanted in zip(found, expected * 5, strict=True):
        assert error(got, wanted) <= 1e-6


def test_nothing_is_left_on_the_model(model: Classifier, fields: list[torch.Tensor]) -> None:
    before, maps = state(model), maps_of(model, fields[0])
    kept = maps.clone()
    assert sum(before[0]) == 0
    class_maps(model, maps)
    assert state(model) == before
    assert torch.equal(maps, kept)
    assert not maps.requires_grad
    with torch.inference_mode():
        assert class_maps(model, maps).shape[0] == len(LABELS)
    assert state(model) == before


def test_maps_of_nothing_are_zero(model: Classifier, fields: list[torch.Tensor]) -> None:
    maps = torch.zeros_like(maps_of(model, fields[0]))
    found = class_maps(model, maps)
    assert not np.isnan(found).any()
    assert not found.any()


@pytest.fixture(scope="module")
def masked() -> NDArray[np.uint8]:
    field = np.zeros((224, 224, 3), dtype=np.uint8)
    field[60:130, 90:170] = np.random.default_rng(1).integers(40, 220, (70, 80, 3), dtype=np.uint8)
    return field


def test_other_methods_are_the_librarys_and_leave_nothing_behind(model: Classifier, masked: NDArray[np.uint8]) -> None:
    before = state(model)
    found = {method: label_map(model, masked, method, "Pre-B") for method in METHODS}
    assert state(model) == before
    batch = normalised(torch.from_numpy(masked[None]), model.side)
    assert error(found["grad-cam"], class_maps(model, maps_of(model, batch))[LABELS.index("Pre-B")]) <= TOLERANCE
    assert found["layer-cam"].size > 4 * found["grad-cam"].size
    assert all(each.min() >= 0 and each.max() <= 1 for each in found.values())


def test_layercam_equals_the_librarys_on_the_whole_network(model: Classifier, masked: NDArray[np.uint8]) -> None:
    net = copy.deepcopy(model.net).eval().requires_grad_(True)
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    layer = {"densenet121": "features.transition1", "resnet50": "layer1", "alexnet": "features.2", "efficientnet_b0": "features.2",
             "googlenet": "inception3b"}[model.network.name]  # fmt: skip
    batch = normalised(torch.from_numpy(masked[None]), model.side)
    with LayerCAM(net, [net.get_submodule(layer)]) as cam:
        cam.get_target_width_height = lambda _: None
        expected = cam(batch, [ClassifierOutputTarget(LABELS.index("Pro-B"))])[0]
    assert error(label_map(model, masked, "layer-cam", "Pro-B"), expected) <= TOLERANCE


def test_an_unknown_method_or_label_is_refused(model: Classifier, masked: NDArray[np.uint8]) -> None:
    for method, label in (("saliency", "Pre-B"), ("grad-cam", "Normal")):
        with pytest.raises(ValueError, match="expected one of grad-cam, "):
            label_map(model, masked, method, label)  # type: ignore[arg-type]


# ---------------------------------------------------------------- pictures


@pytest.fixture(scope="module")
def rgb() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def heat() -> Heat:
    half = np.zeros((7, 7), dtype=np.float32)
    half[:, 4:] = 1
    return half


@pytest.mark.parametrize("style", STYLES)
def test_an_overlay_has_the_fields_size(style: str, rgb: NDArray[np.uint8], heat: Heat) -> None:
    kept = rgb.copy()
    picture = overlay(rgb, heat, style)
    assert (picture.shape, picture.dtype) == (rgb.shape, np.uint8)
    assert not np.array_equal(picture, rgb)
    assert np.array_equal(rgb, kept)


@pytest.mark.parametrize("style", ["heat", "spotlight"])
def test_opacity_zero_is_the_field_unchanged(style: str, rgb: NDArray[np.uint8], heat: Heat) -> None:
    assert np.array_equal(overlay(rgb, heat, style, 0), rgb)


def test_heat_colours_only_where_the_network_looked(rgb: NDArray[np.uint8], heat: Heat) -> None:
    picture = overlay(rgb, heat, "heat", 1)
    assert np.array_equal(picture[:, :30], rgb[:, :30])
    assert np.ptp(picture[:, 70:].reshape(-1, 3), axis=0).max() < 8, "the field shows through"


def test_spotlight_keeps_the_colour_where_the_network_looked_and_greys_the_rest(rgb: NDArray[np.uint8], heat: Heat) -> None:
    picture = overlay(rgb, heat, "spotlight", 1)
    assert np.array_equal(picture[:, 70:], rgb[:, 70:])
    assert np.ptp(picture[:, :30], axis=2).max() == 0
    assert picture[:, :30].mean() < rgb[:, :30].mean() / 2


def test_the_map_alone_shows_nothing_of_the_field(rgb: NDArray[np.uint8], heat: Heat) -> None:
    assert np.array_equal(overlay(rgb, heat, "map"), overlay(255 - rgb, heat, "map", 0.1))
    assert overlay(rgb, heat, "map")[:, 70:].mean() > overlay(rgb, heat, "map")[:, :30].mean()


@pytest.mark.parametrize(
    ("style", "opacity", "message"),
    [
        ("rainbow", 0.5, "unknown style 'rainbow'; expected one of heat, spotlight, map"),
        ("heat", -0.1, "opacity must be 0 to 1, got -0.1"),
        ("heat", 1.1, "opacity must be 0 to 1, got 1.1"),
        ("heat", float("nan"), "opacity must be 0 to 1, got nan"),
    ],
)
def test_errors_say_what_was_expected(style: str, opacity: float, message: str, rgb: NDArray[np.uint8], heat: Heat) -> None:
    with pytest.raises(ValueError, match=message):
        overlay(rgb, heat, style, opacity)


@pytest.mark.parametrize(
    ("shape", "longest", "expected"), [((60, 80), 40, (30, 40)), ((60, 80), 400, (60, 80)), ((1, 3000), 100, (1, 100))]
)
def test_small_keeps_the_aspect_and_never_enlarges(shape: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert small(np.zeros((*shape, 3), dtype=np.uint8), longest).shape[:2] == expected
