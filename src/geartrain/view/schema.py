"""The part of JSON Schema that ``trace.schema.json`` uses, checked without another package."""

from collections.abc import Iterator
from typing import Any

__all__ = ["faults"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """What is wrong with ``value``, with the place of it.

    >>> list(faults({"n": [1, "two"]}, {"properties": {"n": {"type": "array", "items": {"type": "integer"}}}}))
    ['n[1] is a str, not integer']
    """
    name = where.lstrip(".") or "it"
    allowed = schema.get("type")
    if allowed is not None and not _is_a(value, allowed):
        yield f"{name} is a {type(value).__name__}, not {allowed if isinstance(allowed, str) else ' or '.join(allowed)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{name} is {value!r:.60}, not {schema['const']!r}"
    if "enum" in schema and isinstance(value, str) and value not in schema["enum"]:
        yield f"{name} is {value!r:.60}, not one of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and isinstance(value, (int, float)) and value < schema["minimum"]:
        yield f"{name} is {value}, less than {schema['minimum']}"
    if isinstance(value, dict):
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{name} has no {key}"
        for key, inner in value.items():
            rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(rule, dict):
                yield from faults(inner, rule, f"{where}.{key}")
    if isinstance(value, list) and "items" in schema:
        items = schema["items"]
        if items.keys() <= {"type"} and all(_is_a(t(), items["type"]) for t in set(map(type, value)) - {type(None)}):
            if None not in value or _is_a(None, items["type"]):
                return  # a long column of one plain type
        for i, inner in enumerate(value):
            yield from faults(inner, items, f"{where}[{i}]")


def _is_a(value: Any, allowed: str | list[str]) -> bool:
    names = [allowed] if isinstance(allowed, str) else allowed
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)
