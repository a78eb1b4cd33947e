"""Pretext transforms of the rows of tables."""
