from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ball.engine import Engine, Output
from ball.images import MAX_PIXELS
from ball.labels import LABELS, UNIDENTIFIED
from ball.networks import NETWORKS
from ball.reading import AHEAD, BUDGET, Reading, Vote, _prepared, read, read_many
from ball.weights import Store

T = TypeVar("T")

KEYS = ["file", "sha256", "status", "reason", "suggestion", "probability", "agreement", "votes", "missing", "flags", "notices", "cells",
        "seconds", "engine", "weights"]


@pytest.fixture(scope="module")
def engine(random_weights: Path) -> Engine:
    return Engine(Store(random_weights), "torch")


def drawn(*nuclei: tuple[int, int, int]) -> NDArray[np.uint8]:
    canvas = np.full((300, 400, 3), (228, 222, 214), dtype=np.uint8)
    for x, y, radius in nuclei:
        cv2.circle(canvas, (x, y), radius, (120, 60, 150), -1)
    noise = np.random.default_rng(0).integers(-4, 5, canvas.shape)
    return np.clip(canvas.astype(int) + noise, 0, 255).astype(np.uint8)


FIELD = drawn((100, 90, 25), (220, 150, 35), (320, 80, 30))
BLANK = drawn()


def png(rgb: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())


def without_seconds(reading: Reading) -> dict[str, object]:
    return {key: value for key, value in reading.document().items() if key != "seconds"}


@pytest.fixture(scope="module")
def reading(engine: Engine) -> Reading:
    return read(png(FIELD), name="field.png", engine=engine)


def test_reading_does_not_load_what_only_building_a_network_needs() -> None:
    """Both packages bring 0.15 GB into a server that has every network compiled."""
    code = "import sys, ball.reading; sys.exit(bool({'torchvision', 'pytorch_grad_cam'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], timeout=120, check=True)


# ---------------------------------------------------------------- the contract


def test_a_document_has_every_key_of_the_contract_and_is_json(reading: Reading) -> None:
    document = reading.document()
    assert list(document) == KEYS
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["file"] == "field.png"
    assert document["sha256"] == hashlib.sha256(png(FIELD)).hexdigest()
    assert document["suggestion"] in (*LABELS, UNIDENTIFIED)
    assert 0.25 <= document["probability"] <= 1
    assert document["cells"]["count"] == 3
    assert document["cells"]["aspect"] == pytest.approx(4 / 3)
    assert set(document["seconds"]) >= {"decode", "segment", "measure", "predict", "explain"}
    assert all(seconds >= 0 for seconds in document["seconds"].values())
    assert list(document["weights"]) == list(NETWORKS)
    assert document["missing"] == []


def test_a_scale_gives_the_diameter_in_micrometres_as_well(engine: Engine) -> None:
    median = read(png(FIELD), engine=engine, maps=False, scale=90.0).document()["cells"]["median"]
    (other,) = read_many([png(FIELD)], engine=engine, scale=90.0)
    assert median == other.document()["cells"]["median"]
    assert median["micrometres"] == pytest.approx(median["diameter"] * 90 / 224, rel=1e-3)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_no_height_is_refused(scale: float, engine: Engine) -> None:
    with pytest.raises(ValueError, match="height of the field in micrometres"):
        read(png(FIELD), engine=engine, scale=scale)


