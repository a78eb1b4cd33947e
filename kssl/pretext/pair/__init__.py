"""Pretext transforms of images with text."""
