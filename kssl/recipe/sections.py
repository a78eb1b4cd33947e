"""The sections of a recipe: which there are, what stands in each, and the plain ones read."""

from __future__ import annotations

from typing import Any

from kssl.errors import nearest
from kssl.recipe.bind import Binder
from kssl.recipe.problems import Problems
from kssl.recipe.reader import MAX_INTEGER, Node, describe
from kssl.recipe.schema import signature_of
from kssl.recipe.settings import LEAST, FitSettings, Settings

# The sections that hold one part, or a list of parts, and the kind of these parts.
ONE = {"data": "datasets", "model": "models", "optimizer": "optimizers"}
MANY = {"pretext": "transforms", "callbacks": "callbacks", "evaluate": "evaluations"}
REQUIRED = ("data", "model")

# What the data of any recipe may say beside the arguments of its source.
STAND_IN, SELECTION = "stand_in", {"limit": int, "labelled_only": bool}

# In the order in which a resolved recipe is written.
SECTIONS = (
    "seed",
    "backend",
    "precision",
    "jit",
    "data",
    "pretext",
    "model",
    "optimizer",
    "fit",
    "callbacks",
    "evaluate",
)

# What a section is when the recipe says nothing.
DEFAULTS: dict[str, dict[str, str]] = {"optimizer": {"use": "adam"}, "fit": {}}


def read_settings(root: Node, problems: Problems) -> Settings:
    """Return the plain settings of a recipe; a wrong one is a problem and takes its default."""
    sections = _entries(root)
    fit = sections.get("fit", Node(None, root.place))
    if fit.value is not None and not isinstance(fit.value, dict):
        problems.add(fit.place, "fit", f"expected a mapping, but {describe(fit)} is given")
    plain = {key: node for key, node in sections.items() if key not in (*ONE, *MANY, "fit")}
    fitting = FitSettings(**_fields(FitSettings, _entries(fit), "fit", problems))
    return Settings(**_fields(Settings, plain, "", problems), fit=fitting)


def check_sections(root: Node, problems: Problems) -> None:
    """Add what is wrong with the sections that hold parts, without importing any part."""
    sections = _entries(root)
    for name in REQUIRED:
        if name not in sections or sections[name].value is None:
            hint = "{use: mnist}" if name == "data" else "{use: vae, latent_dim: 20}"
            problems.add(root.place, name, f"a recipe needs this section, such as '{name}: {hint}'")
    for name in MANY:
        node = sections.get(name)
        if node is not None and not isinstance(node.value, (list, type(None))):
            problems.add(node.place, name, f"expected a list [ … ], but {describe(node)} is given")


def read_selection(data: Node | None, problems: Problems) -> dict[str, Any]:
    """Return which examples of the data are used, as `data` says it beside its source."""
    found = {}
    for key, wanted in SELECTION.items():
        node = _entries(data).get(key) if data is not None else None
        if node is None or node.value is None:
            continue
        if type(node.value) is wanted and (wanted is bool or node.value in range(1, MAX_INTEGER)):
            found[key] = node.value
        else:
            words = "true or false" if wanted is bool else "a whole number from 1 on"
            told = f"expected {words}, but {describe(node)} is given"
            problems.add(node.place, f"data.{key}", told)
    return found


def part_node(root: Node, section: str) -> Node | None:
    """Return what a section for one part says, with its default where it says nothing."""
    node = _entries(root).get(section)
    if node is not None and node.value is not None:
        return node
    default = DEFAULTS.get(section)
    if default is None:
        return None
    return Node({key: Node(value, root.place) for key, value in default.items()}, root.place)


def part_nodes(root: Node, section: str) -> list[Node]:
    """Return the items of a section for many parts."""
    node = _entries(root).get(section)
    return node.value if node is not None and isinstance(node.value, list) else []


def _entries(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _fields(cls: type, nodes: dict[str, Node], path: str, problems: Problems) -> dict[str, Any]:
    """Return the given fields of a settings class that are right."""
    parameters = dict(signature_of(cls).parameters)
    known = list(parameters) if path else SECTIONS
    values = {}
    for key, node in nodes.items():
        full = f"{path}.{key}" if path else key
        if key not in parameters:
            in_fit = not path and key in FitSettings.__dataclass_fields__
            hint = f"; did you mean 'fit.{key}'?" if in_fit else nearest(key, known)
            problems.add(node.place, full, f"there is no such key{hint}")
            continue
        attempt = problems.attempt()
        value = Binder(attempt, []).value(node, parameters[key].annotation, "", full)
        least = LEAST.get(full)
        if not attempt.found and least is not None and value is not None and value < least:
            attempt.add(node.place, full, f"expected at least {least}, but {value} is given")
        for problem in attempt.found:
            problems.add(*problem)
        if not attempt.found:
            values[key] = value
    return values
