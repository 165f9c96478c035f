"""``geartrain predict``: what a trained model says of new input, whichever job it is from."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain.nn import softmax
from geartrain.train import checkpoint, job, table_mlp, tabular, text
from geartrain.train.atomic import reason
from geartrain.train.config import Config, TextConfig
from geartrain.train.errors import CheckpointError, UsageError

PIXELS = 64
BRIGHTEST = 16  # of the digits' own files; pixels above 1 are taken to go up to this


def answers(model: Path, given: str, *, length: int = 400, seed: int = 0) -> Iterator[str]:
    """The lines that answer ``given``.

    Args:
        model: a ``model.safetensors``, or the run folder with one.
        given: for digits a ``.npy`` or ``.csv`` file with 64 pixels a row; for a table a ``.csv`` file; for text how it
            begins.
        length: for text, how many characters follow.
        seed: for text, decides what is written.

    Raises:
        CheckpointError: the model is refused, as by ``checkpoint.read``, or is no model that is known.
        UsageError: the input cannot be read, or does not suit the model.
    """
    path = model / "model.safetensors" if model.is_dir() else model
    if not path.exists():
        finished = " (its run has not ended yet)" if path != model else ""
        raise UsageError(f"there is no model {path}{finished}: give a run folder, or the model.safetensors in it")
    facts = checkpoint.read(path)[1]
    match facts.get("model"):
        case "digits_mlp" | "digits_cnn":
            yield from _digits(path, facts, given)
        case "gpt":
            yield from _text(path, facts, given, length, seed)
        case "table_mlp":
            yield from _table(path, facts, given)
        case other:
            raise CheckpointError(f"{path} is not the model of a run, but {other!r}: take the run's model.safetensors")


def _digits(path: Path, facts: dict[str, Any], given: str) -> Iterator[str]:
    config = Config.from_json({"epochs": 1, **facts["settings"]}, str(path))
    model = job.model_of(config, 1)
    params = checkpoint.load(path, {"params": model.init(np.random.default_rng(0))})[0]["params"]
    for digit in model.predict(params, _images(Path(given))):
        yield str(digit)


def _images(path: Path) -> NDArray[np.float32]:
    try:
        images = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", ndmin=2)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    except ValueError as error:
        raise UsageError(f"{path} does not hold pixels: {error}") from None
    images = np.asarray(images)
    if images.dtype.kind not in "fiu" or images.size == 0 or images.size % PIXELS:
        raise UsageError(f"{path}: expected rows of {PIXELS} pixels, got shape {images.shape} of {images.dtype}")
    scale = np.float32(1 / BRIGHTEST if images.max() > 1 else 1)
    return images.reshape(-1, PIXELS).astype(np.float32) * scale


def _text(path: Path, facts: dict[str, Any], given: str, length: int, seed: int) -> Iterator[str]:
    config = TextConfig.from_json(facts["settings"], str(path))
    data = text.Text("", "", facts["characters"])
    foreign = sorted(set(given) - set(data.characters))
    if foreign:
        raise UsageError(f"the model has never seen {', '.join(map(repr, foreign))}")
    model = text.model_of(config, data)
    params = checkpoint.load(path, {"params": model.init(np.random.default_rng(0))})[0]["params"]
    yield given + text.sample(model, params, data, given or data.characters[0], length, seed)


def _table(path: Path, facts: dict[str, Any], given: str) -> Iterator[str]:
    columns, target = tabular.from_json(facts["columns"]), tabular.from_json([facts["target"]])[0]
    rows = tabular.read(Path(given))
    missing = [column.name for column in columns if column.name not in rows.names]
    if missing:
        raise UsageError(f"{given} lacks the columns {', '.join(missing)}")
    place = {column.name: column for column in columns}
    kinds = [place.get(name, tabular.Column(name, ("",))) for name in rows.names]
    rows = tabular.without_mistakes(rows, kinds, None)
    if rows.bad:
        raise UsageError(f"{given}: {rows.bad[0]}" + (f" (and {len(rows.bad) - 1} more)" if len(rows.bad) > 1 else ""))
    if not rows.cells:
        raise UsageError(f"{given} has no rows")
    x, hidden, outputs = tabular.encode(rows, columns), facts["settings"]["hidden"], len(target.categories)
    like = table_mlp.network(x.shape[1], hidden, max(outputs, 1)).init(np.random.default_rng(0))
    scores = table_mlp.scores(checkpoint.load(path, {"params": like})[0]["params"], x, hidden, outputs)
    if outputs:
        yield _row([target.name, "share"])
        for shares in softmax(scores):
            yield _row([target.categories[int(np.argmax(shares))], f"{shares.max():.3f}"])
    else:
        yield _row([target.name])
        for value in scores * target.deviation + target.mean:
            yield _row([f"{value:.6g}"])


def _row(cells: list[str]) -> str:
    """Cells as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
