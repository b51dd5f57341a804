"""About: what this is for, what it does and does not do, where the data come from, and which weights are loaded."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

import pandas as pd
import streamlit as st

import ball
from ball import benchmark
from ball.benchmark import NotMeasuredError
from ball.labels import LABELS, UNIDENTIFIED
from ball.names import TITLES
from ball.segmentation import CLUSTERS, MIN_OBJECT, SIZE
from ball.wording import percent
from pages._parts import standing
from pages._parts.findings import stain_test
from pages._parts.frame import back_to_app
from pages._parts.marks import MARKS, NOT_READ, REFUSED, heading

PROSE: Final = 480
"""Width in pixels of the text: at most 70 characters a line."""

LEGEND: Final = 230
"""Width in pixels of the legend; beside the text down to a tablet's width."""

PACKAGES: Final = ("torch", "torchvision", "streamlit", "opencv-python-headless", "numpy")

_MEANINGS: Final = dict(
    zip(
        LABELS,
        (
            "Hematogones: normal B-cell precursors. Not normal blood.",
            "Malignant, early precursor B.",
            "Malignant, precursor B.",
            "Malignant, progenitor B.",
        ),
        strict=True,
    )
)

_RULES: Final = {"mean": "the mean of the probabilities", "product": "their geometric mean, which one confident dissenter lowers most"}

_NO_CLASS: Final = {
    UNIDENTIFIED: "A smear, but no class is sure enough to be suggested.",
    REFUSED: "Not like the smears of training, or without a stained nucleus. No suggestion; the votes are still shown.",
    NOT_READ: "The file could not be opened as a picture.",
}

_FOR: Final = """
A second reader for photographed fields of B-ALL blood smears, **for
research use only**. It is not a medical device and must not decide on a
diagnosis or a treatment.

It is for hematologists who want to compare their own reading with that of
five networks, and for researchers who want to reproduce the figures. The
software suggests; the reader decides.
"""

_READING: Final = f"""
1. **Segmentation.** The field is resized to {SIZE} × {SIZE} pixels and turned
   from RGB to Lab. k‑means with {CLUSTERS} clusters on the a* channel finds
   the stained nuclei; the cluster of highest a* is the mask. Holes are
   filled, objects under {MIN_OBJECT} pixels removed, and the corner with the
   scale bar is cleared. All outside the mask becomes black.
2. **Five networks** see the masked image, at the size of their last
   epochs of training: {", ".join(TITLES.values())}. Each gives four
   probabilities, its raw softmax.
3. **Consensus.** Each network's softmax is softened or sharpened by one
   temperature, the five are pooled, and the pool gets a temperature of its
   own. The networks' temperatures and the way of pooling are those of least
   log loss on validation fields, on which the networks did not learn; the
   pool's comes from fields of held-out stains as well. RULE
4. **Unidentified.** Below a validated limit no class is suggested. The
   *Benchmark* page says what it costs and which fields it was made from.
5. **The gate.** Stain, light, nuclei and sharpness of the whole field
   are compared with the fields of training; a field of another size is
   first brought to theirs in the way they were. Beyond what 99 % of
   validation fields keep within a field is flagged; beyond what 99 % of
   genuine fields of other stains keep within it is refused. The five
   networks vote all the same.
6. **Slides.** Fields of one slide share its stain, and with it what misleads
   the networks. So ten that agree are steadier than one, not surer: a slide's
   probability is the geometric mean of its fields'.
7. **Maps.** Grad-CAM maps show where a network looked, not why. They are
   coarse. LayerCAM, offered beside it, has finer squares. Some networks were
   held to the cells in the last epochs of their training, so it is no
   discovery that their maps lie there. Which, and what each map is worth, stands on the
   *Benchmark* page.
"""

_LIMITS: Final = """
- **One hospital.** All training fields come from Taleqani Hospital, 89
  patients. Another laboratory’s stain, microscope or camera may give other
  results.
- **No patient numbers** in the data, so fields of one patient may stand on
  both sides of a split.
- **Squeezed fields.** The training fields are 1024 × 768 pixels squeezed to
  224 × 224, so nuclei are narrower in them than in life.
- **Random split.** The weights in use come from a random split, which can
  be passed on stain colour alone. The test with whole stains held out is
  STAIN_TEST.
- **Crowded fields.** The networks lean on how many cells a field holds: with
  half of them taken out, many fields are read otherwise (*Benchmark*,
  *Changed fields*).
- **Four classes only.** Normal blood, other leukemias and artefacts are not
  among the answers.
- **Drawn masks** were not made for this data set: the segmentation was
  judged on cells of another one.
"""

