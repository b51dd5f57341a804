"""How fields come in: uploaded, drawn, or taken from the example folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ball.labels import LABELS, UnknownClassError
from ball.places import weights_folder
from pages._parts import letting_go
from pages._parts.worklist import HELD, Worklist

_EXAMPLES_A_CLASS: Final = 3


def worklist() -> Worklist:
    """The list of this visit; it ends with the visit."""
    found: Worklist = st.session_state.setdefault("worklist", Worklist())
    return found


def add_file(todo: Worklist, name: str, content: bytes, *, on_disk: bool = True) -> None:
    """Add every field that a file holds: itself, its pages or frames, or the pictures of an archive; a full list says so instead."""
    from ball.files import fields_in

    if todo.held + len(content) > HELD:
        todo.refuse(name)
        return
    for part in fields_in(content, name):
        todo.add(part.name, part, content, on_disk=on_disk)


def uploader(todo: Worklist) -> None:
    """Draw the uploader. Files are copied at once and its key moves on, so that its own list stays empty."""
    turn = st.session_state.setdefault("uploader-turn", 0)
    key = f"uploader-{turn}"

    def take() -> None:
        if _take(todo, st.session_state.get(key) or []):
            st.session_state["uploader-turn"] = turn + 1

    # No list of types: a file that is no picture gets its row and a sentence instead of vanishing.
    st.file_uploader(
        "Add fields, 64 MB each at most", accept_multiple_files=True, key=key, on_change=take,
        help="JPEG, PNG, TIFF, BMP, WebP or DICOM, or a ZIP archive of them, told by their content. Every page of a TIFF is a field. "
        "Many at once are fine. Nothing leaves this computer.",
    )
    _camera(todo)


def _camera(todo: Worklist) -> None:
    """Draw the camera, once it is asked for: the browser asks for leave to use it as soon as it is there."""
    if not st.toggle("Use a camera", key="camera", help="A camera that this computer sees, on the microscope for example."):
        return
    turn = st.session_state.setdefault("camera-turn", 1)
    key = f"camera-{turn}"

    def take() -> None:
        if _take(todo, [st.session_state.get(key)], f"camera-{turn}.jpg"):
            st.session_state["camera-turn"] = turn + 1

    st.camera_input("Photograph a field", key=key, on_change=take, resolution="1080p")


def _take(todo: Worklist, found: Sequence[object], name: str | None = None) -> bool:
    """Add what a widget holds to the list and have Streamlit let go of it; whether there was anything.

    The widget may name files again that were taken before: they are gone from Streamlit's store by then.
    """
    files = [file for file in found if isinstance(file, UploadedFile)]
    for file in files:
        # Only a photograph is named here: it came from no file.
        add_file(todo, name or file.name, file.getvalue(), on_disk=name is None)
    letting_go.uploads(files)
    return bool(files)


def draw_synthetic(todo: Worklist) -> None:
    """Add a drawn field, another one each time."""
    from ball import synthetic

    seed = st.session_state.get("synthetic-seed", 0) + 1
    st.session_state["synthetic-seed"] = seed
    todo.add(synthetic.file_name(seed), synthetic.png(seed), on_disk=False)


def example_files() -> list[Path]:
    """A few fields of every class in ``$BALL_DATA``; none where it is not set, or is no such folder of classes."""
    named = os.environ.get("BALL_DATA")
    if not named or not Path(named).is_dir():
        return []
    from ball.training.data import find_fields

    try:
        fields = find_fields(Path(named))
    except (OSError, UnknownClassError):
        return []
    found: list[Path] = []
    for label in LABELS:
        files = [field.path for field in fields if field.label == label]
        step = max(1, len(files) // _EXAMPLES_A_CLASS)
        found += files[::step][:_EXAMPLES_A_CLASS]
    return found


def open_examples(todo: Worklist) -> None:
    """Add the example fields; one that cannot be read is named instead."""
    from ball.files import read_bytes
    from ball.images import ImageError

    for path in example_files():
        try:
            todo.add(path.name, read_bytes(path))
        except ImageError as error:
            st.toast(f"`{path.name}`: {error}")


def no_weights() -> bool:
    """Whether the weights folder holds no weights at all; told without loading any."""
    return not any(weights_folder().glob("*.safetensors"))
