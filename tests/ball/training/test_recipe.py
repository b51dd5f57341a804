"""The recipes in the code are those that made the shipped weights."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ball.networks import NETWORKS
from ball.training.recipe import held_to_cells, recipe_for
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


@pytest.mark.parametrize("more", [{"attention": 0.5}, {"copies": 3}, {"bare": 1}, {"thinned": 2}, {"adversary": 0.3}, {"refinement": None}])
def test_recipes_of_other_ways_share_their_start(more: dict[str, Any]) -> None:
    assert recipe_for("googlenet", **more).start().digest() == recipe_for("googlenet").start().digest()


def test_a_second_fit_differs_in_what_refines_it_alone() -> None:
    recipe = recipe_for("googlenet")
    assert recipe.refinement is not None
    second = recipe.second()
    assert second is not None
    assert (second.stages, second.rate, second.attention) == (recipe.refinement.stages, recipe.refinement.rate, recipe.refinement.attention)
    assert replace(second, stages=recipe.stages, rate=recipe.rate, attention=0.0) == recipe.first()
    assert recipe.first().second() is None
    assert all(recipe_for(name, "stain").refinement is None for name in NETWORKS)


def test_settings_that_are_not_asked_for_are_not_written() -> None:
    """So that a recipe keeps the digest that its checkpoints lie under."""
    assert recipe_for("densenet121").digest() == "c5354419b6"
    assert {"attention", "copies", "bare", "thinned", "adversary", "refinement"}.isdisjoint(recipe_for("densenet121").document())


@pytest.mark.parametrize(("more", "weight"), [({}, 0.5), ({"refinement": None}, 0.0), ({"refinement": None, "attention": 0.2}, 0.2)])
def test_what_holds_maps_to_the_cells_is_told_from_the_record(more: dict[str, Any], weight: float) -> None:
    assert held_to_cells(json.loads(json.dumps(recipe_for("googlenet", **more).document()))) == weight
