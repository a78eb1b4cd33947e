"""YAML 1.2 text becomes a tree in which every value knows its file and line.

Only what a recipe needs is read: mappings with text as keys, lists, and plain values. Anchors,
aliases, tags and duplicate keys are refused, so that a file says what it seems to say and
cannot grow when it is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from kssl.recipe.problems import Problems

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_INTEGER = 2**31 - 1

Scalar = Union[str, int, float, bool, None]  # noqa: UP007 - one name for mypy and at run time


@dataclass
class Node:
    """A value of a recipe.

    Attributes:
        value: A plain value, a list of nodes, or a dict of nodes.
        place: `"file:line"` of its key, or `"override key=value"`.
        spare: It is an argument of a part whose `use` was overridden: it is dropped when the
            new part has no such argument.
    """

    value: Scalar | list[Node] | dict[str, Node]
    place: str
    spare: bool = False

    def plain(self) -> Any:
        """Return the value as plain Python."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def read_file(path: Path, shown: str, problems: Problems) -> tuple[Node | None, str]:
    """Return the tree of a file, and its text; what is wrong is added to `problems`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        problems.add(shown, "", f"cannot be read: {error.strerror or error}")
        return None, ""
    if len(data) > MAX_BYTES:
        problems.add(shown, "", f"larger than {MAX_BYTES // 1024} KiB, which no recipe is")
        return None, ""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(f"{shown}:{line}", "", f"not UTF-8 text: byte 0x{data[error.start]:02x}")
        return None, ""
    node = read_text(text, lambda line: f"{shown}:{line}", problems)
    if node is not None and not isinstance(node.value, dict):
        problems.add(
            f"{shown}:1", "", f"a recipe is a mapping such as 'model: vae', not {describe(node)}"
        )
        return None, text
    return node, text


def read_text(text: str, place: Callable[[int], str], problems: Problems) -> Node | None:
    """Return the tree of one YAML document, or None when it cannot be read at all.

    Args:
        text: The document.
        place: How a line number (from 1) is shown.
        problems: What is wrong is added to it.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    yaml = YAML(typ="rt", pure=True)
    builder = _Builder(yaml.resolver, place, problems)
    try:
        return builder.build(yaml.parse(text))
    except _Stop:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problems.add(place(line), "", _explain(text, line, str(error.problem or error.context)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = f"0x{error.character:02x}"
        problems.add(place(line), "", f"the character {code} is not allowed in YAML")
    except (YAMLError, ValueError) as error:
        problems.add(place(1), "", f"not YAML: {error}")
    return None


def describe(node: Node) -> str:
    """Return how an error message calls a value: `the text 'abc'`, `a list`, …"""
    value = node.value
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value[:40] + '…' if len(value) > 40 else value!r}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, list):
        return "a list"
    use = value.get("use")
    return f"{{use: {use.plain()}, …}}" if use is not None else "a mapping"


class _Stop(Exception):
    """Reading on would not help."""


class _Builder:
    """Makes nodes from the parser's events, without recursion on what the user wrote."""

    def __init__(self, resolver: Any, place: Callable[[int], str], problems: Problems) -> None:
        self._resolver = resolver
        self._place = place
        self._problems = problems

    def build(self, events: Iterator[Any]) -> Node:
        """Return the document; a second one is refused."""
        document: Node | None = None
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if document is not None:
                    self._stop(event, "a second document ('---'); a recipe is one document")
                if event.version or event.tags:
                    self._stop(event, "directives ('%…') are not used in recipes")
                document = self._value(next(events), events, 0, "")
        return document or Node(None, self._place(1))

    def _value(self, event: Any, events: Iterator[Any], depth: int, path: str) -> Node:
        kind = type(event).__name__
        if depth > MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")
        if kind == "AliasEvent" or getattr(event, "anchor", None):
            mark = "*" if kind == "AliasEvent" else "&"
            self._stop(event, f"anchors and aliases are not used in recipes: {mark}{event.anchor}")
        if getattr(event, "tag", None):
            self._stop(event, f"tags are not used in recipes: {event.tag}")
        place = self._place(event.start_mark.line + 1)
        if kind == "MappingStartEvent":
            return self._mapping(place, events, depth, path)
        if kind == "SequenceStartEvent":
            items: list[Node] = []
            while type(child := next(events)).__name__ != "SequenceEndEvent":
                items.append(self._value(child, events, depth + 1, f"{path}[{len(items)}]"))
            return Node(items, place)
        return Node(self._scalar(event, path), place)

    def _mapping(self, place: str, events: Iterator[Any], depth: int, path: str) -> Node:
        entries: dict[str, Node] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._key(event, path)
            below = f"{path}.{key}" if path else key
            value = self._value(next(events), events, depth + 1, below)
            value.place = self._place(event.start_mark.line + 1)
            if key in entries:
                first = entries[key].place
                self._problems.add(value.place, below, f"given twice; the first is at {first}")
            entries.setdefault(key, value)
        return Node(entries, place)

    def _key(self, event: Any, path: str) -> str:
        if type(event).__name__ != "ScalarEvent" or event.anchor or event.tag:
            self._stop(event, "a key is plain text")
        kind = self._kind(event)
        if kind == "merge":
            self._stop(event, "merge keys ('<<') are not used in recipes")
        if kind in ("int", "float", "bool", "null"):
            place = self._place(event.start_mark.line + 1)
            self._problems.add(place, path, f"the key {event.value!r} is no text; keys are names")
        return str(event.value)

    def _kind(self, event: Any) -> str:
        from ruamel.yaml.nodes import ScalarNode

        if not event.implicit[0]:  # quoted
            return "str"
        tag = self._resolver.resolve(ScalarNode, event.value, (True, False))
        return str(tag).rpartition(":")[2]

    def _scalar(self, event: Any, path: str) -> Scalar:
        text, kind = str(event.value), self._kind(event)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind not in ("int", "float"):
            return text
        number = _number(text, kind)
        if number is None:
            place = self._place(event.start_mark.line + 1)
            self._problems.add(place, path, f"the number {text[:40]} {_out_of_range(kind)}")
            return 1
        return number

    def _stop(self, event: Any, message: str) -> None:
        self._problems.add(self._place(event.start_mark.line + 1), "", message)
        raise _Stop


def _number(text: str, kind: str) -> int | float | None:
    digits = text.replace("_", "")
    if len(digits) > 400:
        return None
    if kind == "float":
        number = math.nan if digits.lstrip("+-").lower() in (".inf", ".nan") else float(digits)
        return number if math.isfinite(number) else None
    base = {"0o": 8, "0x": 16, "0b": 2}.get(digits.lstrip("+-")[:2].lower(), 10)
    whole = int(digits, base)
    return whole if abs(whole) <= MAX_INTEGER else None


def _out_of_range(kind: str) -> str:
    if kind == "float":
        return "is not finite"
    return f"is outside -{MAX_INTEGER} … {MAX_INTEGER}"


def _explain(text: str, line: int, problem: str) -> str:
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    indentation = written[: len(written) - len(written.lstrip())]
    if "\t" in indentation or "'\\t'" in problem:
        return "a tab in the indentation; YAML wants spaces"
    return f"not YAML: {problem}"


def sources_of_run(path: Path) -> dict[str, str]:
    """What the run whose `recipe.yaml` this is has noted of its paths; nothing for any other."""
    file = path.parent / "data.json"
    if path.name != "recipe.yaml" or not file.is_file():
        return {}
    try:
        sources = json.loads(file.read_text("utf-8"))["sources"]
        return {str(name): str(place) for name, place in sources.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # of an early version, or damaged, which a resume says
