"""A recipe written out in full: every choice that a run made, readable and replayable."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from pathlib import Path
from typing import Any

from kssl.recipe import schema
from kssl.recipe.bind import Binder
from kssl.recipe.call import Call
from kssl.recipe.problems import Problems
from kssl.recipe.reader import MAX_INTEGER, Node
from kssl.recipe.sections import SECTIONS
from kssl.recipe.settings import Settings


def head_comment(text: str) -> str:
    """Return the comment lines with which a file starts, each with its line end."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.rstrip() + "\n")
    return "".join(lines)


def about(head: str) -> str:
    """Return what a head comment says of the method: results and the command are of other runs."""
    lines = head.splitlines(keepends=True)
    end = next((n for n, line in enumerate(lines) if re.match(r"#\s+kssl ", line)), len(lines))
    return "".join(lines[:end])


def to_yaml(head: str, settings: Settings, parts: dict[str, Any]) -> str:
    """Return the text of a recipe.

    Args:
        head: Its head comment.
        settings: Its plain settings.
        parts: The sections that hold parts, as plain data.
    """
    plain = {**dataclasses.asdict(settings), **parts}
    plain["fit"] = {key: value for key, value in plain["fit"].items() if value is not None}
    document = {key: plain[key] for key in SECTIONS if plain.get(key) not in (None, [])}
    return head + _dump(document)


def to_plain(value: Any) -> Any:
    """Return a bound value as the plain data of a recipe, with plain defaults written out."""
    if isinstance(value, Call):
        written = {"use": value.use}
        written |= {key: to_plain(each) for key, each in value.arguments.items()}
        return written | _defaults(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: to_plain(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value


def _defaults(call: Call) -> dict[str, Any]:
    """Return the defaults that mean the same when they are read back from a recipe."""
    found = {}
    for parameter in call.signature.parameters.values():
        skip = parameter.inherited or parameter.required or parameter.name == "name"
        supplied = any(parameter.name in names for names in schema.SUPPLIED.values())
        if skip or supplied or parameter.name in call.arguments:
            continue
        if _is_plain(parameter.default) and _reads_back(parameter):
            found[parameter.name] = to_plain(parameter.default)
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return abs(value) <= MAX_INTEGER
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return all(_is_plain(each) for each in value)
    return isinstance(value, str) and type(value) is str


def _reads_back(parameter: schema.Parameter) -> bool:
    problems = Problems("")
    value = Binder(problems, []).value(_node(parameter.default), parameter.annotation, "", "")
    same = to_plain(value) == to_plain(parameter.default)
    return same and not problems.found and not isinstance(value, Call)


def _node(value: Any) -> Node:
    if isinstance(value, (list, tuple)):
        return Node([_node(each) for each in value], "")
    return Node(value, "")


def _dump(document: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 100
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(_styled(document), stream)
    return stream.getvalue()


def _styled(value: Any) -> Any:
    """Return the data with lists of plain values marked to be written on one line."""
    from ruamel.yaml.comments import CommentedSeq

    if isinstance(value, dict):
        return {key: _styled(each) for key, each in value.items()}
    if isinstance(value, list):
        sequence = CommentedSeq(_styled(each) for each in value)
        if not any(isinstance(each, (dict, list)) for each in value):
            sequence.fa.set_flow_style()
        return sequence
    return value
