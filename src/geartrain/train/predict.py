"""``geartrain predict``: what a trained model says of new input, whichever job it is from."""

import csv
import io
from collections.abc import Callable, Iterator
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


Complain = Callable[[str], None]


def answers(
    model: Path, given: str, *, length: int = 400, seed: int = 0, complain: Complain | None = None
) -> Iterator[str]:
    """The lines that answer ``given``: for a file one for each row, empty where the row is bad.

    Args:
        model: a ``model.safetensors``, or the run folder with one.
        given: for digits a ``.npy`` or ``.csv`` file with 64 pixels a row; for a table a ``.csv`` file; for text how it
            begins.
        length: for text, how many characters follow.
        seed: for text, decides what is written.
        complain: told of each bad row, with its line. By default the first one is an error.

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
            yield from _digits(path, facts, Path(given), complain or _refuse)
        case "gpt":
            yield from _text(path, facts, given, length, seed)
        case "table_mlp":
            yield from _table(path, facts, given, complain or _refuse)
        case other:
            raise CheckpointError(f"{path} is not the model of a run, but {other!r}: take the run's model.safetensors")


def _refuse(text: str) -> None:
    raise UsageError(text)


def _digits(path: Path, facts: dict[str, Any], given: Path, complain: Complain) -> Iterator[str]:
    config = Config.from_json({"epochs": 1, **facts["settings"]}, str(path))
    model = job.model_of(config, 1)
    params = checkpoint.load(path, {"params": model.init(np.random.default_rng(0))})[0]["params"]
    places, images, bad = _from_npy(given) if given.suffix == ".npy" else _from_csv(given)
    if not places:
        raise UsageError(f"{given} has no rows of {PIXELS} pixels" + (f": {bad[min(bad)]}" if bad else ""))
    scale = np.float32(1 / BRIGHTEST if images.max() > 1 else 1)
    digits = model.predict(params, images.astype(np.float32) * scale)
    yield from _in_place(dict(zip(places, map(str, digits), strict=True)), bad, "", given, complain)


Images = tuple[list[int], NDArray[Any], dict[int, str]]
"""Where the good rows stand, their pixels, and what is wrong with those at other places."""


def _from_npy(path: Path) -> Images:
    try:
        images = np.asarray(np.load(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    except ValueError as error:
        raise UsageError(f"{path} does not hold pixels: {error}") from None
    if images.dtype.kind not in "fiu" or images.size == 0 or images.size % PIXELS:
        raise UsageError(f"{path}: expected rows of {PIXELS} pixels, got shape {images.shape} of {images.dtype}")
    images = images.reshape(-1, PIXELS)
    fine = np.isfinite(images).all(axis=1)
    bad = {int(i): f"row {i}: a pixel is not finite" for i in np.flatnonzero(~fine)}
    return np.flatnonzero(fine).tolist(), images[fine], bad


def _from_csv(path: Path) -> Images:
    good: dict[int, list[float]] = {}
    bad: dict[int, str] = {}
    for line, cells in tabular.records(path):
        numbers = [] if isinstance(cells, str) else [tabular.as_number(cell) for cell in cells]
        if isinstance(cells, str):
            bad[line] = f"line {line}: {cells}"
        elif len(cells) != PIXELS:
            bad[line] = f"line {line}: {len(cells)} cells, expected {PIXELS}"
        elif None in numbers:
            bad[line] = f"line {line}: {cells[numbers.index(None)].strip()!r} is not a number"
        else:
            good[line] = [number for number in numbers if number is not None]
    return [*good], np.array([*good.values()]), bad


def _in_place(
    answers: dict[int, str], bad: dict[int, str], nothing: str, given: str | Path, complain: Complain
) -> Iterator[str]:
    """The answers in the order of their rows, with ``nothing`` for a bad one."""
    for place in sorted([*answers, *bad]):
        if place in bad:
            complain(f"{given}, {bad[place]}")
        yield answers.get(place, nothing)


def _text(path: Path, facts: dict[str, Any], given: str, length: int, seed: int) -> Iterator[str]:
    config = TextConfig.from_json(facts["settings"], str(path))
    data = text.Text("", "", facts["characters"])
    foreign = sorted(set(given) - set(data.characters))
    if foreign:
        raise UsageError(f"the model has never seen {', '.join(map(repr, foreign))}")
    model = text.model_of(config, data)
    params = checkpoint.load(path, {"params": model.init(np.random.default_rng(0))})[0]["params"]
    yield given + text.sample(model, params, data, given or data.characters[0], length, seed)


def _table(path: Path, facts: dict[str, Any], given: str, complain: Complain) -> Iterator[str]:
    columns, target = tabular.from_json(facts["columns"]), tabular.from_json([facts["target"]])[0]
    rows = tabular.read(Path(given))
    missing = [column.name for column in columns if column.name not in rows.names]
    if missing:
        raise UsageError(f"{given} lacks the columns {', '.join(missing)}")
    place = {column.name: column for column in columns}
    kinds = [place.get(name, tabular.Column(name, ("",))) for name in rows.names]
    rows = tabular.without_mistakes(rows, kinds, None)
    if not rows.cells:
        raise UsageError(f"{given} has no rows" + (f" that can be used; {rows.bad[0]}" if rows.bad else ""))
    x, hidden, outputs = tabular.encode(rows, columns), facts["settings"]["hidden"], len(target.categories)
    like = table_mlp.network(x.shape[1], hidden, max(outputs, 1)).init(np.random.default_rng(0))
    scores = table_mlp.scores(checkpoint.load(path, {"params": like})[0]["params"], x, hidden, outputs)
    if outputs:
        yield _row([target.name, "share"])
        said = [[target.categories[int(np.argmax(shares))], f"{shares.max():.3f}"] for shares in softmax(scores)]
    else:
        yield _row([target.name])
        said = [[f"{value:.6g}"] for value in scores * target.deviation + target.mean]
    found = dict(zip(rows.lines, map(_row, said), strict=True))
    nothing = _row([""] * len(said[0]))
    yield from _in_place(found, {bad.line: str(bad) for bad in rows.bad}, nothing, given, complain)


def _row(cells: list[str]) -> str:
    """Cells as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
