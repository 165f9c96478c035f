"""The job ``geartrain train table`` from start to end: a network for a CSV file, against scikit-learn's baselines."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain.train import checkpoint, picture, report, table_mlp, tabular
from geartrain.train.atomic import write
from geartrain.train.config import TableConfig
from geartrain.train.errors import UsageError
from geartrain.train.extras import need
from geartrain.train.fitting import Fitted
from geartrain.train.job import say
from geartrain.train.run import RunFolder
from geartrain.train.team import Team

FOLDS = 5
FEWEST = 20  # rows
SHOWN = 10  # bad rows that are listed


class Table(NamedTuple):
    """A table as numbers: ``x`` of shape ``(n, inputs)``; ``y`` classes or numbers; and how to read another like it."""

    x: NDArray[Any]
    y: NDArray[Any]
    columns: list[tabular.Column]
    target: tabular.Column
    bad: list[tabular.Bad]

    @property
    def outputs(self) -> int:
        """How many classes there are; 0 for a number."""
        return len(self.target.categories)

    def digest(self) -> str:
        """What tells this table from another: a run goes on with the table that it began with."""
        return hashlib.sha256(self.x.tobytes() + self.y.tobytes()).hexdigest()


def prepare(config: TableConfig) -> Table:
    """The table for a run with the settings ``config``.

    Raises:
        UsageError: the file cannot be read, has no such column, or too few rows that can be used.
    """
    path = Path(config.file)
    rows = tabular.read(path)
    if config.target not in rows.names:
        raise UsageError(f"{path} has no column {config.target!r}; it has: {', '.join(rows.names)}")
    columns, at = tabular.columns_of(rows), rows.names.index(config.target)
    rows = tabular.without_mistakes(rows, columns, at)
    if len(rows.cells) < FEWEST:
        first = f"; {rows.bad[0]}" if rows.bad else ""
        raise UsageError(f"{path} has {len(rows.cells)} rows that can be used, at least {FEWEST} are needed{first}")
    target = _classes(columns[at], [cells[at].strip() for cells in rows.cells])
    inputs = columns[:at] + columns[at + 1 :]
    if not inputs:
        raise UsageError(f"{path} has no column but {config.target!r}: nothing to predict it from")
    y = target.encode([cells[at] for cells in rows.cells])
    y = np.argmax(y, axis=1) if target.categories else y[:, 0]
    return Table(tabular.encode(rows, inputs), y, inputs, target, rows.bad)


def _classes(target: tabular.Column, cells: list[str]) -> tabular.Column:
    """The target as a choice where it is one: words, or a few whole numbers."""
    if target.categories:
        classes = set(cells)
    else:
        numbers = {float(cell) for cell in cells}
        if len(numbers) > tabular.FEW or any(number != int(number) for number in numbers):
            return target
        classes = set(cells)
    if len(classes) < 2:
        raise UsageError(f"every {target.name} is {cells[0]!r}: there is nothing to learn")
    return target._replace(categories=tuple(sorted(classes)))


def train(run: RunFolder | None, config: TableConfig, data: Table, console: Any, team: Team, **watching: Any) -> bool:
    """Train in the folder ``run``; what is returned and raised as in ``job.train``."""
    for line in data.bad[:SHOWN]:
        console.print(f"left out {line}", highlight=False, markup=False)
    if len(data.bad) > SHOWN:
        console.print(f"left out {len(data.bad) - SHOWN} more", highlight=False)
    fitted = _network(
        data, config, np.arange(len(data.x)),
        folder=run, settings={**config.fixed(), "sha256": data.digest()}, console=console,
        begun=lambda: run.write_config(config.to_json()) if run is not None else None, team=team, **watching,
    )  # fmt: skip
    if fitted.ended == "interrupted":
        return False
    team.together(lambda: _finish(run, config, data, fitted, console) if run is not None else None)
    return True


def _network(data: Table, config: TableConfig, rows: NDArray[Any], **more: Any) -> Fitted:
    return table_mlp.train(
        data.x[rows], data.y[rows], data.outputs,
        hidden=config.hidden, epochs=config.epochs, batch_size=config.batch_size,
        learning_rate=config.learning_rate, seed=config.seed, **more,
    )  # fmt: skip


def cross_validated(config: TableConfig, data: Table) -> dict[str, list[float]]:
    """The score on each of five parts, of a model that learned from the other four: ours, and scikit-learn's.

    The score is the share of classes that are right, or R squared: 1 less the squared error over that of the mean.
    """
    ensemble, linear = need("sklearn.ensemble"), need("sklearn.linear_model")
    seed = config.seed % 2**32
    if data.outputs:
        boosted = ensemble.HistGradientBoostingClassifier(random_state=seed)
        baselines = {"linear": linear.LogisticRegression(max_iter=1000), "boosted": boosted}
    else:
        boosted = ensemble.HistGradientBoostingRegressor(random_state=seed)
        baselines = {"linear": linear.Ridge(), "boosted": boosted}
    order = np.random.default_rng([config.seed, 6]).permutation(len(data.x))
    results: dict[str, list[float]] = {"network": [], **{name: [] for name in baselines}}
    # One step for all parts: what it has compiled for a shape of minibatches serves again.
    step = table_mlp.step(data.x.shape[1], data.outputs, config.hidden, config.learning_rate, data.x.dtype)
    for fold in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, fold)
        fitted = _network(data, config, rest, taking=step)
        answers = table_mlp.scores(fitted.params, data.x[fold], config.hidden, data.outputs)
        results["network"].append(score(data, fold, np.argmax(answers, axis=1) if data.outputs else answers))
        for name, baseline in baselines.items():
            one_class = len(np.unique(data.y[rest])) < 2
            trained = None if one_class else baseline.fit(data.x[rest], data.y[rest])
            predicted = np.full(len(fold), data.y[rest][0]) if trained is None else trained.predict(data.x[fold])
            results[name].append(score(data, fold, predicted))
    return results


def score(data: Table, rows: NDArray[Any], predicted: NDArray[Any]) -> float:
    """The share that is right, or R squared."""
    truth = data.y[rows]
    if data.outputs:
        return np.count_nonzero(predicted == truth) / len(truth)
    spread = float(np.square(truth - truth.mean()).sum())
    return 1 - float(np.square(predicted - truth).sum()) / spread if spread else 0.0


def _finish(run: RunFolder, config: TableConfig, data: Table, fitted: Fitted, console: Any) -> None:
    facts = {
        "model": "table_mlp",
        "settings": config.to_json(),
        "epoch": fitted.state.epoch,
        "columns": tabular.to_json(data.columns),
        "target": tabular.to_json([data.target])[0],
    }
    checkpoint.save(run.model, {"params": fitted.params}, facts)
    console.print(f"Cross-validating on {FOLDS} parts, against scikit-learn ...", highlight=False)
    scores = cross_validated(config, data)
    took = report.epochs_text(fitted.state.epoch)
    early = ", and stopped there: the part held out got no better" if fitted.ended == "early" else ""
    what = "of the classes right" if data.outputs else "R squared"
    kind = f"one of {data.outputs} classes" if data.outputs else "a number"
    means = {name: float(np.mean(parts)) for name, parts in scores.items()}
    shown = ", ".join(f"{name} {mean:.3f} ± {np.std(scores[name]):.3f}" for name, mean in means.items())
    text = [
        (
            f"{config.target} is {kind}, predicted from {len(data.columns)} columns of {len(data.x):,} rows "
            f"({len(data.bad)} left out)."
        ),
        f"Cross-validated on {FOLDS} parts, {what}: {shown} (linear and boosted trees are scikit-learn's).",
        f"The network has {report.count(fitted.params):,} parameters and took {took}{early}.",
    ]
    measured = {
        "scores": scores,
        "parameters": report.count(fitted.params),
        "bad_rows": [*map(str, data.bad)],
        "sentences": text,
    }
    run.write_json(run.report, measured)
    write(run.picture, picture.draw_table(fitted.records, scores, what))
    say(console, text, run)
