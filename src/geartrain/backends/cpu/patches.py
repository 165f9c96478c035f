"""Products with patches, in native code: compiled when they are first asked for."""

import functools
from collections.abc import Iterable

from geartrain.backends import llvm
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.known import CODE
from geartrain.backends.cpu.patches_ir import module_text

__all__ = ["name_of", "objects"]


def name_of(dtype: str) -> str:
    """The name of the code for ``f4`` or ``f8``; from then on ``CODE`` has its address."""
    _enter(dtype)
    return f"gt_patches_{dtype}"


@functools.cache
def _enter(dtype: str) -> None:
    name = f"gt_patches_{dtype}"
    CODE.enter(llvm.load([_object(dtype)], [name]), [name])


@functools.cache
def _object(dtype: str) -> bytes:
    return kernels.object_code(module_text(dtype))


def objects(names: Iterable[str]) -> list[bytes]:
    """The object code of those of these names that are ours."""
    return [_object(dtype) for dtype in ("f4", "f8") if f"gt_patches_{dtype}" in names]
