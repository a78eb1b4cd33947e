"""What an argument can be given, from its annotation or its default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from kssl.recipe import Problem, schema
from kssl.recipe.bind import Binder
from kssl.recipe.call import Call
from kssl.recipe.problems import Problems
from kssl.recipe.reader import read_text

if TYPE_CHECKING:
    from nowhere import Unknown


def bind(text: str, annotation: Any, kind: str = "layers") -> tuple[Any, list[str]]:
    problems = Problems("")
    node = read_text(text, lambda line: "", problems)
    value = Binder(problems, []).value(node, annotation, kind, "x")
    return value, [problem.message for problem in problems.found]


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", int, 3),
        ("3", float, 3.0),
        ("3", int | float, 3),
        ("true", bool, True),
        ("abc", str, "abc"),
        ("'3'", str, "3"),
        ("photos/", Path, Path("photos/")),
        ("photos/", str | Path, "photos/"),
        ("null", int | None, None),
        ("null", type(None), None),
        ("a", Literal["a", "b"], "a"),
        ("auto", bool | Literal["auto"], "auto"),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", Sequence[float], [1.0, 2.0]),
        ("[1, 2]", tuple[int, ...], (1, 2)),
        ("[1, a]", tuple[int, str], (1, "a")),
        ("[1, [2, 3]]", list, [1, [2, 3]]),
        ("{a: 1}", dict[str, float], {"a": 1.0}),
        ("7", Annotated[int, "positive"], 7),
        ("[a, {b: 1}]", Any, ["a", {"b": 1}]),
        ("relu", Callable[[Any], Any] | str, "relu"),
    ],
)
def test_what_fits(text: str, annotation: Any, value: Any) -> None:
    found, problems = bind(text, annotation)
    assert not problems
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ("true", int, "expected a whole number, but true is given"),
        ("1.0", int, "expected a whole number, but the number 1.0 is given"),
        ("'3'", float, "expected a number, but the text '3' is given"),
        ("1", bool, "expected true or false, but the number 1 is given"),
        ("3", str, "expected text, but the number 3 is given"),
        ("null", int, "expected a whole number, but nothing (null) is given"),
        ("abc", int | None, "expected a whole number, but the text 'abc' is given"),
        ("bernouli", Literal["bernoulli", "gaussian"], "did you mean 'bernoulli'?"),
        ("1", Literal["1"], "expected one of '1', but the number 1 is given"),
        ("[1, a]", list[int], "expected a whole number, but the text 'a' is given"),
        ("[1, a]", list[int] | None, "expected a whole number, but the text 'a' is given"),
        ("3", list[int], "expected a list of whole numbers, but the number 3 is given"),
        ("[1]", tuple[int, int], "expected a list of 2: a whole number, a whole number"),
        ("{a: b}", dict[str, int], "expected a whole number, but the text 'b' is given"),
        ("{use: my_mlp, units: [1]}", int, "expected a whole number, but {use: my_mlp, …} is"),
        ("{use: my_mlp, units: [1]}", list[int], "but {use: my_mlp, …} is given"),
        ("{units: [1]}", int | str, "expected a whole number or text, but a mapping is given"),
        ("my_mpl", object, "'my_mpl' is not among the layers; did you mean 'my_mlp'"),
        ("my_mpl", object | None, "did you mean 'my_mlp'"),
        ("{usee: my_mlp}", object | None, "needs 'use: name'; did you mean 'use' by 'usee'?"),
        ("{units: [3]}", object, "needs 'use: name'"),
        ("my_vae", object, "'my_vae' is not among the layers, but one of the models"),
        ("3", object, "expected a part ({use: …}), but the number 3 is given"),
    ],
)
def test_what_does_not_fit(text: str, annotation: Any, message: str) -> None:
    _, problems = bind(text, annotation)
    assert len(problems) == 1
    assert message in problems[0]


@pytest.mark.parametrize("annotation", [object, Any, object | None, Callable[[], int], "Missing"])
def test_a_name_or_a_mapping_becomes_a_part(annotation: Any) -> None:
    for text in ("my_convolutions", "{use: my_convolutions}"):
        value, problems = bind(text, object if annotation == "Missing" else annotation)
        assert not problems
        assert isinstance(value, Call) and value.use == "my_convolutions"


def test_parts_inside_lists_are_found() -> None:
    value, problems = bind("[my_convolutions, {use: my_mlp, units: [3]}]", list[object])
    assert not problems
    assert [call.use for call in value] == ["my_convolutions", "my_mlp"]


def test_the_default_stands_in_for_a_missing_annotation() -> None:
    def part(rate=0.1, count=3, flag=True, word="a", anything=None, pair=(1, 2)):
        """Like a class of Keras."""

    parameters = schema.signature_of(part).parameters
    wrong = {"rate": "abc", "count": "abc", "flag": "3", "word": "3"}
    for name, text in wrong.items():
        assert bind(text, parameters[name].annotation)[1], name
    right = {"rate": "1", "count": "2", "flag": "no", "word": "b", "anything": "x", "pair": "[1]"}
    right["flag"] = "false"
    for name, text in right.items():
        assert not bind(text, parameters[name].annotation)[1], name
    assert isinstance(bind("{use: my_convolutions}", parameters["rate"].annotation)[0], Call)


def test_a_hint_that_cannot_be_resolved_spoils_no_other() -> None:
    def part(odd: Unknown, count: int = 1) -> None:
        """`Unknown` exists for the type checker only."""

    parameters = schema.signature_of(part).parameters
    assert parameters["count"].annotation is int
    assert bind("{use: my_convolutions}", parameters["odd"].annotation)[1] == []


def test_base_class_arguments_come_in_through_kwargs() -> None:
    class Base:
        def __init__(self, name: str = "x", **kwargs: Any) -> None: ...

    class Open(Base):
        def __init__(self, units: int, **kwargs: Any) -> None: ...

    class Closed(Base):
        def __init__(self, units: int) -> None: ...

    assert list(schema.signature_of(Open).parameters) == ["units", "name"]
    assert schema.signature_of(Open).parameters["name"].inherited
    assert list(schema.signature_of(Closed).parameters) == ["units"]
    assert not schema.signature_of(Open).open


def test_a_function_with_kwargs_takes_anything() -> None:
    assert schema.signature_of(lambda **settings: settings).open


def test_what_cannot_be_called_is_no_part() -> None:
    with pytest.raises(TypeError, match="neither a function nor a class"):
        schema.signature_of(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "parent", "kind"),
    [
        ("loss", "models", "losses"),
        ("learning_rate", "optimizers", "schedules"),
        ("encoder", "models", "layers"),
        ("kernel_regularizer", "layers", "regularizers"),
        ("first", "transforms", "transforms"),
        ("pretext", "callbacks", "transforms"),
        ("data", "evaluations", "datasets"),
    ],
)
def test_the_kind_follows_from_the_place(argument: str, parent: str, kind: str) -> None:
    assert schema.kind_of_argument(argument, parent) == kind


def test_a_problem_says_where_and_what() -> None:
    assert str(Problem("r.yaml:3", "model.x", "no")) == "r.yaml:3: model.x: no"
    assert str(Problem("r.yaml:3", "", "no")) == "r.yaml:3: no"
