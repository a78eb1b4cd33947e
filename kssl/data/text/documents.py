"""The documents of a corpus's files: of those of a split, or of the rows that a column says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kssl.data.locate import Unavailable
from kssl.data.tables.split_column import SplitColumn, split_of_row
from kssl.data.text.files import Pool
from kssl.data.text.reader import RECORDS, TABLES, Document, Troubles, read_documents
from kssl.data.text.row_splits import column_of_splits

EMBEDDED = "python_topics"


class DocumentsOfFiles:
    """Reads the documents of a pool: a split, or "all".

    Args:
        where: How the corpus is spoken of; `python_topics` is the embedded one.
        pools: The files of each pool, and the class of what is in each.
        field: Field or column of the text.
        label: Field or column of the class; None takes the class of the file.
    """

    def __init__(
        self,
        where: str,
        pools: dict[str, Pool],
        field: str | int | None,
        label: str | int | None,
    ) -> None:
        self.where, self.pools, self.field, self.label = where, pools, field, label
        self.files = [file for pool in pools.values() for file, _ in pool]
        self.above = ""  # the folder that all files are in
        self.column = SplitColumn()
        if self.files:
            self.above = os.path.commonpath([file.absolute().parent for file in self.files])
        if self.files and list(pools) == ["all"]:
            self.column = column_of_splits(where, self.files, field, label)

    def __call__(self, pool: str, into: Troubles) -> Iterator[Document]:
        """Yield the documents of a pool; what is wrong with others is counted in `into`."""
        if not self.column.name:
            yield from self._of_files(pool, into)
            return
        for document in self._of_files("all", into):
            own = split_of_row(document.name, self.column, document.split)
            if pool in (own, "all"):
                yield replace(document, split=own)

    def _of_files(self, pool: str, into: Troubles) -> Iterator[Document]:
        if self.where == EMBEDDED:
            yield from _topics()
        for file, folder in self.pools[pool]:
            own, column = os.path.relpath(file, self.above), self.column.name or None
            documents = read_documents(file, self.field, self.label, into, column)
            for number, document in enumerate(documents, 1):
                label = folder if self.label is None else (document.label or "").strip()
                if document.text.strip():
                    name = f"{own}:{number}" if has_rows(file) else own
                    yield replace(document, label=label, name=name)
                else:
                    into.add("documents without text, left out", str(file))


def has_rows(file: Path) -> bool:
    """Whether a file holds many documents, one a row or record."""
    return bool({*file.suffixes} & {*RECORDS, *TABLES})


def _topics() -> Iterator[Document]:
    """The texts of Python's own help, which every Python brings."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise Unavailable("this Python was installed without pydoc_data.topics") from error
    for name in sorted(topics):
        yield Document(topics[name], name=name)
