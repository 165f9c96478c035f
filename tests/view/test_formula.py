"""Formulas: what a step computes, and a local rate as its row says it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

import geartrain as gt
from geartrain.errors import RuleError
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Constant, Pointwise
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.ops.shape import RESHAPE
from geartrain.ops.table import ROWS
from geartrain.view import algebra
from geartrain.view.algebra import Call, Expr, Num, Power, Sym, add, divide, multiply, negative, power, show, subtract
from geartrain.view.formula import rate_text, step_text

assert scipy.special
gt.grad(np.sin)(0.0)  # a trace finds SciPy, whose functions are rows, too

U, V, W = Sym("u"), Sym("v"), Sym("w")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (multiply(Num(2), U), "2u"),
        (multiply(U, Num(2)), "2u"),
        (multiply(Num(2), Sym("v12")), "2·v12"),
        (multiply(Num(2), Call("cos", (U,))), "2·cos(u)"),
        (multiply(Num(2), add(U, V)), "2(u + v)"),
        (multiply(Num(1), U), "u"),
        (multiply(Num(0), U), "0"),
        (multiply(Num(-1), U), "-u"),
        (multiply(negative(U), U), "-u²"),
        (multiply(negative(U), negative(V)), "u·v"),
        (negative(negative(U)), "u"),
        (negative(add(U, V)), "-(u + v)"),
        (subtract(Num(1), multiply(U, U)), "1 - u²"),
        (subtract(U, subtract(V, W)), "u - (v - w)"),
        (subtract(U, negative(V)), "u + v"),
        (add(U, negative(V)), "u - v"),
        (add(U, Num(0)), "u"),
        (add(Num(2), Num(3)), "5"),
        (divide(Num(1), multiply(Num(3), multiply(U, U))), "1/(3u²)"),
        (divide(negative(U), V), "-u/v"),
        (divide(U, add(U, V)), "u/(u + v)"),
        (divide(U, U), "1"),
        (divide(Num(1), Num(3)), "1/3"),
        (divide(Num(6), Num(3)), "2"),
        (power(U, Num(1)), "u"),
        (power(U, Num(4)), "u^4"),
        (power(U, Num(-2)), "1/u²"),
        (power(add(U, V), Num(0.5)), "(u + v)^0.5"),
        (power(negative(U), Num(2)), "u²"),
        (power(power(U, Num(2)), Num(0.5)), "(u²)^0.5"),
        (power(Num(2), U), "2^u"),
        (power(U, add(V, Num(1))), "u^(v + 1)"),
        (Call("absolute", (U,)), "|u|"),
        (Num(-0.0), "0"),
        (Num(1e-12), "1e-12"),
    ],
)
def test_expressions_are_written_with_few_signs_and_the_right_ones(expression: Expr, text: str) -> None:
    assert show(expression) == text


LEAVES = st.sampled_from([U, V, W]) | st.sampled_from([-2, -1, 0, 1, 2, 0.5]).map(Num)
EXPRESSIONS = st.recursive(
    LEAVES.map(lambda leaf: (leaf, leaf)),
    lambda inner: st.tuples(st.sampled_from([add, subtract, multiply, divide]), inner, inner).map(
        lambda made: (made[0](made[1][0], made[2][0]), (made[0], made[1][1], made[2][1]))
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_what_is_written_means_what_was_put_together(pair: tuple[Expr, Any]) -> None:
    """The tidied text, read as Python at a point, has the value of the expression as it was built."""
    at = {"u": 1.37, "v": -0.61, "w": 2.23}
    functions = {add: np.add, subtract: np.subtract, multiply: np.multiply, divide: np.divide}

    def value(tree: Any) -> Any:
        if isinstance(tree, tuple):
            return functions[tree[0]](value(tree[1]), value(tree[2]))
        return np.float64(tree.value if isinstance(tree, Num) else at[tree.name])

    with np.errstate(all="ignore"):
        expected = value(pair[1])
    if not np.isfinite(expected) or abs(expected) > 1e6 or 0 < abs(expected) < 1e-6:
        return
    assert reading(show(pair[0]), at) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def reading(text: str, at: dict[str, float]) -> float:
    """The value of a text as a reader takes it: ``2u`` is a product, ``u²`` a power."""
    python = text.replace("²", "**2").replace("³", "**3").replace("^", "**").replace("·", "*")
    for before in "0123456789":
        for name in ("u", "v", "w", "("):
            python = python.replace(f"{before}{name}", f"{before}*{name}")
    return float(eval(python, {"__builtins__": {}}, at))


# Rates come from the rows.


def step(name: str, *values: float) -> tuple[Node, dict[Node, str]]:
    op = ROWS[name]
    xs = tuple(Node(INPUT, (), (), np.float64(x)) for x in values)
    node = Node(op, xs, (), op.fn(*[x.value for x in xs]))
    return node, {node: "y", **dict(zip(xs, "uvw", strict=False))}


@pytest.mark.parametrize(
    ("name", "written", "rates"),
    [
        ("add", "u + v", ["1", "1"]),
        ("subtract", "u - v", ["1", "-1"]),
        ("multiply", "u·v", ["v", "u"]),
        ("divide", "u/v", ["1/v", "-y/v"]),
        ("negative", "-u", ["-1"]),
        ("square", "u²", ["2u"]),
        ("reciprocal", "1/u", ["-y²"]),
        ("exp", "exp(u)", ["y"]),
        ("log", "log(u)", ["1/u"]),
        ("sqrt", "sqrt(u)", ["0.5/y"]),
        ("cbrt", "cbrt(u)", ["1/(3y²)"]),
        ("sin", "sin(u)", ["cos(u)"]),
        ("cos", "cos(u)", ["-sin(u)"]),
        ("tanh", "tanh(u)", ["1 - y²"]),
        ("arcsin", "arcsin(u)", ["1/sqrt(1 - u²)"]),
        ("arctan2", "arctan2(u, v)", ["v/(u² + v²)", "-u/(u² + v²)"]),
        ("hypot", "hypot(u, v)", ["u/y", "v/y"]),
        ("absolute", "|u|", ["sign(u)"]),
        ("copysign", "copysign(u, v)", ["copysign(1, u)·copysign(1, v)", "0"]),
    ],
)
def test_rates_are_those_of_a_textbook(name: str, written: str, rates: list[str]) -> None:
    node, names = step(name, *[0.5, 0.25][: len(rates)])
    assert step_text(node, names) == written
    assert [rate_text(node, i, names) for i in range(len(rates))] == rates


@pytest.mark.parametrize("name", [name for name, op in ROWS.items() if isinstance(op, Pointwise)])
def test_every_row_explains_its_rates(name: str) -> None:
    op = ROWS[name]
    assert isinstance(op, Pointwise)
    whole = [rate is None or _is_refused(rate) for rate in op.partials]
    middles = [0.5 * (low + high) for low, high in op.domain]
    values = [int(x) + 1 if w else np.float64(x + 0.01) for x, w in zip(middles, whole, strict=True)]
    xs = tuple(Node(INPUT, (), (), x) for x in values)
    node = Node(op, xs, (), op.fn(*values))
    names = {node: "y", **dict(zip(xs, "uvwxyz", strict=False))}
    for i, rate in enumerate(op.partials):
        assert rate_text(node, i, names) or _is_refused(rate) or name in NO_FORMULA
    assert step_text(node, names)


NO_FORMULA = [name for name in ROWS if "mathieu" in name and name.endswith("_1")]
"""Their rates take a characteristic value of the order and q, which is no row: there is no formula to show."""


def _is_refused(rate: Callable[..., Any] | None) -> bool:
    """Whether a row says that it has no rate in an operand, such as the order of a Bessel function: a whole number."""
    try:
        return rate is not None and getattr(rate, "__name__", "") == "refuse" and bool(rate(1.0, 1.0))
    except RuleError:
        return True


def test_a_new_row_explains_itself() -> None:
    softplus = Pointwise(
        name="softplus", fn=lambda x: np.log1p(np.exp(x)), partials=(lambda y, x: 1 / (1 + np.exp(-x)),)
    )
    x = Node(INPUT, (), (), np.float64(0.3))
    node = Node(softplus, (x,), (), softplus.fn(x.value))
    assert step_text(node, {x: "u"}) == "softplus(u)"
    assert rate_text(node, 0, {x: "u", node: "y"}) == "1/(1 + exp(-u))"


def test_a_rule_sees_the_number_that_it_saw() -> None:
    """The rule of a power branches on a constant exponent."""
    x = Node(INPUT, (), (), np.float64(2.0))
    node = Node(ROWS["power"], (x, constant(3)), (), np.float64(8.0))
    assert step_text(node, {x: "u", node: "y"}) == "u³"
    assert rate_text(node, 0, {x: "u", node: "y"}) == "3u²"


def constant(value: Any) -> Node:
    return Node(CONST, (), (), value)


def test_arrays_have_the_formula_of_their_elements() -> None:
    x = Node(INPUT, (), (), np.linspace(0, 1, 6).reshape(2, 3))
    c = constant(np.ones((2, 3), np.float32))
    node = Node(ROWS["multiply"], (x, c), (), x.value)
    assert step_text(node, {x: "u"}) == "u·f32[2,3]"
    assert rate_text(node, 0, {x: "u", node: "y"}) == "f32[2,3]"
    empty = Node(INPUT, (), (), np.zeros(0))
    node = Node(ROWS["sin"], (empty,), (), np.zeros(0))
    assert rate_text(node, 0, {empty: "u", node: "y"}) == "cos(u)"


def test_linear_and_custom_steps_show_their_own_form() -> None:
    x = Node(INPUT, (), (), np.zeros((2, 3)))
    w = Node(INPUT, (), (), np.zeros((3, 4)))
    names = {x: "u", w: "w"}
    i = constant(np.array([0, 1]))
    steps = {
        "u @ w": Node(ROWS["matmul"], (x, w), (), np.zeros((2, 4))),
        "sum(u)": Node(ROWS["sum"], (x,), ((0, 1),), 0.0),
        "sum(u, axes=(1,))": Node(ROWS["sum"], (x,), ((1,),), np.zeros(2)),
        "reshape(u, shape=(6,))": Node(RESHAPE, (x,), ((6,),), np.zeros(6)),
        "u[0, :2]": Node(GETITEM, (x,), ((0, slice(None, 2)),), np.zeros(2)),
        "u[i64[2], ::-1]": Node(GETITEM, (x, i), (("here", slice(None, None, -1)),), np.zeros((2, 3))),
        "u with [..., None, 1:] = w": Node(SCATTER, (x, w), ((..., None, slice(1, None)),), x.value),
        "max(u, axes=(0,))": Node(ROWS["max"], (x,), ((0,),), np.zeros(3)),
    }
    for text, node in steps.items():
        assert step_text(node, names) == text
        assert not isinstance(node.op, (Pointwise, Constant))
        assert rate_text(node, 0, names) is None


def test_numbers_are_short() -> None:
    assert algebra.number_text(24.0) == "24"
    assert algebra.number_text(1 / 3) == "0.333333"
    assert show(Power(U, Sym("v"))) == "u^v"
