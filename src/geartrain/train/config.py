"""The settings of a run: checked once, written to ``config.json``, the same again on resuming."""

import dataclasses
import math
from typing import Any, Self, cast

from geartrain.train.errors import UsageError

LARGEST_SEED = 2**63 - 1  # so that any reader of the JSON can hold it
LARGEST: dict[str, int] = {"seed": LARGEST_SEED, "epochs": 1_000_000, "batch_size": 1_000_000}
"""The largest that a whole number may be; 100,000 for the others. The smallest is 1, or 0 for the seed."""
MODELS: dict[str, dict[str, Any]] = {"mlp": {}, "cnn": {"epochs": 15}}
"""The models that read digits, each with the settings that suit it better than the defaults."""

MAY_GROW = "epochs"  # the one setting that a resumed run may change


@dataclasses.dataclass(frozen=True)
class Settings:
    """What decides a run of any job. Two runs with equal settings on one machine give the same bits.

    Raises:
        UsageError: a setting of the wrong type or out of range; the text names it, what is allowed, and what was given.
    """

    dataset: str = ""
    seed: int = 0
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is str:
                if type(value) is not str:
                    raise UsageError(f"{field.name} must be a name, got {value!r}")
            elif field.type is int:
                _check_whole(field.name, value, 0 if field.name == "seed" else 1, LARGEST.get(field.name, 100_000))
            elif type(value) not in (int, float) or not (value > 0 and math.isfinite(value)):
                raise UsageError(f"{field.name} must be a finite number above 0, got {value!r}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the settings, in order."""
        return tuple(field.name for field in dataclasses.fields(cls))

    def to_json(self) -> dict[str, Any]:
        """The settings as a dictionary for JSON, in the order of the fields."""
        return dataclasses.asdict(self)

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate follows the number of epochs, which then is decided once."""
        return False

    def fixed(self) -> dict[str, Any]:
        """The settings that decide the bits after a given number of epochs."""
        return {name: value for name, value in self.to_json().items() if name != MAY_GROW or self.scheduled}

    @classmethod
    def from_json(cls, settings: Any, source: str) -> Self:
        """The settings that ``to_json`` made ``settings`` from; ``source`` says in an error where they were read.

        Raises:
            UsageError: a setting is missing, unknown, or out of range.
        """
        if not isinstance(settings, dict):
            raise UsageError(f"{source}: expected a table of settings, got {type(settings).__name__}")
        found = cast("dict[str, Any]", settings)
        missing, unknown = sorted(set(cls.names()) - found.keys()), sorted(found.keys() - set(cls.names()))
        if missing or unknown:
            raise UsageError(
                f"{source}: settings missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )
        try:
            return cls(**found)
        except UsageError as error:
            raise UsageError(f"{source}: {error}") from None

    def resumed(self, asked: dict[str, Any]) -> Self:
        """These settings for a run that goes on, of which only the number of epochs may be asked to change.

        Raises:
            UsageError: something else was asked for than the run began with; the text lists both values of each.
        """
        changed = [
            f"{name} was {getattr(self, name)}, got {value}"
            for name, value in asked.items()
            if (name != MAY_GROW or self.scheduled) and value != getattr(self, name)
        ]
        if changed:
            changes = "; ".join(changed)
            raise UsageError(f"a resumed run keeps its settings ({changes}): leave them out, or start a new run")
        return dataclasses.replace(self, **asked)


@dataclasses.dataclass(frozen=True)
class Config(Settings):
    """The settings of ``geartrain train digits``.

    >>> Config(epochs=0)
    Traceback (most recent call last):
    ...
    geartrain.train.errors.UsageError: epochs must be a whole number from 1 to 1000000, got 0
    """

    dataset: str = "digits"
    epochs: int = 40
    learning_rate: float = 3e-3
    model: str = "mlp"
    hidden: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in MODELS:
            raise UsageError(f"model must be one of {', '.join(MODELS)}, got {self.model!r}")

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate follows the number of epochs."""
        return self.model == "cnn"


@dataclasses.dataclass(frozen=True)
class TextConfig(Settings):
    """The settings of ``geartrain train text``. ``file`` is empty for the text that every Python carries."""

    dataset: str = "text"
    epochs: int = 10
    batch_size: int = 16
    learning_rate: float = 3e-3
    file: str = ""
    context: int = 64
    width: int = 64
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise UsageError(f"width must be a multiple of twice the heads ({self.heads}), got {self.width}")

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate follows the number of epochs."""
        return True


@dataclasses.dataclass(frozen=True)
class TableConfig(Settings):
    """The settings of ``geartrain train table``: the CSV ``file``, and the column ``target`` to predict."""

    dataset: str = "table"
    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 3e-3
    file: str = ""
    target: str = ""
    hidden: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.file or not self.target:
            raise UsageError("a table needs a file and a column to predict: geartrain train table FILE --target COLUMN")


def _check_whole(name: str, value: Any, lowest: int, highest: int) -> None:
    if type(value) is not int or not lowest <= value <= highest:
        raise UsageError(f"{name} must be a whole number from {lowest} to {highest}, got {value!r}")
