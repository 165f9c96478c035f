"""A compiled plan with what it expects and what it gives: data for the native entry, and the same in plain Python.

A plan is ``int plan(void **inputs, void **outputs, void *arena, void *context)``. It returns 0; or a positive number
of its own, if it cannot go on (a guard does not hold, an index is out of range), and then nothing of it is seen. Inputs
are only read, unless given away; outputs are fresh memory, aligned to 16 bytes at least, and never overlap inputs; the
arena is aligned to 64 bytes, holds anything, and belongs to this one call; the context is the program's.
"""

import ctypes
import dataclasses
import functools
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakValueDictionary

import numpy as np

from geartrain import tree
from geartrain.backends.cpu import entry_words as ir
from geartrain.errors import InputError
from geartrain.tree import TreeDef

__all__ = ["Array", "Given", "Leaf", "Misfit", "PlanStopped", "Program", "Scalar", "Static", "guarded", "libc"]


class Array(NamedTuple):
    """An ndarray of this dtype (native byte order) and shape. ``given``: the plan may write to it (see ``Given``).

    ``strides``: how it lies, in bytes, if not in C order. The plan reads it in C order in any case, but what was
    recorded may depend on it.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    given: bool = False
    strides: tuple[int, ...] = ()


class Scalar(NamedTuple):
    """A number of exactly this type: float, complex, int (64 bits), bool, or a scalar type such as np.float32.

    The plan finds it in a slot of 16 bytes, as double, two doubles, int64, one byte, or as NumPy stores it.
    """

    type: type[Any]


class Static(NamedTuple):
    """Exactly this value, of exactly its type; the plan does not see it. As an output: this very object.

    The native entry compares integers, text and bytes by value, and knows everything else by identity.
    """

    value: Any


class Given(NamedTuple):
    """An output: the very array of input leaf ``leaf``, which the caller gave away, and to which the plan writes it."""

    leaf: int


Leaf = Array | Scalar | Static | Given

_KINDS: Mapping[type[Any], int] = {float: ir.FLOAT, complex: ir.COMPLEX, int: ir.INT, bool: ir.BOOL}
_SLOTS = {float: np.float64, complex: np.complex128, int: np.int64, bool: np.bool_}


_BY_VALUE = (int, str, bytes, *[np.dtype(code).type for code in "bBhHiIlLqQ"])
"""Types whose values are the same if they are equal; of all others, the native entry knows the very object again."""


class Misfit(InputError):
    """Arguments that are not what a program expects."""


class _Words:
    """An array of words for native code, and the objects that it points to."""

    def __init__(self) -> None:
        self.keep: list[Any] = []

    def object(self, x: Any) -> int:
        """The address of an object, which is kept."""
        self.keep.append(x)
        return id(x)

    def array(self, values: Sequence[int]) -> int:
        """The address of an array of words."""
        made = (ctypes.c_int64 * max(len(values), 1))(*values)
        self.keep.append(made)
        return ctypes.addressof(made)


class _Arena:
    """The arena that a program, or several, keeps between calls; freed with the last one."""

    def __init__(self, size: int) -> None:
        self.size = -(-size // 64) * 64
        self.cell = ctypes.c_void_p(None)

    def __del__(self) -> None:
        if self.cell.value:
            libc().free(self.cell)


LARGE = 1 << 20
"""Bytes of an arena from which on programs share it."""

_large: "WeakValueDictionary[int, _Arena]" = WeakValueDictionary()
"""By size, a power of two. A function that is called with arrays of many shapes has a program for each, and runs one of
them at a time; if another thread runs one, too, that takes memory of its own for the one call."""


def _arena(size: int) -> _Arena:
    if size < LARGE or guarded():
        return _Arena(size)
    rounded = 1 << (size - 1).bit_length()
    return _large.setdefault(rounded, _Arena(rounded))


def guarded() -> bool:
    """Whether the environment asks for arenas between forbidden pages: see ``guard``."""
    return os.environ.get("GEARTRAIN_GUARD", "") not in ("", "0")


@functools.cache
def libc() -> Any:
    """The functions of libc that own arenas."""
    library = ctypes.CDLL(None)
    library.free.argtypes = [ctypes.c_void_p]
    library.free.restype = None
    library.aligned_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    library.aligned_alloc.restype = ctypes.c_void_p
    return library


class Program:
    """A plan with what it expects and what it gives.

    Args:
        arguments: the container of the positional arguments, a tuple.
        inputs: what each leaf of it has to be.
        result: the container of the result.
        outputs: what each leaf of it is. The plan sees all inputs and outputs but the ``Static`` ones, in order.
        plan: the address of the plan.
        arena: how many bytes of arena it needs.
        keep: what has to live as long as the program: the loaded code.
        release: whether to let go of the GIL meanwhile; not worth it for a plan of less than a microsecond.
        context: an address that the plan is given: what one function for many plans tells them apart by.
        names: the names of the last arguments, if they are given by name, in the order of the call; their containers
            and leaves come in the order of the sorted names.
    """

    def __init__(
        self,
        arguments: TreeDef,
        inputs: Sequence[Leaf],
        result: TreeDef,
        outputs: Sequence[Leaf],
        plan: int,
        arena: int = 0,
        keep: Any = None,
        release: bool = True,
        context: int = 0,
        names: Sequence[str] = (),
    ) -> None:
        self.names = tuple([sys.intern(name) for name in names])
        self.arguments, self.inputs = arguments, tuple(inputs)
        self.result, self.outputs = result, tuple(outputs)
        self.plan, self.context = plan, context
        self._arena = _arena(arena)
        self.calls = ctypes.c_int64(0)
        self.handle = self._encode(arena, release, keep)

    def _encode(self, arena: int, release: bool, keep: Any) -> tuple[Any, ...]:
        words = _Words()
        reads = _Reader(words, self.inputs)
        for i, child in zip(self.places(), self.arguments.children, strict=True):
            reads.read(child, ir.FROM_ARGS, 0, i)
        seen = [leaf for leaf in self.outputs if not isinstance(leaf, Static)]
        outs = [word for j, leaf in enumerate(seen) for word in _out(words, leaf, reads, j)]
        builds = _Builder(words, self.outputs)
        builds.build(self.result)
        n_read, n_in, n_out = len(reads.code) // (ir.READ_SIZE // 8), reads.inputs, len(seen)
        n_build = len(builds.code) // (ir.BUILD_SIZE // 8)
        at_in = 8 * n_read
        at_out = at_in + 8 * n_in
        at_slots = -(-(at_out + 8 * n_out) // 16) * 16
        at_made = at_slots + 16 * (n_in + n_out)
        at_stack = at_made + 8 * n_out
        at_copies = at_stack + 8 * max(n_build, 1)
        header = {
            ir.PLAN: self.plan,
            ir.ARENA: self._arena.size if arena else 0,
            ir.KEPT: ctypes.addressof(self._arena.cell),
            ir.RELEASE: release,
            ir.N_ARGS: len(self.arguments.children) - len(self.names),
            ir.N_NAMES: len(self.names),
            ir.NAMES: words.array([words.object(name) for name in self.names]),
            ir.N_READ: n_read,
            ir.READ: words.array(reads.code),
            ir.N_OUT: n_out,
            ir.OUT: words.array(outs),
            ir.N_BUILD: n_build,
            ir.BUILD: words.array(builds.code),
            ir.SCRATCH: at_copies + 8 * (1 + n_in),
            ir.AT_IN: at_in,
            ir.AT_OUT: at_out,
            ir.AT_SLOTS: at_slots,
            ir.AT_MADE: at_made,
            ir.AT_STACK: at_stack,
            ir.AT_COPIES: at_copies,
            ir.CONTEXT: self.context,
            ir.GIVEN_AWAY: reads.given,
            ir.HOLDS: n_read > len(self.arguments.children),
            ir.CALLS: ctypes.addressof(self.calls),
        }
        packed = np.array([header[8 * i] for i in range(ir.WORDS)], np.int64).tobytes()
        return packed, words.keep, keep, self._arena, self.calls

    def places(self) -> list[int]:
        """Where each argument stands in a call: those by name come in the order of the call."""
        plain = len(self.arguments.children) - len(self.names)
        return [*range(plain), *[plain + self.names.index(name) for name in sorted(self.names)]]

    def run(self, *args: Any) -> Any:
        """Call the plan by way of ctypes, converting what needs no more than a copy: byte order, layout, subclasses.

        Raises:
            Misfit: the arguments are not what the program expects.
            PlanStopped: the plan returned something other than 0.
        """
        leaves, treedef = tree.flatten(args)
        if treedef != self.arguments or tree.exactly(treedef) != tree.exactly(self.arguments):
            raise Misfit(f"[jit] the arguments are {treedef}; this program is for {self.arguments}.")
        values = [_convert(leaf, value) for leaf, value in zip(self.inputs, leaves, strict=True)]
        _apart(self.inputs, values)
        made = [_room(leaf, values) for leaf in self.outputs]
        arena = np.empty(self._arena.size + 64, np.uint8)
        start = -(-arena.ctypes.data // 64) * 64
        given = (_address(leaf, value) for leaf, value in zip(self.inputs, values, strict=True))
        taken = (_address(leaf, value) for leaf, value in zip(self.outputs, made, strict=True))
        pointers = [(ctypes.c_void_p * max(len(each), 1))(*each) for each in map(_present, (given, taken))]
        call = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)(self.plan)
        if status := call(*pointers, start, self.context):
            raise PlanStopped(status)
        return tree.unflatten(self.result, [_finish(*pair) for pair in zip(self.outputs, made, strict=True)])


class PlanStopped(Exception):
    """A plan returned a number other than 0: ``args[0]``."""


def _present(pointers: Any) -> list[int]:
    return [each for each in pointers if each is not None]


def _address(leaf: Leaf, value: Any) -> int | None:
    return None if isinstance(leaf, Static) else value.ctypes.data


def _convert(leaf: Leaf, value: Any) -> Any:
    """The value as the plan reads it, in an ndarray."""
    if isinstance(leaf, Static):
        if type(value) is not type(leaf.value) or value != leaf.value:
            raise Misfit(f"[jit] an argument is {value!r}; this program is for {leaf.value!r}.")
        return value
    if isinstance(leaf, Scalar):
        if type(value) is not leaf.type:
            raise Misfit(f"[jit] an argument is of type {type(value).__name__}; expected {leaf.type.__name__}.")
        return np.array(value, _SLOTS.get(leaf.type, leaf.type))
    assert isinstance(leaf, Array)
    if not isinstance(value, np.ndarray):
        raise Misfit(f"[jit] an argument is of type {type(value).__name__}; expected an ndarray.")
    x = cast("np.ndarray[Any, Any]", value)
    if x.dtype.newbyteorder("=") != leaf.dtype or x.shape != leaf.shape:
        raise Misfit(f"[jit] an argument is {x.dtype}{x.shape}; expected {leaf.dtype}{leaf.shape}.")
    as_is = x.flags.carray if leaf.given else x.flags.c_contiguous and x.flags.aligned
    if as_is and x.dtype.isnative and type(x) is np.ndarray:
        return x
    if leaf.given:
        raise Misfit("[jit] an argument that is given away has to be an ndarray, writeable and C-contiguous.")
    made = np.empty(leaf.shape, leaf.dtype)
    made[...] = x
    return made


def _apart(leaves: Sequence[Leaf], values: Sequence[Any]) -> None:
    """Check that no input that is given away shares memory with another one."""
    arrays = [(leaf, x) for leaf, x in zip(leaves, values, strict=True) if isinstance(leaf, Array)]
    for i, (leaf, x) in enumerate(arrays):
        if leaf.given and any(np.may_share_memory(x, y) for j, (_, y) in enumerate(arrays) if i != j):
            raise Misfit("[jit] an argument that is given away shares memory with another argument.")


def _room(leaf: Leaf, values: Sequence[Any]) -> Any:
    """An ndarray for an output."""
    if isinstance(leaf, Array):
        return np.empty(leaf.shape, leaf.dtype)
    if isinstance(leaf, Scalar):
        return np.empty((), _SLOTS.get(leaf.type, leaf.type))
    return leaf.value if isinstance(leaf, Static) else values[leaf.leaf]


def _finish(leaf: Leaf, value: Any) -> Any:
    """An output as the caller sees it."""
    if not isinstance(leaf, Scalar):
        return value
    return leaf.type(value[()]) if leaf.type in _KINDS else value[()]


class _Reader:
    """Encodes how arguments are read."""

    def __init__(self, words: _Words, leaves: Sequence[Leaf]) -> None:
        self._words = words
        self._leaves = leaves
        self._next = 0
        self.code: list[int] = []
        self.inputs = 0
        self.given = 0
        self.where: dict[int, int] = {}  # leaf -> its instruction

    def read(self, treedef: TreeDef, how: int, parent: int, index: int) -> None:
        """Read what has this shape from a place, and all that is in it."""
        me = len(self.code) // (ir.READ_SIZE // 8)
        if treedef.kind is None:
            self.where[self._next] = me
            self._emit(how, parent, index, *self._leaf(self._leaves[self._next]))
            self._next += 1
            return
        kind, n = treedef.kind, len(treedef.children)
        if kind is type(None):
            self._emit(how, parent, index, ir.SAME, id(kind), id(None))
        elif issubclass(kind, tuple):
            self._emit(how, parent, index, ir.TUPLE, self._words.object(kind), n)
            for i, child in enumerate(treedef.children):
                self.read(child, ir.FROM_TUPLE, me, i)
        elif kind is list:
            self._emit(how, parent, index, ir.LIST, id(list), n)
            for i, child in enumerate(treedef.children):
                self.read(child, ir.FROM_LIST, me, i)
        else:
            inside = issubclass(kind, dict)
            if inside:
                keys = [self._words.object(key) for key in treedef.inserted or treedef.keys]
                size = n, 0, self._words.array(keys)
            else:
                size = (0,)
            self._emit(how, parent, index, ir.DICT if inside else ir.OBJECT, self._words.object(kind), *size)
            for key, child in zip(treedef.keys, treedef.children, strict=True):
                self.read(child, ir.FROM_DICT if inside else ir.FROM_FIELD, me, self._words.object(key))

    def _emit(self, *fields: int) -> None:
        self.code += [*fields, *[0] * (ir.READ_SIZE // 8 - len(fields))]

    def _leaf(self, leaf: Leaf) -> tuple[int, ...]:
        """The fields of an instruction from KIND on."""
        if isinstance(leaf, Static):
            value = leaf.value
            way = ir.EQUAL if type(value) in _BY_VALUE else ir.SAME
            return way, self._words.object(type(value)), self._words.object(value)
        slot, self.inputs = self.inputs, self.inputs + 1
        if isinstance(leaf, Scalar):
            return _KINDS.get(leaf.type, ir.NUMPY), self._words.object(leaf.type), 0, 0, 0, 0, slot, 0
        assert isinstance(leaf, Array)
        self.given += leaf.given
        need = ir.C_CONTIGUOUS | ir.ALIGNED | (ir.WRITEABLE if leaf.given else 0)
        size = leaf.dtype.itemsize * math.prod(leaf.shape)
        dtype = self._words.object(np.dtype(leaf.dtype.char))
        shape = self._words.array(leaf.shape)
        strides = self._words.array(leaf.strides) if leaf.strides else 0
        return ir.ARRAY, id(np.ndarray), dtype, len(leaf.shape), shape, need, slot, size, strides


def _out(words: _Words, leaf: Leaf, reads: _Reader, j: int) -> tuple[int, ...]:
    """The instruction for an output."""
    if isinstance(leaf, Given):
        return ir.GIVEN, 0, 0, 0, reads.where[leaf.leaf]
    if isinstance(leaf, Scalar):
        dtype = words.object(np.dtype(_SLOTS.get(leaf.type, leaf.type)))
        return _KINDS.get(leaf.type, ir.NUMPY), dtype, 0, 0, reads.inputs + j
    assert isinstance(leaf, Array)
    dtype = words.object(np.dtype(leaf.dtype.char))
    return ir.ARRAY, dtype, len(leaf.shape), words.array(leaf.shape), 0


class _Builder:
    """Encodes how the result is built, in the order of a stack machine."""

    def __init__(self, words: _Words, leaves: Sequence[Leaf]) -> None:
        self._words = words
        self._leaves = leaves
        self._next = 0
        self._out = 0
        self.code: list[int] = []

    def build(self, treedef: TreeDef) -> None:
        """Build a container of this shape from the next leaves."""
        kind, n = treedef.kind, len(treedef.children)
        if kind is None:
            leaf = self._leaves[self._next]
            self._next += 1
            if isinstance(leaf, Static):
                self.code += [ir.PUSH_CONSTANT, self._words.object(leaf.value), 0]
            else:
                self.code += [ir.PUSH_OUT, self._out, 0]
                self._out += 1
            return
        if kind is type(None):
            self.code += [ir.PUSH_CONSTANT, id(None), 0]
            return
        for child in treedef.children:
            self.build(child)
        if kind is list:
            self.code += [ir.MAKE_LIST, n, 0]
        elif kind is dict:
            place = {key: i for i, key in enumerate(treedef.keys)}
            pairs = [(self._words.object(key), place[key]) for key in treedef.inserted or treedef.keys]
            self.code += [ir.MAKE_DICT, n, self._words.array([word for pair in pairs for word in pair])]
        else:
            self.code += [ir.MAKE_TUPLE, n, 0]
            if kind is not tuple:  # a namedtuple, a dataclass: its children are there, the rest is Python's
                flat = dataclasses.replace(treedef, children=(tree.flatten(0)[1],) * n)
                self.code += [ir.APPLY, self._words.object(functools.partial(tree.unflatten, flat)), 0]
