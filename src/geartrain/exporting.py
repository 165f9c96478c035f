"""``export_c``: a function and its gradient as C source, for programs without Python."""

import inspect
import keyword
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geartrain import tree
from geartrain.api import value_and_grad
from geartrain.backends.c.element import Unwritable
from geartrain.backends.c.program import HEADERS, HELPERS, Parameter, function, prototype
from geartrain.errors import InputError, teach
from geartrain.ir.aval import aval_of
from geartrain.ir.graph import Graph, closed
from geartrain.passes.pipeline import optimised
from geartrain.paths import Decision, once
from geartrain.recording import Recording
from geartrain.run import F, Run, is_static
from geartrain.schedule.plan import Plan, make_plan
from geartrain.schedule.steps import Unrollable

__all__ = ["export_c"]

_C_PLUS_PLUS = '#ifdef __cplusplus\nextern "C" {\n#endif\n'
_STATUS = """
/* Every function returns 0, or: 1 an index is out of range; 2 the arguments lead to another branch than the example;
   3 there is no memory. After anything but 0 the results are not valid. Arrays lie in C order; results overlap neither
   arguments nor each other. */
"""


def export_c(
    f: F, *example: Any, path: str | Path | None = None, argnums: int | Sequence[int] = 0
) -> tuple[Path, Path]:
    """Write one C file and its header: ``f`` for arguments like ``example``, and its value with the gradient.

    The file needs nothing but the standard library and libm: ``cc -O3 f.c -lm``. It has two functions, ``f`` and
    ``f_value_and_grad``. Each float or array in the arguments is a parameter, arrays by pointer, containers leaf by
    leaf (``p["w"]`` is ``p_w``); then come pointers to the results. Integers, truth values and text are part of the
    program, as under ``jit``. Decisions that Python took on values are checked: the C function returns 2 where the
    example would not have gone. Sums are plain sums, so the last digits may differ from NumPy's.

    Args:
        f: a function that returns one real number.
        example: arguments; only shapes, dtypes and static values count, and which branches they take.
        path: the C file; by default ``<name of f>.c`` in the current folder.
        argnums: which arguments to differentiate in, as for :func:`geartrain.grad`.

    Returns:
        The paths of the C file and of the header.

    Raises:
        InputError: a step has no C (a decomposition, a sort), or a shape depends on data.

    >>> import tempfile
    >>> def f(x):
    ...     return (3 * x + 1) ** 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, header = export_c(f, 1.0, path=f"{folder}/f.c")
    ...     print([line for line in header.read_text().splitlines() if line.startswith("int ")])
    ['int f(double x, double *y);', 'int f_value_and_grad(double x, double *y, double *x_bar);']
    """
    name = _identifier(getattr(f, "__name__", "f"))
    source = Path(path) if path is not None else Path(f"{name}.c")
    if path is not None:
        name = _identifier(source.stem)
    inputs = _inputs(f, example)
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    programs = (("", f, ["y"]), ("_value_and_grad", value_and_grad(f, argnums), ["y", *_bars(f, example, chosen)]))
    texts: list[str] = []
    declarations: list[str] = []
    for suffix, program, names in programs:
        plan, guarded, kinds = _plan(program, example)
        if len(kinds) != len(names):
            what = f"the function returns {len(kinds)} results, and only one number can be exported."
            raise InputError(teach("export_c", what, "Return one number: a loss."))
        outputs = [Parameter(n, kind) for n, kind in zip(names, kinds, strict=True)]
        try:
            texts.append(function(plan, name + suffix, inputs, outputs, guarded))
            declarations.append(_comment(inputs, outputs) + prototype(name + suffix, inputs, outputs) + ";\n")
        except Unwritable as error:
            do = "Leave it out of what is exported, or write it in operations on elements, sums and products."
            raise InputError(teach("export_c", f"there is no C for {error.args[0]}.", do)) from error
    header = source.with_suffix(".h")
    guard = f"{name.upper()}_H"
    begin = (
        f'#ifndef {guard}\n#define {guard}\n#include <stdint.h>\n#ifdef __cplusplus\nextern "C" {{\n#endif\n{_STATUS}'
    )
    end = "#ifdef __cplusplus\n}\n#endif\n#endif\n"
    header.write_text("\n".join([begin, *declarations, end]), encoding="utf-8")
    used = [part for part in HELPERS.split("\n\n") if part.strip()]
    source.write_text("\n".join([f'#include "{header.name}"\n{HEADERS}', *used, *texts]), encoding="utf-8")
    return source, header


