"""The steps of ``routines`` as LLVM IR: loaded where one is to be compiled."""

from geartrain.backends.cpu import fourier_ir, lapack_ir, sorting_ir
from geartrain.backends.cpu.step_ir import Step
from geartrain.schedule.factors import COMPLEX

__all__ = ["ROUTINES", "text_of"]

ROUTINES = lapack_ir.ROUTINES | sorting_ir.ROUTINES | fourier_ir.ROUTINES


def text_of(name: str, dtype: str, symbol: str) -> str:
    """The module of one step, whose function is ``symbol``."""
    buffers, body = ROUTINES[name.removeprefix(COMPLEX)]
    s = Step(symbol, f"c{2 * int(dtype[1])}" if name.startswith(COMPLEX) else dtype, buffers)
    with s.f.count(s.many) as i:
        body(s, i)
    s.f.give()
    return str(s.module)
