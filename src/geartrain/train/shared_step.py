"""One training step of several processes: each computes the gradient of its share, and all take the same step.

The loss of a share is weighted by its samples, and the sum over the ranks divided by the samples of all. So the result
is the mean over the whole minibatch, also where shares differ in size or a rank has none.
"""

from collections.abc import Callable
from typing import Any

from geartrain import tree
from geartrain.api import gradient_in_parts
from geartrain.errors import GeartrainError
from geartrain.optim import Optimizer
from geartrain.train.buckets import SIZE, Buckets
from geartrain.train.draws import Draw, Handing, Noting, drawn
from geartrain.train.stepping import Noise, NotCompiled, Program, Quiet, Step, Stepped, dots
from geartrain.train.team import Team


class SharedStep(Step):
    """A ``Step`` of a team. Its gradient and its update are two programs, with the sums between them.

    ``size`` is that of a bucket of gradients in bytes.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        optimizer: Optimizer,
        team: Team,
        params: Any,
        compiled: bool | None = None,
        size: int = SIZE,
    ) -> None:
        super().__init__(loss, optimizer, compiled=compiled)
        self._team = team
        self.buckets = Buckets(team, params, size)
        self._gradients: dict[Any, _Gradient] = {}
        self._update: Program | None = Program(_given, optimizer, [], noisy=False)

    def __call__(self, params: Any, state: Any, minibatch: tuple[Any, ...], noise: Noise) -> Stepped:
        """The state after a step; ``minibatch`` is this rank's share."""
        buckets, samples = self.buckets, len(tree.leaves(minibatch)[0])
        buckets.log.clear()
        value = self._weighted(params, float(samples), minibatch, noise) if samples else 0.0
        buckets.flush()
        total, of_all = self._team.sum([value, samples])
        return self._updated(total / of_all, params, state, buckets.end(1 / float(of_all)))

    @property
    def how(self) -> str:
        """What the steps run as, in words."""
        return f"{super().how}, on {self._team.size} processes"

    def _weighted(self, params: Any, weight: float, minibatch: tuple[Any, ...], noise: Noise) -> float:
        """The weighted loss of the share; its gradient goes into the buckets."""
        try:
            value = self._natively(lambda: self._weighted_natively(params, weight, minibatch, noise))
        finally:
            self.buckets.holding = False
        if value is not None:
            return value
        more = {"rng": noise()} if self._noisy else {}
        return float(_in_parts(self._loss, self.buckets)(params, weight, *minibatch, **more)[0])

    def _weighted_natively(self, params: Any, weight: float, minibatch: tuple[Any, ...], noise: Noise) -> float:
        gradient = self._gradients.get(weight)
        check = gradient is None or (self._taken & (self._taken - 1)) == 0  # at steps 1, 2, 4, 8, ... as well
        if gradient is None:
            noting = Noting(noise())
            if self._noisy:
                self._loss(params, *minibatch, rng=noting)
            gradient = self._gradients[weight] = _Gradient(self._loss, self.buckets, noting.draws, self._noisy)
        value = gradient(params, weight, minibatch, drawn(noise(), gradient.draws) if gradient.draws else [])
        if check:
            self._compare(value / weight, self.loss(noise)(params, *minibatch))
        self._taken += 1
        return value

    def _updated(self, value: float, params: Any, state: Any, params_bar: Any) -> Stepped:
        """The optimiser's step, which is the same on all ranks."""
        if not self._otherwise and self._update is not None:
            try:
                stepped = self._update(params, state, (params_bar,), [])
                return stepped._replace(value=value, params_bar=params_bar)
            except (NotCompiled, GeartrainError):
                self._update = None
        params, state = self._optimizer.update(params_bar, state, params)
        return Stepped(value, params, state, dots(params_bar) + dots(params), params_bar)


class _Gradient:
    """The compiled gradient of a share of so many samples."""

    def __init__(self, loss: Callable[..., Any], buckets: Buckets, draws: list[Draw], noisy: bool) -> None:
        self.draws = draws
        self._buckets = buckets
        self._recorded = 0
        in_parts = _in_parts(loss, buckets)

        def gradient(params: Any, weight: float, minibatch: tuple[Any, ...], numbers: list[Any]) -> Any:
            noise = {"rng": Handing(draws, numbers)} if noisy else {}
            value, marks = in_parts(params, weight, *minibatch, **noise)
            return value, [mark for mark in marks if mark is not None]

        self._program = Quiet(gradient)

    def __call__(self, params: Any, weight: float, minibatch: tuple[Any, ...], numbers: list[Any]) -> float:
        program, buckets = self._program, self._buckets
        if not self._recorded:
            buckets.holding = True  # Python runs it once, to record it; the sums are to be those of the program
            program(params, weight, minibatch, numbers)
            buckets.holding = False
            self._recorded = program.recorded
        value = program(params, weight, minibatch, numbers)[0]
        if program.given_up:
            raise NotCompiled(f"the loss {program.given_up_because}")
        return float(value)


def _in_parts(loss: Callable[..., Any], buckets: Buckets) -> Callable[..., Any]:
    """The weighted loss and its gradient, handed over bucket by bucket."""

    def weighted(params: Any, weight: float, *share: Any, **more: Any) -> Any:
        return loss(params, *share, **more) * weight

    in_parts = gradient_in_parts(weighted, buckets.part)

    def begun(*args: Any, **more: Any) -> Any:
        buckets.begin()
        return in_parts(*args, **more)

    return begun


def _given(params: Any, params_bar: Any) -> tuple[float, Any]:
    """A gradient that is there already."""
    return 0.0, params_bar
