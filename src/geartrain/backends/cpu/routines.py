"""Steps of a plan that are no loop nests, in native code: linear algebra, sorting, Fourier transforms.

A step is ``void(ptr words, ptr bases, i64 low, i64 high)``, as all are; its words are the base and the offset of each
buffer, how many repetitions there are, and the sizes.
"""

import functools
import importlib
from collections.abc import Iterable

from geartrain.backends import llvm
from geartrain.backends.cpu import fourier, lapack, runtime
from geartrain.backends.cpu.known import CODE
from geartrain.backends.llvm import Code
from geartrain.backends.object_cache import kept
from geartrain.schedule.fourier import ROWS as TRANSFORMS

__all__ = ["loaded", "name_of", "objects"]

_made: dict[str, tuple[bytes, Code]] = {}
"""Object code and loaded code by name, for good: there are a few for each dtype."""


def name_of(name: str, dtype: str) -> str:
    """The name of a step's code, which is compiled when it is first asked for."""
    _compile(name, dtype)
    return _symbol(name, dtype)


def _symbol(name: str, dtype: str) -> str:
    return f"gt_{name.replace(' ', '_')}_{dtype}"


def objects(names: Iterable[str]) -> list[bytes]:
    """The object code of those of these names that are ours and were asked for."""
    return [_made[name][0] for name in dict.fromkeys(names) if name in _made]


def loaded(names: Iterable[str]) -> dict[str, Code]:
    """The same as loaded code."""
    return {name: _made[name][1] for name in names if name in _made}


@functools.cache
def _compile(name: str, dtype: str) -> None:
    symbol = _symbol(name, dtype)
    text: str = importlib.import_module("geartrain.backends.cpu.routine_text").text_of(name, dtype, symbol)
    made = kept(("routine", *llvm.host(), text), lambda: llvm.compile_ir(text, 1, llvm.QUICK))
    outside = fourier.symbols() if name in TRANSFORMS else lapack.symbols()
    code = llvm.load([made], [symbol], runtime.symbols() | outside)
    CODE.enter(code, [symbol])
    _made[symbol] = made, code
