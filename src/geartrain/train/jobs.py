"""The jobs that ``geartrain train`` knows, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

from geartrain.train import data, job, table, text
from geartrain.train.config import MODELS, Config, Settings, TableConfig, TextConfig
from geartrain.train.errors import UsageError


class Job(NamedTuple):
    """A kind of run: its settings, ``prepare(settings)``, ``train(run, settings, data, console) -> finished``."""

    settings: type[Settings]
    prepare: Callable[[Any], Any]
    train: Callable[..., bool]


JOBS: dict[str, Job] = {
    "digits": Job(Config, job.prepare, job.train),
    "table": Job(TableConfig, table.prepare, table.train),
    "text": Job(TextConfig, text.prepare, text.train),
}


def find(name: str) -> Job:
    """The job with a name, or ``UsageError`` with the names that there are."""
    data.check_known(name, JOBS)
    return JOBS[name]


def check_asked(name: str, asked: dict[str, Any]) -> None:
    """Refuse settings that were asked for but that the job does not have."""
    known = JOBS[name].settings.names()
    foreign = [f"--{setting.replace('_', '-')}" for setting in asked if setting not in known]
    if foreign:
        raise UsageError(f"{name} has no {', '.join(foreign)}; it has: {', '.join(known[1:])}")


def settings_of(name: str, asked: dict[str, Any]) -> Settings:
    """The settings of a new run: what was asked for, what suits it, and the defaults for the rest."""
    return JOBS[name].settings(**{**MODELS.get(asked.get("model", ""), {}), **asked})
