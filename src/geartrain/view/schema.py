"""The part of JSON Schema that ``trace.schema.json`` uses, checked without another package."""

from collections.abc import Iterator
from typing import Any

__all__ = ["faults"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


Schema = dict[str, Any]


def faults(value: Any, schema: Schema, where: str = "") -> Iterator[str]:
    """What is wrong with ``value``, with the place of it.

    >>> list(faults({"n": [1, "two"]}, {"properties": {"n": {"type": "array", "items": {"type": "integer"}}}}))
    ['n[1] is a str, not integer']
    """
    name = where.lstrip(".") or "it"
    if "anyOf" in schema and all(next(faults(value, one), None) for one in schema["anyOf"]):
        yield f"{name} is {value!r:.60}, which it cannot be"
        return
    allowed = schema.get("type")
    if allowed is not None and not any(type(value) in kinds for kinds in _kinds(allowed)):
        yield f"{name} is a {type(value).__name__}, not {allowed if isinstance(allowed, str) else ' or '.join(allowed)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{name} is {value!r:.60}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{name} is {value!r:.60}, not one of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and type(value) in (int, float) and value < schema["minimum"]:
        yield f"{name} is {value}, less than {schema['minimum']}"
    if _has_type(value, dict):
        yield from _inside(value, schema, where)
    if _has_type(value, list) and "items" in schema:
        plain = _plain(schema["items"])  # columns are long: what its type alone lets through is not looked at twice
        for i, inner in enumerate(value):
            if type(inner) not in plain:
                yield from faults(inner, schema["items"], f"{where}[{i}]")


def _inside(value: dict[str, Any], schema: Schema, where: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{where.lstrip('.') or 'it'} has no {key}"
    for key, inner in value.items():
        rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if rule is not None:
            yield from faults(inner, rule, f"{where}.{key}")


def _has_type(value: Any, kind: type) -> bool:
    return type(value) is kind


def _kinds(allowed: str | list[str]) -> list[tuple[type, ...]]:
    return [_TYPES[name] for name in ([allowed] if isinstance(allowed, str) else allowed)]


def _plain(schema: Schema) -> set[type]:
    """The Python types whose values all satisfy ``schema``."""
    one_of = schema.get("anyOf", [schema])
    return {kind for s in one_of if s.keys() == {"type"} for kinds in _kinds(s["type"]) for kind in kinds}
