"""The command line: `kssl VERB …`; one file of this folder per verb, imported when called."""

# The group is in a file of its own: here the verb `list`, once imported, would hide the built-in.
from kssl.cli.group import SECTIONS, VERBS, Verbs, cli, main

__all__ = ["SECTIONS", "VERBS", "Verbs", "cli", "main"]