def test_votes_are_one_a_network_and_the_raw_softmax(reading: Reading, engine: Engine) -> None:
    votes = reading.document()["votes"]
    assert [vote["network"] for vote in votes] == list(NETWORKS)
    outputs = engine.predict(reading.evidence.segmentation.masked[None])
    for vote in votes:
        assert list(vote) == ["network", "label", "probabilities"]
        assert list(vote["probabilities"]) == list(LABELS)
        expected = torch.softmax(outputs[vote["network"]].logits[0], dim=0).tolist()
        assert list(vote["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
        assert vote["label"] == max(vote["probabilities"], key=vote["probabilities"].get)


def test_agreement_counts_the_votes_for_the_leading_label(reading: Reading) -> None:
    assert reading.agreement == sum(vote.label == reading.leading for vote in reading.votes)
    assert len(reading.dissenters) == 5 - reading.agreement
    assert sum(reading.consensus) == pytest.approx(1)


def test_an_error_still_has_every_key(engine: Engine) -> None:
    document = read(png(FIELD)[:500], name="half.png", engine=engine).document()
    assert list(document) == KEYS
    assert json.loads(json.dumps(document)) == document
    assert document["status"] == "error"
    assert document["reason"].endswith(".")
    assert len(document["reason"].split()) > 4
    assert document["votes"] == document["flags"] == []
    for key in ("suggestion", "probability", "agreement", "cells"):
        assert document[key] is None, key
    assert document["sha256"] == hashlib.sha256(png(FIELD)[:500]).hexdigest()


@pytest.mark.parametrize("data", [b"", b"not a picture at all", b"\xff\xd8\xff", b"%PDF-1.7 patient", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_broken_bytes_give_an_error_with_a_sentence(data: bytes, engine: Engine) -> None:
    found = read(data, engine=engine)
    assert found.status == "error"
    assert found.reason
    assert found.reason.endswith(".")
    assert "Traceback" not in found.reason
    assert found.votes == ()
    assert found.evidence is None
    assert found.leading is None
    assert found.consensus == ()


def test_a_missing_file_is_an_error_not_an_exception(tmp_path: Path, engine: Engine) -> None:
    found = read(tmp_path / "gone.png", engine=engine)
    assert (found.status, found.file) == ("error", str(tmp_path / "gone.png"))
    assert found.reason
    assert found.document()["sha256"] is None


def test_what_breaks_the_software_is_an_error_and_goes_to_the_log(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = Output(torch.full((1, 4), math.nan), torch.zeros(1, 1, 7, 7), torch.zeros(1, 4, 1))
    monkeypatch.setattr(engine, "predict_beside", lambda _, beside: ({"googlenet": nothing}, beside()))
    found = read(png(FIELD), name="patient.png", engine=engine, maps=False)
    assert found.status == "error"
    assert found.reason == "The software failed on this file (ValueError); its log says more."
    assert found.sha256 == hashlib.sha256(png(FIELD)).hexdigest()
    assert list(found.document()) == KEYS
    assert "A field could not be read: ValueError (reading.py:" in caplog.text
    assert "patient" not in caplog.text


# ---------------------------------------------------------------- ways in


def test_a_path_its_bytes_and_its_array_get_the_same_votes(tmp_path: Path, engine: Engine, reading: Reading) -> None:
    path = tmp_path / "field.png"
    path.write_bytes(png(FIELD))
    ways = [read(path, engine=engine), read(str(path), engine=engine), read(png(FIELD), engine=engine), read(FIELD, engine=engine)]
    assert [way.file for way in ways] == [str(path), str(path), "<bytes>", "<array>"]
    for way in ways:
        assert way.votes == reading.votes
        assert (way.suggestion, way.flags, way.probability) == (reading.suggestion, reading.flags, reading.probability)
    assert ways[0].sha256 == ways[2].sha256 == reading.sha256


def test_an_array_may_be_a_read_only_view(engine: Engine, reading: Reading) -> None:
    view = np.ascontiguousarray(FIELD[:, :, ::-1])[:, :, ::-1]
    view.setflags(write=False)
    assert read(view, engine=engine, maps=False).votes == reading.votes


@pytest.mark.parametrize("array", [np.zeros((5, 5), dtype=np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 5, 4), dtype=np.uint8)])
def test_an_array_that_is_no_rgb_is_refused_aloud(array: NDArray[np.uint8], engine: Engine) -> None:
    with pytest.raises(ValueError, match="expected"):
        read(array, engine=engine)


def test_something_else_is_a_type_error(engine: Engine) -> None:
    with pytest.raises(TypeError, match="expected a path, bytes or an RGB uint8 array, got int"):
        read(5, engine=engine)  # type: ignore[arg-type]


def test_reading_many_is_reading_each(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "field.png"
    path.write_bytes(png(FIELD))
    sources = [path, png(BLANK), b"broken", FIELD]
    together = list(read_many(sources, engine=engine))
    alone = [read(source, engine=engine, maps=False) for source in sources]
    for one, other in zip(together, alone, strict=True):
        for key in ("file", "sha256", "status", "flags", "notices"):
            assert getattr(one, key) == getattr(other, key)
        assert one.consensus == pytest.approx(other.consensus, abs=1e-5)
        for vote, same in zip(one.votes, other.votes, strict=True):
            assert vote.probabilities == pytest.approx(same.probabilities, abs=1e-5)
            # Weights drawn at random leave some votes undecided to the last digit.
            assert vote.label == same.label or max(vote.probabilities) < 0.2501
    assert [one.status == "error" for one in together] == [False, False, True, False]


def probabilities(votes: list[dict[str, Any]]) -> list[float]:
    return [value for vote in votes for value in vote["probabilities"].values()]


def test_batches_change_no_reading(engine: Engine) -> None:
    sources = [drawn((60 + 9 * index, 90, 25), (220, 150, 20 + index)) for index in range(11)]
    together = list(read_many(sources, engine=engine, maps=True))
    for one, source in zip(together, sources, strict=True):
        alone = read(source, engine=engine)
        assert (one.suggestion, one.flags, one.agreement) == (alone.suggestion, alone.flags, alone.agreement)
        for vote, other in zip(one.votes, alone.votes, strict=True):
            assert vote.label == other.label
            assert vote.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        for name, maps in one.evidence.maps.items():
            np.testing.assert_allclose(maps, alone.evidence.maps[name], atol=1e-3)


def test_reading_many_takes_no_more_ahead_than_its_bound(engine: Engine) -> None:
    taken = []

    def sources() -> object:
        for index in range(3 * AHEAD):
            taken.append(index)
            yield b"broken"

    stream = read_many(sources(), engine=engine)  # type: ignore[arg-type]
    next(stream)
    assert len(taken) <= AHEAD
    stream.close()  # type: ignore[attr-defined]
    assert len(taken) <= AHEAD


def test_large_pictures_are_prepared_fewer_at_a_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ball.reading.BUDGET", 2 * FIELD.nbytes)
    taken = []

    def sources() -> object:
        for index in range(6):
            taken.append(index)
            yield FIELD if index else png(FIELD)

    stream = read_many(sources(), engine=engine)  # type: ignore[arg-type]
    monkeypatch.setattr("ball.reading.AHEAD", 3)
    found = [(len(taken), reading.status) for reading in stream]
    assert [status for _, status in found] == ["read"] * 6
    assert all(count - done <= 3 for done, (count, _) in enumerate(found))


def test_before_a_size_is_known_any_picture_may_be_the_largest(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    seen: list[int] = []

    def prepared(*arguments: Any) -> Any:
        if not seen:
            time.sleep(0.3)  # So long that all that is taken up before the first is ready has been.
        seen.append(len(taken))
        return _prepared(*arguments)

    def sources() -> Iterator[bytes]:
        for index in range(2 * AHEAD):
            taken.append(index)
            yield png(FIELD)

    monkeypatch.setattr("ball.reading._prepared", prepared)
    stream = read_many(sources(), engine=engine)
    assert next(stream).status == "read"
    assert seen[0] * 3 * MAX_PIXELS <= BUDGET
    assert len(taken) == AHEAD, "small fields are prepared while the networks read the very first"
    assert [each.status for each in stream] == ["read"] * (2 * AHEAD - 1)


def test_names_go_with_their_sources(engine: Engine) -> None:
    assert [one.file for one in read_many([FIELD, b"broken"], names=["a", None], engine=engine)] == ["a", "<bytes>"]


def test_a_batch_that_breaks_is_read_one_by_one(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = engine.predict_beside

    def small(masked: NDArray[np.uint8], beside: Callable[[], T]) -> tuple[dict[str, Output], T]:
        if len(masked) > 1:
            raise MemoryError
        return whole(masked, beside)

    monkeypatch.setattr(engine, "predict_beside", small)
    assert [one.status for one in read_many([FIELD, FIELD, b"broken", FIELD], engine=engine)] == ["read", "read", "error", "read"]


def test_maps_come_when_asked_for_and_leave_nothing_otherwise(engine: Engine, reading: Reading) -> None:
    assert list(reading.evidence.maps) == list(NETWORKS)
    for name, output in engine.predict(reading.evidence.segmentation.masked[None]).items():
        assert reading.evidence.maps[name].shape == (len(LABELS), *output.maps.shape[2:])
    plain = read(FIELD, engine=engine, maps=False)
    assert plain.evidence.maps == {}
    assert "explain" not in plain.seconds
    assert plain.votes == reading.votes


# ---------------------------------------------------------------- refusal and doubt


@pytest.mark.parametrize("rgb", [BLANK, np.zeros((224, 224, 3), dtype=np.uint8), np.full((1, 1, 3), 255, dtype=np.uint8)])
def test_a_blank_field_is_refused_with_its_votes(rgb: NDArray[np.uint8], engine: Engine) -> None:
    found = read(rgb, engine=engine)
    assert found.status == "refused"
    assert found.suggestion == UNIDENTIFIED
    assert found.reason.endswith(".")
    assert len(found.votes) == 5
    assert any(flag.startswith("no_nuclei: ") for flag in found.flags)
    assert found.document()["cells"]["count"] == 0


def test_flags_are_a_code_and_a_sentence(engine: Engine) -> None:
    for flag in read(BLANK, engine=engine, maps=False).flags:
        code, sentence = flag.split(": ", 1)
        assert code.replace("_", "").isalnum()
        assert code == code.lower()
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_a_missing_network_is_named_and_flagged(random_weights: Path, tmp_path: Path, reading: Reading) -> None:
    for name in ("manifest.json", "googlenet.safetensors", "efficientnet_b0.safetensors"):
        (tmp_path / name).write_bytes((random_weights / name).read_bytes())
    found = read(FIELD, engine=Engine(Store(tmp_path)), maps=False)
    assert found.missing == ("densenet121", "resnet50", "alexnet")
    assert [vote.network for vote in found.votes] == ["efficientnet_b0", "googlenet"]
    assert list(found.votes) == [vote for vote in reading.votes if vote.network in found.weights]
    (flag,) = [flag for flag in found.flags if flag.startswith("missing_networks: ")]
    assert all(title in flag for title in ("DenseNet121", "ResNet50", "AlexNet"))
    assert "not the validated one" in flag
    assert found.status != "error"


def test_without_any_network_nothing_is_read(tmp_path: Path) -> None:
    found = read(FIELD, engine=Engine(Store(tmp_path)))
    assert found.status == "error"
    assert "None of the five networks" in found.reason
    assert found.missing == tuple(NETWORKS)
    assert list(found.document()) == KEYS


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    "probabilities", [(), (1.0,), (0.5, 0.5, 0.5, 0.5), (0.2, 0.2, 0.2, 0.2), (2.0, -1.0, 0.0, 0.0), (math.nan,) * 4, (0.25,) * 5]
)
def test_a_vote_checks_its_probabilities(probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected 4 probabilities"):
        Vote("googlenet", probabilities)


def test_a_vote_names_the_largest_and_cannot_be_changed() -> None:
    vote = Vote("googlenet", (0.1, 0.2, 0.6, 0.1))
    assert vote.label == "Pre-B"
    with pytest.raises(FrozenInstanceError):
        vote.network = "alexnet"  # type: ignore[misc]


@pytest.mark.data
@pytest.mark.parametrize("label", ["Benign", "Early", "Pre", "Pro"])
def test_real_fields_are_read(data: Path, label: str, engine: Engine) -> None:
    path = sorted((data / "all" / label).iterdir())[7]
    found = read(path, engine=engine, maps=False)
    assert found.status in ("read", "refused")
    assert not any(flag.startswith("no_nuclei") for flag in found.flags)
    assert found.document()["cells"]["count"] >= 1
    assert len(found.votes) == 5
