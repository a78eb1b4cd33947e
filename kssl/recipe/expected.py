"""Types in the user's words, for messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from kssl.recipe.schema import alternatives, is_list, is_mapping, is_tuple


def expected(annotation: Any) -> str:
    """Return a type in the user's words: `a whole number`, `one of 'a', 'b'`, …"""
    members = alternatives(annotation)
    if len(members) > 1:
        return " or ".join(dict.fromkeys(expected(member) for member in members))
    (only,) = members
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        type(None): "null",
        Any: "any value",
    }
    if only in words:
        return words[only]
    if get_origin(only) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(only))
    if is_list(only):
        inner = get_args(only)
        return _expected_list(inner[0]) if inner else "a list"
    if is_tuple(only):
        return _expected_tuple(get_args(only))
    if is_mapping(only):
        return "a mapping"
    return "a part ({use: …})"


def _expected_list(inner: Any) -> str:
    many = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}
    if inner is Any:
        return "a list"
    return f"a list of {many[inner]}" if inner in many else f"a list, each {expected(inner)}"


def _expected_tuple(inner: tuple[Any, ...]) -> str:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return _expected_list(inner[0])
    if not inner:
        return "a list"
    return f"a list of {len(inner)}: {', '.join(expected(each) for each in inner)}"
