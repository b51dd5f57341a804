"""How far an answer can be trusted: calibrated consensus, familiarity, refusal, slides, stability."""

from ball.trust.calibration import Calibration, consensus
from ball.trust.judge import Judgement, judge
from ball.trust.store import Trust, TrustError, calibration_for, find_trust, load_trust

__all__ = ["Calibration", "Judgement", "Trust", "TrustError", "calibration_for", "consensus", "find_trust", "judge", "load_trust"]
