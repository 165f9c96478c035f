"""The settings of a run: checked once, written to ``config.json``, the same again on resuming."""

import dataclasses
import math
from typing import Any, cast

from geartrain.train.errors import UsageError

LARGEST_SEED = 2**63 - 1  # so that any reader of the JSON can hold it


@dataclasses.dataclass(frozen=True)
class Config:
    """What decides a run. Two runs with equal settings on one machine give the same bits.

    Raises:
        UsageError: a setting of the wrong type or out of range; the text names it, what is allowed, and what was given.

    >>> Config(epochs=0)
    Traceback (most recent call last):
    ...
    geartrain.train.errors.UsageError: epochs must be a whole number from 1 to 1000000, got 0
    """

    dataset: str = "digits"
    seed: int = 0
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 3e-3
    hidden: int = 128

    def __post_init__(self) -> None:
        if type(self.dataset) is not str:
            raise UsageError(f"dataset must be a name, got {self.dataset!r}")
        _check_whole("seed", self.seed, 0, LARGEST_SEED)
        _check_whole("epochs", self.epochs, 1, 1_000_000)
        _check_whole("batch_size", self.batch_size, 1, 1_000_000)
        _check_whole("hidden", self.hidden, 1, 100_000)
        rate = self.learning_rate
        if type(rate) not in (int, float) or not (rate > 0 and math.isfinite(rate)):
            raise UsageError(f"learning_rate must be a finite number above 0, got {rate!r}")


NAMES = tuple(field.name for field in dataclasses.fields(Config))
MAY_GROW = "epochs"  # the one setting that a resumed run may change


def to_json(config: Config) -> dict[str, Any]:
    """The settings as a dictionary for JSON, in the order of the fields."""
    return dataclasses.asdict(config)


def fixed(config: Config) -> dict[str, Any]:
    """The settings that decide the bits after a given number of epochs: all but the number of epochs."""
    return {name: value for name, value in to_json(config).items() if name != MAY_GROW}


def from_json(settings: Any, source: str) -> Config:
    """The ``Config`` that ``to_json`` made ``settings`` from; ``source`` says in an error where they were read.

    Raises:
        UsageError: a setting is missing, unknown, or out of range.
    """
    if not isinstance(settings, dict):
        raise UsageError(f"{source}: expected a table of settings, got {type(settings).__name__}")
    found = cast("dict[str, Any]", settings)
    missing, unknown = sorted(set(NAMES) - found.keys()), sorted(found.keys() - set(NAMES))
    if missing or unknown:
        raise UsageError(
            f"{source}: settings missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    try:
        return Config(**found)
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def resumed(saved: Config, asked: dict[str, Any]) -> Config:
    """The settings of a run that goes on: those ``saved``, with more epochs if ``asked`` for.

    Raises:
        UsageError: something else was asked for than the run began with; the text lists both values of each.
    """
    changed = [
        f"{name} was {getattr(saved, name)}, got {value}"
        for name, value in asked.items()
        if name != MAY_GROW and value != getattr(saved, name)
    ]
    if changed:
        raise UsageError(f"a resumed run keeps its settings ({'; '.join(changed)}): leave them out, or start a new run")
    return dataclasses.replace(saved, **asked)


def _check_whole(name: str, value: Any, lowest: int, highest: int) -> None:
    if type(value) is not int or not lowest <= value <= highest:
        raise UsageError(f"{name} must be a whole number from {lowest} to {highest}, got {value!r}")
