"""``geartrain see`` and ``geartrain lesson``."""

import argparse
import ast
import inspect
import runpy
import sys
import threading
import time
import traceback
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geartrain.errors import GeartrainError, InputError
from geartrain.view.lesson import save_site, site
from geartrain.view.see import Seen, see, see_expression
from geartrain.view.server import LESSON_PORT, PageServer

__all__ = ["add_lesson", "add_see"]

_LOOK_EVERY = 0.5  # seconds between two looks at the file that is watched


def add_see(commands: Any) -> None:
    """Add ``see`` to the command line."""
    parser = commands.add_parser(
        "see",
        help="show a program or an expression as a picture that moves",
        description="Show every value and every local rate: of an expression, as in "
        'geartrain see "(3*x + 1)**2" --at x=1; or of a function, as in geartrain see model.py:loss --at w=[1,2]',
    )
    parser.set_defaults(run=_see)
    parser.add_argument("what", metavar="EXPR|MODULE:FUNCTION|FILE.py:FUNCTION")
    parser.add_argument(
        "--at", nargs="+", action="extend", type=_assignment, metavar="NAME=VALUE", default=[],
        help="the arguments: x=1, w=[[1,2],[3,4]]",
    )  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="PAGE.html", help="write the page, and do not open it")
    parser.add_argument("--watch", action="store_true", help="run again whenever the file is saved")
    parser.add_argument("--no-source", action="store_true", help="leave the text of your lines out of the page")
    _add_serving(parser, 0)


def add_lesson(commands: Any) -> None:
    """Add ``lesson`` to the command line."""
    parser = commands.add_parser(
        "lesson", help="a course on the chain rule and backpropagation", description="Open the lesson in a browser."
    )
    parser.set_defaults(run=_lesson)
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the lesson's pages, and do not open them")
    _add_serving(parser, LESSON_PORT)


def _add_serving(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--port", type=int, default=port, help="the port on this machine (default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")


def _see(arguments: argparse.Namespace) -> int:
    make, file = _maker(arguments)
    if arguments.watch and file is None:
        raise InputError("--watch needs a function in a file: an expression does not change")
    saved = file.stat().st_mtime_ns if file else 0  # before it runs, so that no change is missed
    seen = make()
    if arguments.save:
        print(f"Wrote {seen.save(arguments.save)}")
        return 0
    print(seen)
    server = PageServer({"/index.html": seen.html(arguments.watch)}, port=arguments.port, private=True)
    if arguments.watch and file is not None:
        threading.Thread(target=_watch, args=(server, make, file, saved), daemon=True).start()
    return _serve(server, arguments)


def _lesson(arguments: argparse.Namespace) -> int:
    if arguments.save:
        print(f"Wrote the lesson; it begins at {save_site(arguments.save)}")
        return 0
    return _serve(PageServer({f"/{name}": page for name, page in site().items()}, port=arguments.port), arguments)


def _serve(server: PageServer, arguments: argparse.Namespace) -> int:
    print(f"\nOpen {server.url}\nStop with Ctrl-C.", flush=True)
    if not arguments.no_browser:
        webbrowser.open(server.url)
    with server:
        server.serve_forever()
    return 0


def _maker(arguments: argparse.Namespace) -> tuple[Callable[[], Seen], Path | None]:
    """What to run for the picture, and the file in which it is written."""
    at = dict(arguments.at)
    where, colon, name = arguments.what.rpartition(":")
    if not (colon and name.strip().isidentifier()):
        numbers = {key: float(value) for key, value in at.items() if isinstance(value, (int, float))}
        if len(numbers) < len(at):
            raise InputError("an expression takes numbers: --at x=1")
        return lambda: see_expression(arguments.what, numbers), None
    function, file = _load(where, name)
    _arguments(function, at)  # complains before anything runs

    def make() -> Seen:
        f, _ = _load(where, name)
        values = _arguments(f, at)
        try:
            return see(f, *values, source=not arguments.no_source)
        except GeartrainError:
            raise
        except Exception as error:  # the user's own program: say what it said, and where
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise InputError(
                f"{name} raised {type(error).__name__}: {error}, at {last.filename}:{last.lineno}: {last.line}"
            ) from error

    return make, file


def _load(where: str, name: str) -> tuple[Callable[..., Any], Path | None]:
    """The function ``name`` of a module or of a file, freshly run each time, so that a saved change is seen."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        space = runpy.run_path(where) if where.endswith(".py") else runpy.run_module(where)
    except (ImportError, OSError) as error:
        raise InputError(f"cannot load {where}: {error}") from error
    f = space.get(name)
    if not callable(f):
        others = ", ".join(sorted(k for k, v in space.items() if callable(v) and not k.startswith("_"))[:8])
        raise InputError(f"{where} has no function {name}" + (f"; it has {others}" if others else ""))
    file = space.get("__file__")
    return f, Path(file) if file else None


def _arguments(f: Callable[..., Any], at: Mapping[str, Any]) -> list[Any]:
    """The values of ``--at`` in the order of the function's parameters."""
    left = dict(at)
    values: list[Any] = []
    for name, parameter in inspect.signature(f).parameters.items():
        if name in left:
            values.append(_as_floats(left.pop(name)))
        elif parameter.default is not inspect.Parameter.empty:
            values.append(parameter.default)
        elif parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise InputError(f"no value for {name}: add --at {name}=1.0")
    if left:
        raise InputError(f"the function has no parameter {', '.join(left)}")
    return values


def _as_floats(value: Any) -> Any:
    if isinstance(value, list):
        return np.array(value, dtype=float)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _watch(server: PageServer, make: Callable[[], Seen], file: Path, last: int) -> None:
    """Make the page again when the file has changed; a program that fails is reported, and the page stays."""
    while True:
        time.sleep(_LOOK_EVERY)
        try:
            now = file.stat().st_mtime_ns
            if now == last:
                continue
            last = now
            server.replace({"/index.html": make().html(live=True)})
            print(f"{file.name} was saved: the page is new", flush=True)
        except Exception as error:  # whatever the program raises while somebody works on it
            print(f"{file.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE such as x=1, got {text!r}")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number or a list of numbers") from None
