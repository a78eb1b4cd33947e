"""Pretext transforms of sound and other sequences."""
