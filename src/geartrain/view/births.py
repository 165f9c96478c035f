"""``where_did_nan``: every birth of a NaN or an infinity in one run of a function, with what to do about it."""

from collections.abc import Callable, Iterable
from typing import Any

from geartrain import tree
from geartrain.errors import SourceLine
from geartrain.ir.untyped import numpy as np
from geartrain.run import is_value
from geartrain.view.nan import Birth, all_finite, backward_births, forward_births, hidden_births
from geartrain.view.tape import Argnums, run_tape

__all__ = ["Births", "where_did_nan"]

F = Callable[..., Any]
MANY = 8
"""Births of one kind that are told."""


class Births(tuple[Birth, ...]):
    """What :func:`where_did_nan` found, the culprit first. As text it is a report; empty, it is false."""

    __slots__ = ()

    def __str__(self) -> str:
        if not self:
            return "No NaN and no infinity was born: the value and its derivatives are finite."
        return "\n\n".join([_report(birth) for birth in self])

    __repr__ = __str__


def where_did_nan(f: F, *args: Any, argnums: Argnums = None) -> Births:
    """Where the NaN or infinity in ``f(*args)`` or in its gradient came from.

    Args:
        f: a function of floats, floating or complex arrays, or containers of them. Several results count together.
        args: where.
        argnums: in which arguments the gradient is taken; by default in all that hold floats.

    Returns:
        The births, as a tuple that prints as a report. Each has a ``kind``, the ``op``, the ``element``, the
        ``operands`` there, the ``line`` of the program and the ``remedy``. The kinds are

        - ``"argument"``, ``"constant"``: it was there before;
        - ``"forward"``: an operation with finite operands made it, and it reached the result;
        - ``"backward"``: the value is finite, and a local rate made a derivative that is not;
        - ``"masked"``: as backward, where zero arrived: the operation took no part in the value, as on the branch that
          ``np.where`` did not take, and ``nan_safe=True`` cures it;
        - ``"hidden"``: an operation made it, and neither the value nor the gradient has it.

    Raises:
        InputError: no argument holds floats.

    >>> found = where_did_nan(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), np.array([4.0, 0.0]))
    >>> found[0].kind, found[0].op, found[0].element
    ('masked', 'sqrt', (1,))
    >>> print(where_did_nan(lambda x: np.log(x - 1), 1.0))  # doctest: +ELLIPSIS
    forward: log: -inf, where its operand is 0
      at ...
      Remedy: keep the operand above 0, as in np.log(np.maximum(x, 1e-300)); for log(1 + u) write np.log1p(u)
    """

    def total(*xs: Any) -> Any:
        out = f(*xs)
        if is_value(out) and np.ndim(out) == 0 and not np.iscomplexobj(out):
            return out
        parts = [y for y in tree.leaves(out) if is_value(y)]
        return sum([np.sum(np.real(y)) + np.sum(np.imag(y)) if np.iscomplexobj(y) else np.sum(y) for y in parts])

    total.__wrapped__ = f  # type: ignore[attr-defined]
    total.__name__ = getattr(f, "__name__", "f")
    with np.errstate(all="ignore"):
        tape = run_tape("where_did_nan", total, args, argnums)
    if not all_finite([tape.value]):
        return Births(_first_few(forward_births(tape)))
    return Births([*_first_few(backward_births(tape)), *_first_few(hidden_births(tape))])


def _first_few(births: Iterable[Birth]) -> list[Birth]:
    found: list[Birth] = []
    for birth in births:
        found.append(birth)
        if len(found) == MANY:
            break
    return found


def _report(birth: Birth) -> str:
    lines = [f"{birth.kind}: {birth.what}"]
    if birth.line is not None:
        lines.append(f"  at {_said(birth.line)}")
    if birth.remedy:
        lines.append(f"  Remedy: {birth.remedy}")
    return "\n".join(lines)


def _said(line: SourceLine) -> str:
    return f"{line}: {line.text}" if line.text else str(line)
