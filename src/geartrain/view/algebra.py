"""Formulas to be read: a few kinds of expression, tidied as they are put together, and written with few parentheses.

Trivial factors go (``1·u``, ``u + 0``, ``u^1``), numbers come to the front, equal factors become powers. Nothing else
is rearranged: a formula keeps the form in which its rule was written.

The text keeps to characters that every terminal has: ``²``, ``³``, ``·``, ``×`` and ASCII.
"""

from dataclasses import dataclass

__all__ = [
    "Call",
    "Expr",
    "Num",
    "Power",
    "Product",
    "Raw",
    "Sum",
    "Sym",
    "add",
    "divide",
    "is_tight",
    "multiply",
    "negative",
    "number_text",
    "power",
    "show",
    "subtract",
]

_SUM, _PRODUCT, _POWER, _ATOM = range(4)
"""How tightly the kinds bind: an operand that binds less tightly than its place needs gets parentheses."""


@dataclass(frozen=True)
class Num:
    """A number."""

    value: float


@dataclass(frozen=True)
class Sym:
    """A name."""

    name: str


@dataclass(frozen=True)
class Raw:
    """A piece of text that is written by its own rules; ``tight`` says that it needs no parentheses anywhere."""

    text: str
    tight: bool = False


@dataclass(frozen=True)
class Call:
    """A function of expressions, ``cos(u)``."""

    name: str
    args: tuple["Expr", ...]


@dataclass(frozen=True)
class Power:
    """``base^exponent`` with an exponent that is no number."""

    base: "Expr"
    exponent: "Expr"


@dataclass(frozen=True)
class Product:
    """Factors in order, each with the number that it is raised to."""

    factors: tuple[tuple["Expr", float], ...]


@dataclass(frozen=True)
class Sum:
    """``left + right``, or ``left - right``."""

    left: "Expr"
    right: "Expr"
    minus: bool = False


Expr = Num | Sym | Raw | Call | Power | Product | Sum

ONE, ZERO = Num(1), Num(0)


# Putting together.


def add(a: Expr, b: Expr) -> Expr:
    """``a + b``, tidied.

    >>> show(add(Sym("u"), negative(Sym("v")))), show(add(Sym("u"), Num(0)))
    ('u - v', 'u')
    """
    if isinstance(a, Num) and isinstance(b, Num):
        return Num(a.value + b.value)
    if a == ZERO:
        return b
    if b == ZERO:
        return a
    return Sum(a, negative(b), minus=True) if _is_negative(b) else Sum(a, b)


def subtract(a: Expr, b: Expr) -> Expr:
    """``a - b``, tidied."""
    return add(a, negative(b))


def negative(a: Expr) -> Expr:
    """``-a``, tidied."""
    return multiply(Num(-1), a)


def multiply(a: Expr, b: Expr) -> Expr:
    """``a·b``, tidied.

    >>> show(multiply(Sym("u"), multiply(Num(3), Sym("u"))))
    '3u²'
    """
    return _product((*_factors(a), *_factors(b)))


def divide(a: Expr, b: Expr) -> Expr:
    """``a/b``, tidied.

    >>> show(divide(Num(1), multiply(Num(3), Sym("u"))))
    '1/(3u)'
    """
    return _product((*_factors(a), *((base, -n) for base, n in _factors(b))))


def power(a: Expr, b: Expr) -> Expr:
    """``a^b``, tidied.

    >>> show(power(Sym("u"), Num(1))), show(power(power(Sym("u"), Num(2)), Num(3)))
    ('u', 'u^6')
    """
    if not isinstance(b, Num):
        return Power(a, b)
    if isinstance(a, Num):
        return Product(((a, b.value),))
    whole = float(b.value).is_integer()
    return _product(tuple((base, n * b.value) for base, n in (_factors(a) if whole else [(a, 1)])))


def _factors(a: Expr) -> tuple[tuple[Expr, float], ...]:
    return a.factors if isinstance(a, Product) else ((a, 1),)


