"""Pretext transforms of text as ids of tokens."""
