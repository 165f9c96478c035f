"""Compiled code that meets a traced value complains in words of its own: here they become ours."""

from types import TracebackType

from geartrain.errors import GeartrainError, SourceLine, TraceError, own_line, teach

__all__ = ["explained"]

_HIDES = ("setting an array element with a sequence", "Error setting single item of array")
"""What NumPy says when a number that it writes into an array refuses to be one."""


_GENERATOR = "Supplied output array must be contiguous"
"""What NumPy's random generators say of an array that they cannot fill."""


_OURS = ("'Tracer'", "got Tracer")
"""How CPython and Cython call what they did not expect."""


def explained(error: BaseException, refused: TraceError | None) -> GeartrainError | None:
    """What to raise instead of an error that left a traced function, if there is something better.

    NumPy hides our error (``refused`` is the last) behind its own when one element is assigned. Functions that want a
    buffer, or a number of C's, raise a TypeError with the name of our class, of which the user has never heard.
    """
    if type(error) is ValueError and refused is not None and str(error).startswith(_HIDES):
        return refused.with_traceback(error.__traceback__)
    if type(error) is ValueError and str(error).startswith(_GENERATOR):
        what = (
            "a random generator cannot fill what out= gives it: an array made inside of a traced function is no memory."
        )
        return TraceError(teach("out", what, "Write b[...] = rng.normal(size=n) for rng.normal(out=b)."))
    if type(error) is not TypeError or not any(name in str(error) for name in _OURS):
        return None
    if str(error).startswith("unhashable"):
        what = "a traced value has no hash, so it can be no key of a dict or a cache and no member of a set."
        do = "Take what is looked up from an integer or a string; leave functools.cache out of what is differentiated."
        return TraceError(teach("hash", what, do, _place(error.__traceback__)))
    what = f"compiled code wants a plain array or number, not a traced one: {error}."
    do = (
        "Use the NumPy function of the same meaning; make a function of foreign code by gt.custom_rule; use"
        " gt.stop_gradient where no derivative is wanted."
    )
    return TraceError(teach("foreign code", what, do, _place(error.__traceback__)))


def _place(at: TracebackType | None) -> SourceLine | None:
    """The user's line where an error came from."""
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return None if at is None else own_line(at.tb_frame)
