"""One function as a native loop over arrays: for tests, for measurements, and to look at."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.backends.cpu.vecmath import FUNCTIONS
from geartrain.backends.cpu.vecmath.builder import (
    DOUBLE,
    FLOAT,
    PTR,
    VOID,
    Builder,
    Module,
    Phi,
    constant,
    integer,
    vector,
)
from geartrain.backends.llvm import Code, compile_ir, load

__all__ = ["Loop", "text_of"]

ARITY = {"arctan2": 2, "hypot": 2, "logaddexp": 2, "power": 2}


def text_of(name: str, bits: int, width: int | None, fma: bool = True) -> str:
    """The LLVM IR of ``loop(int64 n, x, ..., result)``: a function applied to arrays, ``width`` elements a turn.

    n is a multiple of the width; the arrays are aligned as their elements are.
    """
    module = Module(no_fma=not fma)
    element = {64: DOUBLE, 32: FLOAT}[bits]
    kind = element if width is None else vector(element, width)
    i64, align = integer(64), bits // 8
    b = Builder(module, "loop", VOID, [i64, *[PTR] * (ARITY.get(name, 1) + 1)])
    n, *arrays = b.args
    b.branch_if(b.icmp_signed(">", n, constant(i64, 0)), "body", "done")
    b.begin("body")
    index = Phi(b, i64)
    index.add_incoming(constant(i64, 0), "entry")
    places = [b.gep(array, element, index.value) for array in arrays]
    operands = [b.load(place, kind, align) for place in places[:-1]]
    b.store(FUNCTIONS[name](b, *operands), places[-1], align)
    following = b.two("add", index.value, constant(i64, width or 1))
    index.add_incoming(following, b.block)
    b.branch_if(b.icmp_signed("<", following, n), "body", "done")
    b.begin("done")
    b.ret()
    return str(module)


class Loop:
    """A compiled function of whole arrays.

    >>> half = Loop("sigmoid", np.dtype("float64"), width=4)
    >>> half(np.zeros(3))
    array([0.5, 0.5, 0.5])
    """

    def __init__(self, name: str, dtype: "np.dtype[Any]", width: int | None = None, fma: bool = True) -> None:
        self.dtype = dtype
        self.width = width or 1
        self._code: Code = load([compile_ir(text_of(name, dtype.itemsize * 8, width, fma))], ["loop"])
        kinds = [ctypes.c_int64, *[ctypes.c_void_p] * (ARITY.get(name, 1) + 1)]
        self._run: Callable[..., None] = ctypes.CFUNCTYPE(None, *kinds)(self._code["loop"])

    def __call__(self, *operands: Any) -> Any:
        """A new array with the results; the operands are broadcast against each other."""
        arrays = np.broadcast_arrays(*(np.asarray(operand, self.dtype) for operand in operands))
        shape, size = arrays[0].shape, arrays[0].size
        padded = -(-size // self.width) * self.width
        whole = [np.concatenate([array.ravel(), np.zeros(padded - size, self.dtype)]) for array in arrays]
        result = np.empty(padded, self.dtype)
        self.prepared(*whole, result)()
        return result[:size].reshape(shape)

    def prepared(self, *arrays: Any) -> Callable[[], None]:
        """A call on contiguous arrays of one size, a multiple of the width; the last one takes the results."""
        addresses = [array.ctypes.data for array in arrays]
        return lambda: self._run(arrays[0].size, *addresses)