def _product(factors: tuple[tuple[Expr, float], ...]) -> Expr:
    """A product with one number in front, one below, and each other factor once."""
    above, below = 1.0, 1.0
    exponents: dict[Expr, float] = {}
    for base, n in factors:
        if isinstance(base, Num) and n == 1:
            above *= base.value
        elif isinstance(base, Num) and n == -1:
            below *= base.value
        elif base == Num(-1) and float(n).is_integer():
            above *= -1 if n % 2 else 1
        else:
            exponents[base] = exponents.get(base, 0) + n
    if below < 0:
        above, below = -above, -below
    if above == 0:
        return ZERO
    rest = tuple((base, n) for base, n in exponents.items() if n != 0)
    if not rest and below == 1:
        return Num(above)
    if not rest and below and (above / below).is_integer():
        return Num(above / below)
    tidy = (*([(Num(above), 1)] if above != 1 else []), *([(Num(below), -1)] if below != 1 else []), *rest)
    return tidy[0][0] if len(tidy) == 1 and tidy[0][1] == 1 else Product(tidy)


def _is_negative(a: Expr) -> bool:
    if isinstance(a, Product):
        return isinstance(a.factors[0][0], Num) and a.factors[0][1] == 1 and a.factors[0][0].value < 0
    return isinstance(a, Num) and a.value < 0


# Writing.


def number_text(x: float, digits: int = 6) -> str:
    """A number as one would write it.

    >>> number_text(24.0), number_text(0.1 + 0.2), number_text(-2.5e-9)
    ('24', '0.3', '-2.5e-09')
    """
    text = f"{x:.{digits}g}"
    return "0" if text == "-0" else text


def show(a: Expr) -> str:
    """The text of an expression."""
    return _show(a)[0]


def is_tight(a: Expr) -> bool:
    """Whether the text of ``a`` needs no parentheses anywhere."""
    return _show(a)[1] == _ATOM


def _show(a: Expr) -> tuple[str, int]:
    """The text, and how tightly it binds."""
    match a:
        case Num(value):
            return number_text(value), _ATOM if value >= 0 else _SUM
        case Sym(name):
            return name, _ATOM
        case Raw(text, tight):
            return text, _ATOM if tight else _SUM
        case Call("absolute", (inner,)):
            return f"|{show(inner)}|", _ATOM
        case Call(name, args):
            return f"{name}({', '.join(map(show, args))})", _ATOM
        case Power(base, exponent):
            return f"{_inside(base, _ATOM)}^{_inside(exponent, _ATOM)}", _POWER
        case Sum(left, right, minus):
            return f"{_inside(left, _SUM)} {'-' if minus else '+'} {_inside(right, _PRODUCT if minus else _SUM)}", _SUM
        case Product(factors):
            return _show_product(factors)


def _inside(a: Expr, place: int) -> str:
    text, binds = _show(a)
    return f"({text})" if binds < place else text


def _show_product(factors: tuple[tuple[Expr, float], ...]) -> tuple[str, int]:
    above = [(base, n) for base, n in factors if n > 0]
    below = [(base, -n) for base, n in factors if n < 0]
    sign = ""
    if above and above[0][1] == 1 and isinstance(above[0][0], Num) and above[0][0].value < 0:
        first = Num(-above[0][0].value)
        above = above[1:] if first == ONE and len(above) > 1 else [(first, 1), *above[1:]]
        sign = "-"
    if len(factors) == 1 and not below and not sign:
        return _raised(*factors[0]), _POWER
    text = _side(above) if above else "1"
    if below:
        under = _side(below)
        text += f"/({under})" if len(below) > 1 else f"/{under}"
    return sign + text, _SUM if sign else _PRODUCT


def _side(factors: list[tuple[Expr, float]]) -> str:
    """Factors next to each other: ``3u``, ``2·cos(u)``, ``u·v``, ``2(u + 1)``."""
    text = ""
    for i, (base, n) in enumerate(factors):
        piece = _raised(base, n)
        before = factors[i - 1] if i else None
        joins = before is not None and isinstance(before[0], Num) and before[1] == 1 and _joins(piece)
        text += piece if not text or joins else f"·{piece}"
    return text


def _joins(piece: str) -> bool:
    """Whether a number can stand right before ``piece``: before a letter that stands alone, or a parenthesis."""
    alone = not (piece[1:2].isascii() and piece[1:2].isalnum()) and piece[1:2] not in ("(", "_", ".", "[")
    return piece[:1] == "(" or (piece[:1].isalpha() and alone)


def _raised(base: Expr, n: float) -> str:
    if n == 1:
        return _inside(base, _PRODUCT)
    exponent = {2.0: "²", 3.0: "³"}.get(float(n), f"^{number_text(n)}")
    return f"{_inside(base, _ATOM)}{exponent}"
