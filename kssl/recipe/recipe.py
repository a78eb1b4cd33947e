"""A recipe, from the name or file that the user gives to the objects that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kssl import plugins
from kssl.errors import UserError, nearest
from kssl.recipe import sections
from kssl.recipe.bind import Binder
from kssl.recipe.build import build
from kssl.recipe.call import Call
from kssl.recipe.problems import Problem, Problems, RecipeError
from kssl.recipe.reader import Node
from kssl.recipe.sections import SELECTION, STAND_IN
from kssl.recipe.settings import Settings
from kssl.recipe.supply import FACTS, Supply
from kssl.recipe.write import about, to_plain, to_yaml


class Recipe:
    """What to train, on what, and how: made by `kssl.recipe.load`.

    Attributes:
        name: The name of its runs: the file's name without ending.
        path: Its file.
        settings: The plain settings: seed, backend, precision, jit, fit.
        selection: Which examples of the data are used: `limit`, `labelled_only`.
        stand_in: The name of the dataset that is used when the first is unavailable, or None.
        notes: What was done without being a mistake, such as arguments left out because an override
            chose another part; complete after `check`.
        supply: What the run knows, for the parts that leave it out; `kssl.runs.prepare` fills
            `supply.facts`.
        sources: Of a run: the absolute path that each path of its recipe led to.
    """

    def __init__(self, path: Path, shown: str, root: Node, head: str, problems: Problems) -> None:
        self.path: Path | None = path
        self.name = _run_name(path)
        self.notes: list[str] = []
        self.supply = Supply()
        self.sources: dict[str, str] = {}
        self._root = root
        self._head = head
        self._shown = shown
        self._problems = problems
        self._bound: dict[str, Any] | None = None
        self.settings: Settings = sections.read_settings(root, problems)
        sections.check_sections(root, problems)
        self.selection = sections.read_selection(sections.part_node(root, "data"), problems)

    @property
    def stand_in(self) -> str | None:
        node = self._data_entries().get(STAND_IN)
        if node is not None and isinstance(node.value, dict):
            node = node.value.get("use")
        return node.value if node is not None and isinstance(node.value, str) else None

    def check(self) -> None:
        """Import every part that is named, and check the arguments against its signature.

        Raises:
            RecipeError: All mistakes of the recipe together.
        """
        if self._bound is not None:
            return
        self._bound = self._bind(Binder)

    def is_plainly_right(self) -> bool:
        """Tell whether the source of its parts shows that `check` would find nothing.

        Neither the parts nor Keras are imported for it. False says nothing: call `check`.
        """
        from kssl.recipe.declared import DeclaredBinder
        from kssl.recipe.source_code import Doubt

        try:
            self._bind(DeclaredBinder)
        except (Doubt, RecipeError, OSError, SyntaxError, RecursionError):
            return False
        return True

    def _bind(self, kind_of_binder: type[Binder]) -> dict[str, Any]:
        problems = Problems(self._shown, list(self._problems.found))
        binder = kind_of_binder(problems, self.notes)
        bound: dict[str, Any] = {}
        for section, kind in sections.ONE.items():
            node = sections.part_node(self._root, section)
            if node is not None:
                skip = (STAND_IN, *SELECTION) if section == "data" else ()
                bound[section] = binder.part(node, kind, section, skip)
        for section, kind in sections.MANY.items():
            nodes = enumerate(sections.part_nodes(self._root, section))
            bound[section] = [binder.part(node, kind, f"{section}[{i}]") for i, node in nodes]
        stand_in = self._data_entries().get(STAND_IN)
        if stand_in is not None and stand_in.value is not None:
            bound[STAND_IN] = binder.part(stand_in, "datasets", f"data.{STAND_IN}")
        _refuse_twice(bound["evaluate"], problems)
        problems.raise_if_any()
        return bound

    def uses(self, section: str) -> list[str]:
        """Return the names of the parts of a section, in order.

        Example:
            >>> kssl.recipe.load("vae_mnist").uses("model")
            ['vae']
        """
        return [call.use for call in self._calls(section)]

    def targets(self, section: str) -> list[Any]:
        """Return the functions or classes of a section, in order; nothing is called."""
        return [call.target for call in self._calls(section)]

    def source(self) -> tuple[Any, dict[str, Any]]:
        """Return the function of its data, and what the recipe gives it, as plain values.

        No other part is imported for it where `is_plainly_right` has told that all is right.
        """
        if self._bound is not None:
            return self.targets("data")[0], self.settings_of("data")[0]
        given = self.data_settings()
        function = plugins.find("datasets", given.pop("use"))
        return function, {k: v for k, v in given.items() if k not in (STAND_IN, *SELECTION)}

    def settings_of(self, section: str) -> list[dict[str, Any]]:
        """Return the arguments that the recipe gives the parts of a section, as plain values."""
        return [
            {name: to_plain(value) for name, value in call.arguments.items()}
            for call in self._calls(section)
        ]

    def asked(self, section: str) -> list[dict[str, Any]]:
        """Return the parts of a section as plain values, with their defaults written out."""
        return [to_plain(call) for call in self._calls(section)]

    def written(self, section: str) -> list[str]:
        """Return the parts of a section with the arguments that the recipe gives them.

        Example:
            >>> kssl.recipe.load("vae_mnist").written("pretext")
            ['to_float', 'binarize']
        """
        return [_call_text(call) for call in self._calls(section)]

    def build(self, section: str, **given: Any) -> Any:
        """Return new objects for a section.

        Args:
            section: "model" or "optimizer" for one object; "pretext", "callbacks" or "evaluate"
                for a list.
            **given: What the caller knows beside `supply.facts`. A part gets what its signature has
                and the recipe does not set, at any depth for the facts of
                `kssl.recipe.supply.FACTS`, else at the outermost.

        Raises:
            RecipeError: The recipe has mistakes, or a part refused its arguments.
        """
        supply = self.supply.with_facts({name: given.pop(name) for name in set(given) & set(FACTS)})
        built = [build(call, self._shown, given, supply) for call in self._calls(section)]
        return built if section in sections.MANY else built[0]

    def dataset(self, split: str, stand_in: bool = False) -> Any:
        """Return one split of the recipe's data, or of its stand-in, as a `tf.data.Dataset`.

        Args:
            split: "train", "validation" or "test".
            stand_in: Take the stand-in.

        Raises:
            UserError: The recipe has mistakes or no stand-in, or the data is unavailable.
        """
        if stand_in and self.stand_in is None:
            raise UserError(f"{self._shown}: the recipe names no stand-in (data.{STAND_IN})")
        (call,) = self._calls(STAND_IN if stand_in else "data")
        try:
            return build(call, self._shown, {"split": split})
        except UserError as error:
            if isinstance(error, RecipeError) or (self.stand_in and not stand_in):
                raise  # the stand-in is used, if it is allowed
            told = [Problem(call.place, call.path, f"{call.use}: {error}")]
            raise RecipeError(self._shown, told) from error

    def resolved(self) -> str:
        """Return the recipe written out in full, as YAML; it loads to an equal recipe.

        Overrides are applied, a name alone becomes `{use: name}`, and plain defaults are written
        down, so that a later version with other defaults replays the run.

        Raises:
            RecipeError: The recipe has mistakes.
        """
        self.check()
        bound = dict(self._bound or {})
        stand_in = bound.pop(STAND_IN, None)
        parts = {section: to_plain(value) for section, value in bound.items()}
        parts["data"] |= self.selection
        if stand_in is not None:
            parts["data"][STAND_IN] = to_plain(stand_in)
        return to_yaml(self._about(), self.settings, parts)

    def _calls(self, section: str) -> list[Call]:
        self.check()
        if section not in (known := [*sections.ONE, *sections.MANY, STAND_IN]):
            raise ValueError(f"there is no section {section!r}{nearest(section, known)}")
        value = (self._bound or {})[section]
        return value if isinstance(value, list) else [value]

    def _about(self) -> str:
        """What the head comment says that holds for this recipe too."""
        if self._head and self.has_other_data():
            return f"# From the recipe {self.name}, with other data.\n"
        return about(self._head)

    def has_other_data(self) -> bool:
        """Tell whether an override gives it other data than its file does."""
        node = sections.part_node(self._root, "data")
        parts = [] if node is None else [node, *self._data_entries().values()]
        return any(part.place.startswith("override data") for part in parts)

    def data_settings(self) -> dict[str, Any]:
        """Return what the recipe says of its data, as it is written; nothing is checked."""
        node = sections.part_node(self._root, "data")
        if node is None or isinstance(node.value, str):
            return {} if node is None else {"use": node.value}
        return {key: child.plain() for key, child in self._data_entries().items()}

    def _data_entries(self) -> dict[str, Node]:
        node = sections.part_node(self._root, "data")
        return node.value if node is not None and isinstance(node.value, dict) else {}


def _refuse_twice(calls: list[Call | None], problems: Problems) -> None:
    """Add a problem for each evaluation that is named again with the same settings."""
    seen: dict[str, str] = {}
    for call in filter(None, calls):
        first = seen.setdefault(_call_text(call), call.path)
        if first != call.path:
            problems.add(call.place, call.path, f"is the same as {first}: leave one of them out")


def _call_text(call: Any) -> str:
    """Return a part as one would call it; a part in its arguments likewise."""
    if not isinstance(call, Call):
        return str(call)
    arguments = ", ".join(f"{name}={_call_text(value)}" for name, value in call.arguments.items())
    return f"{call.use}({arguments})" if arguments else call.use


def _run_name(path: Path) -> str:
    """Return the name of the recipe's runs; a run's own `recipe.yaml` has that of its recipe."""
    folder = path.absolute().parent
    is_run = path.name == "recipe.yaml" and folder.name.isdigit()
    name = folder.parent.name if is_run else path.stem
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "recipe"
