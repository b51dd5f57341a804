"""The files of speed beside the weights, as frozen values. Nothing here measures; the constants name the commands that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ball.benchmark.store import load_file
from ball.names import TITLES

SPEED: Final = "python -m benchmarks.speed DATA --json weights/benchmark/speed.json"
ROUNDING: Final = "python -m benchmarks.rounding DATA/all --json weights/benchmark/rounding.json"
APP: Final = "python -m benchmarks.app DATA --json weights/benchmark/app.json"

ENGINES: Final = "OMP_WAIT_POLICY=passive python -m benchmarks.engines --json weights/benchmark/engines.json"
TRAINING: Final = "python -m benchmarks.training DATA --json weights/benchmark/training-speed.json"

PRECISIONS: Final = {"32-true": "f32", "bf16-mixed": "bf16"}
"""What the precisions of training are called, by their names in the file."""

FIRST_PAGE: Final = 2.5
"""Goal of the first page, in seconds from the start of a server."""

WIDGET: Final = 0.15
"""Goal of a changed widget, in seconds."""

MEMORY: Final = 2.0
"""Goal of the server's memory, in GB."""


@dataclass(frozen=True)
class Ratio:
    """One path against another: the median of the ratios of one run, their quartiles, and the goal.

    ``least``: whether the goal is a least ratio (times faster) and not a largest one (times as long). ``bound``: what it would be
    with both cores full from the first network to the last, where that was worked out.
    """

    what: str
    median: float
    low: float
    high: float
    goal: float
    least: bool
    bound: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the median keeps the goal."""
        return self.median >= self.goal if self.least else self.median <= self.goal


@dataclass(frozen=True)
class Agreement:
    """An engine held against torch: its votes, how many of them have another label, and how far a probability moves at most."""

    votes: int
    turned: int
    largest: float


@dataclass(frozen=True)
class Speed:
    """Ratios, and medians in milliseconds of one field by path, measured on one day on one processor.

    ``fast``: whether the processor has bf16, so that the fast engine could be measured. ``command``: the one given.
    """

    command: str
    date: str
    processor: str
    ratios: tuple[Ratio, ...]
    milliseconds: Mapping[str, float]
    fast: bool
    agreement: Mapping[str, Agreement]

    def __post_init__(self) -> None:
        if not self.ratios:
            raise ValueError("it holds no ratio")


@dataclass(frozen=True)
class Engines:
    """Milliseconds of the five networks together, by what runs them, for one field and for a batch of fields."""

    date: str
    processor: str
    batch: int
    one: Mapping[str, float]
    together: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.one or set(self.one) != set(self.together):
            raise ValueError("one field and the batch were not measured with the same engines")


@dataclass(frozen=True)
class TrainingSpeed:
    """Images a second of training against torchvision's reference recipe: a ratio a network and precision.

    ``alone``: by the same key, the share of our time that the network itself takes.
    """

    date: str
    processor: str
    ratios: tuple[Ratio, ...]
    alone: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.ratios:
            raise ValueError("it holds no ratio")


@dataclass(frozen=True)
class Feel:
    """The app in a browser: seconds to its first page and of a changed widget (medians), megabytes after fields read.

    ``bare``: seconds of the same change on a page with nothing but a title, the widget and five plain pictures; ``bare_first_page``:
    seconds to that page.
    """

    date: str
    processor: str
    first_page: float
    bare_first_page: float
    widget: float
    bare: float
    megabytes: Mapping[int, float]


def load_speed() -> Speed:
    """How fast a reading is.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("speed.json", SPEED, _speed)


def load_feel() -> Feel:
    """How the app feels.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("app.json", APP, _feel)


def load_engines() -> Engines:
    """What the compiled engine was held against.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("engines.json", ENGINES, _engines)


def load_training_speed() -> TrainingSpeed:
    """How fast training is.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("training-speed.json", TRAINING, _training)


def _speed(document: Any) -> Speed:
    bounds = {str(key): float(each["median"]) for key, each in document.get("bounds", {}).items()}
    ratios = [
        Ratio(str(key), float(document["ratios"][key]["median"]), float(document["ratios"][key]["low"]),
              float(document["ratios"][key]["high"]), float(goal), kind == "faster", bounds.get(key))
        for kind in ("faster", "as_long")
        for key, goal in document["goals"][kind].items()
        if key in document["ratios"]
    ]  # fmt: skip
    spent = {str(key): float(value) for key, value in document["milliseconds"].items()}
    if not {"f32", "naive"} <= set(spent):
        raise ValueError("it holds no milliseconds of f32 and naive")
    given, date, processor = (str(document[key]) for key in ("command", "date", "processor"))
    agreement = {
        str(key): Agreement(int(row["votes"]), int(row["other_labels"]), float(row["largest_difference"]))
        for key, row in document.get("agreement", {"engines": {}})["engines"].items()
    }
    return Speed(given, date, processor, tuple(ratios), spent, "fast" in document["engines"], agreement)


def _feel(document: Any) -> Feel:
    most = {int(count): float(each["most"]) for count, each in document["megabytes_after_fields"].items()}
    if not most:
        raise ValueError("it holds no memory after any number of fields")
    times = ("seconds_to_first_page", "seconds_to_a_bare_first_page",
             "seconds_of_a_widget_change", "seconds_of_a_widget_change_on_a_bare_page")  # fmt: skip
    first, bare_first, widget, bare = (float(document[key]["median"]) for key in times)
    return Feel(str(document["date"]), str(document["processor"]), first, bare_first, widget, bare, most)


def _engines(document: Any) -> Engines:
    by_batch = {int(key.removeprefix("batch ")): each for key, each in document["sum"].items()}
    one, batch = min(by_batch), max(by_batch)
    spent = {count: {str(key): float(value) for key, value in by_batch[count].items()} for count in (one, batch)}
    return Engines(str(document["date"]), str(document["processor"]), batch, spent[one], spent[batch])


def _training(document: Any) -> TrainingSpeed:
    goal = float(document["goal"])
    found = {
        f"{TITLES[network]}, {PRECISIONS.get(precision, precision)}": row
        for network, rows in document["networks"].items() for precision, row in rows.items()
    }  # fmt: skip
    times = {key: row["times_faster"] for key, row in found.items()}
    ratios = [Ratio(key, float(each["median"]), float(each["low"]), float(each["high"]), goal, True) for key, each in times.items()]
    alone = {key: float(row["share_of_ours_in_the_network"]) for key, row in found.items()}
    return TrainingSpeed(str(document["date"]), str(document["processor"]), tuple(ratios), alone)
