"""The benchmark files: every figure as written, and a plain sentence for whatever is missing or not as expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ball import benchmark
from ball.benchmark import METRICS, NotMeasuredError, store, trials
from ball.labels import LABELS
from ball.names import TITLES
from tests.benchmark_files import benchmark_files, empty_benchmark

__all__ = ["benchmark_files", "empty_benchmark"]

PAPER = {
    "densenet121": (0.987692, 0.9877, 0.9877, 0.9878, 0.0313),
    "resnet50": (0.990769, 0.9907, 0.9908, 0.9908, 0.0342),
    "alexnet": (0.96, 0.9594, 0.96, 0.9615, 0.0996),
    "efficientnet_b0": (0.990769, 0.9908, 0.9908, 0.9908, 0.0366),
    "googlenet": (0.984615, 0.9846, 0.9846, 0.9851, 0.0366),
}

LOADERS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("reference.json", benchmark.load_reference),
    ("paper-test.json", benchmark.load_evaluation),
    ("refit-googlenet.json", lambda: benchmark.load_refit("googlenet")),
    ("predictions-paper-test.csv", benchmark.load_predictions),
    ("stain-test.json", lambda: benchmark.load_evaluation("stain")),
    ("predictions-stain.csv", lambda: benchmark.load_predictions("stain")),
    ("baselines.json", lambda: trials.load_baselines("stain")),
    ("robustness.json", trials.load_robustness),
    ("tuning.json", trials.load_tuning),
    ("data.json", benchmark.load_counts),
    ("segmentation.json", benchmark.load_masks),
    ("training-alexnet.json", lambda: benchmark.load_training("alexnet")),
    ("../manifest.json", benchmark.load_weight_files),
)


def test_reference_is_the_papers_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BALL_WEIGHTS", raising=False)
    reference = benchmark.load_reference()
    assert {name: tuple(row[metric] for metric in METRICS) for name, row in reference.networks.items()} == PAPER
    assert "Chowdhury" in reference.citation
    assert (reference.images, reference.test_fields) == (3242, 325)


def test_titles_are_those_of_the_registry() -> None:
    from ball.networks import NETWORKS

    assert list(TITLES) == list(NETWORKS)
    assert list(TITLES.values()) == [network.title for network in NETWORKS.values()]


def test_values_are_those_of_the_files(benchmark_files: Path) -> None:
    document = json.loads((benchmark_files / "benchmark" / "paper-test.json").read_text())
    evaluation = benchmark.load_evaluation()
    assert evaluation.n == document["n"]
    assert list(evaluation.networks) == list(TITLES)
    for name, ours in [*evaluation.networks.items(), ("consensus", evaluation.consensus)]:
        row = document["consensus"] if name == "consensus" else document["networks"][name]
        assert [getattr(ours, metric) for metric in METRICS] == [row[metric] for metric in METRICS]
        assert [list(line) for line in ours.confusion] == row["confusion"]
        assert ours.intervals["accuracy"] == tuple(row["ci95"]["accuracy"])
        assert ours.per_class["Pro-B"].support == row["per_class"]["Pro-B"]["support"]


def test_predictions_keep_votes_and_consensus(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    predictions = benchmark.load_predictions()
    wrong = [each for each in predictions if each.leading != each.label]
    assert [each.file for each in wrong] == ["b.jpg"]
    assert [vote.network for vote in wrong[0].votes] == list(TITLES)
    assert wrong[0].dissenters == ("googlenet",)


def test_undefined_figures_are_none(benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "paper-test.json"
    document = json.loads(path.read_text())
    document["consensus"] |= {"ci95": {"accuracy": None}, "ece": None, "malignant": {"sensitivity": None}}
    document["consensus"]["per_class"]["Pro-B"]["sensitivity"] = None
    path.write_text(json.dumps(document))
    ours = benchmark.load_evaluation().consensus
    assert ours.intervals == {}
    assert (ours.ece, ours.malignant_sensitivity, ours.per_class["Pro-B"].sensitivity) == (None, None, None)


@pytest.mark.parametrize(("name", "load"), LOADERS, ids=[name for name, _ in LOADERS])
def test_a_missing_file_is_not_measured_yet(name: str, load: Callable[[], object], empty_benchmark: Path) -> None:
    assert empty_benchmark.is_dir()
    with pytest.raises(NotMeasuredError, match="Not measured yet") as caught:
        load()
    assert Path(name).name in str(caught.value)
    assert caught.value.command


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"networks": 3}', '{"networks": {"alexnet": {}}}', "file\n1\n", '"'])
@pytest.mark.parametrize(("name", "load"), LOADERS, ids=[name for name, _ in LOADERS])
def test_a_malformed_file_gives_a_sentence(name: str, load: Callable[[], object], text: str, empty_benchmark: Path) -> None:
    (empty_benchmark / "benchmark" / name).write_text(text)
    with pytest.raises(NotMeasuredError, match="cannot be used") as caught:
        load()
    assert caught.value.command


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("accuracy", 98.8), ("accuracy", None), ("confusion", [[1]]), ("confusion", None), ("loss", "low"), ("per_class", [1]),
        ("ci95", {"accuracy": 3}),
    ],
)
def test_a_wrong_figure_is_named_not_shown(key: str, value: object, benchmark_files: Path) -> None:
    path = benchmark_files / "benchmark" / "paper-test.json"
    document = json.loads(path.read_text())
    document["consensus"][key] = value
    path.write_text(json.dumps(document))
    with pytest.raises(NotMeasuredError, match="cannot be used"):
        benchmark.load_evaluation()


def test_the_command_for_a_folder_of_ones_own_brings_the_table_there(empty_benchmark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotMeasuredError) as caught:
        benchmark.load_reference()
    target = empty_benchmark / "benchmark" / "reference.json"
    assert caught.value.command.endswith(f"cp weights/benchmark/reference.json {target}")
    monkeypatch.delenv("BALL_WEIGHTS")
    monkeypatch.setattr(store, "benchmark_folder", lambda: empty_benchmark)
    with pytest.raises(NotMeasuredError) as caught:
        benchmark.load_reference()
    assert caught.value.command == "git checkout weights"


def test_counts_by_class_and_part(benchmark_files: Path) -> None:
    counts = benchmark.load_counts()
    assert list(counts.classes) == list(LABELS)
    assert counts.total == 100
    assert counts.parts["test"]["Pre-B"] == 3
    path = benchmark_files / "benchmark" / "data.json"
    document = json.loads(path.read_text())
    del document["parts"]
    path.write_text(json.dumps(document))
    assert benchmark.load_counts().parts == {}


def test_figures_made_with_other_weights_are_noticed(benchmark_files: Path) -> None:
    weights = benchmark.load_evaluation().weights
    assert weights
    assert benchmark.outdated(weights) == ()
    assert benchmark.outdated(trials.load_robustness().weights) == ("alexnet",)
    assert benchmark.outdated({"googlenet": "ab" * 32}) == ("googlenet",)
    (benchmark_files / "manifest.json").unlink()
    assert benchmark.outdated(weights) == ()


def test_the_committed_figures_are_those_of_the_committed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red after new weights until `python -m ball evaluate` (and `audit`) has run again."""
    monkeypatch.delenv("BALL_WEIGHTS", raising=False)
    assert list(benchmark.load_evaluation().weights) == [each.network for each in benchmark.load_weight_files()]
    found = {path.name: json.loads(path.read_text()).get("weights", {}) for path in benchmark.benchmark_folder().glob("*.json")}
    sides = json.loads((benchmark.benchmark_folder() / "sides.json").read_text())["networks"]  # Measured network by network.
    found["sides.json"] = {name: each["weights"] for name, each in sides.items()}
    others = ("stain-test.json", *(f"refit-{name}.json" for name in TITLES))  # Of folds, and fitted anew: not shipped.
    stale = {name: benchmark.outdated(weights) for name, weights in found.items() if name not in others}
    assert {name: networks for name, networks in stale.items() if networks} == {}


def test_held_out_predictions_take_the_mean_of_those_who_read_all(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    first, second = benchmark.load_predictions("stain")
    assert [vote.network for vote in first.votes] == ["alexnet", "googlenet"]
    assert first.leading == LABELS[2]
    assert first.dissenters == ("alexnet",)
    assert sum(first.consensus) == pytest.approx(1)
    assert second.leading != second.label


def test_stain_figures_keep_their_folds(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    evaluation = benchmark.load_evaluation("stain")
    assert [each.n for each in evaluation.folds] == [4, 6]
    assert evaluation.folds[0].accuracy == {"alexnet": 0.6, "googlenet": 0.7, "consensus": 0.7}
    assert evaluation.weights == {}


def test_the_best_trial_has_the_highest_accuracy(benchmark_files: Path) -> None:
    assert benchmark_files.is_dir()
    found = trials.load_tuning().networks["alexnet"]
    top = trials.best(found)
    assert (top.optimiser, top.rate, top.epochs) == ("SGD", 0.01, 10)
    assert found[0].loss is None
