"""Short names for the values of a program: ``3x + 1``, ``(3x + 1)²``, ``tanh(u)``; none where it would be long."""

from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, INPUT
from geartrain.view.record import Recording

__all__ = ["LONGEST", "labels", "number"]

LONGEST = 26
_INFIX = {"add": (" + ", 1), "subtract": (" − ", 1), "multiply": (" · ", 2), "divide": (" / ", 2), "matmul": (" @ ", 2)}
_SAME = {"broadcast", "cast", "alias", "positive"}
_RAISED = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")
_ATOM = 9


def number(x: Array) -> str:
    """A number as a person would write it: ``3``, ``0.25``, ``1.2e−5``."""
    return f"{x:.4g}".replace("-", "−")


def labels(seen: Recording) -> list[str]:
    """One label for each node, empty where it would be longer than ``LONGEST`` characters.

    >>> from geartrain.view.record import record
    >>> labels(record(lambda x: (3 * x + 1) ** 2, 1.0))
    ['x', '3', '3x', '1', '3x + 1', '(3x + 1)²']
    """
    names = {i: name for name, i in seen.inputs}
    index = {node: i for i, node in enumerate(seen.nodes)}
    out: list[str] = []
    binding: list[int] = []
    for i, node in enumerate(seen.nodes):
        text, strength = "", _ATOM
        if node.op is INPUT or i in names:
            text = names.get(i, "x")
        elif node.op is CONST:
            value = seen.values[i]
            if aval_of(value).ndim == 0 and aval_of(value).dtype.kind in "fiub":
                text = number(float(value))
                strength = 0 if text.startswith("−") else _ATOM
        else:
            sources = [index[x] for x in node.inputs]
            parts = [out[u] for u in sources]
            if all(parts):
                text, strength = _spell(node.op.name, parts, [binding[u] for u in sources])
        if len(text) > LONGEST:
            text, strength = "", _ATOM
        out.append(text)
        binding.append(strength)
    return out


def _spell(op: str, parts: list[str], binding: list[int]) -> tuple[str, int]:
    if op in _SAME:
        return parts[0], binding[0]
    if op in _INFIX:
        sign, strength = _INFIX[op]
        a, b = parts
        right = strength + (op in ("subtract", "divide", "matmul"))
        left_text = a if binding[0] >= strength else f"({a})"
        right_text = b if binding[1] >= right else f"({b})"
        if op == "multiply" and a.replace(".", "").isdigit() and (b[0].isalpha() or right_text[0] == "("):
            return f"{a}{right_text}", strength
        return f"{left_text}{sign}{right_text}", strength
    if op == "negative":
        return f"−{parts[0] if binding[0] >= 2 else f'({parts[0]})'}", 1
    base = parts[0] if binding[0] == _ATOM and "(" not in parts[0] else f"({parts[0]})"
    if op == "square":
        return f"{base}²", 8
    if op == "power" and parts[1].replace("−", "").isdigit():
        return f"{base}{parts[1].replace('−', '-').translate(_RAISED)}", 8
    return f"{op}({', '.join(parts)})", _ATOM
