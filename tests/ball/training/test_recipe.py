"""The recipes in the code are those that made the shipped weights."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ball.networks import NETWORKS
from ball.training.recipe import recipe_for
from ball.weights import Store


@pytest.mark.parametrize("network", NETWORKS)
def test_recorded_command_still_means_the_recipe_that_made_the_file(network: str) -> None:
    entry: dict[str, Any] = Store().manifest()["networks"][network]
    assert json.loads(json.dumps(recipe_for(network).document())) == entry["recipe"]
    assert entry["side"] == recipe_for(network).side


@pytest.mark.parametrize("network", NETWORKS)
def test_a_fold_begins_where_the_shipped_network_began_and_changes_stain_less(network: str) -> None:
    shipped, fold = recipe_for(network), recipe_for(network, "stain")
    assert fold.start().digest() == shipped.start().digest()
    assert sum(stage.epochs for stage in fold.stages) <= sum(stage.epochs for stage in shipped.stages)
    assert all(mine.augmentation.stain <= theirs.augmentation.stain for mine, theirs in zip(fold.stages, shipped.stages, strict=True))
    assert recipe_for(network, "stain", batch=7).batch == 7


def test_unknown_network_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown network 'vgg16'; expected one of densenet121"):
        recipe_for("vgg16")
