"""Typed formulas: read exactly, never evaluated as Python, and refused with a caret under the place."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geartrain as gt
from geartrain import cli
from geartrain.errors import ExpressionError
from geartrain.view.expression import FUNCTIONS, explain_expression, parse_expression
from tests.view.test_explain import LESSON as EXPLAINED

LESSON = re.sub(r" +HERE:.*", "", EXPLAINED).replace("lesson(x)", "(3*x + 1)**2")
"""The worked example as a typed formula has it: without the lines of a program."""


def test_the_lesson() -> None:
    assert explain_expression("(3*x + 1)**2", {"x": 1.0}) == LESSON


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "(3*x + 1)**2", "--at", "x=1"]) == 0
    assert capsys.readouterr().out == LESSON + "\n"


def test_the_command_on_a_terminal_without_raised_digits() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "geartrain", "explain", "x**2 * y", "--at", "x=1", "y=2"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "u = x^2 " in ended.stdout
    assert "z = u*y" in ended.stdout
    assert "?" not in ended.stdout


def test_several_variables() -> None:
    text = explain_expression("x*y + sin(x)/e", {"y": 2.0, "x": 0.0})
    assert text.startswith("z = x*y + sin(x)/e at x = 0, y = 2\n")
    assert f"dz/dx = {2 + 1 / math.e:.6g}\ndz/dy = 0\n" in text


def test_white_space_and_letters_of_any_language() -> None:
    assert parse_expression("  ( x\n + \u03b1 ) ").text == "( x + \u03b1 )"
    assert parse_expression("x + \u03b1").variables == ("x", "\u03b1")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_table(name: str) -> None:
    f, arguments = FUNCTIONS[name]
    variables = ["x", "y"][:arguments]
    at = (1.25, 0.5) if name == "arccosh" else (0.75, 0.5)
    expression = parse_expression(f"{name}({', '.join(variables)})")
    assert expression.variables == tuple(variables)
    assert expression(*at[:arguments]) == f(*at[:arguments])
    assert name in explain_expression(expression.text, dict(zip(variables, at, strict=False))).splitlines()[0]


@st.composite
def formulas(draw: st.DrawFn) -> str:
    leaf = st.sampled_from(["x", "y", "2", "0.5", "pi", "3e-1"])
    inner = st.recursive(
        leaf,
        lambda part: (
            st.tuples(part, st.sampled_from(["+", "-", "*", "/", "%", "**"]), part).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            )
            | part.map(lambda p: f"-{p}")
            | st.tuples(st.sampled_from(["sin", "tanh", "abs", "exp"]), part).map(lambda t: f"{t[0]}({t[1]})")
        ),
        max_leaves=7,
    )
    return f"x + y * {draw(inner)}"


@given(formulas())
@settings(max_examples=150, deadline=None)
def test_the_value_is_that_of_numpy(text: str) -> None:
    """Python may say what the text means here, where the text is our own."""
    names: dict[str, Any] = {"sin": np.sin, "tanh": np.tanh, "abs": np.abs, "exp": np.exp, "pi": np.float64(np.pi)}
    at = {"x": np.float64(1.3), "y": np.float64(0.7)}
    with np.errstate(all="ignore"):
        value = parse_expression(text)(at["x"], at["y"])
        expected = eval(text.replace("2", "np.float64(2)"), {**names, "np": np}, dict(at))
    assert np.allclose(value, expected, rtol=1e-12, equal_nan=True)


@given(formulas())
@settings(max_examples=40, deadline=None)
def test_any_formula_can_be_explained(text: str) -> None:
    assert explain_expression(text, {"x": 1.3, "y": 0.7}).startswith(f"z = {text} at x = 1.3, y = 0.7\n")


def test_the_derivative_is_the_engines() -> None:
    expression = parse_expression("exp(-x**2/2) / sqrt(2*pi) + x**y")
    by_x, by_y = gt.grad(expression, argnums=(0, 1))(1.5, 2.5)
    text = explain_expression(expression.text, {"x": 1.5, "y": 2.5})
    assert f"dz/dx = {by_x:.6g}\ndz/dy = {by_y:.6g}" in text


def test_a_value_that_is_not_finite_is_explained() -> None:
    assert "began with divide: inf, where its operands are 1 and 0" in explain_expression("1/x", {"x": 0})
    text = explain_expression("sqrt(x)", {"x": 0})
    assert (
        "began with the derivative of sqrt: inf, where its operand is 0, its rate 0.5/y is inf, and 1 arrives." in text
    )
    assert ".py" not in text


def test_nothing_can_be_run() -> None:
    for text in (
        "__import__('os').system('true')",
        "open('x')",
        "x.__class__",
        "(lambda: x)()",
        "[x for x in (1, 2)]",
        "exec(x)",
        "sin.__call__(x)",
        "(x := 3)",
        "f'{x}'",
        "sin(*x)",
        "sin(x=1)",
        "sin(x)(y)",
        "x if x else x",
        "x and x",
        "{x}",
        "await x",
    ):
        with pytest.raises(ExpressionError):
            parse_expression(text)


def test_huge_powers_of_numbers_take_no_time() -> None:
    with np.errstate(all="ignore"):
        assert parse_expression("9**9**9**9 + x")(1.0) == np.inf


@pytest.mark.parametrize(
    ("text", "caret", "says"),
    [
        ("", "^", "there is nothing here"),
        ("   ", "^", "there is nothing here"),
        ("x +", "   ^", "not an expression"),
        ("2x", " ^", "a product needs its sign: 2*x"),
        ("x + 3(y + 1)", "     ^", "a product needs its sign: 3*( ... )"),
        ("x^2", " ^", "a power is written **"),
        ("(x + 1) ^ 2", "        ^", "a power is written **"),
        ("x = 3", "  ^", "an assignment"),
        ("x == 3", "  ^", "comparison"),
        ("x // 2", "  ^", "this operator"),
        ("x @ y", "  ^", "this operator"),
        ("(x", "^", "not closed"),
        ("x)", " ^", "not opened"),
        ("sin", "^", "sin is a function: sin(x)"),
        ("x + hypot", "    ^", "hypot is a function: hypot(x, y)"),
        ("x + sqr(x)", "    ^", "sqr is not a function here; did you mean sqrt?"),
        ("foo(x)", "^", "foo is not a function here"),
        ("x + sin(x, x)", "    ^", "sin takes 1 argument, not 2"),
        ("hypot(x)", "^", "hypot takes 2 arguments, not 1"),
        ("\u00e9*2 + np.sin(x)", "      ^", "such a call"),
        ("x + 'a'", "    ^", "this constant"),
        ("x + 3j", "    ^", "this constant"),
        ("x * True", "    ^", "this constant"),
        ("x * 1e999", "    ^", "too large"),
        ("x[0]", "^", "an index"),
        ("x, y", "^", "a comma"),
        ("~x", "^", "not allowed here"),
        ("not x", "^", "not allowed here"),
        ("2 + 3", "^", "no variable"),
        ("pi*e", "^", "no variable"),
        ("-" * 150 + "x", None, "nests deeper than 100"),
        ("x\0", None, "not an expression"),
        ("(" * 300 + "x" + ")" * 300, None, ""),
        ("1" * 1900 + "*x", None, "too large"),
    ],
)
def test_a_bad_expression_gets_a_caret_and_what_is_allowed(text: str, caret: str | None, says: str) -> None:
    with pytest.raises(ExpressionError) as error:
        parse_expression(text)
    message, shown, marker, allowed = str(error.value).splitlines()
    assert says in message
    assert shown == f"  {' '.join(text.split())}"
    assert caret is None or marker == f"  {caret}"
    assert marker.strip() == "^"
    assert allowed.startswith("  Allowed are numbers, names, + - * / % **")


def test_a_long_text_is_not_read() -> None:
    with pytest.raises(ExpressionError, match="at most 2,000"):
        parse_expression("x + " * 1000 + "x")


def test_missing_and_unknown_names_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExpressionError) as error:
        explain_expression("x*y + w", {"y": 1.0, "t": 2.0, "pi": 3.0})
    assert "no value is given for w, x: add w=1 x=1 to --at" in str(error.value)
    assert "there is no variable t, pi in it; there is w, x, y" in str(error.value)
    assert cli.main(["explain", "x*y", "--at", "x=1"]) == 2
    assert "no value is given for y" in capsys.readouterr().err
    assert cli.main(["explain", "x^y", "--at", "x=1", "y=2"]) == 2
    assert "\n   ^\n" in capsys.readouterr().err


def test_no_source_runs_text_as_python() -> None:
    for path in (Path(gt.__file__).parent).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "eval(" not in source.replace("literal_eval(", "").replace(".eval(", ""), path
