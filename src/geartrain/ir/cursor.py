"""A place in a line of text that is being read, and the error that says where it went wrong."""

import re
from typing import NoReturn

from geartrain.errors import GeartrainError

__all__ = ["Cursor", "TextError"]


class TextError(GeartrainError, ValueError):
    """A text is not that of a graph; says in which line, and what was expected there."""


class Cursor:
    """A place in one line of text. ``line`` is its number, for errors."""

    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.line = line
        self.at = 0

    def fail(self, what: str) -> NoReturn:
        """Raise a :class:`TextError` for this place."""
        raise TextError(f"[text] line {self.line}, column {self.at + 1}: {what}\n  {self.text}\n  {' ' * self.at}^")

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What ``pattern`` matches here, after spaces."""
        self.space()
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def accept(self, token: str) -> bool:
        """Step over ``token`` if it is here."""
        self.space()
        here = self.text.startswith(token, self.at)
        self.at += len(token) * here
        return here

    def expect(self, token: str) -> None:
        if not self.accept(token):
            self.fail(f"expected {token!r}")

    def end(self) -> None:
        self.space()
        if self.at < len(self.text):
            self.fail("expected the end of the line")
