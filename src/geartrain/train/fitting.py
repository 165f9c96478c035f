"""``fit``: train a model on data, keep everything that must not be lost, and go on exactly after anything."""

import contextlib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geartrain import optim
from geartrain.api import value_and_grad
from geartrain.optim import Optimizer
from geartrain.train.errors import NonFinite, UsageError
from geartrain.train.evaluation import evaluate
from geartrain.train.interrupt import CtrlC
from geartrain.train.keeper import Keeper
from geartrain.train.loop import State, samples_in, steps
from geartrain.train.progress import Display, Silent, display
from geartrain.train.run import RunFolder
from geartrain.train.seeing import Seeing
from geartrain.train.shared_step import SharedStep
from geartrain.train.stepping import Step
from geartrain.train.team import Team

Observer = Callable[[State, "dict[str, Any] | None"], None]
"""Called after every step with the state and None, and after every epoch with the state and the record of the epoch."""


class Fitted(NamedTuple):
    """What ``fit`` returns.

    ``params`` are those of the best epoch with ``patience``, else the last ones; ``records`` has a dictionary for each
    epoch; ``ended`` says why: ``"done"``, ``"early"`` (patience), ``"interrupted"`` (Ctrl-C; a checkpoint is saved).
    ``how`` says what the steps ran as: ``"native code"``, or ``"Python: "`` with the reason.
    """

    params: Any
    state: State
    records: list[dict[str, Any]]
    ended: str
    how: str = ""


