"""Text: documents read from files, split into units, and packed into rows."""
