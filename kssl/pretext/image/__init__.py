"""Pretext transforms of images."""
