"""The functions that kernels call, as LLVM IR: one for each name, dtype and number of lanes, compiled once.

Most are our own vector mathematics; the few that are not go lane by lane through the C library. They are called, not
inlined: that measures the same, and kernels compile in a fraction of the time.
"""

from geartrain.backends.cpu.emitter import LLVM_TYPES
from geartrain.backends.cpu.vecmath import FUNCTIONS
from geartrain.backends.cpu.vecmath.builder import DOUBLE, FLOAT, Builder, Module, vector

__all__ = ["MathLibrary", "function_text"]

LIBM = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arctan2": "atan2",
    "power": "pow",
}
"""What C calls a function where NumPy has another name for it."""

_TWO = frozenset(["power", "arctan2", "hypot", "fmod", "logaddexp"])


class MathLibrary:
    """What one module of kernels needs from outside: each declaration once, and which functions are called."""

    def __init__(self) -> None:
        self.functions: dict[str, tuple[str, str, int]] = {}
        self._declared: dict[str, str] = {}

    def declare(self, symbol: str, text: str) -> None:
        """Note a declaration."""
        self._declared[symbol] = text

    def function(self, name: str, dtype: str, lanes: int) -> str:
        """The symbol of a function of the math library."""
        symbol = f"gt_{name}_{dtype}x{lanes}"
        if symbol not in self.functions:
            self.functions[symbol] = (name, dtype, lanes)
            t = _type(dtype, lanes)
            self.declare(symbol, f"declare {t} @{symbol}({', '.join([t] * _operands(name))}) nounwind")
        return symbol

    def text(self) -> str:
        """The declarations."""
        return "\n".join(self._declared.values())


def function_text(symbol: str, name: str, dtype: str, lanes: int) -> str:
    """The module of one function of the library."""
    return (_own if name in FUNCTIONS else _by_libm)(symbol, name, dtype, lanes)


def _operands(name: str) -> int:
    return 2 if name in _TWO else 1


def _type(dtype: str, lanes: int) -> str:
    return LLVM_TYPES[dtype] if lanes == 1 else f"<{lanes} x {LLVM_TYPES[dtype]}>"


def _own(symbol: str, name: str, dtype: str, lanes: int) -> str:
    element = DOUBLE if dtype == "f8" else FLOAT
    kind = element if lanes == 1 else vector(element, lanes)
    module = Module()
    b = Builder(module, symbol, kind, [kind] * _operands(name), "nounwind")
    b.ret(FUNCTIONS[name](b, *b.args))
    return str(module)


def _by_libm(symbol: str, name: str, dtype: str, lanes: int) -> str:
    """Lane by lane through the C library."""
    one, t = LLVM_TYPES[dtype], _type(dtype, lanes)
    c_name = LIBM.get(name, name) + ("f" if dtype == "f4" else "")
    names = "ab"[: _operands(name)]
    lines = [f"declare {one} @{c_name}({', '.join([one] * len(names))})"]
    lines.append(f"define {t} @{symbol}({', '.join([f'{t} %{x}' for x in names])}) nounwind {{")
    if lanes == 1:
        lines.append(f"  %y = call {one} @{c_name}({', '.join([f'{one} %{x}' for x in names])})")
        return "\n".join([*lines, f"  ret {one} %y", "}\n"])
    result = "poison"
    for i in range(lanes):
        lines += [f"  %{x}{i} = extractelement {t} %{x}, i64 {i}" for x in names]
        lines.append(f"  %y{i} = call {one} @{c_name}({', '.join([f'{one} %{x}{i}' for x in names])})")
        lines.append(f"  %r{i} = insertelement {t} {result}, {one} %y{i}, i64 {i}")
        result = f"%r{i}"
    return "\n".join([*lines, f"  ret {t} {result}", "}\n"])
