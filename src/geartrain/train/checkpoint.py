"""Trees of arrays in safetensors files: written all or nothing, verified when they are read.

A file holds one tensor for each leaf, named by its place in the tree (``params[0].weights``), and one entry of
metadata, ``geartrain``: JSON with the format's name, the caller's facts, and a SHA-256 over the facts and every tensor.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain import tree
from geartrain.train import atomic, safetensors_file
from geartrain.train.errors import CheckpointError
from geartrain.train.extras import need

FORMAT = "geartrain-checkpoint/1"
_ENTRY = "geartrain"
_SHOWN = 8  # differences listed before "and n more"


def save(path: Path, arrays: Any, facts: Mapping[str, Any]) -> None:
    """Write a tree of arrays and JSON-able ``facts`` to ``path``, replacing what is there, all or nothing.

    The same arrays and facts give the same bytes. The arrays go to the file from where they lie, and a second thread
    computes the checksum meanwhile, so it takes about as long as the disk does.

    Raises:
        WriteError: the system refused; the old file stands.
        ValueError: two leaves would get one name, a leaf has a dtype that the format lacks, or a fact is not JSON.
    """
    named = tree.paths(arrays)
    tensors = {name: safetensors_file.plain(name, leaf) for name, leaf in named}
    if len(tensors) != len(named):
        raise ValueError(f"[checkpoint] two leaves of the tree have the same name among {[name for name, _ in named]}")
    facts_text = json.dumps(facts, sort_keys=True, allow_nan=False)

    def header(sha256: str) -> bytes:
        entry = json.dumps({"format": FORMAT, "facts": facts_text, "sha256": sha256})
        return safetensors_file.header(tensors, {_ENTRY: entry})

    with ThreadPoolExecutor(1) as beside, atomic.writing(path) as file:
        digest = beside.submit(_digest, tensors, facts_text)
        file.write(header("0" * 64))  # as long as the one that takes its place
        for part in safetensors_file.content(tensors):
            file.write(part)
        atomic.sync(file)  # the disk works while the checksum is computed
        file.seek(0)
        file.write(header(digest.result()))


def load(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """Read the tree and the facts that ``save`` wrote to ``path``.

    The tree has the structure of ``like``, and its arrays are bit for bit as saved.

    Raises:
        CheckpointError: no such file, not readable, truncated, damaged, not written by ``save``, or with tensors whose
            names, shapes or dtypes differ from the leaves of ``like`` (the text lists what was expected and found).
    """
    tensors, facts = read(path)
    expected = [(name, np.asarray(leaf)) for name, leaf in tree.paths(like)]
    differences = _differences(dict(expected), tensors)
    if differences:
        rest = f"\n  and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        listing = "".join(f"\n  {line}" for line in differences[:_SHOWN])
        raise CheckpointError(f"{path} is a checkpoint of something else:{listing}{rest}")
    return tree.unflatten(tree.flatten(like)[1], [tensors[name] for name, _ in expected]), facts


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors by name and the facts that ``save`` wrote to ``path``, verified, whatever tree they came from.

    Raises:
        CheckpointError: as ``load``, except that any names, shapes and dtypes will do.
    """
    safetensors = need("safetensors")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint {path}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read the checkpoint {path}: {atomic.reason(error)}") from error
    try:
        safetensors.deserialize(data)  # checks the header and that every byte it promises is there
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file: truncated, damaged, or something else "
            f"({len(data):,} bytes; {error})"
        ) from error
    entry = _entry(data)
    if entry is None:
        raise CheckpointError(f"{path} is a safetensors file, but not a {FORMAT}: geartrain did not write it")
    tensors: dict[str, NDArray[Any]] = {
        name: np.array(tensor) for name, tensor in need("safetensors.numpy").load(data).items()
    }
    if entry["sha256"] != _digest(tensors, entry["facts"]):
        raise CheckpointError(f"{path} is damaged: its content does not match its checksum")
    return tensors, json.loads(entry["facts"])


def _entry(data: bytes) -> dict[str, str] | None:
    """Our metadata in a file that safetensors has accepted: the header's length in 8 bytes, then the header as JSON."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    try:
        entry = json.loads(header["__metadata__"][_ENTRY])
        return entry if entry["format"] == FORMAT and {"facts", "sha256"} <= entry.keys() else None
    except (KeyError, TypeError, ValueError):
        return None


def _digest(tensors: Mapping[str, NDArray[Any]], facts: str) -> str:
    sha256 = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"\n{name} {tensor.dtype.newbyteorder('=')} {tensor.shape}\n".encode())
        plain = np.ascontiguousarray(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False))
        sha256.update(plain.reshape(-1).view(np.uint8).data)  # without a copy: it may be large
    return sha256.hexdigest()


def _differences(expected: Mapping[str, NDArray[Any]], got: Mapping[str, NDArray[Any]]) -> list[str]:
    """One line for each tensor that is not as expected."""

    def kind(tensors: Mapping[str, NDArray[Any]], name: str) -> str:
        return f"{tensors[name].dtype} {tensors[name].shape}" if name in tensors else "nothing"

    names = [*expected, *sorted(got.keys() - expected.keys())]
    pairs = [(name, kind(expected, name), kind(got, name)) for name in names]
    return [f"{name}: expected {wanted}, got {found}" for name, wanted, found in pairs if wanted != found]
