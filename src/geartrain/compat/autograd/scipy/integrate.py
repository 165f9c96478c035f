"""``autograd.scipy.integrate`` is SciPy's own."""

from typing import Any

from geartrain.extras import need

OWN = need("scipy.integrate", "scipy", "autograd.scipy")

__all__ = list(OWN.__all__)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
