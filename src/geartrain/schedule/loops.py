"""What a kernel is: one loop nest over a space, as data.

A kernel is named by its structure alone. Sizes, strides, addresses and constants are words of the call, so one kernel
serves every place of every plan that has the same structure. This is the contract with a backend: it prints a
:class:`Kernel` for its target, and nothing else.

The nest has ``ndim`` loops. At each point it loads operands, computes ``code`` in order, stores some of its values, and
folds others. The last loop is the one to vectorise; ``Operand.inner`` says how an operand moves along it.
"""

from typing import NamedTuple

__all__ = ["Fold", "Instr", "Kernel", "Operand", "text_of_kernel"]


class Operand(NamedTuple):
    """A place in memory. ``inner``: along the last loop it moves by one element, not at all, or by a stride."""

    dtype: str
    inner: str  # "unit" | "none" | "step"


class Instr(NamedTuple):
    """One value: ``op`` on earlier values. ``dtype`` is what it computes in, ``out`` what it gives.

    ``load`` and ``imm`` have one argument that is not a value: the number of the operand, of the immediate.
    """

    op: str
    dtype: str
    out: str
    args: tuple[int, ...]


class Fold(NamedTuple):
    """Folds a value over loops: ``sum``, ``max``, ``min``, ``any``, ``all``.

    ``inner``: the last loop is folded, so the fold lives in registers along it. ``onto``: the result is combined with
    what the operand holds (which was filled with the neutral element before), because a loop further out is folded too.
    """

    kind: str
    value: int
    operand: int
    inner: bool
    onto: bool


class Kernel(NamedTuple):
    """A loop nest by structure. Hashable: the key under which its code is kept."""

    ndim: int
    operands: tuple[Operand, ...]
    immediates: int
    code: tuple[Instr, ...]
    stores: tuple[tuple[int, int], ...]  # (value, operand)
    folds: tuple[Fold, ...]


def text_of_kernel(kernel: Kernel) -> str:
    """The loop nest as text, for a reader.

    >>> add = Instr("add", "f8", "f8", (0, 1))
    >>> code = (Instr("load", "f8", "f8", (0,)), Instr("imm", "f8", "f8", (0,)), add)
    >>> print(text_of_kernel(Kernel(1, (Operand("f8", "unit"),) * 2, 1, code, ((2, 1),), ())))
    for 1 loop(s):
      v0 = load f8 #0
      v1 = imm f8 0
      v2 = add f8 v0 v1
      store v2 -> #1
    """
    lines = [f"for {kernel.ndim} loop(s):"]
    for i, (op, dtype, out, args) in enumerate(kernel.code):
        mark = {"load": "#", "imm": ""}.get(op, "v")
        types = dtype if dtype == out else f"{dtype} to {out}"
        lines.append(f"  v{i} = {op} {types} " + " ".join([f"{mark}{a}" for a in args]))
    lines += [f"  store v{value} -> #{operand}" for value, operand in kernel.stores]
    for kind, value, operand, inner, onto in kernel.folds:
        how = ("along the last loop" if inner else "over outer loops") + (", onto" if onto else "")
        lines.append(f"  {kind} v{value} -> #{operand} ({how})")
    return "\n".join(lines)
