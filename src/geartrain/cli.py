"""The command line: ``geartrain train digits``, ``explain "(3*x + 1)**2" --at x=1``, ``see``, ``lesson``.

Exit codes: 0 done; 1 the work failed (a NaN, a full disk); 2 bad usage or input (``predict`` answers the good rows all
the same); 130 stopped by Ctrl-C.
"""

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geartrain.errors import GeartrainError
from geartrain.train import extras, jobs, predict, ranks, seeing
from geartrain.train.errors import TrainingError, UsageError
from geartrain.train.run import RunFolder, newest, next_free, versions
from geartrain.train.team import Team
from geartrain.train.team import team as team_of_ranks
from geartrain.train.tensorboard import TensorBoard
from geartrain.view.commands import add_lesson, add_see
from geartrain.view.expression import explain_expression
from geartrain.view.page import for_encoding

RUNS = Path("runs")
_FAILED, _BAD_INPUT, _CTRL_C = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on ``arguments`` (by default the program's own) and return the exit code."""
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        parsed = _parser().parse_args(given)
        code = parsed.run(parsed, given) if parsed.run is _train else parsed.run(parsed)
        sys.stdout.flush()
    except GeartrainError as error:
        code = error.exit_code if isinstance(error, TrainingError) else _BAD_INPUT
        _complain(str(error))
    except KeyboardInterrupt:
        code = _CTRL_C
        _complain("stopped by Ctrl-C")
    except BrokenPipeError:  # the reader of our output left (``| head``); what was saved is saved
        code = _FAILED
        _silence()
    except OSError as error:  # most likely our own output: ``> /dev/full``
        code = _FAILED
        _silence()
        _complain(str(error))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="geartrain", description="Differentiate plain NumPy programs.")
    parser.add_argument("--version", action="version", version=f"geartrain {versions()['geartrain']}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_explain(commands)
    add_see(commands)
    add_lesson(commands)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train a network on a data set and measure what the lesson promises",
        description="Train a network written in plain NumPy, and leave a run folder.",
    )
    train.set_defaults(run=_train)
    train.add_argument("dataset", metavar="DATASET", help=f"one of: {', '.join(sorted(jobs.JOBS))}")
    train.add_argument("file", nargs="?", metavar="FILE", help="the text or the table (CSV) to learn from")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out, or with the newest")
    train.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"the run folder (default: {RUNS}/DATASET-1, -2, ...)"
    )
    train.add_argument(
        "--see", nargs="?", type=_count, const=seeing.EVERY, metavar="STEPS",
        help=f"look at the gradients every so many steps ({seeing.EVERY}), on a page that follows the run: health.html",
    )  # fmt: skip
    train.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help="write events for TensorBoard there: tensorboard --logdir FOLDER",
    )
    _add_ranks(train)
    # A default of None tells what was asked for from what was not: a resumed run keeps its settings.
    for name, kind, text in (
        ("epochs", _whole, "how often to go through the data; a resumed run may ask for more"),
        ("seed", _whole, "decides the split, the first weights and the order"),
        ("batch_size", _whole, "samples in a minibatch"),
        ("learning_rate", _number, "the size of the optimiser's steps, at most"),
        ("model", str, "mlp or cnn: two dense layers, or three convolutions"),
        ("hidden", _whole, "units in the hidden layer of the mlp"),
        ("target", str, "the column to predict"),
        ("context", _whole, "characters that the GPT sees"),
        ("width", _whole, "numbers for each character in the GPT"),
        ("layers", _whole, "layers of the GPT"),
        ("heads", _whole, "heads of its attention"),
    ):
        defaults = [
            f"{getattr(job.settings, name)} for {dataset}"
            for dataset, job in jobs.JOBS.items()
            if name in job.settings.names() and getattr(job.settings, name) != ""
        ]
        shown = f" (default: {', '.join(defaults)})" if defaults else ""
        option = f"--{name.replace('_', '-')}"
        train.add_argument(option, type=kind, metavar="COLUMN" if name == "target" else "N", help=text + shown)


def _add_ranks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ranks", type=_count, metavar="N", help="train on so many processes together; mpiexec -n N does the same"
    )
    parser.add_argument(
        "--restarts", type=_count, default=0, metavar="N",
        help="with --ranks: if a process dies, go on from the last checkpoint with one fewer, at most so often",
    )  # fmt: skip


def _add_predict(commands: Any) -> None:
    predict = commands.add_parser(
        "predict",
        help="let a trained model answer",
        description="Let a model that geartrain train has left (model.safetensors, or its run folder) answer.",
    )
    predict.set_defaults(run=_predict)
    predict.add_argument("model", type=Path, metavar="MODEL", help="a run folder, or the model.safetensors in it")
    predict.add_argument(
        "input", metavar="INPUT", help="digits: a .npy or .csv of 64 pixels a row; table: a .csv; text: how it begins"
    )
    predict.add_argument("--length", type=_whole, default=400, metavar="N", help="characters to write (default: 400)")
    predict.add_argument("--seed", type=_whole, default=0, metavar="N", help="decides what is written (default: 0)")


