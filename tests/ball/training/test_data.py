from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ball.images import ImageError
from ball.labels import LABELS, UnknownClassError
from ball.segmentation import segment
from ball.training.data import (
    Field,
    find_fields,
    fingerprint,
    label_of_name,
    load_masked,
    load_plain,
    misplaced,
    twin_groups,
)

SHORT = ("Benign", "Early", "Pre", "Pro")
LONG = ("Benign", "[Malignant] early Pre-B", "[Malignant] Pre-B", "[Malignant] Pro-B")


def field(seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    canvas = np.full((48, 64, 3), (228, 222, 214), dtype=np.uint8)
    for _ in range(3):
        centre = tuple(int(value) for value in random.integers(8, 40, 2))
        cv2.circle(canvas, centre, int(random.integers(4, 9)), (120, 60, 150), -1)
    return canvas


def write(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(field(seed), cv2.COLOR_RGB2BGR))
    return path


def layout(root: Path, names: tuple[str, ...]) -> Path:
    for index, name in enumerate(names):
        for number in (1, 2, 10):
            write(root / name / f"WBC-{index}-{number}.png", 10 * index + number)
    return root


@pytest.mark.parametrize("names", [SHORT, LONG, tuple(name.upper() for name in SHORT)])
def test_both_layouts_are_known(tmp_path: Path, names: tuple[str, ...]) -> None:
    fields = find_fields(layout(tmp_path, names))
    assert [(each.label, each.name) for each in fields] == [
        (label, f"WBC-{index}-{number}.png") for index, label in enumerate(LABELS) for number in (1, 2, 10)
    ]
    assert [each.target for each in fields] == sorted([0, 1, 2, 3] * 3)


def test_of_original_and_segmented_only_the_original_counts(tmp_path: Path) -> None:
    layout(tmp_path / "Original", SHORT)
    layout(tmp_path / "Segmented", SHORT)
    fields = find_fields(tmp_path)
    assert len(fields) == 12
    assert all("Original" in each.path.parts for each in fields)


def test_what_is_no_field_is_passed_over(tmp_path: Path) -> None:
    layout(tmp_path, SHORT)
    for name in ("notes.txt", "table.CSV", "boxes.xml", "facts.json", ".hidden.png"):
        (tmp_path / "Pre" / name).write_text("x")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "readme.png").write_text("beside the class folders")
    assert len(find_fields(tmp_path)) == 12


def test_hidden_folders_are_not_entered(tmp_path: Path) -> None:
    layout(tmp_path, SHORT)
    write(tmp_path / "Benign" / "slide 2" / "a.png", 1)
    before = find_fields(tmp_path)
    write(tmp_path / "Benign" / ".thumbnails" / "a.png", 1)
    write(tmp_path / "Benign" / "slide 2" / ".cache" / "more" / "b.png", 1)
    (tmp_path / "Benign" / "dead.png").symlink_to(tmp_path / "gone")
    assert find_fields(tmp_path) == before
    assert len(before) == 13


def test_a_class_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path / "Pro" / "a.png", 1)
    assert [each.label for each in find_fields(tmp_path)] == ["Pro-B"]


def test_errors_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        find_fields(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no image"):
        find_fields(tmp_path)
    (tmp_path / "Pre").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no image"):
        find_fields(tmp_path)
    write(tmp_path / "Neutrophil" / "a.png", 1)
    with pytest.raises(UnknownClassError, match="Neutrophil"):
        find_fields(tmp_path)


def test_the_fingerprint_changes_with_any_file_and_with_nothing_else(tmp_path: Path) -> None:
    fields = find_fields(layout(tmp_path / "one", SHORT))
    before = fingerprint(fields)
    assert fingerprint(list(reversed(fields))) == before
    assert fingerprint(find_fields(layout(tmp_path / "two", LONG))) == before, "the folder counts"
    assert fingerprint(fields[1:]) != before
    assert fingerprint([replace(fields[0], label="Pro-B"), *fields[1:]]) != before, "another class, same file"
    data = fields[3].path.read_bytes()
    write(fields[3].path, 999)
    assert fingerprint(fields) != before
    fields[3].path.write_bytes(data)
    assert fingerprint(fields) == before
    fields[3].path.rename(fields[3].path.with_name("other.png"))
    assert fingerprint(find_fields(tmp_path / "one")) != before


def test_masked_fields_are_those_of_the_segmentation(tmp_path: Path) -> None:
    fields = find_fields(layout(tmp_path, SHORT))
    images = load_masked(fields)
    assert (images.shape, images.dtype) == ((12, 224, 224, 3), np.uint8)
    for index in (0, 7, 11):
        rgb = cv2.cvtColor(cv2.imread(str(fields[index].path)), cv2.COLOR_BGR2RGB)
        assert np.array_equal(images[index], segment(rgb).masked)
        assert images[index].any()


def test_plain_images_are_only_resized(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", 1)
    (image,) = load_plain([path], 32)
    assert image.shape == (32, 32, 3)
    assert np.abs(image[0, 0].astype(int) - (228, 222, 214)).max() <= 1


def test_a_broken_field_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    fields = find_fields(layout(tmp_path, SHORT))
    fields[5].path.write_bytes(b"no picture")
    for read in (load_masked, twin_groups):
        with pytest.raises(ImageError, match=f"^Early/{fields[5].name}: "):
            read(fields)


def test_twins_are_grouped_and_others_kept_apart(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{index}.png", seed) for index, seed in enumerate((1, 2, 1, 3))]
    brighter = np.clip(field(2).astype(int) * 1.05, 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "4.png"), cv2.cvtColor(brighter, cv2.COLOR_RGB2BGR))
    groups = twin_groups([Field(path, "Pro-B") for path in [*paths, tmp_path / "4.png"]])
    assert groups[0] == groups[2]
    assert groups[1] == groups[4]
    assert len({groups[0], groups[1], groups[3]}) == 3


@pytest.mark.parametrize(
    ("name", "label"),
    [("WBC-Benign-001.jpg", "Benign"), ("WBC-Malignant-Early-012.jpg", "Early Pre-B"), ("wbc-malignant-pre-9.PNG", "Pre-B"),
     ("WBC-Malignant-Pro-804.jpg", "Pro-B"), ("Pro.jpg", None), ("slide-Pre-1.jpg", None)],
)
def test_a_file_name_may_carry_its_class(name: str, label: str | None) -> None:
    assert label_of_name(name) == label


def test_fields_that_lie_in_the_wrong_folder_are_found() -> None:
    right, wrong = Field(Path("WBC-Benign-001.jpg"), "Benign"), Field(Path("WBC-Benign-002.jpg"), "Pro-B")
    assert misplaced([right, wrong, Field(Path("own.jpg"), "Pro-B")]) == [wrong]
