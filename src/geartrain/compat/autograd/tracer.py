"""autograd's boxes. Here a traced value says that it is what it stands for; these names ask whether it is traced."""

from typing import Any

from geartrain.compat.autograd.rules import notrace_primitive, primitive, register_notrace
from geartrain.trace.tracer import Tracer, depends_of, value_of

__all__ = ["Box", "getval", "isbox", "notrace_primitive", "primitive", "register_notrace"]


class _BoxMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isbox(instance)


class Box(metaclass=_BoxMeta):
    """``isinstance(x, Box)`` is whether x is traced. Boxes of one's own cannot be made."""

    @classmethod
    def register(cls, value_type: type) -> None:
        """Refused: types of one's own are made known by being containers."""
        raise NotImplementedError(
            f"[autograd] {value_type.__name__} cannot be registered as a box. Use a dataclass, a namedtuple, a dict or"
            " a list of arrays: these are differentiated as they come."
        )


def isbox(x: Any) -> bool:
    """Whether ``x`` is traced."""
    return type(x) is Tracer and depends_of(x) != 0


def getval(x: Any) -> Any:
    """The value that a traced ``x`` stands for."""
    return value_of(x)
