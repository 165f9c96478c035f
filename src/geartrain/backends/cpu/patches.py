"""Products with patches, in native code: compiled when they are first asked for."""

import functools
from collections.abc import Iterable

from geartrain.backends import llvm
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.known import CODE
from geartrain.backends.cpu.patches_ir import module_text
from geartrain.backends.llvm import Code

__all__ = ["loaded", "name_of", "objects"]

_DTYPES = ("f4", "f8")


def name_of(dtype: str) -> str:
    """The name of the code for ``f4`` or ``f8``."""
    return f"gt_patches_{dtype}"


def loaded(names: Iterable[str]) -> dict[str, Code]:
    """The code of those of these names that are ours; it stays for good."""
    wanted = set(names)
    return {name_of(dtype): _code(dtype) for dtype in _DTYPES if name_of(dtype) in wanted}


@functools.cache
def _code(dtype: str) -> Code:
    code = llvm.load([_object(dtype)], [name_of(dtype)])
    CODE.enter(code, [name_of(dtype)])
    return code


@functools.cache
def _object(dtype: str) -> bytes:
    return kernels.object_code(module_text(dtype))


def objects(names: Iterable[str]) -> list[bytes]:
    """The object code of those of these names that are ours."""
    wanted = set(names)
    return [_object(dtype) for dtype in _DTYPES if name_of(dtype) in wanted]
