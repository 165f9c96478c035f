"""A typed formula, ``(3*x + 1)**2``, as a function to differentiate. It is parsed, never evaluated as Python."""

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from geartrain.errors import ExpressionError
from geartrain.ir.aval import Array
from geartrain.view.explain import explanation
from geartrain.view.tape import run_tape

__all__ = ["Expression", "explain_expression", "parse_expression"]

CONSTANTS: dict[str, float] = {"e": math.e, "pi": math.pi}

_OF_ONE = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "reciprocal"),
    *("absolute", "sign", "floor", "ceil", "deg2rad", "rad2deg"),
)
_OF_TWO = ("maximum", "minimum", "arctan2", "hypot", "logaddexp", "power", "fmod")

FUNCTIONS: dict[str, tuple[Callable[..., Array], int]] = {
    "abs": (np.absolute, 1),
    **{name: (getattr(np, name), 1) for name in _OF_ONE},
    **{name: (getattr(np, name), 2) for name in _OF_TWO},
}
"""What may be called: the NumPy function and its number of arguments."""

BINARY: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Mod: np.remainder,
    ast.Pow: np.power,
}
UNARY: dict[type[ast.unaryop], Callable[[Array], Array]] = {ast.UAdd: np.positive, ast.USub: np.negative}

LONGEST, DEEPEST = 2_000, 100

ALLOWED = (
    "Allowed are numbers, names, + - * / % **, parentheses, the constants pi and e, and the functions "
    + ", ".join(sorted(FUNCTIONS))
    + "."
)


class Expression:
    """A formula that was read: its ``text``, its ``variables`` in alphabetical order, and its value at a point."""

    def __init__(self, text: str, body: ast.expr, variables: tuple[str, ...]) -> None:
        self.text = text
        self.variables = variables
        self._body = body

    def __call__(self, *values: Array) -> Array:
        """The value where the variables have these values; on traced values it is recorded."""
        return _value(self._body, dict(zip(self.variables, values, strict=True)), {})


def explain_expression(text: str, at: Mapping[str, float]) -> str:
    """The worked derivative of the expression ``text`` at the point ``at``, in each of its variables.

    >>> print(explain_expression("(3*x + 1)**2", {"x": 1.0}))  # doctest: +ELLIPSIS
    y = (3*x + 1)**2 at x = 1
    ...
    dy/dx = 8 × 1 × 3 = 24. ...

    Raises:
        ExpressionError: the text is no expression of what is allowed (with a caret at the place), or ``at`` does not
            give a number for each of its variables and for nothing else.
    """
    expression = parse_expression(text)
    _check_point(expression, at)
    names = expression.variables
    tape = run_tape("explain", expression, [np.float64(at[name]) for name in names], labels=names)
    return str(explanation(replace(tape, lines={}), expression.text))


