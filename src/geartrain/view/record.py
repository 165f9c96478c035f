"""One instrumented run: every value, every cotangent, every local product, and where in the program it was made."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.chain import pull
from geartrain.errors import InputError, SourceLine, teach
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.graph import topological
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.trace import intercept
from geartrain.trace.level import Level
from geartrain.trace.tracer import Tracer, new_input, node_of
from geartrain.view.scopes import Scope, ScopedLines

__all__ = ["Edge", "Recording", "record"]


@dataclass(frozen=True, slots=True)
class Edge:
    """Operand ``source`` of node ``target``: what it brings back, ``c = J^T v_bar``, by its 2-norm.

    ``rate`` is the signed local rate where both ends are single real numbers, else ``None``. A dead edge (an operand
    without derivative, or one that does not depend on the inputs) has ``live`` false and brings nothing.
    """

    source: int
    target: int
    live: bool
    size: float = 0.0
    rate: float | None = None
    finite: bool = True


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run of a program showed. Nodes are numbered in the order of the tape, constants before their first use.

    ``bars[i]`` is the cotangent of node i (``None`` where nothing comes back); ``edges[i]`` are the operands of node i
    in order. The end is seeded with ones, so for an array result the derivative is that of its sum.
    """

    title: str
    nodes: tuple[Node, ...]
    values: tuple[Array, ...]
    bars: tuple[Array | None, ...]
    edges: tuple[tuple[Edge, ...], ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[int, ...]
    lines: tuple[SourceLine | None, ...]
    scopes: tuple[Scope | None, ...]
    formula: str | None = None


def record(
    f: Callable[..., Any], *args: Any, title: str = "", formula: str | None = None, names: Sequence[str] = ()
) -> Recording:
    """Run ``f(*args)`` once and look at everything. Floats and arrays of floats are differentiated, the rest is given.

    ``names`` are those of the leaves of ``args``, by default the parameters of ``f``.

    >>> seen = record(lambda x: (3 * x + 1) ** 2, 1.0)
    >>> [node.op.name for node in seen.nodes]
    ['input', 'const', 'multiply', 'const', 'add', 'square']
    >>> [None if bar is None else float(bar) for bar in seen.bars]
    [24.0, None, 8.0, None, 8.0, 1.0]

    Raises:
        InputError: there is nothing to differentiate in, or the result does not depend on it.
    """
    leaves, treedef = tree.flatten(args)
    leaves = [np.float64(x) if type(x) is float else x for x in leaves]  # else NumPy's functions begin with a cast
    moving = [_moves(x) for x in leaves]
    if not any(moving):
        raise InputError(teach("see", "no argument is a float or an array of floats.", "Write 1.0 for 1."))
    intercept.watch(f)
    with Level("grad", lines=True) as level:
        scoped = level.trace.lines = ScopedLines()
        tracers = [new_input(level, x) if moves else x for x, moves in zip(leaves, moving, strict=True)]
        starts = [node_of(x) for x in tracers if type(x) is Tracer]
        out = intercept.stand_in(f)(*tree.unflatten(treedef, tracers))
        results = [node_of(y) for y in tree.leaves(out) if type(y) is Tracer]  # here, where a view can have a node
    scoped.forget_frames()
    ends = [node for node in results if node.depends & level.bit and node.aval.dtype.kind in "fc"]
    if not ends:
        raise InputError(
            teach("see", "the result does not depend on the arguments.", "Return what is computed from them.")
        )
    nodes = _in_order(level.segment, starts, ends)
    number = {node: i for i, node in enumerate(nodes)}
    values = _values(nodes, number)
    bars, edges = _pull_back(nodes, number, values, ends, level.bit)
    called = names or _names(f, args)
    names = [name for name, leaf_moves in zip(called, moving, strict=True) if leaf_moves]
    return Recording(
        title=title or getattr(f, "__name__", type(f).__name__),
        nodes=tuple(nodes),
        values=tuple(values),
        bars=tuple(bars),
        edges=tuple(edges),
        inputs=tuple((name, number[node]) for name, node in zip(names, starts, strict=True)),
        outputs=tuple(number[node] for node in ends),
        lines=tuple(scoped.get(node) if node.inputs else None for node in nodes),
        scopes=tuple(scoped.scopes.get(node) for node in nodes),
        formula=formula,
    )


def _moves(x: Any) -> bool:
    return isinstance(x, (float, complex, np.inexact, np.ndarray)) and aval_of(x).dtype.kind in "fc"


def _names(f: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """A name for each leaf of the arguments: the parameter's own, and the path inside a container."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for i, arg in enumerate(args):
        rest = i >= len(parameters) or parameters[i].kind is inspect.Parameter.VAR_POSITIONAL
        own = f"x{i}" if rest else parameters[i].name
        for path, _ in tree.paths(arg):
            names.append(own + (path if not path or path.startswith("[") else f".{path}"))
    return names


def _in_order(tape: list[Node], starts: list[Node], ends: list[Node]) -> list[Node]:
    """The inputs, then what the ends need, as the program made it; a constant stands before its first use."""
    needed = set(topological(ends))
    order = list(starts)
    have = set(order)
    for node in tape:
        if node in needed and node not in have:
            for x in node.inputs:
                if x not in have:  # a constant: everything else stands on the tape before its use
                    have.add(x)
                    order.append(x)
            have.add(node)
            order.append(node)
    return order


def _values(nodes: list[Node], number: dict[Node, int]) -> list[Array]:
    """Each node's value; where the tape kept just shape and dtype, it is computed again."""
    values: list[Array] = []
    for node in nodes:
        value = node.value
        if type(value) is Aval:
            value = node.op.fn(*[values[number[x]] for x in node.inputs], *node.params)
        values.append(value)
    return values


def _pull_back(
    nodes: list[Node], number: dict[Node, int], values: list[Array], ends: list[Node], bit: int
) -> tuple[list[Array | None], list[tuple[Edge, ...]]]:
    """Reverse mode with every single contribution looked at before it is added."""
    bars: list[Array | None] = [None] * len(nodes)
    edges: list[tuple[Edge, ...]] = [()] * len(nodes)
    for end in ends:
        i = number[end]
        seed = np.ones(np.shape(values[i]), np.asarray(values[i]).dtype)[()]
        bars[i] = seed if bars[i] is None else bars[i] + seed
    with np.errstate(all="ignore"):
        for i in reversed(range(len(nodes))):
            node, y_bar = nodes[i], bars[i]
            if node.op is INPUT or node.op is CONST:
                continue
            sources = [number[x] for x in node.inputs]
            if y_bar is None:
                edges[i] = tuple(Edge(u, i, live=False) for u in sources)
                continue
            wanted = [bool(x.depends & bit) for x in node.inputs]
            operands = [values[u] for u in sources]
            back = pull(node, y_bar, values[i], operands, wanted)
            rates = _rates(node, y_bar, values[i], operands, wanted, back)
            found: list[Edge] = []
            for u, want, c, rate in zip(sources, wanted, back, rates, strict=True):
                if not want or c is None:
                    found.append(Edge(u, i, live=False))
                    continue
                have = bars[u]
                bars[u] = c if have is None else have + c
                size = norm(c)
                found.append(Edge(u, i, True, size, rate, math.isfinite(size) or bool(np.all(np.isfinite(c)))))
            edges[i] = tuple(found)
    return bars, edges


def norm(x: Array) -> float:
    """The 2-norm over all elements, without overflow on the way.

    >>> norm(np.array([4e200, 0.0, -4e200, 4e200, 4e200]))
    8e+200
    """
    if type(x) is not np.ndarray:
        return float(abs(x))
    sizes = np.abs(np.ravel(x))
    big = float(np.max(sizes, initial=0.0))
    if sizes.size == 1 or big == 0.0 or not np.isfinite(big):
        return big
    return big * float(np.sqrt(np.sum(np.square(sizes / big))))


def _one(x: Array) -> float:
    """The one number that is in ``x``."""
    return float(np.reshape(x, ())) if type(x) is np.ndarray else float(x)


def _rates(
    node: Node, y_bar: Array, y: Array, xs: list[Array], wanted: list[bool], back: Sequence[Array | None]
) -> list[float | None]:
    """The signed local rates between single real numbers: what comes back over what arrived, or over one."""
    if np.size(y) != 1 or np.iscomplexobj(y_bar) or np.iscomplexobj(y):
        return [None] * len(xs)
    bar = _one(y_bar)
    if bar == 0 or not np.isfinite(bar):
        one = np.ones(np.shape(y), np.asarray(y).dtype)[()]
        back, bar = pull(node, one, y, xs, wanted), 1.0
    return [
        None if c is None or np.size(x) != 1 or np.iscomplexobj(c) else _one(c) / bar
        for c, x in zip(back, xs, strict=True)
    ]
