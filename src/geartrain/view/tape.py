"""One run of a function, as the view reads it: what it computed from its arguments, in order, and where it says so.

This is the one place where the view touches the machinery of a trace.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.errors import InputError, SourceLine, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Constant, Linear, Pointwise
from geartrain.ops.shape import CAST
from geartrain.run import Run
from geartrain.trace.intercept import stand_in
from geartrain.trace.tracer import ALIAS, value_of
from geartrain.view.work import Work, count_work

__all__ = ["Argnums", "Tape", "carriers", "chosen", "record", "run_count", "run_tape", "tape_work"]

F = Callable[..., Any]
Argnums = int | Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Tape:
    """What ``f`` computed.

    ``inputs`` are the numbers and arrays to differentiate in, with their ``labels`` (``x``, ``params[0].weights``);
    ``nodes`` are the nodes on a path from an input to the ``output`` (``None`` if it depends on no input), in the order
    of the program, and ``steps`` those of them that do something: a cast to the dtype that a value has already is left
    out, and :meth:`source` says what it casts. ``value`` is what f returned, ``lines`` where a step stands in the
    user's program, ``made`` how many operations on traced values the run did in all. ``pack`` puts one value for each
    input into the containers in which the arguments came.
    """

    name: str
    inputs: tuple[Node, ...]
    labels: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: Node | None
    value: Array
    bit: int
    lines: Mapping[Node, SourceLine | None]
    made: int
    pack: Callable[[Sequence[Array]], Any]

    @functools.cached_property
    def steps(self) -> list[Node]:
        return [node for node in self.nodes if not _is_idle(node)]

    def source(self, node: Node) -> Node:
        """The step or input whose value ``node`` has."""
        while _is_idle(node):
            node = node.inputs[0]
        return node

    def edges(self, node: Node) -> list[int]:
        """The operands of a step through which its derivative goes on to an input."""
        return [i for i in carriers(node, self.bit) if node.inputs[i] in self._live]

    @functools.cached_property
    def _live(self) -> set[Node]:
        return {*self.inputs, *self.nodes}

    @property
    def numbers(self) -> int:
        """How many numbers the inputs hold."""
        return sum(node.aval.size for node in self.inputs)


def run_tape(
    name: str, f: F, args: Sequence[Any], argnums: Argnums = None, labels: Sequence[str] | None = None
) -> Tape:
    """Run ``f(*args)`` and keep what it does with the arguments ``argnums`` (by default all that hold floats).

    ``labels`` has the names of the arguments, by default those of the parameters of f.

    Raises:
        InputError: no argument holds floats, or f does not return one real number.
    """
    numbers, traced = chosen(name, args, argnums), stand_in(f)

    def of_chosen(*xs: Any) -> Any:
        return traced(*_with(args, numbers, xs))

    with np.errstate(all="ignore"):
        run = Run(name, of_chosen, [args[i] for i in numbers], lines=True)
    _check_result(name, run.out)
    output, value = run.output(run.out)
    while output is not None and _is_idle(output):
        output = output.inputs[0]
    bit = run.level.bit
    inputs = [node for node in run.nodes if node is not None]
    known = _labels(labels or _parameters(f, len(args)), args, numbers)
    known = [label for label, node in zip(known, run.nodes, strict=True) if node is not None]
    return Tape(
        name=getattr(f, "__name__", type(f).__name__),
        inputs=tuple(inputs),
        labels=tuple(known),
        nodes=tuple(_between(run.level.segment, inputs, output, bit)),
        output=output,
        value=value_of(value),
        bit=bit,
        lines=run.trace.lines or {},
        made=_count_made(run.level.segment),
        pack=_packer(run, alone=isinstance(argnums, int) or (argnums is None and len(numbers) == 1)),
    )


def _packer(run: Run, alone: bool) -> Callable[[Sequence[Array]], Any]:
    def pack(values: Sequence[Array]) -> Any:
        remaining = iter(values)
        leaves = [x if n is None else next(remaining) for n, x in zip(run.nodes, run.leaves, strict=True)]
        packed = tree.unflatten(run.treedef, leaves)
        return packed[0] if alone else packed

    return pack


def tape_work(tape: Tape) -> Work:
    """The multiplications that three ways to the derivative need on this tape."""
    if tape.output is None:
        return Work(0, 0, 0, tape.numbers, 0, 0)
    steps = [(node, [tape.source(node.inputs[i]) for i in tape.edges(node)]) for node in tape.steps]
    return count_work(steps, tape.inputs, tape.output, tape.numbers)


def chosen(name: str, args: Sequence[Any], argnums: Argnums) -> tuple[int, ...]:
    """The numbers of the arguments to differentiate in."""
    if argnums is None:
        found = [i for i, x in enumerate(args) if any(_is_float(leaf) for leaf in tree.leaves(x))]
        if not found:
            raise InputError(
                teach(name, "no argument holds floats to differentiate in.", "Pass floats: 3.0 and not 3.")
            )
        return tuple(found)
    asked = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if any(not -len(args) <= i < len(args) for i in asked):
        raise InputError(teach(name, f"argnums={argnums} for {len(args)} positional arguments.", "Choose others."))
    return tuple(i % len(args) for i in asked)


def carriers(node: Node, bit: int) -> list[int]:
    """The operands of ``node`` that depend on an input and whose motion moves the result."""
    op = node.op
    found: list[int] = []
    for i, x in enumerate(node.inputs):
        if isinstance(op, Constant) or not x.depends & bit:
            continue
        if isinstance(op, Pointwise) and op.partials[i] is None:
            continue
        if isinstance(op, Linear) and op.transposes[min(i, len(op.transposes) - 1)] is None:
            continue
        found.append(i)
    return found


def record(f: F, *xs: Array) -> tuple[list[Node | None], Node | Array]:
    """What ``f`` computes on ``xs``: the node of each, and the node of the result (or its value, if it uses none).

    Every operation is kept, also those that are piecewise constant, such as comparisons.
    """
    with np.errstate(all="ignore"):
        run = Run("record", f, xs, kind="record")
    node, value = run.output(run.out)
    return run.nodes, value if node is None else node


def run_count(name: str, f: F, args: Sequence[Any]) -> int:
    """How many operations ``f(*args)`` does on values that depend on the arguments, all of which hold floats."""
    with np.errstate(all="ignore"):
        return _count_made(Run(name, f, args).level.segment)


def _count_made(segment: Sequence[Node]) -> int:
    """The operations on a tape: each node that was computed."""
    return sum(node.op not in (INPUT, CONST, ALIAS) and not _is_idle(node) for node in segment)


def _is_idle(node: Node) -> bool:
    """A cast of a Python number, or of anything, to the dtype that it has already."""
    return node.op is CAST and node.inputs[0].aval.dtype == node.aval.dtype


def _between(segment: Sequence[Node], inputs: Sequence[Node], output: Node | None, bit: int) -> list[Node]:
    """The nodes on a path of local rates from an input to the output, in the order of the tape."""
    needed = {output}
    start = set(inputs)
    for node in reversed(segment):
        if node in needed and node not in start:
            needed.update(node.inputs[i] for i in carriers(node, bit))
    reached = set(inputs)
    found: list[Node] = []
    for node in segment:
        if node in needed and node not in reached and any(node.inputs[i] in reached for i in carriers(node, bit)):
            reached.add(node)
            found.append(node)
    return found


def _with(args: Sequence[Any], numbers: Sequence[int], xs: Sequence[Any]) -> list[Any]:
    full = list(args)
    for i, x in zip(numbers, xs, strict=True):
        full[i] = x
    return full


def _is_float(x: Any) -> bool:
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and aval_of(x).dtype.kind in "fc")


def _check_result(name: str, y: Any) -> None:
    number = isinstance(y, (int, float, complex, np.ndarray, np.generic))
    aval = aval_of(y) if number else None
    if aval is None or aval.shape != () or aval.dtype.kind not in "fiub":
        what = type(y).__name__ if aval is None else repr(aval)
        raise InputError(
            teach(name, f"the function must return one real number, got {what}.", "Sum or average the result.")
        )


def _parameters(f: F, count: int) -> list[str]:
    """A name for each argument: those that the function gives its parameters."""
    try:
        kinds = inspect.signature(f).parameters.values()
    except (ValueError, TypeError):  # a built-in function without a signature
        kinds = ()
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    many = next((p.name for p in kinds if p.kind is p.VAR_POSITIONAL), "x")
    if count > len(names):
        rest = count - len(names)
        names += [many] if rest == 1 else [f"{many}{i + 1}" for i in range(rest)]
    return names[:count]


def _labels(names: Sequence[str], args: Sequence[Any], numbers: Sequence[int]) -> list[str]:
    """A name for each leaf of the arguments to differentiate in."""
    return [f"{names[i]}{_joined(path)}" for i in numbers for path, _ in tree.paths(args[i])]


def _joined(path: str) -> str:
    return path if not path or path.startswith("[") else f".{path}"
