"""What a kernel is: one loop nest over a space, as data.

A kernel is named by its structure alone. Sizes, strides, addresses and constants are words of the call, so one kernel
serves every place of every plan that has the same structure. This is the contract with a backend: it prints a
:class:`Kernel` for its target, and nothing else.

The nest has ``ndim`` loops. At each point it loads operands, computes ``code`` in order, stores some of its values, and
folds others. The last loop is the one to vectorise; ``Operand.inner`` says how an operand moves along it.
"""

from typing import NamedTuple

__all__ = ["Fold", "Instr", "Kernel", "Operand", "Scatter", "text_of_kernel"]


class Operand(NamedTuple):
    """A place in memory. ``inner``: along the last loop it moves by one element, not at all, or by a stride."""

    dtype: str
    inner: str  # "unit" | "none" | "step"


class Instr(NamedTuple):
    """One value: ``op`` on earlier values. ``dtype`` is what it computes in, ``out`` what it gives.

    ``load`` and ``imm`` have one argument that is not a value: the number of the operand, of the immediate. So has
    ``gather`` first; then come three values for each index: the index, the size of the axis, and the bytes from one of
    its elements to the next. A negative index counts from the end, and one out of range is noted as an error.
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


class Scatter(NamedTuple):
    """Stores a value, or adds it, at a place that depends on data, in order; ``where`` as in ``gather``."""

    value: int
    operand: int
    where: tuple[int, ...]
    add: bool


class Kernel(NamedTuple):
    """A loop nest by structure. Hashable: the key under which its code is kept."""

    ndim: int
    operands: tuple[Operand, ...]
    immediates: int
    code: tuple[Instr, ...]
    stores: tuple[tuple[int, int], ...]  # (value, operand)
    folds: tuple[Fold, ...]
    scatters: tuple[Scatter, ...] = ()
    ragged: bool = False
    """The second loop continues the first: together they run so often as one more word says, the last time less."""


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
        first = {"load": "#", "gather": "#", "imm": ""}.get(op, "v")
        types = dtype if dtype == out else f"{dtype} to {out}"
        marked = [f"{'v' if k else first}{a}" for k, a in enumerate(args)]
        lines.append(f"  v{i} = {op} {types} " + " ".join(marked))
    lines += [f"  store v{value} -> #{operand}" for value, operand in kernel.stores]
    for kind, value, operand, inner, onto in kernel.folds:
        how = ("along the last loop" if inner else "over outer loops") + (", onto" if onto else "")
        lines.append(f"  {kind} v{value} -> #{operand} ({how})")
    for value, operand, where, add in kernel.scatters:
        lines.append(f"  {'add' if add else 'store'} v{value} -> #{operand} at " + " ".join([f"v{w}" for w in where]))
    return "\n".join(lines)
