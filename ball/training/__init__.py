"""Reproduce the weights: data, splits, augmentation, fitting, evaluation."""
