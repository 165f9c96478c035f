"""The training job from start to end: data, model, optimiser, loop, and what is left in the run folder."""

import time
from typing import Any

import numpy as np

from geartrain import optim
from geartrain.train import checkpoint, digits_mlp, picture, report
from geartrain.train.atomic import write
from geartrain.train.config import Config, fixed
from geartrain.train.data import Dataset, load
from geartrain.train.errors import CheckpointError, NonFinite, UsageError
from geartrain.train.interrupt import CtrlC
from geartrain.train.loop import State, generator, steps
from geartrain.train.progress import display
from geartrain.train.run import RunFolder


def prepare(config: Config) -> Dataset:
    """The data for a run with the settings ``config``; nothing is written yet.

    Raises:
        UsageError: nobody knows the data set, or a minibatch would be larger than the training set.
    """
    data = load(config.dataset, config.seed)
    if config.batch_size > (most := len(data.train_images)):
        raise UsageError(f"batch_size must be at most the {most} training samples, got {config.batch_size}")
    return data


def train(run: RunFolder, config: Config, data: Dataset, console: Any) -> bool:
    """Train in the folder ``run``, from its checkpoint if it has one, and report on a ``rich.console.Console``.

    Returns True when all epochs are done and the report is written; False when Ctrl-C stopped it, with a checkpoint of
    the last whole step. A second Ctrl-C raises ``KeyboardInterrupt`` at once; the checkpoint before still stands.

    Raises:
        TrainingError: the checkpoint, the folder or the disk fail, or a number stops being finite; what is saved
            stands.
    """
    optimizer = optim.adam(config.learning_rate)
    state = _begin(run, config, optimizer)
    if (state.epoch, state.batch) > (config.epochs, 0):
        behind = f"{state.epoch} epochs" + (f" and {state.batch} minibatches" if state.batch else "")
        raise UsageError(
            f"the run in {run.path} has already trained {behind}: --epochs must be more, got {config.epochs}"
        )
    run.write_config(config)
    records = run.repair(state.epoch)
    if state.epoch < config.epochs:
        state, interrupted = _fit(run, config, data, optimizer, state, records, console)
        if interrupted:
            return False
    _finish(run, config, data, state, records, console)
    return True


def _begin(run: RunFolder, config: Config, optimizer: optim.Optimizer) -> State:
    """The state in the run's checkpoint, or that of a new run, which is saved at once."""
    sizes = (digits_mlp.SIZES[0], config.hidden, digits_mlp.SIZES[-1])
    params = digits_mlp.init(np.random.default_rng([config.seed, 1]), sizes)
    rng = dict(np.random.default_rng([config.seed, 2]).bit_generator.state)
    new = State(params, optimizer.init(params), rng)
    if not run.checkpoint.exists():
        _save(run, config, new)
        return new
    arrays, facts = checkpoint.load(run.checkpoint, like={"params": new.params, "optimizer": new.optimizer})
    try:
        settings = facts["settings"]
        place = {name: facts[name] for name in ("rng", "epoch", "batch", "step", "loss_sum")}
    except KeyError as error:
        raise CheckpointError(f"{run.checkpoint} is not a checkpoint of a training run: it has no {error}") from None
    if settings != fixed(config):
        differences = [
            f"{name} is {value} in {run.config_file.name}, {settings.get(name)} in the checkpoint"
            for name, value in fixed(config).items()
            if value != settings.get(name)
        ]
        raise CheckpointError(f"{run.checkpoint} is of a run with other settings: {'; '.join(differences)}")
    generator(place["rng"])  # refused now rather than in the loop
    return State(arrays["params"], arrays["optimizer"], **place)


