from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

import ball
from ball.labels import LABELS
from ball.networks import NETWORKS, Classifier
from ball.weights import Store, WeightError, compress, restore, weights_folder

NAME = "googlenet"
FILE = NETWORKS[NAME].file


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own weights folder, whatever the environment says."""
    monkeypatch.delenv("BALL_WEIGHTS", raising=False)


@pytest.fixture
def store(random_weights: Path, tmp_path: Path) -> Store:
    """A folder of its own with one sound network."""
    (tmp_path / FILE).write_bytes((random_weights / FILE).read_bytes())
    document = json.loads((random_weights / "manifest.json").read_text())
    document["networks"] = {NAME: document["networks"][NAME]}
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    return Store(tmp_path)


def change_manifest(store: Store, change: Callable[[dict[str, Any]], Any]) -> None:
    path = store.folder / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def put(store: Store, data: bytes) -> None:
    """Another weight file with its right SHA-256."""
    (store.folder / FILE).write_bytes(data)
    change_manifest(store, lambda document: document["networks"][NAME].update(sha256=hashlib.sha256(data).hexdigest()))


# ---------------------------------------------------------------- the store form


def test_what_is_stored_comes_back_within_its_rounding() -> None:
    generator = torch.Generator().manual_seed(0)
    state = {
        "matrix": torch.randn(40, 30, generator=generator),
        "filters": torch.randn(8, 3, 5, 5, generator=generator),
        "bias": torch.randn(40, generator=generator),
        "dense": torch.randn(50, 70, generator=generator) * torch.logspace(-6, 3, 50)[:, None],
        "dead": torch.zeros(3, 5),
        "steps": torch.tensor(12345),
    }
    back = restore(compress(state, ("dense", "dead")))
    assert set(back) == set(state)
    for key, value in state.items():
        assert back[key].shape == value.shape
        assert back[key].dtype == value.dtype
    assert torch.equal(back["bias"], state["bias"])
    assert torch.equal(back["steps"], state["steps"])
    assert torch.equal(back["dead"], state["dead"])
    for key in ("matrix", "filters"):
        assert float(((back[key] - state[key]).abs() / state[key].abs().clamp(min=1e-4)).max()) <= 2**-11
    half_a_step = state["dense"].abs().amax(dim=1, keepdim=True) / 127 / 2
    assert bool(((back["dense"] - state["dense"]).abs() <= half_a_step * 1.001).all())


def test_the_large_dense_layers_take_a_byte_a_weight() -> None:
    stored = compress({"dense": torch.ones(100, 200), "other": torch.ones(100, 200)}, ("dense",))
    assert stored["dense"].dtype == torch.int8
    assert stored["other"].dtype == torch.float16
    assert len(save(stored)) < 100 * 200 * 3 + 2000


def test_a_saved_network_is_the_one_that_loads(store: Store) -> None:
    torch.manual_seed(7)
    state = Classifier(NETWORKS[NAME]).net.state_dict()
    store.save(NAME, state, {"command": "a command", "data": "a fingerprint"})
    model = store.load(NAME)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    for key, value in model.net.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=2**-10, atol=1e-6)
    entry = store.manifest()["networks"][NAME]
    assert entry["command"] == "a command"
    assert entry["bytes"] == (store.folder / FILE).stat().st_size
    assert store.manifest()["classes"] == list(LABELS)
    assert not list(store.folder.glob("*.part"))


def test_five_files_stay_small_enough_to_be_carried(random_weights: Path) -> None:
    sizes = [(random_weights / network.file).stat().st_size for network in NETWORKS.values()]
    assert max(sizes) < 100 * 2**20
    assert sum(sizes) < 150 * 2**20
    assert list(Store(random_weights).manifest()["networks"]) == list(NETWORKS)
    assert not list(random_weights.glob("*.part"))


# ---------------------------------------------------------------- what can be wrong


def cut(store: Store) -> None:
    path = store.folder / FILE
    path.write_bytes(path.read_bytes()[:100_000])


def flip(store: Store) -> None:
    data = bytearray((store.folder / FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (store.folder / FILE).write_bytes(data)


def cut_with_its_own_hash(store: Store) -> None:
    put(store, (store.folder / FILE).read_bytes()[:100_000])


def other_classes(store: Store) -> None:
    put(store, save(compress(Classifier(NETWORKS[NAME], classes=7).net.state_dict(), ())))


def other_network(store: Store) -> None:
    put(store, save({"weight": torch.ones(3)}))


def another_of_the_five(store: Store) -> None:
    alexnet = NETWORKS["alexnet"]
    put(store, save(compress(Classifier(alexnet).net.state_dict(), alexnet.quantised)))


def scale_of_another_shape(store: Store) -> None:
    stored = compress(Classifier(NETWORKS[NAME]).net.state_dict(), ("fc.weight",))
    put(store, save({**stored, "fc.weight.row_scale": torch.ones(5, 1)}))


def no_number(store: Store) -> None:
    state = Classifier(NETWORKS[NAME]).net.state_dict()
    state["fc.bias"] = torch.tensor([0.0, float("nan"), 0.0, 0.0])
    put(store, save(compress(state, ())))


def write_manifest(text: str) -> Callable[[Store], None]:
    return lambda store: (store.folder / "manifest.json").write_text(text) and None


WRONG: dict[str, tuple[Callable[[Store], Any], str]] = {
    "missing file": (lambda store: (store.folder / FILE).unlink(), "googlenet.safetensors is missing"),
    "a folder in its place": (lambda store: [(store.folder / FILE).unlink(), (store.folder / FILE).mkdir()], "cannot be read"),
    "truncated file": (cut, "SHA-256 differs"),
    "one flipped bit": (flip, "SHA-256 differs"),
    "truncated, right hash": (cut_with_its_own_hash, "does not fit GoogLeNet"),
    "wrong shapes, right hash": (other_classes, "does not fit GoogLeNet"),
    "wrong names, right hash": (other_network, "does not fit GoogLeNet"),
    "another of the five, right hash": (another_of_the_five, "does not fit GoogLeNet"),
    "wrong scale, right hash": (scale_of_another_shape, "does not fit GoogLeNet"),
    "no numbers, right hash": (no_number, "no finite numbers"),
    "no manifest": (lambda store: (store.folder / "manifest.json").unlink(), "manifest.json is missing"),
    "no entry": (
        lambda store: change_manifest(store, lambda document: document["networks"].clear()), "no entry with a SHA-256 for GoogLeNet",
    ),
    "manifest cut short": (write_manifest('{"networks": {'), "manifest.json is missing or unreadable"),
    "manifest a list": (write_manifest("[1, 2]"), "manifest.json is missing or unreadable"),
    "manifest without networks": (write_manifest("{}"), "manifest.json is missing or unreadable"),
    "networks a list": (write_manifest('{"networks": ["googlenet"]}'), "manifest.json is missing or unreadable"),
    "entry no object": (write_manifest('{"networks": {"googlenet": "abc"}}'), "no entry with a SHA-256 for GoogLeNet"),
    "entry without hash": (write_manifest('{"networks": {"googlenet": {}}}'), "no entry with a SHA-256 for GoogLeNet"),
    "hash no text": (write_manifest('{"networks": {"googlenet": {"sha256": 5}}}'), "its SHA-256 differs"),
    "classes in another order": (
        lambda store: change_manifest(store, lambda document: document["classes"].reverse()), "its classes are",
    ),
    "another preprocessing": (
        lambda store: change_manifest(store, lambda document: document["preprocessing"].update(clusters=2)), "its preprocessing is",
    ),
    "a side too small": (
        lambda store: change_manifest(store, lambda document: document["networks"][NAME].update(side=32)), "gives 32 for the side",
    ),
    "a side in words": (
        lambda store: change_manifest(store, lambda document: document["networks"][NAME].update(side="160")), "gives '160' for the side",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_is_said_with_what_to_do(store: Store, name: str) -> None:
    spoil, message = WRONG[name]
    store.load(NAME)
    spoil(store)
    with pytest.raises(WeightError, match=re.escape(message)) as caught:
        store.load(NAME)
    assert "git checkout weights" in str(caught.value)
    assert str(store.folder) not in str(caught.value)


def exchanged(random_weights: Path, folder: Path, one: str, other: str, hashes: bool) -> Store:
    """All five networks, two files exchanged; with ``hashes``, the manifest says so, as if it were meant."""
    for path in random_weights.iterdir():
        if path.name not in (f"{one}.safetensors", f"{other}.safetensors"):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / f"{one}.safetensors").symlink_to(random_weights / f"{other}.safetensors")
    (folder / f"{other}.safetensors").symlink_to(random_weights / f"{one}.safetensors")
    if hashes:
        document = json.loads((folder / "manifest.json").read_text())
        entries = document["networks"]
        entries[one]["sha256"], entries[other]["sha256"] = entries[other]["sha256"], entries[one]["sha256"]
        (folder / "manifest.json").write_text(json.dumps(document))
    return Store(folder)


@pytest.mark.parametrize(("hashes", "message"), [(False, "SHA-256 differs"), (True, "does not fit")])
def test_networks_whose_files_are_exchanged_are_out_and_the_rest_work(
    random_weights: Path, tmp_path: Path, hashes: bool, message: str
) -> None:
    from ball import synthetic
    from ball.engine import Engine
    from ball.reading import read

    engine = Engine(exchanged(random_weights, tmp_path, "googlenet", "efficientnet_b0", hashes))
    assert set(engine.missing) == {"googlenet", "efficientnet_b0"}
    assert all(message in reason for reason in engine.missing.values())
    found = read(synthetic.draw(1, (192, 256)), engine=engine, maps=False)
    assert found.status != "error"
    assert [vote.network for vote in found.votes] == ["densenet121", "resnet50", "alexnet"]
    (flag,) = [flag for flag in found.flags if flag.startswith("missing_networks: ")]
    assert "GoogLeNet" in flag
    assert "EfficientNet-B0" in flag


def test_a_manifest_need_not_name_its_preprocessing(store: Store) -> None:
    change_manifest(store, lambda document: document.pop("preprocessing"))
    assert store.load(NAME).side == 224


def test_weights_saved_anew_repair_an_unusable_manifest(store: Store) -> None:
    change_manifest(store, lambda document: document["preprocessing"].update(clusters=2))
    store.save(NAME, Classifier(NETWORKS[NAME]).net.state_dict(), {"side": 160})
    assert store.load(NAME).side == 160


def test_a_folder_of_ones_own_is_named_and_the_command_is_whole(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path / "own"))
    (store.folder / FILE).unlink()
    with pytest.raises(WeightError) as caught:
        store.load(NAME)
    assert f"into {tmp_path / 'own'} ($BALL_WEIGHTS)" in str(caught.value)
    assert f"`python -m ball train --network {NAME} --data DATA/all --split paper --init pbc --pbc PBC`" in str(caught.value)
    assert "git checkout" not in str(caught.value)


def test_an_unknown_network_is_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        store.load("vgg16")


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (store.folder / FILE).read_bytes()
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        store.save(NAME, Classifier(NETWORKS[NAME]).net.state_dict(), {})
    monkeypatch.undo()
    assert (store.folder / FILE).read_bytes() == before
    assert not list(store.folder.glob("*.part"))
    store.load(NAME)


def test_the_folder_of_the_weights_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BALL_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    assert Store().folder == tmp_path
    monkeypatch.setenv("BALL_WEIGHTS", "")
    assert weights_folder() == Path(ball.__file__).resolve().parent.parent / "weights"


def test_nothing_in_the_library_unpickles() -> None:
    sources = sorted(Path(ball.__file__).parent.rglob("*.py"))
    assert len(sources) > 10
    wrong = re.compile(
        r"\btorch\.(load|save)\("
        r"|\b(import|from) +(pickle|dill|joblib|shelve|cloudpickle)\b"
        r"|allow_pickle *= *True|load_from_checkpoint"
    )
    found = {path.name: hit.group() for path in sources if (hit := wrong.search(path.read_text(encoding="utf-8")))}
    assert not found
