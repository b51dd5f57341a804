"""The compiled engine: same answers as torch, a cache that mends itself, and a torch that stands in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ball import compiled, synthetic
from ball.engine import Engine, choose
from ball.images import decode
from ball.networks import NETWORKS, Classifier, normalised
from ball.segmentation import segment
from ball.weights import Store

openvino = pytest.mark.skipif(compiled.openvino_package() is None, reason="OpenVINO is not installed")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def masked() -> NDArray[np.uint8]:
    """Nine masked drawn fields: a batch of eight and one more."""
    return np.stack([segment(decode(synthetic.png(seed)).rgb).masked for seed in range(9)])


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """AlexNet alone, quick to convert, and an empty cache folder."""
    monkeypatch.setenv("BALL_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    store = Store(tmp_path / "weights")
    store.save("alexnet", Classifier(NETWORKS["alexnet"], side=128).net.state_dict(), {"side": 128})
    return store


def folders(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "graphs").iterdir())


def probabilities(engine: Engine, masked: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.stack([torch.softmax(output.logits, dim=1).numpy() for output in engine.predict(masked).values()])


@openvino
def test_all_five_answer_as_torch_does_alone_and_in_a_batch(random_weights: Path, masked: NDArray[np.uint8]) -> None:
    engine, plain = Engine(Store(random_weights), "openvino"), Engine(Store(random_weights), "torch")
    assert (engine.name, engine.notices) == ("openvino-f32", ())
    assert tuple(engine.models) == tuple(NETWORKS)
    assert engine.hashes == plain.hashes
    ours, theirs = engine.predict(masked), plain.predict(masked)
    assert tuple(ours) == tuple(theirs)
    for name, output in ours.items():
        for part in ("logits", "maps", "importance"):
            got, expected = getattr(output, part), getattr(theirs[name], part)
            assert got.dtype == torch.float32
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-3 * float(expected.abs().max()))
    np.testing.assert_allclose(probabilities(engine, masked), probabilities(plain, masked), atol=1e-3)
    single = np.concatenate([probabilities(engine, masked[index : index + 1]) for index in range(len(masked))], axis=1)
    np.testing.assert_allclose(single, probabilities(engine, masked), atol=1e-5)


@pytest.mark.data
@openvino
def test_real_fields_get_torchs_probabilities(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BALL_WEIGHTS", raising=False)
    if not (Store().folder / "manifest.json").exists():
        pytest.skip("the shipped weights are not there")
    paths = [sorted((data / "all" / label).iterdir())[5] for label in ("Benign", "Early", "Pre", "Pro")]
    fields = np.stack([segment(decode(path.read_bytes()).rgb).masked for path in paths])
    exact, plain = (probabilities(Engine(Store(), name), fields) for name in ("openvino", "torch"))
    assert np.abs(exact - plain).max() <= 1e-3
    assert (exact.argmax(-1) == plain.argmax(-1)).all()


@openvino
def test_the_fast_engine_is_near_and_named(alone: Store, masked: NDArray[np.uint8]) -> None:
    engine = Engine(alone, "fast")
    if compiled.has_bf16():
        assert (engine.name, engine.notices) == ("openvino-bf16", ())
    np.testing.assert_allclose(probabilities(engine, masked), probabilities(Engine(alone, "torch"), masked), atol=0.03)


class Said:
    """Stands for a graph: logits of its own, and what it was asked."""

    def __init__(self, logits: list[list[float]], mark: float) -> None:
        self.logits, self.mark, self.asked = torch.tensor(logits), mark, list[float]()

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.asked = batch[:, 0, 0, 0].tolist()
        rows = batch[:, 0, 0, 0].long()
        return self.logits[rows], torch.full((len(rows), 2, 1, 1), self.mark), torch.full((len(rows), 4, 2), self.mark)


def test_what_is_not_sure_in_bf16_is_read_again_in_f32() -> None:
    sure, close, exact = [9.0, 0.0, 0.0, 0.0], [1.0, 1.1, 0.0, 0.0], [1.1, 1.0, 0.0, 0.0]
    rounded, again = Said([sure, close, sure], 0.0), Said([[5.0, 5.0, 5.0, 5.0], exact, exact], 1.0)
    batch = torch.arange(3.0)[:, None, None, None].expand(3, 3, 2, 2)
    logits, maps, importance = compiled.Rechecked(rounded, again)(batch)  # type: ignore[arg-type]
    assert again.asked == [1.0]
    assert logits.tolist() == torch.tensor([sure, exact, sure]).tolist()
    assert maps[:, 0, 0, 0].tolist() == importance[:, 0, 0].tolist() == [0.0, 1.0, 0.0]


def test_what_is_sure_is_not_read_again() -> None:
    again = Said([[0.0] * 4], 1.0)
    compiled.Rechecked(Said([[9.0, 0.0, 0.0, 0.0]], 0.0), again)(torch.zeros(1, 3, 2, 2))  # type: ignore[arg-type]
    assert again.asked == []


@openvino
def test_a_network_that_bf16_does_not_suit_keeps_f32(tmp_path: Path, masked: NDArray[np.uint8]) -> None:
    if not compiled.has_bf16():
        pytest.skip("this processor does not compute in bf16")
    store = Store(tmp_path / "effnet")
    store.save("efficientnet_b0", Classifier(NETWORKS["efficientnet_b0"], side=64).net.state_dict(), {"side": 64})
    fast, exact = (Engine(store, name, sure=0.0).predict(masked)["efficientnet_b0"] for name in ("fast", "openvino"))
    assert torch.equal(fast.logits, exact.logits)


@openvino
def test_a_processor_without_bf16_gets_the_exact_engine_and_a_notice(alone: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.engine.has_bf16", lambda: False)
    engine = Engine(alone, "fast")
    assert engine.name == "openvino-f32"
    assert "bf16" in engine.notices[0]


@pytest.mark.parametrize(("asked", "notices"), [("auto", 0), ("openvino", 1), ("fast", 1), ("torch", 0)])
def test_without_openvino_torch_reads(asked: str, notices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.engine.openvino_package", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    name, found = choose(asked)
    assert (name, len(found)) == ("torch", notices)
    assert all("pip install openvino" in notice for notice in found)


@openvino
def test_a_graph_is_kept_and_used_again(alone: Store, tmp_path: Path, masked: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    first = probabilities(Engine(alone, "openvino"), masked)
    (kept,) = folders(tmp_path)
    assert kept.name.startswith("alexnet-")
    monkeypatch.setattr(compiled, "convert", lambda *_: pytest.fail("made anew"))
    np.testing.assert_array_equal(probabilities(Engine(alone, "openvino"), masked), first)


@openvino
def test_dense_layers_stay_in_the_weight_files_eight_bits(alone: Store, tmp_path: Path) -> None:
    Engine(alone, "openvino")
    classifier = alone.load("alexnet")
    dense = sum(classifier.net.get_parameter(key).numel() for key in classifier.network.quantised)
    (kept,) = folders(tmp_path)
    assert (kept / "graph.bin").stat().st_size < 2 * dense


@openvino
def test_a_matrix_that_eight_bits_do_not_give_back_stays_whole(masked: NDArray[np.uint8]) -> None:
    torch.manual_seed(0)
    classifier = Classifier(NETWORKS["alexnet"], side=128).eval().requires_grad_(False)
    graph = compiled.Graph(compiled.convert(classifier), 128, "f32", 1, together=True)
    batch = normalised(torch.from_numpy(masked[:2]), 128)
    torch.testing.assert_close(graph(batch)[0], classifier(batch), rtol=0, atol=1e-6)


@openvino
@pytest.mark.parametrize(
    ("part", "spoil"),
    [("graph.bin", lambda data: data[:-9] + b"x" * 9), ("graph.bin", lambda data: data[:-100]), ("graph.xml", lambda _: b""),
     ("sums.json", lambda data: data[:-9])],
)  # fmt: skip
def test_a_damaged_graph_is_made_anew(
    part: str, spoil: Callable[[bytes], bytes], alone: Store, tmp_path: Path, masked: NDArray[np.uint8]
) -> None:
    expected = probabilities(Engine(alone, "openvino"), masked[:1])
    path = folders(tmp_path)[0] / part
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    engine = Engine(alone, "openvino")
    assert engine.notices == ()
    np.testing.assert_array_equal(probabilities(engine, masked[:1]), expected)
    assert json.loads((path.parent / "sums.json").read_text()) == compiled._sums(path.parent)


@openvino
def test_other_weights_get_another_graph_and_the_oldest_goes(alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "KEPT", 2)
    for seed in range(3):
        torch.manual_seed(seed)
        alone.save("alexnet", Classifier(NETWORKS["alexnet"], side=128).net.state_dict(), {"side": 128})
        Engine(alone, "openvino")
        os.utime(folders(tmp_path)[-1])
    assert len(folders(tmp_path)) == 2


@openvino
def test_a_cache_that_cannot_be_written_is_gone_without(
    alone: Store, tmp_path: Path, masked: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BALL_CACHE", str(tmp_path / "file"))
    engine = Engine(alone, "openvino")
    assert engine.name == "openvino-f32"
    assert "$BALL_CACHE" in engine.notices[0]
    np.testing.assert_allclose(probabilities(engine, masked[:1]), probabilities(Engine(alone, "torch"), masked[:1]), atol=1e-3)


@openvino
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limit of file sizes")
def test_a_disk_that_fills_up_is_gone_without(alone: Store) -> None:
    """A limit on file sizes stops the writing as a full disk does."""
    code = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        "from pathlib import Path; from ball.engine import Engine; from ball.weights import Store\n"
        f"engine = Engine(Store(Path({str(alone.folder)!r})), 'openvino'); print(engine.name, len(engine.notices), len(engine.models))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["openvino-f32", "1", "1"]
    assert not list((Path(os.environ["BALL_CACHE"]) / "graphs").iterdir())


@openvino
def test_a_network_that_answers_otherwise_when_compiled_runs_in_torch(
    alone: Store, tmp_path: Path, masked: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Classifier(NETWORKS["alexnet"], side=128).eval()
    whole = compiled.convert
    monkeypatch.setattr(compiled, "convert", lambda _: whole(other))
    engine = Engine(alone, "openvino")
    assert engine.notices == ("AlexNet runs in torch: it could not be compiled here.",)
    np.testing.assert_allclose(probabilities(engine, masked[:1]), probabilities(Engine(alone, "torch"), masked[:1]), atol=1e-6)
    assert not (tmp_path / "cache" / "graphs").exists()


@openvino
def test_openvino_never_loads_what_reports_its_use(alone: Store, tmp_path: Path) -> None:
    """A package of that name that leaves a trace when it is imported stands first on the path."""
    spy = tmp_path / "spy" / "openvino_telemetry"
    spy.mkdir(parents=True)
    trace = tmp_path / "trace"
    (spy / "__init__.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\nraise ImportError\n")
    code = (
        "from pathlib import Path; from ball.engine import Engine; from ball.weights import Store\n"
        f"assert Engine(Store(Path({str(alone.folder)!r})), 'openvino').name == 'openvino-f32'"
    )
    settings = {**os.environ, "PYTHONPATH": str(spy.parent)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=settings, timeout=300, check=True)
    assert not trace.exists()
    subprocess.run([sys.executable, "-c", "import openvino"], cwd=ROOT, env=settings, timeout=300, check=True)
    assert trace.exists(), "this test sees nothing: OpenVINO no longer asks for its telemetry by that name"


_TINY = """<?xml version="1.0"?><net name="tiny" version="11"><layers>
<layer id="0" name="in" type="Parameter" version="opset1"><data shape="1,4" element_type="f32"/>
<output><port id="0" precision="FP32"><dim>1</dim><dim>4</dim></port></output></layer>
<layer id="1" name="out" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>1</dim><dim>4</dim></port></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"""

_AT_ONCE = """
import os, sys, threading
from ball.compiled import openvino_package
package = openvino_package()
compiled = package.Core().compile_model(sys.argv[1], "CPU")
inputs = [compiled.create_infer_request().get_input_tensor() for _ in range(4)]
sys.setswitchinterval(1e-6)
def busy():
    while True:
        pass
for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
gate = threading.Barrier(len(inputs))
threads = [threading.Thread(target=lambda one=one: (gate.wait(), one.data), daemon=True) for one in inputs]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done", flush=True)
os._exit(0)
"""


@openvino
def test_threads_that_make_their_first_array_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Without an array made beforehand, under a lock, they stand still."""
    (tmp_path / "tiny.xml").write_text(_TINY)
    command = [sys.executable, "-c", _AT_ONCE, str(tmp_path / "tiny.xml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "done\n", done.stderr