def _fit(
    run: RunFolder,
    config: Config,
    data: Dataset,
    optimizer: optim.Optimizer,
    state: State,
    records: list[dict[str, Any]],
    console: Any,
) -> tuple[State, bool]:
    """Train until all epochs are done or Ctrl-C is pressed; the state, and whether it was Ctrl-C. ``records`` grows."""
    samples = len(data.train_images)
    done = state.epoch * samples + state.batch * config.batch_size
    trained = steps(
        digits_mlp.loss, optimizer, state, data.train_images, data.train_labels,
        batch_size=config.batch_size, epochs=config.epochs,
    )  # fmt: skip
    with CtrlC() as ctrl_c, display(console, epochs=config.epochs, samples=samples, done=done) as shown:
        began, done_then = time.perf_counter(), done
        try:
            for state in trained:
                of_epoch = state.batch * config.batch_size or samples  # samples of this epoch behind us
                before, done = done, state.epoch * samples + state.batch * config.batch_size
                shown.step(done - before, state.loss_sum / of_epoch)
                if state.batch == 0:
                    record = _record(state, data, done - done_then, time.perf_counter() - began)
                    run.append(record)  # before the checkpoint: resuming cuts a line too many, but cannot invent one
                    records.append(record)
                    _save(run, config, state)
                    shown.epoch(record)
                    began, done_then = time.perf_counter(), done
                if ctrl_c.requested:
                    break
        except NonFinite as error:
            raise NonFinite(f"{error}\nThe last good checkpoint stands: {run.checkpoint}") from error
        if ctrl_c.requested and state.batch:
            _save(run, config, state)
    return state, ctrl_c.requested


def _record(state: State, data: Dataset, samples: int, seconds: float) -> dict[str, Any]:
    """A line of the metrics: the epoch just ended, measured on the held-out fifth as well."""
    with np.errstate(all="ignore"):
        test_loss = float(digits_mlp.loss(state.params, data.test_images, data.test_labels))
        predicted = digits_mlp.predict(state.params, data.test_images)
    if not np.isfinite(test_loss):
        raise NonFinite(f"stopped after epoch {state.epoch}: the loss on the held-out digits is {test_loss}")
    return {
        "epoch": state.epoch,
        "step": state.step,
        "train_loss": state.loss_sum / len(data.train_images),
        "test_loss": test_loss,
        "test_accuracy": np.count_nonzero(predicted == data.test_labels) / len(predicted),
        "seconds": seconds,
        "samples_per_second": samples / seconds,
    }


def _save(run: RunFolder, config: Config, state: State) -> None:
    facts = {name: value for name, value in state._asdict().items() if name not in ("params", "optimizer")}
    arrays = {"params": state.params, "optimizer": state.optimizer}
    checkpoint.save(run.checkpoint, arrays, {"settings": fixed(config), **facts})


def _finish(
    run: RunFolder, config: Config, data: Dataset, state: State, records: list[dict[str, Any]], console: Any
) -> None:
    """Save the model, measure what the lesson promises, draw, and print the report."""
    facts = {"model": digits_mlp.__name__, "settings": fixed(config), "epoch": state.epoch}
    checkpoint.save(run.model, {"params": state.params}, facts)
    predicted = digits_mlp.predict(state.params, data.test_images)
    right = int(np.count_nonzero(predicted == data.test_labels))
    measured = report.measure(
        digits_mlp.loss, state.params, data.train_images, data.train_labels, config.batch_size, config.seed
    )
    text = report.sentences(
        measured, right=right, shown=len(predicted), epochs=state.epoch, seconds=sum(r["seconds"] for r in records)
    )
    run.write_json(run.report, {"test_accuracy": right / len(predicted), **measured.to_json(), "sentences": text})
    write(run.picture, picture.draw(records, data.test_images, data.test_labels, predicted))
    console.print()
    for sentence in text:
        console.print(f"- {sentence}", highlight=False, markup=False, soft_wrap=not console.is_terminal)
    console.print(f"\nSaved in {run.path}: model.safetensors, metrics.jsonl, picture.png, config.json, report.json.",
                  highlight=False, markup=False, soft_wrap=True)  # fmt: skip
