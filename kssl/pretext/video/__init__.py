"""Pretext transforms of video."""
