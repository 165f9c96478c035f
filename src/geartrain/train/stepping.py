"""One training step: the loss, its gradient, and the optimiser's update, as one compiled program where it can be.

The compiled step gives the same bits whenever it is asked, also in the call that records it and in a process that goes
on from a checkpoint. What changes from step to step and is worked out by Python (the learning rate, random numbers) is
an input of the program. A loss that cannot be compiled runs in Python, and ``how`` says why.
"""

import dataclasses
import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from geartrain import tree
from geartrain.api import value_and_grad
from geartrain.backends.choose import has_native
from geartrain.errors import GeartrainError
from geartrain.jit import Jitted
from geartrain.optim import Optimizer
from geartrain.optim._counted import answered
from geartrain.train.draws import Draw, DrawsDiffer, Handing, Noting, drawn
from geartrain.train.errors import UsageError

T = TypeVar("T")
NATIVE = "native code"
Noise = Callable[[], np.random.Generator]
"""Makes the generator for the noise of a step, always in the same state."""

CLOSE = 1e-3
"""How far the compiled loss may be from Python's, relatively: rounding of float32 is far below, another loss above."""


class Stepped(NamedTuple):
    """What a step makes. ``squares``: sums of squares of gradient and parameters, infinite or NaN if those are."""

    value: Any
    params: Any
    optimizer: Any
    squares: Any
    params_bar: Any = None

    @property
    def finite(self) -> bool:
        """Whether all is finite; numbers so huge that their squares are not may be finite all the same."""
        return bool(np.isfinite(self.value) and np.isfinite(self.squares))