def _identifier(text: str) -> str:
    """A name that C and Python take.

    >>> _identifier("<lambda>"), _identifier("w[0].b"), _identifier("2x"), _identifier("int")
    ('lambda_', 'w_0_b', '_2x', 'int_')
    """
    made = re.sub(r"\W+", "_", text).strip("_") or "f"
    made = f"_{made}" if made[0].isdigit() else made
    return f"{made}_" if keyword.iskeyword(made) or made in _WORDS_OF_C else made


_WORDS_OF_C = frozenset(
    re.findall(
        r"\w+",
        "auto break case char const continue default do double else enum extern float for goto if inline int long "
        "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
        "main work status end holds y",
    )
)
"""What a parameter may not be called: words of the language, and our own names in a function."""


def _argument_names(f: F, many: int) -> list[str]:
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        found = []
    usual = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in found if p.kind in usual][:many]
    return [*names, *[f"x{i}" for i in range(len(names), many)]]


def _leaves(f: F, example: Sequence[Any]) -> list[tuple[int, str, Any]]:
    """The number of the argument, the name and the value of each leaf."""
    found: list[tuple[int, str, Any]] = []
    taken: set[str] = set()
    for i, (name, x) in enumerate(zip(_argument_names(f, len(example)), example, strict=True)):
        values, treedef = tree.flatten(x)
        for part, v in zip(tree.names(treedef), values, strict=True):
            made = _identifier(f"{name}.{part}")
            while made in taken:
                made += "_"
            taken.add(made)
            found.append((i, made, v))
    return found


def _inputs(f: F, example: Sequence[Any]) -> list[Parameter]:
    return [Parameter(name, aval_of(x)) for _, name, x in _leaves(f, example) if not is_static(x)]


def _bars(f: F, example: Sequence[Any], argnums: Sequence[int]) -> list[str]:
    leaves = _leaves(f, example)
    return [f"{name}_bar" for number in argnums for i, name, _ in leaves if i == number % len(example)]


def _comment(inputs: Sequence[Parameter], outputs: Sequence[Parameter]) -> str:
    shapes = [f"{p.name}: {p.aval!r}".rstrip("~") for p in (*inputs, *outputs)]
    return f"/* {', '.join(shapes)} */\n"


def _plan(f: F, example: Sequence[Any]) -> tuple[Plan, bool, list[Any]]:
    """The plan of one run, whether its last output is a guard, and the avals of the results."""
    run = Run("export_c", f, example, kind="jit")
    if any(is_static(y) for y in run.results):
        raise InputError(
            teach("export_c", "a result is no traced number.", "Return a number that depends on the arguments.")
        )
    inputs = [node for node in run.nodes if node is not None]
    recording = Recording([aval_of(node.value) for node in inputs])
    asked = run.trace.decisions
    wanted = [d.node for d in asked] + [run.constant_or_node(y) for y in run.results]
    pure = recording.take(run.level.segment, inputs, wanted)
    decisions: list[Decision] = once(pure[: len(asked)], [(d.how, d.answer) for d in asked])
    if any(how == "shape" for _, how, _ in decisions):
        what = "the shape of an array depends on data, so memory for it cannot be planned."
        raise InputError(teach("export_c", what, "Use np.where instead of x[mask]."))
    outputs = pure[len(asked) :]
    kinds = [node.aval for node in outputs]
    goals = [*outputs, recording.all_hold(decisions)] if decisions else outputs
    made = recording.graph(recording.inputs, goals)
    graph = closed(Graph(tuple(recording.inputs), made.nodes, made.outputs))
    try:
        return make_plan(optimised(graph), True), bool(decisions), kinds
    except Unrollable:
        return make_plan(optimised(graph, rolled=False), True), bool(decisions), kinds
