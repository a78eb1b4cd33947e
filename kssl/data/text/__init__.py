"""Text: documents out of files, cut into pieces, and laid out in rows."""
