"""Every rule says what it claims: each is tested by its own two sides."""

import importlib
import textwrap
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph, topological
from geartrain.ir.interpret import interpret
from geartrain.ir.node import CONST, INPUT, Node, Table
from geartrain.ops.table import ROWS
from geartrain.passes.rewrite import uniform
from geartrain.passes.rules import EXACT, LOWER, STABLE, apply_rules
from geartrain.passes.rules.rule import Rule

importlib.import_module("scipy.special")
gt.grad(np.sin)(1.0)  # the rows of SciPy's functions are entered when a trace opens

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-30, 1e30, np.inf, -np.inf, np.nan]
DTYPES = ["f8", "f4", "i8", "i2", "u4", "u1"]


def graph_of(rule: Rule, side: Node, dtype: str, shape: tuple[int, ...]) -> Graph:
    """A side of a rule as a graph on inputs of a dtype."""
    table = Table()
    kind = np.dtype(dtype)
    new = {x: table.input(Aval(shape, kind)) for x in rule.operands}
    for node in topological([side], new):
        if node.op is CONST:
            new[node] = table.const(uniform(node) if node.aval.weak else kind.type(uniform(node)))
        else:
            own = kind if node.aval.dtype.kind == "f" else node.aval.dtype
            op = ROWS.get(node.op.name, node.op)
            new[node] = table.node(op, tuple([new[x] for x in node.inputs]), node.params, Aval(shape, own))
    return Graph.of([new[x] for x in rule.operands], [new[side]])


def both(rule: Rule, operands: list[Any]) -> tuple[Any, Any]:
    dtype, shape = operands[0].dtype.str[1:], operands[0].shape
    with np.errstate(all="ignore"):
        left, right = (interpret(graph_of(rule, side, dtype, shape), operands)[0] for side in (rule.left, rule.right))
    return left, right


@pytest.mark.parametrize("rule", EXACT, ids=repr)
def test_exact_rules_give_the_same_bits(rule: Rule) -> None:
    for dtype in [d for d in DTYPES if d[0] in rule.kinds]:
        info = np.iinfo(dtype) if dtype[0] in "iu" else None
        values = SPECIAL if info is None else [0, 1, 2, 3, 7, info.max, info.min, info.max - 1]
        with np.errstate(over="ignore"):
            line = np.array(values).astype(dtype)
        operands = [grid.reshape(-1) for grid in np.meshgrid(*[line] * len(rule.operands))]
        left, right = both(rule, operands)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
        if info is None:
            known = ~np.isnan(left)
            np.testing.assert_array_equal(np.signbit(left[known]), np.signbit(right[known]))


@pytest.mark.parametrize("rule", [*STABLE, *LOWER], ids=repr)
def test_other_rules_give_the_same_numbers_on_their_domain(rule: Rule) -> None:
    rng = np.random.default_rng(0)
    for dtype in ("f8", "f4"):
        operands = [rng.uniform(low, high, 200).astype(dtype) for low, high in rule.domains]
        left, right = both(rule, operands)
        assert left.dtype == right.dtype
        eps = float(np.finfo(dtype).eps)
        np.testing.assert_allclose(right, left, rtol=64 * eps, atol=64 * eps)


@pytest.mark.parametrize("rule", [*EXACT, *STABLE, *LOWER], ids=repr)
def test_a_rule_is_found_in_a_graph(rule: Rule) -> None:
    graph = graph_of(rule, rule.left, "f8", (2, 3))
    after = apply_rules(graph)
    assert [node.op.name for node in after.nodes] != [node.op.name for node in graph.nodes]
    rng = np.random.default_rng(0)
    operands = [rng.uniform(low, high, (2, 3)) for low, high in rule.domains]
    got, want = (interpret(g, operands)[0] for g in (after, graph))
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


def test_a_rule_needs_operands_of_one_dtype_and_its_own_numbers() -> None:
    table = Table()
    x = table.input(Aval((3,), np.dtype("f8")))
    for number in (2, 0.0, -1.0):
        y = table.node(ROWS["multiply"], (x, table.const(number)), (), x.value)
        names = [node.op.name for node in apply_rules(Graph.of([x], [y])).nodes]
        assert ("negative" in names) == (number == -1.0)
    minus = table.node(ROWS["subtract"], (x, table.const(-0.0)), (), x.value)
    assert apply_rules(Graph.of([x], [minus])).nodes[-1].op.name == "subtract"
    assert all(node.op is not INPUT for node in apply_rules(Graph.of([x], [minus])).nodes)