_PRIVACY: Final = """
Nothing leaves the computer that runs this app: fields are read in its
memory, no service is called and no usage statistics are sent. Closing the
page forgets the fields. Only *Save case* writes to disk: figures, verdicts
and notes, and the pictures where you ask for them.
"""

_SOURCES: Final = """
- **B-ALL fields.** Acute Lymphoblastic Leukemia (ALL) image dataset; Aria,
  Ghaderzadeh, Bashash et al.; Taleqani Hospital.
  [doi:10.34740/KAGGLE/DSV/2175623](https://doi.org/10.34740/KAGGLE/DSV/2175623),
  [doi:10.1002/int.22753](https://doi.org/10.1002/int.22753). Licence: see
  the data set’s page on Kaggle (mehradaria/leukemia).
- **Start of the networks.** 17,092 normal peripheral blood cells; Acevedo
  et al. 2020, [doi:10.1016/j.dib.2020.105474](https://doi.org/10.1016/j.dib.2020.105474),
  Mendeley Data snkd93bnjr. CC BY 4.0.
- **Normal blood, for trials.** BCCD, 364 fields. MIT.
- **Hand-drawn masks, for trials.** segmentation_WBC, Dataset 1 (zxaoyou).
  Licence: see its repository.

No image of these sets is part of this software.
"""


def page() -> None:
    """Draw the page."""
    st.title("About", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=PROSE):
            for title, text in (
                ("What it is for", _FOR),
                ("How a reading is made", _READING.replace("RULE", _rule())),
                ("Limits", _LIMITS.replace("STAIN_TEST", stain_test())),
                ("Privacy", _PRIVACY),
                ("Data and licences", _SOURCES),
            ):
                _section(title, text)
            _paper()
        with st.container(width=LEGEND):
            _legend()
    _versions()


def _rule() -> str:
    """Which way of pooling is in use, and with which temperatures."""
    from ball.trust import find_trust
    from ball.trust.familiarity import PASS, USUAL

    trust = find_trust()
    if trust is None:
        return "Without the thresholds file the plain mean of the votes is shown."
    found = trust.calibration
    warmth = ", ".join(f"{TITLES[name]} {found.temperatures[name]:.2f}" for name in TITLES if name in found.temperatures)
    pool = " The pool's rises where the networks differ." if found.dissent > 0 else ""
    last = (
        f"Last, the stranger a field looks beyond {percent(USUAL, 0)} of the validation fields, the nearer it is held to 50 %; beyond "
        f"{percent(PASS, 0)} of them no class is called likelier than not. What comes out is the probability shown."
    )
    return f"In use: {_RULES[found.rule]} (temperatures: {warmth}).{pool} {last} {standing.tried()}".rstrip()


def _section(title: str, text: str) -> None:
    st.header(title, anchor=False)
    st.markdown(text)


def _legend() -> None:
    """The marks and what they stand for."""
    st.header("Marks", anchor=False)
    with st.container(border=True):
        for label in LABELS:
            st.html(heading(3, MARKS[label]))
            st.markdown(_MEANINGS[label])
        for state, meaning in _NO_CLASS.items():
            st.html(heading(3, MARKS[state]))
            st.markdown(meaning)
        st.markdown("In a row of votes a line under a mark says that this network differs from the consensus.")


def _paper() -> None:
    st.header("Source paper", anchor=False)
    try:
        st.markdown(f"Classes, preparation and networks follow: {benchmark.load_reference().citation}")
    except NotMeasuredError as error:
        st.markdown(f"{error} Restore it: {error.command}")


def _versions() -> None:
    """What is installed, and the weights by their SHA-256."""
    st.header("Versions and weights", anchor=False)
    found = ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name)))
    st.markdown(f"ball {ball.__version__}, Python {platform.python_version()}, {found}.")
    try:
        files = benchmark.load_weight_files()
    except NotMeasuredError as error:
        st.markdown(f"No weights are listed. {error} Restore them: {error.command}")
        return
    rows = [[TITLES[each.network], each.file, f"{each.size / 1e6:.1f} MB", each.sha256, each.command] for each in files]
    frame = pd.DataFrame(rows, columns=["Network", "File", "Size", "SHA-256", "Training command"])
    st.dataframe(frame, hide_index=True, height="content", alt="Weight files with their SHA-256")
    missing = [title for name, title in TITLES.items() if name not in {each.network for each in files}]
    if missing:
        st.markdown(f"Not in the manifest: {', '.join(missing)}.")


def _version(package: str) -> str:
    """Installed version without importing the package; empty where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    back_to_app()
