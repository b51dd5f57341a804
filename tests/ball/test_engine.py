from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ball import compiled
from ball.engine import ENGINES, Engine, EngineError, Output, _Work, _Workers, load_engine
from ball.labels import LABELS
from ball.networks import NETWORKS, Classifier, normalised, sized
from ball.weights import Store


@pytest.fixture(scope="module")
def engine(random_weights: Path) -> Engine:
    return Engine(Store(random_weights), "torch")


@pytest.fixture(scope="module")
def batch() -> NDArray[np.uint8]:
    images = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    images[:, :60] = 0
    return images


@pytest.fixture
def folder(random_weights: Path, tmp_path: Path) -> Path:
    """A copy of the weights folder that a test may spoil; the files themselves are shared until they are replaced."""
    for path in random_weights.iterdir():
        if path.name == "manifest.json":
            shutil.copy2(path, tmp_path / path.name)
        else:
            os.link(path, tmp_path / path.name)
    return tmp_path


def equal(one: dict[str, Output], other: dict[str, Output]) -> bool:
    return all(torch.equal(one[key].logits, other[key].logits) and torch.equal(one[key].maps, other[key].maps) for key in one)


def test_all_five_load_and_answer(engine: Engine, batch: NDArray[np.uint8]) -> None:
    assert tuple(engine.models) == tuple(NETWORKS)
    assert not engine.missing
    assert engine.name == ("torch-cuda" if torch.cuda.is_available() else "torch")
    outputs = engine.predict(batch)
    assert tuple(outputs) == tuple(NETWORKS)
    for output in outputs.values():
        assert output.logits.shape == (3, len(LABELS))
        assert output.maps.shape[0] == 3
        assert output.logits.dtype == output.maps.dtype == torch.float32
        assert bool(torch.isfinite(output.logits).all())
        assert not output.logits.requires_grad
        assert not output.maps.requires_grad


def test_hashes_are_those_of_the_manifest_and_of_the_files(engine: Engine, random_weights: Path) -> None:
    import hashlib

    entries = json.loads((random_weights / "manifest.json").read_text())["networks"]
    assert engine.hashes == {name: entry["sha256"] for name, entry in entries.items()}
    for name, value in engine.hashes.items():
        assert hashlib.sha256((random_weights / NETWORKS[name].file).read_bytes()).hexdigest() == value


def test_a_batch_answers_as_its_fields_alone(engine: Engine, batch: NDArray[np.uint8]) -> None:
    together = engine.predict(batch)
    for index in range(len(batch)):
        alone = engine.predict(batch[index : index + 1])
        for name, output in alone.items():
            one = torch.softmax(output.logits[0], dim=0)
            many = torch.softmax(together[name].logits[index], dim=0)
            torch.testing.assert_close(one, many, rtol=0, atol=1e-5)


def test_a_network_reads_at_the_side_of_its_weights(folder: Path, batch: NDArray[np.uint8]) -> None:
    (folder / NETWORKS["googlenet"].file).unlink()
    torch.manual_seed(4)
    Store(folder).save("googlenet", Classifier(NETWORKS["googlenet"]).net.state_dict(), {"side": 160})
    engine = Engine(Store(folder))
    assert {name: model.side for name, model in engine.models.items()} == {**dict.fromkeys(NETWORKS, 224), "googlenet": 160}
    outputs = engine.predict(batch[:1])
    assert {name: output.maps.shape[2:] for name, output in outputs.items()}["googlenet"] == (5, 5)
    assert outputs["resnet50"].maps.shape[2:] == (7, 7)
    for name, model in engine.models.items():
        image = normalised(torch.from_numpy(batch[:1]).to(engine.device), model.side)
        assert image.shape == (1, 3, model.side, model.side)
        with torch.no_grad():
            # Kernels differ by processor: only the sum's order may, and random weights give logits far from zero.
            torch.testing.assert_close(model(image).cpu(), outputs[name].logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_what_is_done_beside_the_networks_comes_back_with_what_they_said(name: str, random_weights: Path, batch: NDArray[np.uint8]) -> None:
    engine = Engine(Store(random_weights), name)
    outputs, other = engine.predict_beside(batch, lambda: "measured")
    assert other == "measured"
    assert equal(outputs, engine.predict(batch))

    def broken() -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        engine.predict_beside(batch, broken)


def test_what_usually_takes_longest_is_begun_first() -> None:
    began: list[str] = []

    def work(kind: str, seconds: float) -> _Work:
        def call() -> str:
            began.append(kind)
            time.sleep(seconds)
            return kind

        return _Work(kind, 1, call)

    workers, pieces = _Workers(), [*(work(f"short {index}", 0.0) for index in range(4)), work("long", 0.05)]
    for _ in range(2):
        began.clear()
        assert workers.do(pieces) == [each.kind for each in pieces]
    assert "long" in began[:2], "two are begun at once"


def test_a_piece_that_fails_is_told_of_once_the_others_have_ended() -> None:
    ended: list[str] = []

    def fails() -> None:
        raise EngineError("no answer")

    def lasts() -> None:
        time.sleep(0.1)
        ended.append("long")

    with pytest.raises(EngineError, match="no answer"):
        _Workers().do([_Work("fails", 1, fails), _Work("long", 1, lasts), _Work("long", 1, lasts)])
    assert ended == ["long", "long"]


def test_threads_do_not_disturb_each_other(engine: Engine, batch: NDArray[np.uint8]) -> None:
    singles = [batch[index : index + 1] for index in range(len(batch))]
    expected = [engine.predict(single) for single in singles]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(engine.predict, singles * 2))
    assert all(equal(one, other) for one, other in zip(found, expected * 2, strict=True))


