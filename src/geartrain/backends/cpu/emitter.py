"""What a lowering writes to, and how LLVM writes types and numbers."""

import struct
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

__all__ = ["LLVM_TYPES", "Emitter", "Lowering", "is_float", "literal", "select"]

LLVM_TYPES = {"f8": "double", "f4": "float", "b1": "i1"} | {f"{k}{n}": f"i{8 * n}" for k in "iu" for n in (1, 2, 4, 8)}


class Emitter(Protocol):
    """Writes instructions that work on ``lanes`` elements at once."""

    def type(self, dtype: str) -> str:
        """The LLVM type of a vector of this dtype."""
        ...

    def do(self, text: str) -> str:
        """Write one instruction; the name of its result."""
        ...

    def const(self, dtype: str, value: float) -> str:
        """The same number in every lane."""
        ...

    def math(self, name: str, dtype: str, args: Sequence[str]) -> str:
        """Call a function of the math library."""
        ...

    def intrinsic(self, name: str, dtype: str, args: Sequence[str]) -> str:
        """Call an LLVM intrinsic that is overloaded by the vector's type."""
        ...


Lowering = Callable[[Emitter, str, Sequence[str]], str]


def literal(dtype: str, value: float) -> str:
    """A number as LLVM writes it.

    >>> literal("f8", 1.0), literal("i4", -1), literal("b1", True)
    ('0x3FF0000000000000', '-1', 'true')
    """
    if dtype == "b1":
        return "true" if value else "false"
    if dtype[0] in "iu":
        return str(int(value))
    value = float(np.float32(value)) if dtype == "f4" else float(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def is_float(dtype: str) -> bool:
    return dtype[0] == "f"


def select(e: Emitter, dtype: str, condition: str, a: str, b: str) -> str:
    """``a`` where the condition holds, else ``b``."""
    t = e.type(dtype)
    return e.do(f"select {e.type('b1')} {condition}, {t} {a}, {t} {b}")
