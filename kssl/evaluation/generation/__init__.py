"""Evaluations of what a model reconstructs and generates, and of its likelihood."""
