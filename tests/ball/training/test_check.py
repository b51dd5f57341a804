from __future__ import annotations

from pathlib import Path

import pytest

from ball import synthetic
from ball.labels import LABELS, UnknownClassError
from ball.training.check import check
from ball.training.splits import load_split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Benign pair of equal bytes, one of them in the class Pro; one unreadable file; one name that a split knows."""
    known = min(name for name in load_split("paper").train if "Early" in name)
    for name in ("Benign", "Early", "Pro"):
        (tmp_path / name).mkdir()
    (tmp_path / "Benign" / "1.png").write_bytes(synthetic.png(1))
    (tmp_path / "Pro" / "1.png").write_bytes(synthetic.png(1))
    (tmp_path / "Early" / known).write_bytes(synthetic.png(2))
    (tmp_path / "Early" / "3.png").write_bytes(synthetic.png(3)[:500])
    (tmp_path / "Early" / "notes.txt").write_text("passed over")
    return tmp_path


def test_a_folder_is_counted_and_its_faults_are_named(folder: Path) -> None:
    found = check(folder)
    known = next((folder / "Early").glob("WBC*")).name
    assert found.n == 3
    assert found.counts == dict(zip(LABELS, (1, 1, 0, 1), strict=True))
    assert found.parts["train"] == dict(zip(LABELS, (0, 1, 0, 0), strict=True))
    assert found.unreadable == ("Early/3.png",)
    assert found.identical == found.contradictory == found.ambiguous == (("Benign/1.png", "Pro/1.png"),)
    assert found.twins == ()
    assert found.unknown == ("Benign/1.png", "Early/3.png", "Pro/1.png")
    assert f"Early/{known}" not in found.unknown


def test_near_duplicates_are_told_from_identical_files(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "Pre").mkdir()
    field = Image.fromarray(synthetic.draw(1))
    field.save(tmp_path / "Pre" / "1.png")
    field.save(tmp_path / "Pre" / "2.jpg", quality=80)
    Image.fromarray(synthetic.draw(2)).save(tmp_path / "Pre" / "3.png")
    found = check(tmp_path)
    assert (found.identical, found.twins, found.contradictory) == ((), (("Pre/1.png", "Pre/2.jpg"),), ())


def test_a_folder_without_one_readable_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "Pre").mkdir()
    (tmp_path / "Pre" / "1.png").write_bytes(b"no picture")
    found = check(tmp_path)
    assert (found.n, found.unreadable) == (0, ("Pre/1.png",))


def test_a_folder_that_names_no_class_is_an_error(folder: Path) -> None:
    (folder / "Normal").mkdir()
    with pytest.raises(UnknownClassError, match="Normal"):
        check(folder)


@pytest.mark.data
def test_the_real_set_holds_forty_identical_pairs_all_in_pro(data: Path) -> None:
    found = check(data / "all")
    assert len(found.identical) == 40
    assert {Path(name).parent.name for group in found.identical for name in group} == {"Pro"}
    assert (found.unreadable, found.contradictory, found.ambiguous, found.unknown) == ((), (), (), ())
    assert sum(sum(part.values()) for part in found.parts.values()) == found.n == sum(found.counts.values())