def fit(
    loss: Callable[..., Any],
    params: Any,
    data: Sequence[Any],
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    validation: Sequence[Any] = (),
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    patience: int | None = None,
    watch: str = "test_loss",
    folder: Path | RunFolder | None = None,
    settings: Mapping[str, Any] | None = None,
    save_every: int | None = None,
    keep: int = 2,
    prefetch: int = 0,
    observers: Sequence[Observer] = (),
    console: Any = None,
    gradient: Callable[..., Any] = value_and_grad,
    begun: Callable[[], None] | None = None,
    compiled: bool | None = None,
    taking: Step | None = None,
    team: Team | None = None,
    see: int | None = None,
    storage: str = "float32",
) -> Fitted:
    """Train ``params`` by gradients of ``loss(params, *minibatch)``.

    Args:
        loss: a plain NumPy function that returns a number, the mean over the samples it is given. If it has a parameter
            ``rng`` it is given a generator (for dropout), and none for ``validation``.
        params: where to start, a tree of arrays.
        data: arrays (or trees of them) with the samples along the first axis.
        optimizer: by default ``optim.adam()``.
        epochs: how often to go through the data, each time in a new order.
        batch_size: samples in a minibatch.
        seed: decides the order and the noise.
        validation: data held out, on which ``test_loss`` and the ``metrics`` are measured after every epoch.
        metrics: functions ``f(params, *data)`` that return a mean over samples; ``{"accuracy": f}`` is recorded as
            ``test_accuracy``.
        patience: stop when ``watch`` has not become smaller for so many epochs.
        watch: the record's entry for ``patience``.
        folder: a run folder for metrics and checkpoints. If there is a run in it already, training goes on from its
            checkpoint, to the same bits as if it had never stopped.
        settings: numbers and text that must be the same on resuming; written to ``config.json``.
        save_every: steps between checkpoints; by default one is saved at the end of every epoch.
        keep: how many checkpoints to keep.
        prefetch: how many minibatches a thread picks ahead; worth it where picking is slow (files, large samples).
        observers: functions ``f(state, record)``, called after every step (record None) and every epoch.
        console: a ``rich.console.Console`` for the progress; by default nothing is printed.
        gradient: see ``steps``.
        compiled: whether the step (loss, gradient, update) runs as one program of native code, which draws the same
            random numbers and is many times as fast. By default it does where the extra ``native`` is installed and the
            loss depends on its arguments alone; ``Fitted.how`` and the console say which it was, and why. A run goes on
            in the way that it began. True insists.
        taking: takes the steps, for several runs that share what it has compiled; made for this ``loss`` and
            ``optimizer``, it stands in place of ``gradient`` and ``compiled``.
        see: look at the gradients every so many steps, and write ``health.html`` in the folder, a page that follows the
            run: what reaches each layer, what is lost where, dead outputs, the size of updates. A gradient that
            vanishes or explodes is named with the layer and the factor, also on the console.
        begun: called once it is clear that training can begin or go on, before anything is changed.
        team: processes that train together (``train.team()`` under ``mpiexec``), each on its share of every minibatch.
            All call ``fit`` with the same arguments. Rank 0 has the folder, the observers and the console. The result
            is that of one process with the same ``batch_size``, to rounding; noise (``rng``) is each rank's own.
        storage: ``"bfloat16"`` stores the optimiser's running means of gradients in half of the bytes, also in the
            checkpoints, and computes in float32 as always: see ``optim.stored``. It saves memory, not time.

    Raises:
        UsageError: settings or data that cannot be.
        TrainingError: the checkpoint, the folder or the disk fail, or a number stops being finite; what is saved
            stands.

    >>> x = np.linspace(-1, 1, 64)
    >>> fitted = fit(lambda w, x, y: np.mean((x * w - y) ** 2), np.array(0.0), (x, 3 * x), optimizer=optim.sgd(0.5))
    >>> round(float(fitted.params), 2), fitted.ended
    (3.0, 'done')
    """
    data, validation = tuple(data), tuple(validation)
    if patience is not None and not (validation or watch == "train_loss"):
        raise UsageError("patience needs validation data, or watch='train_loss'")
    if batch_size > (most := samples_in(data)):
        raise UsageError(f"batch_size must be at most the {most} training samples, got {batch_size}")
    optimizer = optimizer or optim.adam()
    if storage not in ("float32", "bfloat16"):
        raise UsageError(f"storage must be float32 or bfloat16, got {storage!r}")
    if storage == "bfloat16":
        optimizer = optim.stored(optimizer)
    rng = dict(np.random.default_rng([seed, 2]).bit_generator.state)
    new = State(params, optimizer.init(params), rng)
    decided = {"seed": seed, "batch_size": batch_size, **(settings or {})}
    team = team or Team()
    if see is not None and folder is None and team.first:
        raise UsageError("see writes into the run folder: give a folder, too")
    step = SharedStep(loss, optimizer, team, params, compiled) if team.size > 1 else taking
    step = step or Step(loss, optimizer, gradient, compiled)
    with team, contextlib.ExitStack() as holding:
        run = holding.enter_context(
            team.together(lambda: _held(folder if team.first else None, {**decided, "epochs": epochs}))
        )
        keeper = holding.enter_context(Keeper(run, decided, keep, step, team.size))
        state = team.told(team.together(lambda: keeper.begin(new)))
        step.go_on(team.told(keeper.began_as))
        if (state.epoch, state.batch) > (epochs, 0):
            behind = f"{state.epoch} epochs" + (f" and {state.batch} minibatches" if state.batch else "")
            where = run.path if run is not None else "memory"
            already = f"the run in {where} has already trained {behind}: --epochs must be more, got {epochs}"
            raise team.agreed(UsageError(already))
        if begun is not None:
            team.together(begun, only_first=True)
        if console is not None and team.first and state.step and keeper.began_on != team.size:
            console.print(_going_on(state, keeper.began_on, team.size), highlight=False, soft_wrap=True)
        records = team.told(team.together(lambda: run.repair(state.epoch) if run is not None else []))
        seeing = None
        if run is not None and see is not None:
            seeing = Seeing(run.path, see, state.step, print if console is None else functools.partial(_tell, console))
        training = steps(
            loss, optimizer, state, *data,
            batch_size=batch_size, epochs=epochs, seed=seed, prefetch=prefetch, gradient=gradient,
            taking=step, team=team, look=seeing.look if seeing is not None else None,
        )  # fmt: skip
        every = {"loss": loss, **(metrics or {})}

        def measured(params: Any) -> dict[str, float]:
            return evaluate(every, params, validation, batch_size, team) if validation else {}

        samples = samples_in(data)
        done = state.epoch * samples + state.batch * batch_size
        silent = console is None or not team.first
        shown = Silent() if silent else display(console, epochs=epochs, samples=samples, done=done)
        watching = tuple(observers) if team.first else ()
        job = _Job(keeper, records, measured, shown, watching, samples, batch_size, save_every, team)
        with seeing or contextlib.nullcontext():
            state, ended = job.run_through(training, state, patience, watch)
            team.together(keeper.wait)
        if console is not None and team.first and state.step:
            console.print(f"The steps ran as {step.how}.", highlight=False, markup=False, soft_wrap=True)
        if patience is None:
            return Fitted(state.params, state, records, ended, step.how)
        best = team.told(team.together(lambda: keeper.best(state, records, watch)))
        return Fitted(best, state, records, ended, step.how)