def _add_explain(commands: Any) -> None:
    explain = commands.add_parser(
        "explain",
        help="work through the derivative of an expression",
        description='Work through the derivative of an expression: geartrain explain "(3*x + 1)**2" --at x=1',
    )
    explain.set_defaults(run=_explain)
    explain.add_argument("expression", metavar="EXPR", help='for example "(3*x + 1)**2"')
    explain.add_argument(
        "--at", nargs="+", action="extend", type=_assignment, metavar="NAME=NUMBER", default=[], help="where: x=1 y=2.5"
    )


def _train(arguments: argparse.Namespace, given: list[str]) -> int:
    extras.need_all()
    if arguments.ranks:
        return _train_on_ranks(arguments, given)
    if arguments.restarts:
        raise UsageError("--restarts needs --ranks, which starts the processes and sees one die")
    team = team_of_ranks()
    try:
        with team:
            return _train_on(team, arguments)
    except TrainingError as error:  # all ranks have it, and one says it
        if team.first:
            raise
        return error.exit_code


def _train_on_ranks(arguments: argparse.Namespace, given: list[str]) -> int:
    """Start this command again, on so many ranks, in a run folder that is known to this process."""
    name, asked = arguments.dataset, _asked(arguments)
    jobs.find(name)
    jobs.check_asked(name, asked)
    only = argparse.ArgumentParser(add_help=False)
    _add_ranks(only)
    rest = only.parse_known_args(given)[1]
    out = arguments.out
    if out is None:
        if not arguments.resume:
            jobs.settings_of(name, asked)  # refused before anything is made
        out = newest(RUNS, name) if arguments.resume else next_free(RUNS, name)
        rest += ["--out", str(out)]
    try:
        return ranks.started(arguments.ranks, arguments.restarts, rest, out, functools.partial(print, flush=True))
    finally:
        with contextlib.suppress(OSError):  # nothing came of it
            out.rmdir()


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that were asked for."""
    every = {
        setting: getattr(arguments, setting, None) for kind in jobs.JOBS.values() for setting in kind.settings.names()
    }
    return {setting: value for setting, value in every.items() if value is not None and setting != "dataset"}


def _train_on(team: Team, arguments: argparse.Namespace) -> int:
    name, asked = arguments.dataset, _asked(arguments)
    job = team.together(lambda: jobs.find(name))
    team.together(lambda: jobs.check_asked(name, asked))
    if arguments.resume:
        opened = team.together(lambda: RunFolder.open(arguments.out or newest(RUNS, name)), only_first=True)
        with opened[0] if team.first else contextlib.nullcontext() as run:
            saved, source = team.told((opened[1], str(run.config_file)) if run is not None else ({}, ""))
            settings = team.together(lambda: job.settings.from_json(saved, source).resumed(asked))
            prepared = team.together(lambda: job.prepare(settings))
            return _train_in(run, job, settings, prepared, team, arguments)
    settings = team.together(lambda: jobs.settings_of(name, asked))
    prepared = team.together(lambda: job.prepare(settings))

    def create() -> RunFolder:
        return RunFolder.create(arguments.out or next_free(RUNS, name), settings.to_json())

    created = team.together(create, only_first=True)
    with created if team.first else contextlib.nullcontext() as run:
        return _train_in(run, job, settings, prepared, team, arguments)


def _train_in(
    run: RunFolder | None, job: jobs.Job, settings: Any, prepared: Any, team: Team, arguments: argparse.Namespace
) -> int:
    board = team.together(
        lambda: TensorBoard(arguments.tensorboard, settings.batch_size) if arguments.tensorboard else None,
        only_first=True,
    )
    again = f"geartrain train {settings.dataset} --resume" + (f" --out {run.path}" if run is not None else "")
    console = extras.need("rich.console").Console(quiet=run is None)
    if team.size > 1:
        again = f"mpiexec -n {team.size} {again}"
        text = f"{team.size} processes train together. If one dies, all end; go on, with any number, by: {again}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    try:
        with board or contextlib.nullcontext():
            watching = {"see": arguments.see, "observers": [board] if board is not None else []}
            finished = job.train(run, settings, prepared, console, team, **watching)
    except KeyboardInterrupt:
        finished = False
    if finished:
        return 0
    if run is not None:
        there = f"The checkpoint is {run.checkpoint}." if run.checkpoint.exists() else "There is no checkpoint yet."
        print(f"Stopped by Ctrl-C. {there}\nGo on with: {again}")
    return _CTRL_C


def _predict(arguments: argparse.Namespace) -> int:
    extras.need("safetensors")
    bad = 0

    def complain(text: str) -> None:
        nonlocal bad
        bad += 1
        _complain(f"no answer for {text}")

    for line in predict.answers(
        arguments.model, arguments.input, length=arguments.length, seed=arguments.seed, complain=complain
    ):
        print(line)
    return _BAD_INPUT if bad else 0


def _explain(arguments: argparse.Namespace) -> int:
    text = explain_expression(arguments.expression, dict(arguments.at))
    print(for_encoding(text, getattr(sys.stdout, "encoding", None) or "utf-8"))
    return 0


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None


def _count(text: str) -> int:
    if (number := _whole(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text!r}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=NUMBER such as x=1, got {text!r}")
    return name.strip(), _number(value)


def _complain(text: str) -> None:
    try:
        print(f"geartrain: {text}", file=sys.stderr)
    except OSError:  # nobody listens
        return


def _silence() -> None:
    """Send what is still buffered for the standard output nowhere, so that Python's own last flush cannot fail."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # a stdout without a descriptor
        return
