"""``autograd.scipy.special`` is SciPy's own."""

from typing import Any

from geartrain.extras import need

OWN = need("scipy.special", "scipy", "autograd.scipy")

__all__ = list(OWN.__all__)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