def parse_expression(text: str) -> Expression:
    """Read a formula.

    >>> f = parse_expression("sin(x) / y")
    >>> f.variables, f(0.0, 2.0)
    (('x', 'y'), np.float64(0.0))

    Raises:
        ExpressionError: the text is no expression of what is allowed; a caret shows the place.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise ExpressionError(f"[explain] the expression has {len(text):,} characters; at most {LONGEST:,} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python would warn of, such as 1if, is an error below
            body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        _fail(text, *_place(text, error.offset - 1 if error.offset else len(text)))
    except (ValueError, RecursionError, MemoryError, OverflowError):
        _fail(text, 0, "this is not an expression, or it nests too deeply")
    variables: set[str] = set()
    _check(text, body, variables, 0)
    if not variables:
        _fail(text, 0, "there is no variable to differentiate in")
    return Expression(text, body, tuple(sorted(variables)))


def _place(text: str, column: int) -> tuple[int, str]:
    """Where the text stops being an expression, from where Python says so, and what may help."""
    if not text:
        return 0, "there is nothing here"
    if text[column : column + 1] in ("=", ":"):
        return column, "this is an assignment: give the right side alone"
    if text[column : column + 1] == "(":
        return column, "this parenthesis is not closed"
    if text[column : column + 1] == ")":
        return column, "this parenthesis was not opened"
    product = _PRODUCT.search(text)
    if product:
        return product.start(1), f"a product needs its sign: {product[0][:-1]}*{product[1]}"
    return min(column, len(text)), "this is not an expression"


_PRODUCT = re.compile(r"(?<![\w.])\d+\.?\d*([A-Za-z_(])")


def _check(text: str, node: ast.expr, variables: set[str], depth: int) -> None:
    """Allow what is in the lists above and nothing else; collect the variables."""
    at = _column(text, node)
    if depth > DEEPEST:
        _fail(text, at, f"this nests deeper than {DEEPEST}")
    match node:
        case ast.Constant(value) if type(value) in (int, float):
            if not _finite(value):
                _fail(text, at, "this number is too large")
        case ast.Name(name):
            if name in FUNCTIONS:
                _fail(text, at, f"{name} is a function: {name}({', '.join('xy'[: FUNCTIONS[name][1]])})")
            if name not in CONSTANTS:
                variables.add(name)
        case ast.UnaryOp(op, operand) if type(op) in UNARY:
            _check(text, operand, variables, depth + 1)
        case ast.BinOp(left, op, right) if type(op) in BINARY:
            _check(text, left, variables, depth + 1)
            _check(text, right, variables, depth + 1)
        case ast.BinOp(op=ast.BitXor(), left=left):
            _fail(text, _end(text, left), "a power is written **")
        case ast.Call(ast.Name(name), args, []):
            _check_call(text, at, name, args)
            for arg in args:
                _check(text, arg, variables, depth + 1)
        case ast.Call(ast.Constant() as left):
            _fail(text, _end(text, left), f"a product needs its sign: {ast.unparse(left)}*( ... )")
        case ast.Compare(left=left):
            _fail(text, _end(text, left), "a comparison is not among the allowed operators")
        case ast.BinOp(left=left):
            _fail(text, _end(text, left), "this operator is not among the allowed ones")
        case _:
            _fail(text, at, f"{_WHAT.get(type(node), 'this')} is not allowed here")


_WHAT: dict[type[ast.expr], str] = {
    ast.Attribute: "an attribute (write sin, not np.sin)",
    ast.BoolOp: "and, or",
    ast.Call: "such a call",
    ast.Constant: "this constant",
    ast.IfExp: "if",
    ast.Lambda: "lambda",
    ast.List: "a list",
    ast.Subscript: "an index",
    ast.Tuple: "a comma",
}


def _check_call(text: str, at: int, name: str, args: list[ast.expr]) -> None:
    if name not in FUNCTIONS:
        close = difflib.get_close_matches(name, FUNCTIONS, 1)
        _fail(text, at, f"{name} is not a function here" + (f"; did you mean {close[0]}?" if close else ""))
    needed = FUNCTIONS[name][1]
    if len(args) != needed:
        _fail(text, at, f"{name} takes {needed} argument{'s' * (needed > 1)}, not {len(args)}")


def _value(node: ast.expr, known: Mapping[str, Array], made: dict[str, Array]) -> Array:
    """The value of an expression that was checked. What stands in it twice is computed once, and kept in ``made``."""
    key = ast.dump(node)
    if key not in made:
        made[key] = _computed(node, known, made)
    return made[key]


def _computed(node: ast.expr, known: Mapping[str, Array], made: dict[str, Array]) -> Array:
    match node:
        case ast.Constant(value):
            return np.float64(value)  # type: ignore[arg-type]
        case ast.Name(name):
            return known[name] if name in known else np.float64(CONSTANTS[name])
        case ast.UnaryOp(op, operand):
            return UNARY[type(op)](_value(operand, known, made))
        case ast.BinOp(left, ast.Pow(), ast.Constant(int(exponent))) if abs(exponent) < 2**53:
            return np.power(_value(left, known, made), exponent)
        case ast.BinOp(left, op, right):
            return BINARY[type(op)](_value(left, known, made), _value(right, known, made))
        case ast.Call(ast.Name(name), args):
            return FUNCTIONS[name][0](*[_value(arg, known, made) for arg in args])
        case _:
            raise AssertionError(f"{ast.dump(node)} was not checked")


def _check_point(expression: Expression, at: Mapping[str, float]) -> None:
    missing = [name for name in expression.variables if name not in at]
    unknown = [name for name in at if name not in expression.variables]
    parts: list[str] = []
    if missing:
        example = " ".join(f"{name}=1" for name in missing)
        parts.append(f"no value is given for {', '.join(missing)}: add {example} to --at")
    if unknown:
        parts.append(f"there is no variable {', '.join(unknown)} in it; there is {', '.join(expression.variables)}")
    if parts:
        raise ExpressionError("\n  ".join([f"[explain] {expression.text}", *parts]))


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _column(text: str, node: ast.expr) -> int:
    """The column in characters; Python counts bytes."""
    return len(text.encode()[: node.col_offset].decode())


def _end(text: str, node: ast.expr) -> int:
    """The column of the first character behind ``node`` that is neither a space nor a parenthesis."""
    column = len(text.encode()[: node.end_col_offset].decode())
    return column + len(text[column:]) - len(text[column:].lstrip(" )"))


def _fail(text: str, column: int, what: str) -> NoReturn:
    raise ExpressionError(f"[explain] {what}\n  {text}\n  {' ' * column}^\n  {ALLOWED}")
