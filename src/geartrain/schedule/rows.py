"""Which part of its buffers a step touches in one row, if it can be done row by row."""

from collections.abc import Iterator
from typing import NamedTuple

from geartrain.ir.node import Node
from geartrain.schedule.nest import Ref, Run
from geartrain.schedule.steps import Matrix, Product

__all__ = ["Touch", "by_rows", "counts"]

SMALL_PRODUCT = 1 << 12
"""Elements of a product that is summed strip by strip, each to a place of its own."""

LONG = 16
"""And so much longer than that is what it sums."""


class Touch(NamedTuple):
    """A step reads or writes a buffer. ``row``: elements of a row, if the i-th row touches its own alone; or else 0."""

    root: Node
    row: int
    write: bool


class Rows(NamedTuple):
    """A step by rows. ``per`` repetitions of its outermost loop are ``unit`` rows; ``way``: how a product is cut."""

    touches: tuple[Touch, ...]
    per: int
    unit: int
    way: str


def counts(step: Run | Product) -> list[int]:
    """How many rows the step may have."""
    if isinstance(step, Run):
        return [step.sizes[-1] if step.kernel.ragged else step.sizes[0]] if step.apart else []
    if step.many > 1:
        return [step.many]
    long = step.k >= LONG * step.m * step.n or step.m * step.n <= SMALL_PRODUCT < step.k
    return [step.k, step.m] if long and 1 in (step.m, step.n) else [step.m]


def by_rows(step: Run | Product, rows: int) -> Rows | None:
    """How the step goes over so many rows; ``None`` if it does not."""
    if rows < 2:
        return None
    if isinstance(step, Run):
        return _run(step, rows)
    if step.many > 1:
        if rows != step.many:
            return None
        stacks = [(step.a, step.m * step.k), (step.b, step.k * step.n)]
        touches = [_stack(x, rows, size) for x, size in stacks]
        return Rows((*touches, Touch(step.node, step.m * step.n, True)), 1, 1, "stack")
    if rows == step.m and step.m > 1:
        a = Touch(step.a.home.root, 0 if step.a.turned else _row(step.a, rows, step.a.ld, step.k), False)
        return Rows((a, Touch(step.b.home.root, 0, False), Touch(step.node, step.n, True)), 1, 1, "rows")
    if rows == step.k and rows in counts(step):
        a = _row(step.a, rows, step.a.ld if step.a.turned else 1, step.m) if step.a.turned or step.m == 1 else 0
        b = _row(step.b, rows, 1 if step.b.turned else step.b.ld, step.n) if not step.b.turned or step.n == 1 else 0
        own = Touch(step.node, 0, True)
        return Rows((Touch(step.a.home.root, a, False), Touch(step.b.home.root, b, False), own), 1, 1, "summed")
    return None


def _row(x: Matrix, rows: int, row: int, wide: int) -> int:
    """The elements of a row, if rows of the operand are those of its buffer."""
    root, view = x.home
    return row if row * rows == root.aval.size and view.offset % root.aval.size + wide <= row else 0


def _stack(x: Matrix, rows: int, size: int) -> Touch:
    whole = x.step == size and x.home.view.offset == 0 and x.home.root.aval.size == rows * size
    return Touch(x.home.root, size if whole else 0, False)


def _run(run: Run, rows: int) -> Rows | None:
    kernel = run.kernel
    if not run.apart or kernel.ndim == 0:
        return None
    if kernel.ragged:
        if run.sizes[-1] != rows:
            return None
        return Rows((*_touches(run, rows, 1, 1),), 1, run.sizes[1], "")
    per = run.sizes[0] // rows
    if per * rows != run.sizes[0]:
        return None
    return Rows((*_touches(run, rows, per, 0),), per, 1, "")


def _touches(run: Run, rows: int, per: int, first: int) -> Iterator[Touch]:
    """``first``: the loop over rows; ``per`` of its repetitions are a row."""
    places = {i for instr in run.kernel.code if instr.op == "gather" for i in instr.args[:1]}
    sizes = run.sizes[: run.kernel.ndim]
    for i, ref in enumerate(run.refs):
        whole = i not in places and _aligned(ref, sizes, rows, per, first)
        yield Touch(ref.root, ref.root.aval.size // rows if whole else 0, i in run.writes)


def _aligned(ref: Ref, sizes: tuple[int, ...], rows: int, per: int, first: int) -> bool:
    row, left = divmod(ref.root.aval.size, rows)
    step = ref.strides[first]
    if left or step * per != row or row == 0:
        return False
    if first and ref.strides[0] != sizes[first] * step:
        return False
    inner = list(zip(sizes[first + 1 :], ref.strides[first + 1 :], strict=True))
    far = (per - 1) * step + sum([(n - 1) * s for n, s in inner])
    return ref.offset >= 0 and all(s >= 0 for _, s in inner) and ref.offset + far < row
