"""NumPy's creation functions know tracers while a trace runs, only in the tracing thread; restored even on error."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ops.shape import STACK, cast
from geartrain.trace import spellings
from geartrain.trace.level import active, on_close, on_open
from geartrain.trace.tracer import Tracer, fresh, plain

__all__ = ["intercepted"]

_FRESH = ["zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like", "arange", "linspace", "logspace", "geomspace", "eye", "identity", "tri", "copy", "indices"]
_ORIGINAL: dict[str, Any] = {name: getattr(np, name) for name in [*_FRESH, "array", "asarray", "asanyarray"]}


def _creation(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(*args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(*args, **kwargs)
        if spellings.traced(args) or spellings.traced(kwargs):
            return spellings.call_function(original, args, kwargs)
        return fresh(trace, original(*plain(args), **plain(kwargs)))

    create.__name__ = create.__qualname__ = original.__name__
    create.__doc__ = original.__doc__
    return create


def _stacked(value: Any) -> Array:
    """A nested sequence of values, some of them traced, as one array."""
    if type(value) not in (list, tuple):
        return value
    items = [_stacked(v) for v in value]
    dtype = np.result_type(*(v.dtype if hasattr(v, "dtype") else v for v in items))
    return STACK(
        *[
            v
            if getattr(v, "dtype", None) == dtype
            else cast(_ORIGINAL["asarray"](v) if type(v) is not Tracer else v, dtype)
            for v in items
        ],
        params=(0,),
    )


def _array(original: Callable[..., Any], copies: bool) -> Callable[..., Any]:
    def array(obj: Any, dtype: Any = None, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(obj, dtype, **kwargs)
        if type(obj) is Tracer and (spellings.traced(obj) or not copies):
            made = obj[...] if copies else obj
            made = made if dtype is None or made.dtype == np.dtype(dtype) else cast(made, dtype)
            return made + 0 if copies and made.dtype.kind in "fc" else made
        if spellings.traced(obj):
            made = _stacked(obj)
            return made if dtype is None else cast(made, dtype)
        value = original(plain(obj), dtype, **kwargs)
        return fresh(trace, value) if value is not obj else value

    array.__name__ = array.__qualname__ = original.__name__
    array.__doc__ = original.__doc__
    return array


intercepted: dict[str, Any] = {name: _creation(_ORIGINAL[name]) for name in _FRESH}
intercepted |= {name: _array(_ORIGINAL[name], name == "array") for name in ("array", "asarray", "asanyarray")}

_lock = threading.Lock()
_running = 0
_holders: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = []
_seen_modules = -1
_OUTSIDE = {"numpy", "scipy", "geartrain", "sklearn", "pytest", "_pytest", "hypothesis", "matplotlib"}


def _scan() -> None:
    """Find the modules that hold a creation function by ``from numpy import zeros``."""
    by_id = {id(f): name for name, f in _ORIGINAL.items()}
    _holders.clear()
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if module is None or top in _OUTSIDE or (top in sys.stdlib_module_names and top != "__main__"):
            continue
        space = getattr(module, "__dict__", {})
        held = {key: by_id[id(value)] for key, value in list(space.items()) if id(value) in by_id}
        if held:
            restore = {key: _ORIGINAL[f] for key, f in held.items()}
            _holders.append((space, {key: intercepted[f] for key, f in held.items()}, restore))


def _open() -> None:
    global _running, _seen_modules
    with _lock:
        if _running == 0:
            main = sys.modules.get("__main__")
            seen = len(sys.modules) + (len(vars(main)) << 20 if main else 0)
            if seen != _seen_modules:
                _seen_modules = seen
                _scan()
            vars(np).update(intercepted)
            for space, change, _ in _holders:
                space.update(change)
        _running += 1


def _close() -> None:
    global _running
    with _lock:
        _running -= 1
        if _running == 0:
            vars(np).update(_ORIGINAL)
            for space, change, restore in _holders:
                for key, value in restore.items():
                    if space.get(key) is change[key]:
                        space[key] = value


on_open.append(_open)
on_close.append(_close)
