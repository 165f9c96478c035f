"""Values as text, bit for bit: what stands in constants and parameters of a graph's text form.

==============================  ====================================================
value                           text
==============================  ====================================================
Python numbers                  ``3``  ``-0.0``  ``1e-05``  ``inf``  ``nan``  ``complex(1.0, -2.0)``  ``True``
a NaN with bits of its own      ``nan:0x7ff8000000000001``
NumPy scalars                   ``f32(0.1)``
arrays                          ``i64[3](1 2 3)``; from 17 elements on ``f64[100](base64 "...")``
dtypes                          ``dtype(f32)``
the rest of an index            ``slice(None, 3, None)``  ``Ellipsis``  ``None``
text, bytes                     ``"axis"``  ``bytes("0aff")``
containers                      ``(1, (2,))``  ``[1, 2]``
==============================  ====================================================

A dtype is a letter and bits, as in an aval; one that is not native or has no such name is ``dtype.str`` in quotes.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from geartrain.ir.cursor import Cursor, TextError

__all__ = ["dtype_text", "literal_text", "read_dtype", "read_literal", "read_shape"]

MANY = 16
"""Arrays with more elements than this are written as base64."""

DEEP = 100
"""How deep containers may nest in text that is read."""

_LETTERS = {"f": "f", "i": "i", "u": "u", "c": "c"}
_BITS = {2: np.uint16, 4: np.uint32, 8: np.uint64}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?(e[+-]?\d+)?|inf)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_NAN = re.compile(r"nan(:0x([0-9a-f]+))?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SHAPE = re.compile(r"\[(\d+(?:,\d+)*)?\]")


# Writing.


def dtype_text(dtype: np.dtype[Any]) -> str:
    """The name of a dtype.

    >>> dtype_text(np.dtype("f4")), dtype_text(np.dtype(">f4")), dtype_text(np.dtype("U3"))
    ('f32', '">f4"', '"<U3"')
    """
    if dtype.kind == "b":
        return "bool"
    if dtype.kind in _LETTERS and dtype.isnative:
        return f"{_LETTERS[dtype.kind]}{8 * dtype.itemsize}"
    return json.dumps(dtype.str)


def literal_text(value: Any) -> str:
    """The text of a value, which :func:`read_literal` reads back bit for bit.

    >>> print(literal_text((slice(None, 3), ..., np.float32(0.1), np.arange(3), -0.0)))
    (slice(None, 3, None), Ellipsis, f32(0.1), i64[3](0 1 2), -0.0)

    Raises:
        TextError: the value is of a kind that no graph holds, such as a function.
    """
    kind = cast("type[Any]", type(value))
    if kind in _WRITERS:
        return _WRITERS[kind](value)
    if issubclass(kind, np.generic):
        array = np.asarray(value)
        if array.dtype == value.dtype:  # a text of no characters is no array of such
            return f"{dtype_text(array.dtype)}({_elements(array)})"
    if issubclass(kind, np.ndarray):
        return f"{dtype_text(value.dtype)}[{','.join(map(str, value.shape))}]({_elements(value)})"
    if issubclass(kind, np.dtype):
        return f"dtype({dtype_text(value)})"
    raise TextError(f"[text] a graph's text form has no place for a {kind.__name__}: {value!r}")


def _float(value: float) -> str:
    return _element(np.float64(value))


def _listing(values: Any) -> str:
    return ", ".join(map(literal_text, values))


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): str,
    type(Ellipsis): str,
    bool: str,
    int: str,
    float: _float,
    complex: lambda z: f"complex({_float(z.real)}, {_float(z.imag)})",
    str: json.dumps,
    bytes: lambda raw: f'bytes("{raw.hex()}")',
    slice: lambda part: f"slice({_listing((part.start, part.stop, part.step))})",
    tuple: lambda items: f"({_listing(items)}{',' if len(items) == 1 else ''})",
    list: lambda items: f"[{_listing(items)}]",
}


def _elements(array: Any) -> str:
    """The elements in C order; as raw bytes where they are many or have no exact text."""
    dtype = array.dtype
    if dtype.hasobject or dtype.names:
        raise TextError(f"[text] a graph's text form has no place for an array of {dtype}")
    exact = dtype.kind in "biu" or dtype.itemsize <= {"f": 8, "c": 16}.get(dtype.kind, 0)
    if not exact or array.size > MANY or not dtype.isnative:
        return f'base64 "{base64.b64encode(array.tobytes()).decode()}"'
    return " ".join(map(_element, array.reshape(-1)))


def _element(x: Any) -> str:
    """A NumPy scalar."""
    kind = x.dtype.kind
    if kind == "c":
        return f"{_element(x.real)}:{_element(x.imag)}"
    if kind != "f":
        return str(x)
    if np.isnan(x):
        bits = int(np.asarray(x).view(_BITS[x.itemsize]))
        return "nan" if bits == _quiet_nan(x.dtype) else f"nan:{bits:#x}"
    short = str(x)
    return short if x.dtype.type(float(short)) == x else repr(float(x))


def _quiet_nan(dtype: np.dtype[Any]) -> int:
    return int(np.asarray(np.nan, dtype).view(_BITS[dtype.itemsize]))


# Reading.


def read_dtype(cursor: Cursor) -> np.dtype[Any]:
    """A dtype as :func:`dtype_text` writes it."""
    cursor.space()
    start = cursor.at
    if name := cursor.take(_STRING):
        code = json.loads(name[0])
    else:
        word = cursor.take(_WORD)
        letter, bits = (word[0][:1], word[0][1:]) if word else ("", "")
        if word and word[0] == "bool":
            code = "?"
        elif letter in _LETTERS and bits.isdigit() and int(bits) % 8 == 0:
            code = f"{letter}{int(bits) // 8}"
        else:
            code = ""
    try:
        found = np.dtype(code) if code else None
    except (TypeError, ValueError):
        found = None
    if found is None or found.hasobject:
        cursor.at = start
        cursor.fail('expected a dtype such as f64, bool or ">f8"')
    return found


def read_shape(cursor: Cursor) -> tuple[int, ...]:
    """A shape: ``[]``, ``[3]``, ``[2,3]``."""
    found = cursor.take(_SHAPE)
    if found is None:
        cursor.fail("expected a shape such as [], [3] or [2,3]")
    return tuple(int(n) for n in found[1].split(",")) if found[1] else ()


def read_literal(cursor: Cursor, depth: int = 0) -> Any:
    """A value as :func:`literal_text` writes it; arrays are read-only."""
    if depth > DEEP:
        cursor.fail(f"containers nest deeper than {DEEP}")
    cursor.space()
    if text := cursor.take(_STRING):
        return _string(cursor, text[0])
    if cursor.accept("("):
        return tuple(_items(cursor, ")", depth))
    if cursor.accept("["):
        return _items(cursor, "]", depth)
    if number := _python_number(cursor):
        return number[0]
    start = cursor.at
    word = cursor.take(_WORD)
    if word and word[0] in _NAMED:
        return _NAMED[word[0]]
    if word and word[0] in _MADE:
        cursor.expect("(")
        return _MADE[word[0]](cursor, depth)
    cursor.at = start
    if not word and not cursor.text.startswith('"', start):
        cursor.fail("expected a value")
    return _numpy(cursor)


_NAMED: dict[str, Any] = {"None": None, "True": True, "False": False, "Ellipsis": Ellipsis}


def _string(cursor: Cursor, text: str) -> Any:
    """A string, or a dtype in quotes before a shape or an element: ``">f8"[2](...)``."""
    if cursor.text[cursor.at : cursor.at + 1] in ("[", "("):
        cursor.at -= len(text)
        return _numpy(cursor)
    try:
        return json.loads(text)
    except ValueError:
        cursor.fail("this string cannot be read")


def _items(cursor: Cursor, close: str, depth: int) -> list[Any]:
    items: list[Any] = []
    while not cursor.accept(close):
        items.append(read_literal(cursor, depth + 1))
        if not cursor.accept(","):
            cursor.expect(close)
            break
    return items


def _python_number(cursor: Cursor) -> tuple[Any] | None:
    """A Python int or float, in a tuple; ``None`` where there is none."""
    if nan := cursor.take(_NAN):
        return (float(_nan(cursor, nan, np.dtype(float))),)
    number = cursor.take(_NUMBER)
    if number is None:
        return None
    whole = number[2] is None and number[3] is None and "inf" not in number[0]
    return (int(number[0]) if whole else float(number[0]),)


def _slice(cursor: Cursor, depth: int) -> slice:
    parts = _items(cursor, ")", depth)
    if len(parts) != 3:
        cursor.fail("a slice has three parts")
    return slice(*parts)


def _complex(cursor: Cursor, depth: int) -> complex:
    parts = _items(cursor, ")", depth)
    if len(parts) != 2 or not all(type(part) is float for part in parts):
        cursor.fail("a complex number has two floats")
    return complex(*parts)


def _bytes(cursor: Cursor, depth: int) -> bytes:
    parts = _items(cursor, ")", depth)
    try:
        return bytes.fromhex(*parts)
    except (TypeError, ValueError):
        cursor.fail('expected hexadecimal digits, as in bytes("0aff")')


def _dtype(cursor: Cursor, depth: int) -> np.dtype[Any]:
    del depth
    found = read_dtype(cursor)
    cursor.expect(")")
    return found


_MADE: dict[str, Callable[[Cursor, int], Any]] = {
    "slice": _slice,
    "complex": _complex,
    "bytes": _bytes,
    "dtype": _dtype,
}


def _numpy(cursor: Cursor) -> Any:
    """A NumPy scalar or array."""
    dtype = read_dtype(cursor)
    scalar = not cursor.text.startswith("[", cursor.at)
    shape = () if scalar else read_shape(cursor)
    cursor.expect("(")
    if cursor.accept("base64"):
        array = _raw(cursor, dtype, shape)
        cursor.expect(")")
    else:
        array = _listed(cursor, dtype, shape)
    return array[()] if scalar else array


def _raw(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    text = cursor.take(_STRING)
    try:
        raw = base64.b64decode(text[0][1:-1], validate=True) if text else b""
    except binascii.Error:
        cursor.fail("this is not base64")
    return _build(cursor, dtype, shape, raw)


def _listed(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    raw = bytearray()
    while not cursor.accept(")"):
        raw += np.asarray(_read_element(cursor, dtype), dtype).tobytes()
    return _build(cursor, dtype, shape, bytes(raw))


def _build(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...], raw: bytes) -> Any:
    """The read-only array of these bytes."""
    try:
        if raw or 0 not in shape:
            return np.frombuffer(raw, dtype).reshape(shape)
        array = np.empty(shape, dtype)
    except (ValueError, MemoryError):
        cursor.fail(f"{len(raw)} bytes do not make {dtype_text(dtype)}[{','.join(map(str, shape))}]")
    array.flags.writeable = False
    return array


def _read_element(cursor: Cursor, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        pair = np.empty(2, part)
        pair[0] = _read_element(cursor, part)
        cursor.expect(":")
        pair[1] = _read_element(cursor, part)
        return pair.view(dtype)[0]
    if dtype.kind == "f" and (nan := cursor.take(_NAN)):
        return _nan(cursor, nan, dtype)
    if dtype.kind == "b":
        if cursor.accept("True"):
            return True
        if cursor.accept("False"):
            return False
        cursor.fail("expected True or False")
    number = cursor.take(_NUMBER)
    if number is None:
        cursor.fail(f"expected an element of {dtype_text(dtype)}")
    try:
        return dtype.type(int(number[0]) if dtype.kind in "iu" else float(number[0]))
    except (ValueError, OverflowError):
        cursor.fail(f"{number[0]} does not fit {dtype_text(dtype)}")


def _nan(cursor: Cursor, found: re.Match[str], dtype: np.dtype[Any]) -> Any:
    unsigned = _BITS.get(dtype.itemsize)
    if found[2] is None or unsigned is None:
        return dtype.type(np.nan)
    try:
        value = np.asarray(int(found[2], 16), unsigned).view(dtype)[()]
    except OverflowError:
        cursor.fail(f"more bits than {dtype_text(dtype)} has")
    if not np.isnan(value):
        cursor.fail("these are not the bits of a nan")
    return value
