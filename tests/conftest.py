"""What tests share: the real images where they lie beside the project, and small weights made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Where processes share the tests, threads of each beside those of the others would only wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the tests' own: compiled networks are made anew once a run, and the user's are left alone."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["BALL_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the real images: ``$BALL_TEST_DATA``, else ``shared/data`` beside the project."""
    folder = Path(os.environ.get("BALL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "all").is_dir():
        pytest.skip("the real images do not lie beside the project (shared/data)")
    return folder


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with five networks of random weights: loads, votes, knows nothing."""
    import torch

    from ball.networks import NETWORKS, Classifier
    from ball.weights import Store

    folder = tmp_path_factory.mktemp("weights")
    for index, (name, network) in enumerate(NETWORKS.items()):
        torch.manual_seed(index)
        Store(folder).save(name, Classifier(network).net.state_dict(), {"command": "tests/conftest.py", "data": "none"})
    return folder
