"""A tree of nodes against signatures: what will be called, with which arguments.

Nothing is called here. Every mistake is added to the problems, and reading goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from kssl import plugins
from kssl.errors import UserError, nearest
from kssl.recipe import applications, schema, trust
from kssl.recipe.call import Call
from kssl.recipe.kinds import kind_of_argument
from kssl.recipe.problems import Problems
from kssl.recipe.reader import Node, describe
from kssl.recipe.supply import is_fact


class Binder:
    """Binds nodes to signatures.

    Args:
        problems: Collects the mistakes.
        notes: Collects what was done without being a mistake.
    """

    def __init__(self, problems: Problems, notes: list[str]) -> None:
        self._problems = problems
        self._notes = notes

    def find(self, kind: str, name: str, wanted: Any) -> tuple[Any, schema.Signature]:
        """Return the part of a name, and what it can be given; a path to something else is refused.

        Raises:
            UserError: There is none, or it is refused.
            TypeError: It cannot be called.
        """
        target = _found(kind, name, wanted)
        return target, schema.signature_of(target)

    def part(
        self, node: Node, kind: str, path: str, skip: tuple[str, ...] = (), wanted: Any = Any
    ) -> Call | None:
        """Return the call for a name or a `{use: …}` mapping, or None where there is none."""
        use = self._use(node, kind, path)
        if use is None:
            return None
        name, arguments = use
        kind = _actual_kind(kind, str(name.value), path)
        try:
            target, signature = self.find(kind, str(name.value), wanted)
        except (UserError, TypeError) as error:
            prefix = "" if isinstance(error, UserError) else f"{name.value!r} cannot be used: "
            self._problems.add(name.place, path, f"{prefix}{error}")
            return None
        call = Call(str(name.value), kind, target, signature, path, node.place)
        arguments = self._under_new_names(call, arguments)
        for key, value in arguments.items():
            if key not in skip:
                self._argument(call, key, value, kind)
        self._missing(call, node, arguments)
        for problem in applications.problems(call.use, target, arguments):
            self._problems.add(node.place, path, problem)
        return call

    def value(self, node: Node, annotation: Any, kind: str, path: str) -> Any:
        """Return what a node stands for where this type is wanted."""
        members = schema.alternatives(annotation)
        if kind == "modalities" and isinstance(node.value, str):
            return self.part(node, kind, path)  # the name of one, where plain text is taken too
        if len(members) == 1:
            return self._single(node, members[0], kind, path)
        attempts: list[Problems] = []
        for member in members:
            attempt = type(self)(self._problems.attempt(), self._notes)
            value = attempt._single(node, member, kind, path)
            if not attempt._problems.found:
                return value
            attempts.append(attempt._problems)
        self._explain(node, annotation, members, attempts, path)
        return None

    def _explain(
        self, node: Node, annotation: Any, members: list[Any], attempts: list[Problems], path: str
    ) -> None:
        """Add the problems of the reading that was meant, where that can be told."""
        real = [member for member in members if member is not type(None)]
        for member, attempt in zip(members, attempts, strict=True):
            if _same_shape(node, member) or real == [member]:
                for problem in attempt.found:
                    self._problems.add(*problem)
                return
        self._wrong(node, schema.expected(annotation), path)

    def _use(self, node: Node, kind: str, path: str) -> tuple[Node, dict[str, Node]] | None:
        if isinstance(node.value, str):
            return node, {}
        if not isinstance(node.value, dict):
            self._wrong(node, f"the name of one of the {kind}, or {{use: name, …}}", path)
            return None
        use = node.value.get("use")
        if use is None or not isinstance(use.value, str):
            given = "" if use is None else f", not {describe(use)}"
            hint = _hint_of_use(node.value) if use is None else ""
            place = (use or node).place
            self._problems.add(place, path, f"needs 'use: name'{given}{hint}")
            return None
        return use, {key: child for key, child in node.value.items() if key != "use"}

    def _under_new_names(self, call: Call, arguments: dict[str, Node]) -> dict[str, Node]:
        """Return the arguments with those that have been renamed under their new names."""
        names = call.signature.renamed
        for old in names.keys() & arguments.keys():
            new = names[old]
            if new in arguments:
                message = f"is the same as {new!r}, which is given too: leave it out"
                self._problems.add(arguments[old].place, f"{call.path}.{old}", message)
            else:
                self._note(
                    f"{call.path}.{old} is now {new!r}; the old name works in this version only"
                )
        return {names.get(key, key): node for key, node in arguments.items()}

    def _argument(self, call: Call, key: str, node: Node, kind: str) -> None:
        path = f"{call.path}.{key}"
        if key in schema.SUPPLIED.get(kind, ()):
            self._problems.add(node.place, path, "is set by kssl; a recipe does not give it")
            return
        parameter = call.signature.parameters.get(key)
        if parameter is None and not call.signature.open:
            if node.spare:
                self._note(f"{path} is left out: {call.use} has no argument {key!r}")
                return
            known = [
                each.name
                for each in call.signature.parameters.values()
                if not each.inherited and each.name not in schema.SUPPLIED.get(kind, ())
            ]
            self._problems.add(
                node.place, path, f"{call.use} has no argument {key!r}{nearest(key, known)}"
            )
            return
        annotation = Any if parameter is None else parameter.annotation
        below = kind_of_argument(key, kind, annotation)
        call.arguments[key] = self.value(node, annotation, below, path)

    def _missing(self, call: Call, node: Node, given: dict[str, Node]) -> None:
        for parameter in call.signature.parameters.values():
            known = parameter.name in given or parameter.name in schema.SUPPLIED.get(call.kind, ())
            known = known or is_fact(call, parameter.name)
            if parameter.required and not (parameter.inherited or known):
                wanted = schema.expected(parameter.annotation)
                message = f"{call.use} needs the argument {parameter.name!r} ({wanted})"
                self._problems.add(node.place, call.path, message)

    def _single(self, node: Node, wanted: Any, kind: str, path: str) -> Any:
        if wanted is Any:
            return self._anything(node, kind, path)
        is_part = isinstance(node.value, dict) and "use" in node.value
        if is_part and not schema.takes_parts(wanted):
            return self._wrong(node, schema.expected(wanted), path)
        if get_origin(wanted) is Literal:
            return self._choice(node, get_args(wanted), path)
        if schema.is_list(wanted) or schema.is_tuple(wanted):
            return self._list(node, wanted, kind, path)
        if schema.is_mapping(wanted):
            return self._mapping(node, wanted, kind, path)
        if schema.takes_parts(wanted):
            if isinstance(node.value, (str, dict)):
                return self.part(node, kind, path, wanted=wanted)
            return self._wrong(node, schema.expected(wanted), path)
        return self._plain(node, wanted, path)

    def _anything(self, node: Node, kind: str, path: str) -> Any:
        if isinstance(node.value, dict):
            if "use" in node.value:
                return self.part(node, kind, path, wanted=object)
            return self._mapping(node, dict[str, Any], kind, path)
        if isinstance(node.value, list):
            return self._list(node, list[Any], kind, path)
        if kind in plugins.KINDS and node.value in plugins.offered(kind):
            return self.part(node, kind, path)
        return node.value

    def _list(self, node: Node, wanted: Any, kind: str, path: str) -> Any:
        if not isinstance(node.value, list):
            return self._wrong(node, schema.expected(wanted), path)
        inner = get_args(wanted)
        if schema.is_tuple(wanted) and inner and inner[-1] is not Ellipsis:
            if len(node.value) != len(inner):
                return self._wrong(node, schema.expected(wanted), path)
        else:
            inner = (inner[0] if inner else Any,) * len(node.value)
        pairs = enumerate(zip(node.value, inner, strict=True))
        values = [self.value(each, type_, kind, f"{path}[{i}]") for i, (each, type_) in pairs]
        return tuple(values) if schema.is_tuple(wanted) else values

    def _mapping(self, node: Node, wanted: Any, kind: str, path: str) -> Any:
        if not isinstance(node.value, dict):
            return self._wrong(node, "a mapping", path)
        inner = (get_args(wanted) or (str, Any))[1]
        return {
            # Among settings of any type text is text, though a part may be called so.
            key: each.value
            if inner is Any and isinstance(each.value, str)
            else self.value(each, inner, kind, f"{path}.{key}")
            for key, each in node.value.items()
        }

    def _choice(self, node: Node, choices: tuple[Any, ...], path: str) -> Any:
        for choice in choices:
            if type(choice) is type(node.value) and choice == node.value:
                return choice
        hint = ""
        if isinstance(node.value, str):
            close = nearest(node.value, [each for each in choices if isinstance(each, str)])
            hint = close if "did you mean" in close else ""
        return self._wrong(node, schema.expected(Literal[choices]), path, hint)

    def _plain(self, node: Node, wanted: Any, path: str) -> Any:
        value = node.value
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if wanted is Path and isinstance(value, str):
            return Path(value)
        if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        return self._wrong(node, schema.expected(wanted), path)

    def _wrong(self, node: Node, wanted: str, path: str, hint: str = "") -> None:
        message = f"expected {wanted}, but {describe(node)} is given{hint}"
        self._problems.add(node.place, path, message)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def _found(kind: str, name: str, wanted: Any) -> Any:
    if not trust.is_path(name):
        return plugins.find(kind, name)
    if problem := trust.refused_before_import(name):
        raise UserError(problem)
    target = plugins.find(kind, name)
    if problem := trust.refused(name, target, kind, wanted):
        raise UserError(problem)
    return target


def _actual_kind(kind: str, name: str, path: str) -> str:
    """Where an argument takes any Keras model, the name of a layer that is one will do as well."""
    inside = kind == "models" and "." in path
    return "layers" if inside and name in plugins.offered("layers") else kind


def _hint_of_use(entries: dict[str, Node]) -> str:
    for key in entries:
        if key in ("name", "type", "class"):
            return f"; write 'use:' for {key!r}"
        if "did you mean" in nearest(key, ["use"]):
            return f"; did you mean 'use' by {key!r}?"
    return ""


def _same_shape(node: Node, wanted: Any) -> bool:
    """Return whether the node can only have been meant as this member of a union."""
    if isinstance(node.value, list):
        return schema.is_list(wanted) or schema.is_tuple(wanted)
    if isinstance(node.value, dict):
        is_part = wanted is not Any and schema.takes_parts(wanted)
        return is_part or ("use" not in node.value and schema.is_mapping(wanted))
    return False
