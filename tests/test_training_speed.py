"""`benchmarks/training.py` on a handful of drawn fields: both paths train, and the figures are what it says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ball import synthetic
from ball.labels import LABELS
from benchmarks import training


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Two drawn fields a class."""
    for index, label in enumerate(LABELS):
        folder = tmp_path / "all" / label
        folder.mkdir(parents=True)
        for number in range(2):
            (folder / f"{number}.png").write_bytes(synthetic.png(2 * index + number))
    return tmp_path


def test_both_paths_are_timed_and_the_file_says_on_what(drawn: Path, tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    sizes = ["--images", "8", "--batch", "4", "--side", "64", "--turns", "2", "--accelerator", "cpu"]
    threads, clock = torch.get_num_threads(), training.clock
    try:
        training.main([str(drawn), "--json", str(path), "--network", "googlenet", "--clock", "cpu", *sizes])
    finally:
        torch.set_num_threads(threads)
        training.clock = clock
    document = json.loads(path.read_text())
    assert (document["batch"], document["side"], document["device"], document["goal"]) == (4, 64, "cpu", 1.5)
    assert document["processor"]
    assert document["date"]
    assert list(document["networks"]["googlenet"]) == ["32-true", "bf16-mixed"]
    for found in document["networks"]["googlenet"].values():
        assert all(rate > 0 for rate in found["images_a_second"].values())
        assert found["times_faster"]["low"] <= found["times_faster"]["median"] <= found["times_faster"]["high"]
        assert found["share_of_naive_in_the_network"] > 0


def test_the_naive_path_cuts_anew_each_time_and_both_take_the_same_fields(drawn: Path) -> None:
    fields = training.spread(drawn, 8)
    assert [field.target for field in fields] == [0, 0, 1, 1, 2, 2, 3, 3]
    files = training.Files(fields, 64)
    (first, target), (again, _) = files[5], files[5]
    assert (first.shape, first.dtype, target) == ((3, 64, 64), torch.float32, 2)
    assert not torch.equal(first, again)


def test_an_epoch_without_a_batch_is_refused(drawn: Path) -> None:
    with pytest.raises(SystemExit):
        training.main([str(drawn), "--images", "8", "--batch", "32"])