def unlink(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-10])


@pytest.mark.skipif(compiled.openvino_package() is None, reason="the compiled engine is not installed")
def test_torch_keeps_its_threads_from_the_cores_of_compiled_networks(
    random_weights: Path, batch: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, meanwhile = torch.get_num_threads(), []

    def watched(fields: Tensor, side: int) -> Tensor:
        meanwhile.append(torch.get_num_threads())
        return sized(fields, side)

    monkeypatch.setattr("ball.engine.sized", watched)
    torch.set_num_threads(2)
    try:
        found = Engine(Store(random_weights), "openvino")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(found.batches, [batch] * 8))
        found.batches(batch)
        assert set(meanwhile) == {1}
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(usual)


@pytest.mark.parametrize("spoil", [unlink, damage])
def test_a_spoiled_file_takes_only_its_own_network_out(folder: Path, batch: NDArray[np.uint8], spoil: Callable[[Path], None]) -> None:
    spoil(folder / NETWORKS["googlenet"].file)
    engine = Engine(Store(folder))
    others = tuple(name for name in NETWORKS if name != "googlenet")
    assert tuple(engine.models) == tuple(engine.hashes) == others
    assert tuple(engine.missing) == ("googlenet",)
    assert "googlenet.safetensors" in engine.missing["googlenet"]
    assert tuple(engine.predict(batch[:1])) == others


def test_a_spoiled_entry_takes_only_its_own_network_out(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    document["networks"]["alexnet"] = "lost"
    (folder / "manifest.json").write_text(json.dumps(document))
    assert tuple(Engine(Store(folder)).missing) == ("alexnet",)


def test_an_empty_folder_gives_an_engine_that_names_all_five(tmp_path: Path, batch: NDArray[np.uint8]) -> None:
    engine = Engine(Store(tmp_path))
    assert tuple(engine.missing) == tuple(NETWORKS)
    assert engine.predict(batch) == {}


def test_an_unknown_engine_is_refused_with_the_known_ones(random_weights: Path) -> None:
    with pytest.raises(EngineError, match="no engine named 'abacus'") as caught:
        load_engine(Store(random_weights), "abacus")
    assert all(name in str(caught.value) for name in ENGINES)


def test_an_engine_is_loaded_once_and_anew_when_a_file_changes(folder: Path) -> None:
    for name in NETWORKS:
        if name != "googlenet":
            (folder / NETWORKS[name].file).unlink()
    store = Store(folder)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: load_engine(store, "torch"), range(2))
    assert one is two
    assert load_engine(Store(folder), "torch") is one
    torch.manual_seed(99)
    store.save("googlenet", Classifier(NETWORKS["googlenet"]).net.state_dict(), {})
    changed = load_engine(store, "torch")
    assert changed is not one
    assert changed.hashes["googlenet"] != one.hashes["googlenet"]
    (folder / NETWORKS["googlenet"].file).unlink()
    assert tuple(load_engine(store, "torch").missing) == tuple(NETWORKS)
