"""What the certainty of a reading rests on, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ball.names import TITLES
from ball.wording import listed


def tried() -> str:
    """`tried_by` of the thresholds in use."""
    from ball.trust import find_trust

    trust = find_trust()
    return tried_by(trust.tried) if trust else ""


def tried_by(networks: Sequence[str]) -> str:
    """Which networks were tried on held-out stains, where that is not all of them; empty where there is nothing to say."""
    names = [TITLES[name] for name in networks if name in TITLES]
    if not names or len(names) == len(TITLES):
        return ""
    who = listed(names) if len(names) > 1 else f"{names[0]} alone"
    return f"Held-out stains were read by {who} so far, not by all {len(TITLES)} networks."


def on_new_stains() -> str:
    """How far the probability was off on a single held-out stain; empty where that was not measured."""
    found = _certainty()
    if found is None:
        return ""
    if found["basis"] != "stain":
        return "On new stains it has not been tried."
    gaps = [100 * (each["probability"] - each["accuracy"]) for each in found["folds"]]
    return f"On a single held-out stain it was up to {max(gaps):.0f} points too sure, or {-min(gaps):.0f} too careful."


def sets() -> str:
    """How often the true class was among those not ruled out; empty where that was not measured."""
    from pages._parts.marks import percent

    found = _certainty()
    if found is None:
        return ""
    where = "fields of held-out stains" if found["basis"] == "stain" else "validation fields"
    return f"Classes that cannot be ruled out. On {where} the true class was among them in {percent(found['set_coverage'])}."


def _certainty() -> Mapping[str, Any] | None:
    """What was measured of the probability; None where that was not."""
    from ball.benchmark import NotMeasuredError, load_certainty

    try:
        return load_certainty()
    except NotMeasuredError:
        return None
