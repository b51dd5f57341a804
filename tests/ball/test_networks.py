from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision import models

from ball.labels import LABELS
from ball.names import TITLES
from ball.networks import MEAN, NETWORKS, STD, Classifier, normalised

NAMES = ("densenet121", "resnet50", "alexnet", "efficientnet_b0", "googlenet")
REFERENCE: dict[str, Callable[[], nn.Module]] = {
    "densenet121": lambda: models.densenet121(num_classes=4),
    "resnet50": lambda: models.resnet50(num_classes=4),
    "alexnet": lambda: models.alexnet(num_classes=4),
    "efficientnet_b0": lambda: models.efficientnet_b0(num_classes=4),
    "googlenet": lambda: models.googlenet(num_classes=4, aux_logits=False, init_weights=False),
}
GRIDS = {"densenet121": (1024, 7, 7), "resnet50": (2048, 7, 7), "alexnet": (256, 13, 13), "efficientnet_b0": (1280, 7, 7),
         "googlenet": (1024, 7, 7)}
END_IN_RELU = ("densenet121", "resnet50", "alexnet", "googlenet")


@pytest.fixture(scope="module")
def batch() -> torch.Tensor:
    images = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return normalised(images, images.shape[1])


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[Classifier, nn.Module]:
    """Our network and torchvision's own with the same weights, batch-norm statistics other than 0 and 1."""
    torch.manual_seed(3)
    reference = REFERENCE[request.param]().eval()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    ours = Classifier(NETWORKS[request.param]).eval()
    ours.net.load_state_dict(reference.state_dict(), strict=True)
    return ours, reference


def test_networks_stand_in_contract_order() -> None:
    assert tuple(NETWORKS) == NAMES
    assert [network.name for network in NETWORKS.values()] == list(NAMES)
    assert {name: network.title for name, network in NETWORKS.items()} == dict(TITLES)
    assert tuple(TITLES.values()) == ("DenseNet121", "ResNet50", "AlexNet", "EfficientNet-B0", "GoogLeNet")
    assert [network.file for network in NETWORKS.values()] == [f"{name}.safetensors" for name in NAMES]


def test_trunk_and_head_together_are_torchvisions_forward(pair: tuple[Classifier, nn.Module], batch: torch.Tensor) -> None:
    ours, reference = pair
    with torch.no_grad():
        maps = ours.maps(batch)
        kept = maps.clone()
        logits = ours.head(maps)
        expected = reference(batch)
    assert tuple(maps.shape) == (2, *GRIDS[ours.network.name])
    assert logits.shape == (2, len(LABELS))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-4
    assert torch.equal(maps, kept), "the head wrote over the maps"
    if ours.network.name in END_IN_RELU:
        assert float(maps.min()) >= 0
        assert 0.01 < float((maps == 0).float().mean()) < 1


def test_states_carry_torchvisions_names_and_shapes(pair: tuple[Classifier, nn.Module]) -> None:
    ours, reference = pair
    shapes = {key: tuple(value.shape) for key, value in ours.net.state_dict().items()}
    assert shapes == {key: tuple(value.shape) for key, value in reference.state_dict().items()}
    network = ours.network
    assert shapes[f"{network.classifier}.weight"][0] == len(LABELS)
    assert set(network.quantised) <= set(shapes)
    assert network.imagenet in models.get_model_weights(network.name).__members__


def test_normalised_is_imagenets_normalisation() -> None:
    images = torch.randint(0, 256, (1, 7, 7, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    expected = (images.permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    got = normalised(images, images.shape[1])
    torch.testing.assert_close(got, expected)
    assert got.is_contiguous(memory_format=torch.channels_last)
