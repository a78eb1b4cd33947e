"""Tables: columns out of files, and what is learned of them from the training rows."""