def test_stable_stays_stable() -> None:
    """Forms that are written to be stable are so when compiled, and so are some that are not."""
    if not llvm.installed():
        pytest.skip("llvmlite is not installed")
    x = np.array([-1e4, -1.0, 0.0, 2.0, 1e4])

    def softmax(x: Any) -> Any:
        e = np.exp(x - np.max(x))
        return e / np.sum(e)

    def logsumexp(x: Any) -> Any:
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    for f in (lambda x: np.sum(softmax(x) ** 2), logsumexp):
        compiled = gt.jit(gt.value_and_grad(f))
        for _ in range(2):
            for got, want in zip(compiled(x), gt.value_and_grad(f)(x), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-300)
    with np.errstate(all="ignore"):
        softplus, logs = gt.jit(lambda x: np.log(1 + np.exp(x))), gt.jit(lambda x: np.log(np.exp(x) / np.sum(x * x)))
        for f in (softplus, logs):
            f(x)  # recorded: Python's own numbers
        for _ in range(2):
            np.testing.assert_allclose(softplus(x), np.logaddexp(0, x), rtol=1e-14)
            np.testing.assert_allclose(logs(x), x - np.log(np.sum(x * x)), rtol=1e-14)


def test_the_tables_as_text() -> None:
    lines = [textwrap.wrap(repr(rule), 100, subsequent_indent="    ") for rule in (*EXACT, *STABLE, *LOWER)]
    assert "\n".join([line for part in lines for line in part]) == GOLDEN.strip()


GOLDEN = """
multiply(x, 1) -> x
divide(x, 1) -> x
subtract(x, 0) -> x
multiply(x, -1) -> negative(x)
negative(negative(x)) -> x
multiply(x, x) -> square(x)
square(negative(x)) -> square(x)
square(absolute(x)) -> square(x)
absolute(negative(x)) -> absolute(x)
absolute(absolute(x)) -> absolute(x)
maximum(x, x) -> x
minimum(x, x) -> x
cos(negative(x)) -> cos(x)
cosh(negative(x)) -> cosh(x)
multiply(negative(x), negative(y)) -> multiply(x, y)
multiply(negative(x), y) -> negative(multiply(x, y))
divide(negative(x), negative(y)) -> divide(x, y)
add(x, negative(y)) -> subtract(x, y)
subtract(x, negative(y)) -> add(x, y)
log(exp(x)) -> x
log(add(1, x)) -> log1p(x)
subtract(exp(x), 1) -> expm1(x)
log1p(exp(x)) -> softplus(x)
logaddexp(x, 0) -> softplus(x)
divide(1, add(1, exp(negative(x)))) -> sigmoid(x)
sqrt(square(x)) -> absolute(x)
log(divide(exp(x), y)) -> subtract(x, log(y))
power(x, 3) -> multiply(x, square(x))
power(x, 4) -> square(square(x))
power(x, -1) -> reciprocal(x)
logaddexp2(x, y) -> where(equal(x, y), add(x, 1), add(maximum(x, y),
    divide(log1p(exp2(negative(absolute(subtract(x, y))))), 0.6931471805599453)))
special_expm1(x) -> expm1(x)
special_log1p(x) -> log1p(x)
special_exp2(x) -> exp2(x)
special_cbrt(x) -> cbrt(x)
special_log_expit(x) -> negative(softplus(negative(x)))
special_logit(x) -> log(divide(x, subtract(1, x)))
special_ndtr(x) -> multiply(0.5, special_erfc(multiply(x, -0.7071067811865476)))
special_entr(x) -> where(greater(x, 0), multiply(negative(x), log(x)), where(equal(x, 0), 0.0,
    where(less(x, 0), -inf, x)))
special_xlogy(x, y) -> where(logical_and(equal(x, 0), equal(y, y)), 0.0, multiply(x, log(y)))
special_xlog1py(x, y) -> where(logical_and(equal(x, 0), equal(y, y)), 0.0, multiply(x, log1p(y)))
"""
