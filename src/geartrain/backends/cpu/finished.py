"""A compiled plan as data: what an executor needs to run it, in this process or, by way of the disk, in another."""

import marshal
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.backends.cpu.image import Image
from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST
from geartrain.ir.op import Op
from geartrain.kinds import kind_of
from geartrain.ops.table import ROWS

__all__ = ["Finished", "NumpyStep", "Place", "chosen", "read", "written"]


class Place(NamedTuple):
    """Where an array lies: bytes from the beginning of a base. ``weak``: it is a number of Python's."""

    base: int
    at: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool


class NumpyStep(NamedTuple):
    """A step that NumPy computes: ``op`` on what is at places, or on constants."""

    op: Op
    params: tuple[Any, ...]
    operands: tuple[Place | Array, ...]
    result: Place


class Finished(NamedTuple):
    """A plan that has only to be told addresses.

    ``words`` are int64; those that ``addresses`` numbers are to be addresses of code, by name. A segment is a stretch
    of words, or a step of NumPy's; ``places`` has the stretch of each step of the plan. Inputs, outputs and constants
    come with the numbers of their bases; there are ``bases`` of them. ``nanoseconds`` is an estimate, ``gifts`` as
    in :mod:`geartrain.schedule.gifts`.
    """

    words: bytes
    addresses: tuple[tuple[int, str], ...]
    segments: tuple[tuple[int, int] | NumpyStep, ...]
    places: tuple[tuple[int, int], ...]
    inputs: tuple[tuple[int, Aval], ...]
    outputs: tuple[tuple[int, Aval], ...]
    consts: tuple[tuple[int, Array], ...]
    bases: int
    arena: int
    nanoseconds: int
    gifts: tuple[tuple[int, tuple[int, ...]], ...]


def chosen(gifts: Iterable[tuple[int, Sequence[int]]], given: Sequence[bool]) -> dict[int, int]:
    """Output number -> number of the ``given`` input whose memory it takes; each once.

    >>> chosen([(0, (0, 1)), (1, (0, 1)), (2, (1,))], [True, False, True])
    {0: 0, 1: 2}
    """
    found: dict[int, int] = {}
    for i, outputs in gifts:
        free = [j for j in outputs if given[i] and j not in found]
        if free:
            found[free[0]] = i
    return found


# On disk.

MOST = 1 << 20
"""Bytes of constants that are written; those of the recorded program itself are not."""

_PLAIN = (int, float, str, bool, bytes, type(None))


def written(finished: Finished, code: Image, graph: Graph) -> bytes | None:
    """All of it as bytes; ``None`` if something in it is not to be written.

    ``graph`` is what the plan was made from, whose constants are known to whoever reads this.
    """
    own = {id(node.value): i for i, node in enumerate(graph.nodes) if node.op is CONST}
    consts = [(base, *_const(value, own)) for base, value in finished.consts]
    segments = [_segment(each) if isinstance(each, NumpyStep) else each for each in finished.segments]
    if None in segments or sum([len(data) for *_, data in consts if isinstance(data, bytes)]) > MOST:
        return None
    inputs, outputs = ([(base, _aval(aval)) for base, aval in each] for each in (finished.inputs, finished.outputs))
    whole = finished._replace(segments=(), consts=(), inputs=(), outputs=())
    return marshal.dumps((tuple(whole), segments, consts, inputs, outputs, tuple(code)))


def read(data: bytes, graph: Graph) -> tuple[Finished, Image]:
    """What ``written`` wrote, for the same graph."""
    whole, segments, consts, inputs, outputs, code = marshal.loads(data)
    finished = Finished(*whole)._replace(
        segments=tuple([_read_segment(each) if len(each) > 2 else each for each in segments]),
        consts=tuple([(base, _read_const(graph, *rest)) for base, *rest in consts]),
        inputs=tuple([(base, _read_aval(aval)) for base, aval in inputs]),
        outputs=tuple([(base, _read_aval(aval)) for base, aval in outputs]),
    )
    return finished, Image(*code)


def _const(value: Array, own: dict[int, int]) -> tuple[Any, ...]:
    """The number of a constant of the graph, or the array itself."""
    if id(value) in own:
        return own[id(value)], None
    array = np.ascontiguousarray(value)
    return array.dtype.str, array.shape, array.tobytes()


def _read_const(graph: Graph, what: int | str, shape: Any, data: bytes = b"") -> Array:
    if isinstance(what, int):
        return np.ascontiguousarray(graph.nodes[what].value)
    return np.array(np.frombuffer(data, what)).reshape(shape)


def _aval(aval: Aval) -> tuple[Any, ...]:
    return aval.shape, aval.dtype.str, aval.weak


def _read_aval(parts: tuple[Any, ...]) -> Aval:
    shape, dtype, weak = parts
    return Aval(shape, np.dtype(dtype), weak)


def _segment(step: NumpyStep) -> tuple[Any, ...] | None:
    if ROWS.get(step.op.name) is not step.op or not _is_plain(step.params):
        return None
    places = [x for x in step.operands if isinstance(x, Place)]
    if len(places) < len(step.operands):
        return None
    return step.op.name, step.params, [_place(x) for x in places], _place(step.result)


def _read_segment(parts: tuple[Any, ...]) -> NumpyStep:
    name, params, operands, result = parts
    return NumpyStep(ROWS[name], params, tuple(map(_read_place, operands)), _read_place(result))


def _place(place: Place) -> tuple[Any, ...]:
    return *place[:4], place.dtype.str, place.weak


def _read_place(parts: tuple[Any, ...]) -> Place:
    base, at, shape, strides, dtype, weak = parts
    return Place(base, at, shape, strides, np.dtype(dtype), weak)


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if kind_of(value) is tuple else kind_of(value) in _PLAIN
