"""Tables: columns read from files, and their encoding, fitted on the training rows."""
