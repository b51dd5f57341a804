"""What was measured, as it lies beside the weights: values and the functions that load them. Nothing here computes a figure."""

from ball.benchmark.results import (
    CELLS,
    CHECK,
    EVALUATE,
    MAPS,
    MASKS,
    PREDICT,
    PROTOCOLS,
    SEGMENT,
    load_certainty,
    load_closer_masks,
    load_counts,
    load_deciding_cells,
    load_evaluation,
    load_maps,
    load_masks,
    load_predictions,
    load_reference,
    load_refit,
    load_refusal,
    load_training,
    load_weight_files,
    outdated,
    refit_command,
)
from ball.benchmark.store import NotMeasuredError, benchmark_folder
from ball.benchmark.values import MEASURES, METRICS, Counts, Evaluation, Fold, Masks, Measures, Pair, Prediction, Reference, Training, Vote

__all__ = [
    "CELLS", "CHECK", "EVALUATE", "MAPS", "MASKS", "MEASURES", "METRICS", "PREDICT", "PROTOCOLS", "SEGMENT", "Counts",
    "Evaluation", "Fold", "Masks", "Measures", "NotMeasuredError", "Pair", "Prediction", "Reference", "Training", "Vote",
    "benchmark_folder", "load_certainty", "load_closer_masks", "load_counts", "load_deciding_cells", "load_evaluation",
    "load_maps", "load_masks", "load_predictions", "load_reference", "load_refit", "load_refusal", "load_training",
    "load_weight_files", "outdated", "refit_command",
]  # fmt: skip