def _going_on(state: State, before: int, now: int) -> str:
    processes = [f"{n} process" + ("es" if n > 1 else "") for n in (before, now)]
    return (
        f"Going on from the checkpoint at step {state.step:,} (epoch {state.epoch + 1}) with {processes[1]}; before it "
        f"was {processes[0]}. The result is the same to rounding."
    )


def _tell(console: Any, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Job(NamedTuple):
    """What a run under way works with."""

    keeper: Keeper
    records: list[dict[str, Any]]
    measured: Callable[[Any], dict[str, float]]
    shown: Display
    observers: tuple[Observer, ...]
    samples: int
    batch_size: int
    save_every: int | None
    team: Team

    def run_through(self, training: Any, state: State, patience: int | None, watch: str) -> tuple[State, str]:
        """Train until all epochs are done, patience ends, or Ctrl-C is pressed."""
        if _out_of_patience(self.records, patience, watch):
            return state, "early"
        done = state.epoch * self.samples + state.batch * self.batch_size
        stop = False
        with CtrlC() as ctrl_c, self.shown as shown, contextlib.closing(training):
            began, done_then = time.perf_counter(), done
            try:
                for state in training:
                    of_epoch = state.batch * self.batch_size or self.samples  # samples of this epoch behind us
                    before, done = done, state.epoch * self.samples + state.batch * self.batch_size
                    shown.step(done - before, state.loss_sum / of_epoch)
                    for observe in self.observers:
                        observe(state, None)
                    if state.batch == 0:
                        record = self._record(state, done - done_then, time.perf_counter() - began)
                        self._end_of_epoch(state, record, patience is not None, watch)
                        shown.epoch(record)
                        if _out_of_patience(self.records, patience, watch):
                            return state, "early"
                        began, done_then = time.perf_counter(), done
                    elif self.save_every and state.step % self.save_every == 0:
                        self._save(state)
                    if stop := self.team.any(ctrl_c.requested):
                        break
            except NonFinite as error:
                raise self.team.agreed(NonFinite(f"{error}{self.keeper.save_before(state)}")) from error
            if stop and state.batch:
                self._save(state)
        return state, "interrupted" if stop else "done"

    def _save(self, state: State, record: dict[str, Any] | None = None, best: bool = False) -> None:
        self.team.check_same(state.params)
        self.team.together(lambda: self.keeper.save(state, record, best))

    def _end_of_epoch(self, state: State, record: dict[str, Any], patient: bool, watch: str) -> None:
        self.records.append(record)
        self._save(state, record, best=patient and record is min(self.records, key=lambda r: r[watch]))
        for observe in self.observers:
            observe(state, record)

    def _record(self, state: State, samples: int, seconds: float) -> dict[str, Any]:
        """A line of the metrics: the epoch just ended, measured on the held-out data as well."""
        with np.errstate(all="ignore"):
            measured = self.measured(state.params)
        if not np.isfinite(measured.get("loss", 0.0)):
            text = f"stopped after epoch {state.epoch}: the loss on the held-out data is {measured['loss']}"
            raise self.team.agreed(NonFinite(text))
        return {
            "epoch": state.epoch,
            "step": state.step,
            "train_loss": state.loss_sum / self.samples,
            **{f"test_{name}": value for name, value in measured.items()},
            "seconds": seconds,
            "samples_per_second": samples / seconds,
        }


def _out_of_patience(records: list[dict[str, Any]], patience: int | None, watch: str) -> bool:
    if patience is None or not records:
        return False
    best = min(records, key=lambda r: r[watch])
    return records[-1]["epoch"] - best["epoch"] >= patience


def _held(folder: Path | RunFolder | None, settings: dict[str, Any]) -> Any:
    """The run folder as a context: one that was given stays open, one that is opened here is closed."""
    return _opened(folder, settings) if isinstance(folder, Path) else contextlib.nullcontext(folder)


def _opened(path: Path, settings: dict[str, Any]) -> RunFolder:
    if not (path / "config.json").exists():
        return RunFolder.create(path, settings)
    run = RunFolder.open(path)[0]
    run.write_config(settings)
    return run
