"""Whether an answer holds when stain and light change a little: the consensus of one field under every perturbation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ball.labels import LABELS
from ball.perturb import PERTURBATIONS
from ball.trust.calibration import consensus
from ball.trust.store import Trust, calibration_for, find_trust

if TYPE_CHECKING:
    from ball.engine import Engine
    from ball.reading import Reading
    from ball.segmentation import Segmentation

CODE: Final = "unstable"
"""Of the flag."""


@dataclass(frozen=True)
class Stability:
    """What the changes did.

    ``label``: the leading label of the field as it is; ``probabilities``: its calibrated probability under each perturbation, by
    name. ``turned``: by network the perturbations under which its vote is another than on the field as it is. ``leads``: by
    perturbation the label that led, where it was another.
    """

    label: str
    probabilities: Mapping[str, float]
    turned: Mapping[str, tuple[str, ...]]
    leads: Mapping[str, str]

    @property
    def spread(self) -> tuple[float, float]:
        """Least and largest probability of the label."""
        return min(self.probabilities.values()), max(self.probabilities.values())

    @property
    def flags(self) -> tuple[str, ...]:
        """A flag where a vote or the consensus turned over, in words."""
        if not self.turned and not self.leads:
            return ()
        from ball.names import TITLES

        parts = [f"{TITLES[name]} changes its vote ({_listed(names)})" for name, names in self.turned.items()]
        parts += [f"the consensus turns to {label} ({PERTURBATIONS[name].title})" for name, label in self.leads.items()]
        text = "; ".join(parts)
        return (f"{CODE}: {text[0].upper()}{text[1:]}.",)

    def flagged(self, reading: Reading) -> Reading:
        """The reading with the flag of this trial, in place of that of another one."""
        kept = tuple(flag for flag in reading.flags if not flag.startswith(f"{CODE}: "))
        return replace(reading, flags=(*kept, *self.flags))

    def document(self) -> dict[str, Any]:
        """The trial as JSON values."""
        low, high = self.spread
        return {
            "label": self.label, "low": low, "high": high, "probabilities": dict(self.probabilities),
            "turned": {network: list(names) for network, names in self.turned.items()}, "leads": dict(self.leads),
        }


def try_changes(reading: Reading, engine: Engine) -> Stability | None:
    """Read a field again under every perturbation, with the thresholds of the networks; None where it was not read at all.

    Args:
        reading: with its evidence.
        engine: the networks that made it.
    """
    if reading.evidence is None:
        return None
    votes = {vote.network: vote.probabilities for vote in reading.votes}
    return stability(reading.evidence.segmentation, votes, engine, find_trust(engine.folder))


def stability(segmentation: Segmentation, votes: Mapping[str, Sequence[float]], engine: Engine, trust: Trust | None = None) -> Stability:
    """Read a field again under every perturbation; one pass of the networks for all of them.

    Probabilities are as of a field like those validated: what is tried is whether the networks hold, and of one that is held back to
    50 % nothing could be told.

    Args:
        segmentation: of the field, at the size that the networks see.
        votes: raw softmax by network of the field as it is.
        engine: the same networks.
        trust: thresholds.
    """
    from ball.segmentation import segment

    changed = [segment(change(segmentation.resized)) for change in PERTURBATIONS.values()]
    calibration = calibration_for(trust, engine.hashes)
    outputs = engine.predict(np.stack([each.masked for each in changed]))
    # In float64, as the reading takes its softmax.
    found = {name: output.logits.double().softmax(dim=1).numpy() for name, output in outputs.items()}
    first = consensus(votes, calibration)
    leading = int(np.argmax(first))
    combined = {
        name: consensus({network: values[row] for network, values in found.items()}, calibration)
        for row, name in enumerate(PERTURBATIONS)
    }
    usual = {network: int(np.argmax(values)) for network, values in votes.items()}
    turned = {
        network: tuple(name for row, name in enumerate(PERTURBATIONS) if int(values[row].argmax()) != usual[network])
        for network, values in found.items()
    }
    return Stability(
        label=LABELS[leading],
        probabilities={name: values[leading] for name, values in combined.items()},
        turned={network: names for network, names in turned.items() if names},
        leads={name: LABELS[int(np.argmax(values))] for name, values in combined.items() if int(np.argmax(values)) != leading},
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(PERTURBATIONS[name].title for name in names)
