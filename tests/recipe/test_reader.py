"""YAML 1.2, read strictly, with the place of every value."""

from __future__ import annotations

from pathlib import Path

import pytest

from kssl.recipe.problems import Problems
from kssl.recipe.reader import MAX_BYTES, read_file, read_text


def read(text: str) -> tuple[object, list[str]]:
    problems = Problems("r.yaml")
    node = read_text(text, lambda line: f"r.yaml:{line}", problems)
    return (node.plain() if node else None), [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("3e4", 3e4),
        (".5", 0.5),
        ("1.", 1.0),
        ("-7", -7),
        ("1_000", 1000),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("no", "no"),
        ("on", "on"),
        ("TRUE", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("2020-01-01", "2020-01-01"),
        ("12:30", "12:30"),
        ("=", "="),
        ("[1, [a, {b: 2}]]", [1, ["a", {"b": 2}]]),
        ("2147483647", 2147483647),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found, problems = read(text)
    assert not problems
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "r.yaml:3: a: given twice; the first is at r.yaml:1"),
        ("a:\n  b: 1\n  b: 1", "r.yaml:3: a.b: given twice"),
        ("a: &x 1\nb: *x", "r.yaml:1: anchors and aliases are not used in recipes: &x"),
        ("a: !!python/object:os.system x", "r.yaml:1: tags are not used in recipes"),
        ("a: !secret x", "tags are not used"),
        ("a: 1\n---\nb: 2", "r.yaml:2: a second document"),
        ("%YAML 1.1\n---\na: 1", "directives"),
        ("1: a", "r.yaml:1: the key '1' is no text"),
        ("x: {true: a}", "r.yaml:1: x: the key 'true' is no text"),
        ("[a]: b", "a key is plain text"),
        ("<<: {a: 1}", "merge keys"),
        ("a:\n\tb: 1", "r.yaml:2: a tab in the indentation"),
        ("a: {b: [.nan]}", "r.yaml:1: a.b[0]: the number .nan is not finite"),
        ("a: -.inf", "not finite"),
        ("a: 1e999", "not finite"),
        ("a: 2147483648", "is outside -2147483647 … 2147483647"),
        ("a: " + "9" * 5000, "is outside"),
        ("a: b: c", "r.yaml:1: not YAML: mapping values are not allowed here"),
        ("a: [1, 2", "r.yaml:1: not YAML"),
        ("a: \x07", "r.yaml:1: the character 0x07 is not allowed in YAML"),
        ("a: " + "[" * 100_000, "nested more than 20 deep"),
        ("a: " + "{a: " * 30, "nested more than 20 deep"),
    ],
)
def test_what_a_recipe_does_not_need_is_refused_with_its_line(text: str, message: str) -> None:
    _, problems = read(text)
    assert len(problems) == 1
    assert message in problems[0]


def test_every_problem_is_found_not_only_the_first() -> None:
    _, problems = read("a: .inf\na: .nan\n3: 99999999999")
    assert [problem.split(":")[1] for problem in problems] == ["1", "2", "2", "3", "3"]


def test_aliases_that_grow_are_refused_before_they_do() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    _, problems = read("\n".join(lines))
    assert "anchors and aliases" in problems[0]


def test_the_place_of_a_value_is_the_line_of_its_key() -> None:
    node = read_text("a:\n  b:\n    [1,\n     2]", lambda line: f"line {line}", Problems(""))
    inner = node.value["a"].value["b"]
    assert inner.place == "line 2"
    assert [item.place for item in inner.value] == ["line 3", "line 4"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: \xff\xfe", "r.yaml:2: not UTF-8 text: byte 0xff"),
        ("a: 1".encode("utf-16"), "r.yaml:1: not UTF-8"),
        (b"", "r.yaml:1: a recipe is a mapping such as 'model: vae', not nothing (null)"),
        (b"- a", "r.yaml:1: a recipe is a mapping such as 'model: vae', not a list"),
        (b"# " + b"x" * MAX_BYTES, "larger than 256 KiB"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    problems = Problems("r.yaml")
    node, _ = read_file(path, "r.yaml", problems)
    assert node is None
    assert message in str(problems.found[0])


def test_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: x\r\n")
    node, _ = read_file(path, "r.yaml", Problems("r.yaml"))
    assert node.plain() == {"a": 1, "b": {"c": "x"}}
