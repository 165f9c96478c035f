"""The safetensors format, written from arrays where they lie: no copy of them is made.

A file is the length of the header in 8 bytes, the header as JSON, and the arrays' own bytes one after the other, those
with the widest numbers first so that each begins where a reader can use it in place.

Source: https://huggingface.co/docs/safetensors, *Format*. The package ``safetensors`` reads and checks such files.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIZES = {"i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
_KINDS = {"b1": "BOOL", "c8": "C64"} | {f"{k}{n}": f"{k.upper()}{8 * n}" for k, sizes in _SIZES.items() for n in sizes}
_ALIGNED = 8


def plain(name: str, leaf: Any) -> NDArray[Any]:
    """A leaf as the format holds it: contiguous, the lowest byte first; the leaf itself where it is so already.

    Raises:
        ValueError: the format has no such dtype.

    >>> plain("x", np.array([1, 2], ">i2")).tobytes()
    b'\\x01\\x00\\x02\\x00'
    """
    array = np.asarray(leaf)
    if _code(array) not in _KINDS:
        raise ValueError(f"[checkpoint] {name} is {array.dtype} {array.shape}: safetensors files hold no such numbers")
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def header(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """What stands before the bytes of the ``tensors``.

    >>> header({"x": np.zeros(2, "<f4")}, {})[8:].decode()
    '{"__metadata__":{},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    """
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    begin = 0
    for name, tensor in _in_order(tensors):
        place = [begin, begin := begin + tensor.nbytes]
        entries[name] = {"dtype": _KINDS[_code(tensor)], "shape": list(tensor.shape), "data_offsets": place}
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return len(text).to_bytes(8, "little") + text


def content(tensors: Mapping[str, NDArray[Any]]) -> Iterator[memoryview]:
    """The bytes of the ``tensors``, each as it lies in memory, in the order of the file."""
    for _, tensor in _in_order(tensors):
        yield tensor.reshape(-1).view(np.uint8).data


def _in_order(tensors: Mapping[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    return sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))


def _code(array: NDArray[Any]) -> str:
    return f"{array.dtype.kind}{array.dtype.itemsize}"
