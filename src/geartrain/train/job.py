"""The job ``geartrain train digits`` from start to end: data, model, training, and what is left in the run folder."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from geartrain import optim
from geartrain.train import checkpoint, digits_cnn, digits_mlp, picture, report
from geartrain.train.atomic import write
from geartrain.train.config import Config
from geartrain.train.data import Dataset, load
from geartrain.train.errors import UsageError
from geartrain.train.fitting import Fitted, fit
from geartrain.train.run import RunFolder
from geartrain.train.stepping import NATIVE
from geartrain.train.team import Team


class Model(NamedTuple):
    """A way to read digits: how it begins, what is trained, and what it answers."""

    name: str
    init: Callable[[np.random.Generator], Any]
    loss: Callable[..., Any]
    predict: Callable[..., Any]
    optimizer: optim.Optimizer


def model_of(config: Config, samples: int) -> Model:
    """The model that ``config`` asks for, and the optimiser for it."""
    if config.model == "cnn":
        steps = config.epochs * -(-samples // config.batch_size)
        rate = optim.cosine(config.learning_rate, max(steps, 2), warmup=min(steps // 10, 50))
        return Model("digits_cnn", digits_cnn.init, digits_cnn.loss, digits_cnn.predict, optim.adam(rate))
    sizes = (digits_mlp.SIZES[0], config.hidden, digits_mlp.SIZES[-1])

    def init(rng: np.random.Generator) -> Any:
        return digits_mlp.init(rng, sizes)

    return Model("digits_mlp", init, digits_mlp.loss, digits_mlp.predict, optim.adam(config.learning_rate))


def prepare(config: Config) -> Dataset:
    """The data for a run with the settings ``config``; nothing is written yet.

    Raises:
        UsageError: nobody knows the data set, or a minibatch would be larger than the training set.
    """
    data = load(config.dataset, config.seed)
    if config.batch_size > (most := len(data.train_images)):
        raise UsageError(f"batch_size must be at most the {most} training samples, got {config.batch_size}")
    return data


def train(run: RunFolder | None, config: Config, data: Dataset, console: Any, team: Team, **watching: Any) -> bool:
    """Train in the folder ``run``, from its checkpoint if it has one, and report on a ``rich.console.Console``.

    Of a ``team`` of several processes rank 0 has the folder, and the others None. ``watching`` are ``see`` and
    ``observers`` of ``fit``.

    Returns True when all epochs are done and the report is written; False when Ctrl-C stopped it, with a checkpoint of
    the last whole step. A second Ctrl-C raises ``KeyboardInterrupt`` at once; the checkpoint before still stands.

    Raises:
        TrainingError: the checkpoint, the folder or the disk fail, or a number stops being finite; what is saved
            stands.
    """
    model = model_of(config, len(data.train_images))
    done = fitted(
        config, model, data, folder=run, console=console, team=team, **watching,
        begun=lambda: run.write_config(config.to_json()) if run is not None else None,
    )  # fmt: skip
    if done.ended == "interrupted":
        return False
    team.together(lambda: _finish(run, config, data, model, done, console) if run is not None else None)
    return True


def fitted(config: Config, model: Model, data: Dataset, **more: Any) -> Fitted:
    """``fit`` with the settings of the job, and ``more``."""

    def accuracy(params: Any, images: Any, labels: Any) -> float:
        return np.count_nonzero(model.predict(params, images) == labels) / len(labels)

    return fit(
        model.loss, model.init(np.random.default_rng([config.seed, 1])), data[:2],
        optimizer=model.optimizer, epochs=config.epochs, batch_size=config.batch_size, seed=config.seed,
        validation=data[2:], metrics={"accuracy": accuracy}, settings=config.fixed(), **more,
    )  # fmt: skip


def _finish(run: RunFolder, config: Config, data: Dataset, model: Model, fitted: Fitted, console: Any) -> None:
    """Save the model, measure what the lesson promises, draw, and print the report."""
    facts = {"model": model.name, "settings": config.fixed(), "epoch": fitted.state.epoch}
    checkpoint.save(run.model, {"params": fitted.params}, facts)
    predicted = model.predict(fitted.params, data.test_images)
    right = int(np.count_nonzero(predicted == data.test_labels))
    measured = report.measure(
        model.loss,
        fitted.params,
        data.train_images,
        data.train_labels,
        config.batch_size,
        config.seed,
        fitted.how == NATIVE,
    )
    text = report.sentences(
        measured,
        right=right,
        shown=len(predicted),
        epochs=fitted.state.epoch,
        seconds=sum(r["seconds"] for r in fitted.records),
    )
    run.write_json(run.report, {"test_accuracy": right / len(predicted), **measured.to_json(), "sentences": text})
    write(run.picture, picture.draw(fitted.records, data.test_images, data.test_labels, predicted))
    say(console, text, run)


def say(console: Any, sentences: list[str], run: RunFolder) -> None:
    """Print the report, and where everything is."""
    console.print()
    for sentence in sentences:
        console.print(f"- {sentence}", highlight=False, markup=False, soft_wrap=not console.is_terminal)
    console.print(f"\nSaved in {run.path}: model.safetensors, metrics.jsonl, picture.png, config.json, report.json.",
                  highlight=False, markup=False, soft_wrap=True)  # fmt: skip
