"""``scipy.integrate``: ``solve_ivp`` and ``odeint``, differentiated through their steps.

SciPy solves the equation on plain numbers and so chooses the steps. Then the same steps are taken on traced values,
where the step sizes are constants: the derivative is that of the numbers that SciPy computes, in both modes and all
orders, and the right-hand side may branch as it likes. A multistep method has no steps of its own to take again: its
equation is solved once more by DOP853, or where that is stiff by Radau, to the same tolerance, for the derivative.
"""

from collections.abc import Callable, Sequence
from typing import Any

from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.ops.later import Later
from geartrain.ops.shape import STOP
from geartrain.solving.implicit import implicit
from geartrain.solving.roots import Call, enter
from geartrain.solving.steps import NODES, Step, explicit, radau
from geartrain.trace.level import aside
from geartrain.trace.tracer import value_of

__all__ = ["Flow"]

SCIPY = Later("scipy.integrate")
EXPLICIT = ("RK23", "RK45", "DOP853")
Rate = Callable[[Any, Any], Any]


class Flow:
    """The solution of a differential equation as a function of time: ``flow(t)`` has the shape (n,) or (n, len(t))."""

    def __init__(self, ends: Sequence[Any], steps: Sequence[Step], y0: Array) -> None:
        self._ends, self._steps, self._y0 = ends, steps, y0
        plain = [float(value_of(t)) for t in ends]
        self.t_min, self.t_max = min(plain), max(plain)
        self._sign = 1.0 if plain[-1] >= plain[0] else -1.0
        self._edges = aside(np.array, [plain]) * self._sign

    def __call__(self, t: Any) -> Array:
        t = np.asarray(t)
        y = self._many(np.reshape(t, (-1,)))
        return y[:, 0] if t.ndim == 0 else y

    def _many(self, t: Array) -> Array:
        """Each time in the step that it falls into."""
        plain = aside(np.asarray, [value_of(t)]) * self._sign
        place = aside(np.searchsorted, (self._edges, plain)).clip(1, len(self._steps)) - 1
        order = aside(np.argsort, [place], {"kind": "stable"})
        parts: list[Array] = []
        for k in map(int, aside(np.unique, [place])):
            start, end, step = self._ends[k], self._ends[k + 1], self._steps[k]
            parts.append(step.at((t[order[place[order] == k]] - start) / (end - start)))
        return np.concatenate(parts, axis=1)[:, aside(np.argsort, [order])]


def _flow(f: Rate, name: str, method: Any, found: Any, span: Sequence[Any], y0: Array) -> Flow:
    """The steps that SciPy took (``found`` is its solution), on traced values, from ``span[0]`` to ``span[1]``."""
    pieces = found.sol.interpolants
    ends: list[Any] = [float(piece.t_old) for piece in pieces] + [float(pieces[-1].t)]
    ends[0] = span[0]
    if ends[-1] == float(value_of(span[1])):
        ends[-1] = span[1]
    y, steps = y0, list[Step]()
    rate = f(ends[0], y0)
    for piece, t, end in zip(pieces, ends[:-1], ends[1:], strict=True):
        if method.__name__ == "Radau":
            inside = aside(_inside, [piece.Q])
            step = radau(f, name, t, end, y, inside)
        else:
            step = explicit(f, method, t, end, y, rate)
        y, rate = step.y, step.rate
        steps.append(step)
    return Flow(ends, steps, y0)


def _inside(coefficients: Array) -> Array:
    """How far Radau's solution has moved at its nodes."""
    return (coefficients @ NODES ** np.arange(1, 4)[:, None]).T


def _pinned(name: str, ours: Array, value: Array, loose: float) -> Array:
    """SciPy's value, with the derivative of ours; both must be near."""
    far = aside(_far, (value_of(ours), value))
    if not far <= loose:
        what = f"steps that are taken again end {far:.1g} away from the solution, in proportion."
        do = "Ask for a smaller rtol and atol; a right-hand side must give the same at each call."
        raise RuleError(teach(name, what, do))
    return ours + (value - STOP(ours))


def _far(ours: Array, value: Array) -> float:
    return float(np.max(np.abs(ours - value) / (1e-8 + np.max(np.abs(value))), initial=0.0))


class _Stiff(Exception):
    """An explicit method takes too many steps."""


