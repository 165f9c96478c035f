"""The native code that all programs share, compiled: see :mod:`geartrain.backends.cpu.runtime`."""

import marshal

from geartrain.backends import llvm
from geartrain.backends.cpu import elf, entry_ir, gemm, guard, image, pool, strip_ir, walk_ir
from geartrain.backends.cpu.emit import Module
from geartrain.backends.cpu.program import guarded
from geartrain.backends.object_cache import kept

__all__ = ["made"]

TYPES = ("f32", "f64")
"""What steps of plans multiply."""

_STEPS = ("gt_strip", *[f"gt_{kind}_{t}" for kind in ("product", "strip") for t in TYPES])
EXPORTS = {
    "walk": (*pool.EXPORTS, *gemm.EXPORTS, *walk_ir.EXPORTS, *_STEPS),
    "entry": entry_ir.EXPORTS,
}
"""The two parts: what walks plans, and what is called from Python."""


def made(part: str) -> bytes:
    """The code of a part, linked if it can be: see ``runtime``."""
    module = Module()
    if part == "entry":
        if guarded():
            guard.write(module)
        entry_ir.write(module, guarded())
        objects = [_object(part, str(module), 1, (*llvm.QUICK, "always_inliner", *llvm.QUICK))]
    else:
        walk_ir.write(module)
        strip_ir.write_strip(module)
        rest = Module()
        pool.write(rest)
        gemm.write(rest)
        for t in TYPES:
            strip_ir.write_part(rest, t)
        # Written as it should be, and longer to optimise than anybody will wait for it.
        text = "\n".join([str(rest), *[walk_ir.product_text(t) for t in TYPES]])
        objects = [_object(part, str(module), 1, llvm.QUICK), _object("rest", text, 0, ())]
    linked = elf.link(objects) if image.usable() else None
    return marshal.dumps((tuple(module.declared), *(linked or ((objects, EXPORTS[part]),))))


def _object(kind: str, text: str, opt: int, passes: tuple[str, ...]) -> bytes:
    return kept((kind, *llvm.host(), text), lambda: llvm.compile_ir(text, opt, passes))
