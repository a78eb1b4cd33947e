"""Data sets of tensorflow-datasets, read by the sources of every modality."""