class Step:
    """Takes training steps: ``step(params, optimizer_state, minibatch, noise)``.

    ``compiled``: True to insist (an error says why not), False for Python, None to compile where the extra ``native``
    is installed and the loss lets itself be compiled.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        optimizer: Optimizer,
        gradient: Callable[..., Any] = value_and_grad,
        compiled: bool | None = None,
    ) -> None:
        self._loss, self._optimizer = loss, optimizer
        self._noisy = "rng" in inspect.signature(loss).parameters
        self._in_python = gradient(loss)
        self._programs: dict[Any, Program] = {}
        self._last: tuple[Any, Any, Any, Program] | None = None  # what the last step gave, what it took, its program
        self._insists = compiled is True
        self._taken = 0
        self._otherwise = ""  # why in Python; "" is for native code
        self._began = ""
        if compiled is False:
            self._otherwise = "as asked"
        elif gradient is not value_and_grad:
            self._otherwise = "the gradient is one of your own"
        elif not has_native():
            self._otherwise = "pip install 'geartrain[native]' compiles them"
        if self._insists and self._otherwise:
            raise UsageError(f"the steps cannot be compiled: {self._otherwise}")

    def __call__(self, params: Any, state: Any, minibatch: tuple[Any, ...], noise: Noise) -> Stepped:
        """The state after a step."""
        made = self._natively(lambda: self._compiled(params, state, minibatch, noise))
        if made is not None:
            return made
        self._programs.clear()
        self._last = None
        value, params_bar = self._in_python(params, *minibatch, **({"rng": noise()} if self._noisy else {}))
        params, state = self._optimizer.update(params_bar, state, params)
        return Stepped(value, params, state, dots(params_bar) + dots(params), params_bar)

    @property
    def how(self) -> str:
        """What the steps run as, in words."""
        return (f"Python ({self._otherwise})" if self._otherwise else NATIVE) + self._began

    @property
    def kind(self) -> str:
        """``"native"`` or ``"python"``: what a checkpoint must remember, since the last bits of the two differ."""
        return "python" if self._otherwise else "native"

    def go_on(self, kind: str | None) -> None:
        """Go on in the way that a run began (None: nobody knows), or say that it cannot be."""
        if kind == self.kind or kind is None or self._taken:
            return
        if kind == "python" and not self._insists:
            self._otherwise = "as the run began"
        else:
            self._began = f"; the run began in {kind} ones, so it is the same to rounding and not to the bit"

    def _natively(self, run: Callable[[], T]) -> T | None:
        """What compiled code makes of a step, or None if Python is to take it, from now on: ``how`` says why."""
        if self._otherwise:
            return None
        try:
            return run()
        except (NotCompiled, GeartrainError, DrawsDiffer) as error:
            if self._insists:
                raise
            self._otherwise = str(error).splitlines()[0]
            return None

    def loss(self, noise: Noise) -> Callable[..., Any]:
        """The loss of a step as a function of the parameters and the minibatch."""
        return functools.partial(self._loss, rng=noise()) if self._noisy else self._loss

    def at(self, minibatch: tuple[Any, ...], noise: Noise) -> Callable[[Any], Any]:
        """The loss of a step as a function of the parameters alone."""
        loss = self.loss(noise)
        return lambda params: loss(params, *minibatch)

    def _compiled(self, params: Any, state: Any, minibatch: tuple[Any, ...], noise: Noise) -> Stepped:
        batch, last = _kinds(minibatch), self._last
        if last is not None and last[0] is params and last[1] is state and last[2] == batch:
            key, program = None, last[3]  # most steps go on from the one before
        else:
            key = (_kinds((params, state)), batch)
            program = self._programs.get(key)
        check = program is None or (self._taken & (self._taken - 1)) == 0  # at steps 1, 2, 4, 8, ... as well
        if program is None:
            noting = Noting(noise())
            if self._noisy:
                self._loss(params, *minibatch, rng=noting)
            program = self._programs[key] = Program(
                value_and_grad(self._loss), self._optimizer, noting.draws, self._noisy
            )
        numbers = drawn(noise(), program.draws) if program.draws else []
        stepped = program(params, state, minibatch, numbers)
        if check:
            self._compare(stepped.value, self.loss(noise)(params, *minibatch))
        self._taken += 1
        self._last = stepped.params, stepped.optimizer, batch, program
        return stepped

    def _compare(self, value: Any, expected: Any) -> None:
        """Refuse a loss that Python gives another value: it depends on more than its arguments."""
        if not np.isclose(value, expected, rtol=CLOSE, atol=CLOSE, equal_nan=True):
            raise NotCompiled(
                f"the loss depends on more than its arguments: compiled it is {float(value):.6g}, in Python "
                f"{float(expected):.6g}; what changes from step to step must be an argument (rng is one)"
            )


def _kinds(x: Any) -> tuple[Any, ...]:
    """The container and the shapes of its leaves."""
    leaves, treedef = tree.flatten(x)
    return treedef, *[np.shape(leaf) for leaf in leaves]


class Quiet(Jitted):
    """A compiled function whose caller says why it is none any more."""

    def _tell(self, why: str) -> None:
        pass


class NotCompiled(GeartrainError):
    """The step cannot be a compiled program; the text says why."""


class Program:
    """A step for minibatches of one shape. ``draws`` are what the loss draws from its generator."""

    def __init__(self, gradient: Callable[..., Any], optimizer: Optimizer, draws: list[Draw], noisy: bool) -> None:
        self.draws = draws
        self._asked: list[tuple[Any, tuple[Path, ...]]] = []
        self._recorded = 0

        def step(params: Any, state: Any, minibatch: tuple[Any, ...], numbers: list[Any], at_step: list[Any]) -> Any:
            noise = {"rng": Handing(draws, numbers)} if noisy else {}
            value, params_bar = gradient(params, *minibatch, **noise)
            given = iter(at_step)

            def answer(numbers: Any, counts: tuple[Any, ...]) -> Any:
                del numbers, counts
                if (found := next(given, None)) is None:
                    raise NotCompiled("the optimiser works out other numbers at other steps (accumulate does)")
                return found

            with answered(answer):
                moved, state = optimizer.update(params_bar, state, params)
            return value, moved, state, _squares(params_bar) + _squares(moved)

        self._optimizer = optimizer
        self._step = Quiet(step)

    def __call__(self, params: Any, state: Any, minibatch: tuple[Any, ...], numbers: list[Any]) -> Stepped:
        if not self._recorded:
            self._asked = _questions(self._optimizer, params, state)
        at_step = [question(*[_at(state, path).item() for path in paths]) for question, paths in self._asked]
        args = (params, state, minibatch, numbers, at_step)
        made = self._step(*args)
        if (recorded := self._step.recorded) != self._recorded:  # Python ran it; now the program does
            self._recorded = recorded
            made = self._step(*args)
        if self._step.given_up:
            raise NotCompiled(f"the loss {self._step.given_up_because}")
        return Stepped(*made)


Path = tuple[Callable[[Any], Any], ...]
"""How to get to a leaf of a container, step by step."""


def _questions(optimizer: Optimizer, params: Any, state: Any) -> list[tuple[Any, tuple[Path, ...]]]:
    """What the optimiser works out from its counts at every step, and where in its state those are."""
    asked: list[tuple[Any, tuple[Path, ...]]] = []

    def note(numbers: Any, counts: tuple[Any, ...]) -> Any:
        paths = [_path(state, count) for count in counts]
        if None in paths:
            raise NotCompiled("the optimiser's numbers come from something that is not a leaf of its state")
        asked.append((numbers, tuple([path for path in paths if path is not None])))
        return numbers(*[count.item() for count in counts])

    with answered(note):
        optimizer.update(params, state, params)
    return asked


def _path(x: Any, leaf: Any) -> Path | None:
    """The way to a leaf of a container, which is that very object."""
    if x is leaf:
        return ()
    steps: list[tuple[Callable[[Any], Any], Any]] = []
    inside: Any = x
    if isinstance(x, dict):
        steps = [(operator.itemgetter(key), inside[key]) for key in inside]
    elif isinstance(x, (list, tuple)):
        steps = [(operator.itemgetter(i), child) for i, child in enumerate(inside)]
    elif dataclasses.is_dataclass(x):
        names = [field.name for field in dataclasses.fields(x)]
        steps = [(operator.attrgetter(name), getattr(x, name)) for name in names]
    for step, child in steps:
        found = _path(child, leaf)
        if found is not None:
            return (step, *found)
    return None


def _at(x: Any, path: Path) -> Any:
    for step in path:
        x = step(x)
    return x


def _squares(arrays: Any) -> Any:
    """The sum of the squares of all numbers: finite if all are, but for huge ones."""
    total: Any = 0.0
    for leaf in tree.leaves(arrays):
        total = total + np.sum(leaf * leaf)
    return total


def dots(arrays: Any) -> Any:
    """The same without an array of squares."""
    total: Any = 0.0
    for leaf in tree.leaves(arrays):
        flat: Any = np.ravel(leaf)
        total = total + abs(flat.conj() @ flat)
    return total
