from __future__ import annotations

import pytest

from ball.labels import LABELS, UNIDENTIFIED, UnknownClassError, label_of_folder


def test_labels_stand_in_contract_order() -> None:
    assert LABELS == ("Benign", "Early Pre-B", "Pre-B", "Pro-B")
    assert UNIDENTIFIED not in LABELS


NAMES = [
    ("Benign", "Benign"),
    ("Early", "Early Pre-B"),
    ("Pre", "Pre-B"),
    ("Pro", "Pro-B"),
    ("Early Pre-B", "Early Pre-B"),
    ("Pre-B", "Pre-B"),
    ("Pro-B", "Pro-B"),
    ("[Malignant] early Pre-B", "Early Pre-B"),
    ("[Malignant] Pre-B", "Pre-B"),
    ("[Malignant] Pro-B", "Pro-B"),
    ("early_pre_b", "Early Pre-B"),
]


@pytest.mark.parametrize(("name", "label"), NAMES)
@pytest.mark.parametrize("cased", [str, str.lower, str.upper, str.title])
def test_folder_names_are_known_in_any_case(name: str, label: str, cased: type[str]) -> None:
    assert label_of_folder(cased(name)) == label


@pytest.mark.parametrize("name", ["", "Segmented", "B", "[Malignant]", "Normal", "Pre-B copy", "Pro Early", "Benign Pre", "Preliminary"])
def test_another_name_is_refused_with_what_was_expected(name: str) -> None:
    with pytest.raises(UnknownClassError) as caught:
        label_of_folder(name)
    assert repr(name) in str(caught.value)
    for known in ("Benign", "Early", "Pre", "Pro", *LABELS):
        assert known in str(caught.value)
    assert str(caught.value).endswith(".")
