"""Overrides on the command line: `model.latent_dim=8`, `pretext[1].rate=.2`, `~callbacks`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from kssl.errors import nearest
from kssl.recipe.problems import Problems
from kssl.recipe.reader import Node, read_text
from kssl.recipe.sections import DEFAULTS, SECTIONS

Step = str | int

_PATH = re.compile(r"[^\s.\[\]=~]+(\[\d+\])*(\.[^\s.\[\]=~]+(\[\d+\])*)*")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class _NoSuchPath(Exception):
    """The message for the user."""


def apply(root: Node, overrides: Iterable[str], problems: Problems) -> None:
    """Change the tree as the overrides say, in their order.

    `a.b[0].c=value` sets (the value is YAML), `~a.b` removes. The name of another part for a
    part, or for its `use`, keeps the old arguments that the new part has too.

    Args:
        root: The recipe; it is changed.
        overrides: Their texts.
        problems: What cannot be done is added to it.
    """
    for text in overrides:
        place = f"override {text if len(text) <= 80 else text[:79] + '…'}"
        remove = text.startswith("~")
        path, equals, value = text.removeprefix("~").partition("=")
        path = path.strip()
        if bool(equals) == remove or not _PATH.fullmatch(path):
            told = f"is neither 'key.key[0]=value' nor '~key'{_hint(text)}"
            problems.add(place, "", told)
            continue
        steps: list[Step] = [int(index) if index else key for index, key in _STEP.findall(path)]
        try:
            if remove:
                _remove(_walk(root, steps, place), steps[-1])
            else:
                node = read_text(value, partial(_always, place), problems)
                if node is not None:
                    _set(_walk(root, steps, place), steps[-1], node, place)
        except _NoSuchPath as error:
            problems.add(place, path, str(error))


def _hint(text: str) -> str:
    """A hint where the shell has cut `data={use: images, path: x}` at its blanks."""
    if text.endswith((":", ",", "}", "]")) or text.startswith(("{", "[")):
        return "; put what has blanks in quotes: 'data={use: images, path: photos/}'"
    return ""


def _always(place: str, _line: int) -> str:
    return place


def _walk(root: Node, steps: list[Step], place: str) -> Node:
    """Return the node that holds the last step."""
    node, seen = root, ""
    for step in steps[:-1]:
        seen = _join(seen, step)
        if isinstance(step, int):
            node = _items(node, step)[step]
            continue
        entries = _entries(node)
        if step not in entries and node is root and step in DEFAULTS:
            entries[step] = _new(DEFAULTS[step], place)
        if step not in entries:
            known = [*entries, *SECTIONS] if node is root else entries
            raise _NoSuchPath(f"the recipe has no {seen!r}{nearest(step, set(known) - {'use'})}")
        node = entries[step]
    return node


def _remove(holder: Node, step: Step) -> None:
    if isinstance(step, int):
        del _items(holder, step)[step]
        return
    entries = holder.value if isinstance(holder.value, dict) else {}
    if step not in entries:
        raise _NoSuchPath(f"there is nothing to remove{nearest(step, entries)}")
    del entries[step]


def _set(holder: Node, step: Step, node: Node, place: str) -> None:
    if isinstance(step, int):
        items = _items(holder, step)
        items[step] = _replacement(items[step], node, place)
        return
    entries = _entries(holder)
    old = entries.get(step)
    if step == "use" and old is not None and old.value != node.value:
        _make_spare(holder)
    entries[step] = node if old is None else _replacement(old, node, place)


def _replacement(old: Node, new: Node, place: str) -> Node:
    """Return the new node; the name of another part takes over the old part's arguments."""
    if not (isinstance(new.value, str) and isinstance(old.value, dict) and "use" in old.value):
        return new
    if old.value["use"].value != new.value:
        _make_spare(old)
        old.value["use"] = new
        old.place = place
    return old


def _make_spare(part: Node) -> None:
    for child in _entries(part).values():
        child.spare = not child.place.startswith("override ")


def _entries(node: Node) -> dict[str, Node]:
    """Return the entries of a mapping; a name alone becomes `{use: name}` first."""
    if isinstance(node.value, str):
        node.value = {"use": Node(node.value, node.place)}
    elif node.value is None:
        node.value = {}
    if not isinstance(node.value, dict):
        raise _NoSuchPath("there is no key inside it: it is not a mapping")
    return node.value


def _items(node: Node, index: int) -> list[Node]:
    if not isinstance(node.value, list):
        raise _NoSuchPath(f"there is no [{index}]: it is not a list")
    if index >= len(node.value):
        count = len(node.value)
        raise _NoSuchPath(f"there is no [{index}]: the list has {count} items, counted from 0")
    return node.value


def _new(plain: dict[str, str], place: str) -> Node:
    return Node({key: Node(value, place) for key, value in plain.items()}, place)


def _join(seen: str, step: Step) -> str:
    if isinstance(step, int):
        return f"{seen}[{step}]"
    return f"{seen}.{step}" if seen else step