def _again(call: Call, f: Rate, span: Sequence[Any], y0: Array, options: dict[str, Any], calls: int) -> Any:
    """A solution whose steps can be taken again, and its method: explicit unless that takes far too many calls."""
    plain = call.plainly.bare(f)
    left = 5000 + 20 * calls

    def counted(t: Any, y: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _Stiff
        return plain(t, y)

    given = ([float(value_of(t)) for t in span], value_of(y0))
    try:
        with np.errstate(all="ignore"):  # an explicit method on a stiff equation overflows before it gives up
            return SCIPY.DOP853, aside(SCIPY.solve_ivp, (counted, *given, "DOP853"), options)
    except _Stiff:
        return SCIPY.Radau, aside(SCIPY.solve_ivp, (plain, *given, "Radau"), options)


def _state(y0: Any) -> Array:
    """The start as SciPy takes it: in double precision."""
    y = np.asarray(y0)
    return y if y.dtype.kind == "c" else np.asarray(y, float)


def _solve_ivp(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, dense_output=True)
    found, given = call.result, call.given
    wanted_flow = call.asked.get("dense_output", False)
    if not call.traced:
        if not wanted_flow:
            found.sol = None
        return call.untraced()
    extra: Sequence[Any] = given["args"] or ()
    y0, span = _state(given["y0"]), given["t_span"]
    many = given["vectorized"]

    def f(t: Any, y: Any) -> Any:
        rate = given["fun"](t, y[:, None] if many else y, *extra)
        return np.reshape(np.asarray(rate), (-1,)) if many else np.asarray(rate)

    method = given["method"]
    name: str = method if is_a(method, str) else method.__name__
    options: dict[str, Any] = given.get("options") or {}
    if name in (*EXPLICIT, "Radau"):
        flow = _flow(f, call.name, getattr(SCIPY, name), found, span, y0)
        loose = 1e-6
    elif name in ("BDF", "LSODA"):
        kept = {key: call.plainly.bare(v) for key, v in options.items() if key in ("rtol", "atol", "max_step")}
        last = span if found.status != 1 else (span[0], float(found.t[-1]))
        other, again = _again(call, f, last, y0, {**kept, "dense_output": True}, found.nfev)
        flow = _flow(f, call.name, other, again, last, y0)
        loose = 1e3 * float(np.max(np.asarray(kept.get("rtol", 1e-3))))
    else:
        raise RuleError(teach(call.name, f"the steps of the method {name} have no rule.", "Use one of SciPy's own."))
    return _result(call, found, flow, loose, wanted_flow, extra)


def _result(call: Call, found: Any, flow: Flow, loose: float, wanted_flow: bool, extra: Sequence[Any]) -> Any:
    """SciPy's result with traced values in it."""
    given, name = call.given, call.name
    y, t = found.y, found.t
    found_events: Any = found.t_events or []
    if given["events"] is not None:
        events: Sequence[Any] = given["events"] if is_a(given["events"], list, tuple) else [given["events"]]
        for i, event in enumerate(events):
            times = [_event(name, event, flow, extra, te) for te in found_events[i]]
            if times:
                found_events[i] = np.stack(times)
                found.y_events[i] = _pinned(name, flow(found_events[i]).T, found.y_events[i], loose)
    if given["t_eval"] is not None:
        t = np.asarray(given["t_eval"])[: len(found.t)]
    elif found.status == 1:
        last = [te[-1] for te in found_events if len(te) and value_of(te[-1]) == t[-1]]
        t = np.concatenate((t[:-1], last[:1]))
    else:
        ends = [t[:1], t[-1:]]
        for i, end in enumerate(given["t_span"]):
            if found.status == 0 or i == 0:
                ends[i] = np.reshape(end, (1,))
        t = np.concatenate((ends[0], t[1:-1], ends[1]))
    found.t, found.y = t, _pinned(name, flow(t), y, loose)
    found.sol = flow if wanted_flow else None
    return found


def _event(name: str, event: Any, flow: Flow, extra: Sequence[Any], te: Any) -> Any:
    """When an event happens: where its function is zero along the flow."""
    return implicit(name, np.float64(te), lambda t: event(t, flow(t), *extra))[0]


def _odeint(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    given = call.given
    func, extra, first = given["func"], given["args"], given["tfirst"]
    rest: tuple[Any, ...] = extra if is_a(extra, tuple) else (extra,)

    def f(t: Any, y: Any) -> Any:
        return np.asarray(func(t, y, *rest) if first else func(y, t, *rest))

    parts: Sequence[Any] = call.result if given["full_output"] else (call.result,)
    y, *more = parts
    t, y0 = np.asarray(given["t"]), np.reshape(_state(given["y0"]), (-1,))
    tight = {key: 1.49012e-8 if given[key] is None else call.plainly.bare(given[key]) for key in ("rtol", "atol")}
    tight["rtol"] = float(np.maximum(np.max(np.asarray(tight["rtol"])), 1e-13))
    calls = int(more[0]["nfe"][-1]) if more else 20 * aval_of(value_of(t)).size
    ends = (t[0], t[-1])
    method, found = _again(call, f, ends, y0, {**tight, "dense_output": True}, calls)
    flow = _flow(f, call.name, method, found, ends, y0)
    ours = _pinned(call.name, flow(t).T, y, 1e3 * tight["rtol"] + 1e-6)
    return (ours, *more) if given["full_output"] else ours


enter("scipy.integrate", {"solve_ivp": _solve_ivp, "odeint": _odeint})
