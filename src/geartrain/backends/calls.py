"""Programs behind the native call entry: what they take and give, in the entry's words.

Loaded with the compiler, by :mod:`geartrain.backends.choose`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.backends.choose import Native
from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.entry_words import BUSY
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finished import chosen
from geartrain.backends.cpu.program import Array, Given, Leaf, Program, Scalar, Static
from geartrain.ir.aval import Aval
from geartrain.kinds import kind_of
from geartrain.trace.level import active
from geartrain.tree import TreeDef

__all__ = ["Calls", "calls"]

MOST = 64
"""Programs that a call tries in turn, the newest first."""

WORTH_RELEASING = 2000
"""Nanoseconds of a plan from which on other threads may run meanwhile: letting them costs 40 to 100."""

WORTH_GUESSING = 1_000_000
"""Nanoseconds of a path with decisions up to which it may be run on the chance that they are the same."""

PYTHON_KEYS = (str, int, bytes, bool, type(None))
"""Keys of dicts whose comparison runs no code of a user's."""


class Calls:
    """A native function and the programs that it tries, each under a key."""

    def __init__(self, python: Callable[[tuple[Any, ...], dict[str, Any]], Any], name: str) -> None:
        def slow(which: int, status: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if status == BUSY and active.trace is None:  # another thread traces
                return self._function.always(*args, **kwargs)
            return python(args, kwargs)

        self._function = runtime.function(slow, name)
        self._programs: list[tuple[Any, Program]] = []
        self._gone = 0
        self.call = self._function.call if self._function.native else None

    def add(self, key: Any, native: Native) -> None:
        """Try this program, too, if it can be had as native code."""
        made = _program(native)
        if made is None:
            return
        self._programs.append((key, made))
        while len(self._programs) > MOST:
            self._gone += self._programs.pop(0)[1].calls.value
        self._install()

    def drop(self, key: Any) -> None:
        """Do not try the programs under this key any more."""
        self._gone += sum([made.calls.value for k, made in self._programs if k == key])
        self._programs = [(k, made) for k, made in self._programs if k != key]
        self._install()

    def _install(self) -> None:
        self._function.install(*[made for _, made in reversed(self._programs)])

    def count(self) -> int:
        """How many calls were native from end to end."""
        return self._gone + sum([made.calls.value for _, made in self._programs])


def calls(python: Callable[[tuple[Any, ...], dict[str, Any]], Any], name: str) -> Calls | None:
    """A native function without programs, or ``None`` where objects of Python or NumPy are not laid out as usual."""
    made = Calls(python, name)
    return made if made.call is not None else None


def _program(native: Native) -> Program | None:
    """The program in the entry's words, or ``None`` if something about it is not for native code."""
    compiled = native.program
    if not isinstance(compiled, Executor) or not _readable(native.arguments):
        return None
    leaves = zip(native.leaves, native.static, strict=True)
    takes = compiled.finished.nanoseconds
    if native.guarded and takes > WORTH_GUESSING:
        return None
    inputs = [made for x, static in leaves if (made := Static(x) if static else _input(x)) is not None]
    plan = compiled.native(native.guarded)
    if plan is None or len(inputs) < len(native.leaves):
        return None
    traced = [i for i, static in enumerate(native.static) if not static]
    taken: dict[int, int] = {}
    if not native.guarded:
        may = [native.donated[i] and isinstance(inputs[i], Array) for i in traced]
        taken = {j: traced[i] for j, i in chosen(compiled.finished.gifts, may).items()}
    for i in taken.values():
        leaf = inputs[i]
        assert isinstance(leaf, Array)
        inputs[i] = leaf._replace(given=True)
    seen = iter(enumerate(compiled.finished.outputs))
    outputs: list[Leaf] = []
    for result in native.results:
        if result.node is None:
            outputs.append(Static(result.value))
            continue
        j, (_, aval) = next(seen)
        outputs.append(Given(taken[j]) if j in taken else _output(aval, result.array))
    return Program(
        *(native.arguments, inputs, native.result, outputs, plan.address),
        arena=plan.arena,
        keep=plan.keep,
        release=takes >= WORTH_RELEASING,
        context=plan.context,
        names=native.names,
    )


def _readable(treedef: TreeDef) -> bool:
    """Whether native code goes through these containers as Python does."""
    kind = treedef.kind
    if kind is not None and issubclass(kind, dict) and (kind is not dict or not _plain_keys(treedef)):
        return False
    return all(map(_readable, treedef.children))


def _plain_keys(treedef: TreeDef) -> bool:
    return all(type(key) in PYTHON_KEYS for key in treedef.keys)


def _input(x: Any) -> Leaf | None:
    kind = kind_of(x)
    if kind is np.ndarray:
        strides = () if x.flags.c_contiguous else x.strides  # paths are told apart by them, too
        return Array(x.dtype, x.shape, strides=strides) if x.dtype is np.dtype(x.dtype.char) else None
    if kind is float or kind is complex or (issubclass(kind, np.generic) and x.dtype.itemsize <= 16):
        return Scalar(kind)
    return None


def _output(aval: Aval, array: bool) -> Leaf:
    if array or aval.shape != ():
        return Array(aval.dtype, aval.shape)
    return Scalar(PYTHON[aval.dtype.kind] if aval.weak else aval.dtype.type)


PYTHON: dict[str, type] = {"b": bool, "i": int, "f": float, "c": complex}
