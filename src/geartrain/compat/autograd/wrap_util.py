"""How an operator on functions of one argument becomes one on functions of several, of which some are chosen."""

from collections.abc import Callable
from typing import Any

__all__ = ["get_name", "unary_to_nary", "wraps"]

F = Callable[..., Any]


def get_name(f: Any) -> str:
    """What a function is called."""
    return getattr(f, "__name__", "[unknown name]")


def wraps(fun: Any, namestr: str = "{fun}", docstr: str = "{doc}", **kwargs: Any) -> Callable[[Any], Any]:
    """Give a function the name and text of another, in a sentence."""

    def named(f: Any) -> Any:
        doc = getattr(fun, "__doc__", "") or ""
        try:
            f.__name__ = namestr.format(fun=get_name(fun), **kwargs)
            f.__doc__ = docstr.format(fun=get_name(fun), doc=doc, **kwargs)
        except (AttributeError, TypeError, KeyError, IndexError, ValueError):  # braces in a text, a builtin
            pass
        return f

    return named


def unary_to_nary(unary_operator: F) -> F:
    """``operator(fun, argnum=0, ...)`` of an ``operator(fun, x, ...)``.

    ``argnum`` is a number, or a tuple or list of several: the chosen arguments are then a tuple.

    >>> @unary_to_nary
    ... def twice(fun, x):
    ...     return fun(2 * x)
    >>> twice(lambda a, b: a - b, 1)(10, 1)
    8
    """

    @wraps(unary_operator)
    def nary_operator(fun: F, argnum: Any = 0, *more: Any, **options: Any) -> F:
        assert type(argnum) in (int, tuple, list), argnum

        @wraps(
            fun,
            "{op}_of_{fun}_wrt_argnum_{argnum}",
            "{op} of function {fun} with respect to argument number {argnum}. Takes the same arguments as {fun} but"
            " returns the {op}.",
            op=get_name(unary_operator),
            argnum=argnum,
        )
        def nary_f(*args: Any, **kwargs: Any) -> Any:
            numbers = (argnum,) if isinstance(argnum, int) else tuple(argnum)

            def unary_f(x: Any) -> Any:
                full = list(args)
                for i, part in zip(numbers, (x,) if isinstance(argnum, int) else x, strict=True):
                    full[i] = part
                return fun(*full, **kwargs)

            wraps(fun)(unary_f)
            unary_f.__wrapped__ = fun  # type: ignore[attr-defined]
            x = args[argnum] if isinstance(argnum, int) else tuple([args[i] for i in numbers])
            return unary_operator(unary_f, x, *more, **options)

        return nary_f

    return nary_operator
