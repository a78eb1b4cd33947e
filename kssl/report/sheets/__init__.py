"""Contact sheets: what goes into a pretext task, what comes out, and the label it makes.

One layout for each kind of data: pictures, films, sounds, texts and tables.
"""

from __future__ import annotations

from kssl.report.sheets.facts import Facts, facts_of
from kssl.report.sheets.sheet import contact_sheet, drawn

__all__ = ["Facts", "contact_sheet", "drawn", "facts_of"]
