"""Errors that teach: ``[op] what happened, both shapes, at file:line of the user's code, what to do``."""

import linecache
import os
import sys
import warnings
from types import FrameType
from typing import NamedTuple

import numpy as np

__all__ = [
    "CheckError",
    "ExpressionError",
    "GeartrainError",
    "GeartrainWarning",
    "InputError",
    "LeakError",
    "MissingPackage",
    "RuleError",
    "ShapeError",
    "SourceLine",
    "TraceError",
    "is_installed",
    "library_function",
    "own_line",
    "teach",
    "user_frame",
    "user_line",
    "warn",
]


class GeartrainError(Exception):
    """Base of all errors that geartrain raises on purpose."""


class GeartrainWarning(UserWarning):
    """Something works, but not as well as it could."""


class InputError(GeartrainError, TypeError):
    """An argument of a transformation cannot be used: integers to differentiate, a non-scalar loss, an object dtype."""


class TraceError(GeartrainError, TypeError):
    """The program did something to a traced value that would silently drop or corrupt its derivative."""


class LeakError(GeartrainError, RuntimeError):
    """A traced value was used after the transformation that made it had ended."""


class RuleError(GeartrainError, NotImplementedError):
    """A function has no derivative rule."""


class ShapeError(GeartrainError, ValueError):
    """Shapes that do not fit."""


class CheckError(GeartrainError, AssertionError):
    """Derivatives disagree with finite differences."""


class MissingPackage(GeartrainError, ImportError):
    """Something needs a package that is not installed; the text names the extra that has it."""


class ExpressionError(GeartrainError, ValueError):
    """A typed expression cannot be read."""


class SourceLine(NamedTuple):
    """A line of the user's program."""

    file: str
    line: int
    text: str
    function: str = ""

    def __str__(self) -> str:
        return f"{os.path.relpath(self.file) if os.path.isabs(self.file) else self.file}:{self.line}"


_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MODELS = os.path.join(_HERE, "train") + os.sep  # plain NumPy programs that come along: a line there is a user's
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__)))
_FOREIGN = tuple([os.path.join(_PACKAGES, package) + os.sep for package in ("numpy", "scipy")])
_INSTALLED = (_PACKAGES + os.sep, os.path.dirname(os.path.abspath(os.__file__)) + os.sep, "<frozen ")


def is_installed(file: str) -> bool:
    """Whether a file of source belongs to an installed package, to Python or to us."""
    return file.startswith((_HERE, *_INSTALLED)) and not file.startswith(_MODELS)


def user_frame(frame: FrameType | None = None) -> FrameType | None:
    """The innermost frame (from ``frame`` outwards) that belongs neither to geartrain nor to NumPy or SciPy."""
    frame = frame or sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        file = frame.f_code.co_filename
        ours = file.startswith(_HERE) and not file.startswith(_MODELS)
        if not ours and not file.startswith(_FOREIGN) and not file.startswith("<__array_function__"):
            return frame
        frame = frame.f_back
    return None


def user_line() -> SourceLine | None:
    """The line of the user's program that is under way."""
    frame = user_frame()
    return None if frame is None else _line(frame, frame.f_lineno)


def own_line(frame: FrameType | None = None) -> SourceLine | None:
    """The line that somebody who reads an error can change: not one of a library, if a program of theirs called it."""
    frame = user_frame(frame)
    found = frame
    while found is not None and found.f_code.co_filename.startswith(_INSTALLED):
        found = user_frame(found.f_back) if found.f_back is not None else None
    found = found or frame
    return None if found is None else _line(found, found.f_lineno)


def library_function() -> str | None:
    """The function of somebody else's that the user's program called, if one is under way: ``statistics.fmean``."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    found: FrameType | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE) or file.startswith(_MODELS):
            if not file.startswith((*_INSTALLED, "<__array_function__")):
                break
            found = frame
        frame = frame.f_back
    if frame is None or found is None:
        return None
    return f"{found.f_globals.get('__name__', '')}.{found.f_code.co_qualname}"


def _line(frame: FrameType, line: int) -> SourceLine:
    file = frame.f_code.co_filename
    return SourceLine(file, line, linecache.getline(file, line, frame.f_globals).strip(), frame.f_code.co_name)


def warn(text: str) -> None:
    """A :class:`GeartrainWarning` at the line of the user's program that is under way."""
    frame = user_frame()
    if frame is None:
        warnings.warn(text, GeartrainWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, GeartrainWarning, frame.f_code.co_filename, frame.f_lineno)


def teach(op: str, what: str, do: str = "", line: SourceLine | None = None) -> str:
    """The text of an error: the op, what happened, where in the user's program, and what to do.

    >>> print(teach("grad", "the argument is an int.", "Write 3.0.", SourceLine("lesson.py", 4, "gt.grad(f)(3)")))
    [grad] the argument is an int.
      at lesson.py:4: gt.grad(f)(3)
      Write 3.0.
    """
    line = line or own_line()
    parts = [f"[{op}] {what}"]
    if line is not None:
        parts.append(f"  at {line}: {line.text}" if line.text else f"  at {line}")
    if do:
        parts.append(f"  {do}")
    return "\n".join(parts)
