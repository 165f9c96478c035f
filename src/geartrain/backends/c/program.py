"""A plan as one function in C."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from geartrain.backends.c.element import TYPES, Unwritable, literal
from geartrain.backends.c.nest import Place, nest
from geartrain.ir.aval import Array, Aval
from geartrain.ir.node import Node
from geartrain.schedule.element import code_of
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.steps import Home, Patches, Product
from geartrain.schedule.strips import Strip

__all__ = ["HEADERS", "HELPERS", "Parameter", "function", "prototype"]

HEADERS = "#include <math.h>\n#include <stdint.h>\n#include <stdlib.h>\n"

_SMALL = """
static double gt_logaddexp(double a, double b) {
  if (a == b) return a + log(2.0);
  return a > b ? a + log1p(exp(b - a)) : a < b ? b + log1p(exp(a - b)) : a + b;
}
static float gt_logaddexpf(float a, float b) { return (float)gt_logaddexp(a, b); }
static double gt_heaviside(double x, double at_zero) { return x != x ? x : x < 0 ? 0 : x > 0 ? 1 : at_zero; }
static float gt_heavisidef(float x, float at_zero) { return x != x ? x : x < 0 ? 0 : x > 0 ? 1 : at_zero; }
static double gt_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static float gt_sigmoidf(float x) { return (float)gt_sigmoid(x); }
static double gt_softplus(double x) { return x != x ? x : (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static float gt_softplusf(float x) { return (float)gt_softplus(x); }
static double gt_remainder(double a, double b) {
  double rest = fmod(a, b);
  if (rest == 0) return copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}
static float gt_remainderf(float a, float b) { return (float)gt_remainder(a, b); }
static double gt_floor_divide(double a, double b) {
  double rest = fmod(a, b), whole = (a - rest) / b, below;
  if (b == 0) return a / b;
  if (rest != 0 && (rest < 0) != (b < 0)) whole -= 1;
  if (whole == 0) return copysign(0.0, a / b);
  below = floor(whole);
  return whole - below > 0.5 ? below + 1 : below;
}
static float gt_floor_dividef(float a, float b) { return (float)gt_floor_divide(a, b); }
static int64_t gt_fmod_i(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
static int64_t gt_remainder_i(int64_t a, int64_t b) {
  int64_t rest = gt_fmod_i(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
static int64_t gt_floor_divide_i(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return b == 0 ? 0 : (int64_t)(0 - (uint64_t)a);
  return a / b - (gt_remainder_i(a, b) != a % b);
}
"""

_PRODUCT = """
static void gt_product_{t}(int64_t many, int64_t m, int64_t n, int64_t k, const {t} *a, int64_t a_row, int64_t a_column,
                           int64_t a_step, const {t} *b, int64_t b_row, int64_t b_column, int64_t b_step, {t} *c) {{
  for (int64_t s = 0; s < many; s++, a += a_step, b += b_step, c += m * n)
    for (int64_t i = 0; i < m; i++) {{
      for (int64_t j = 0; j < n; j++) c[i * n + j] = 0;
      for (int64_t l = 0; l < k; l++) {{
        const {t} x = a[i * a_row + l * a_column];
        for (int64_t j = 0; j < n; j++) c[i * n + j] += x * b[l * b_row + j * b_column];
      }}
    }}
}}
"""
_PATCHES = """
static void gt_patches_{t}(int64_t images, int64_t each, const int64_t *rows, int64_t m, const int64_t *terms,
                           int64_t k, int64_t n, const {t} *a, int64_t a_step, const {t} *b, int64_t b_row,
                           int64_t b_step, {t} *c) {{
  for (int64_t i = 0; i < images; i++)
    for (int64_t r = 0; r < m; r++) {{
      {t} *to = c + (i / each * m + r) * n;
      if (i % each == 0)
        for (int64_t j = 0; j < n; j++) to[j] = 0;
      for (int64_t l = 0; l < k; l++) {{
        const {t} x = a[i * a_step + rows[r] + terms[l]];
        for (int64_t j = 0; j < n; j++) to[j] += x * b[i * b_step + l * b_row + j];
      }}
    }}
}}
"""
HELPERS = _SMALL + "".join([text.format(t=t) for text in (_PRODUCT, _PATCHES) for t in ("double", "float")])


class Parameter(NamedTuple):
    """A parameter of the function: its name, and what it holds. One without axes that is read is passed as a number."""

    name: str
    aval: Aval
    note: str = ""


def prototype(name: str, inputs: Sequence[Parameter], outputs: Sequence[Parameter]) -> str:
    """The function's declaration, without the semicolon."""
    kinds = [f"{_type(p.aval)} {p.name}" if p.aval.shape == () else f"const {_type(p.aval)} *{p.name}" for p in inputs]
    kinds += [f"{_type(p.aval)} *{p.name}" for p in outputs]
    return f"int {name}({', '.join(kinds) or 'void'})"


def _type(aval: Aval) -> str:
    code = code_of(aval.dtype)
    if code not in TYPES:
        raise Unwritable(f"the dtype {aval.dtype}")
    return TYPES[code]


def function(
    plan: Plan, name: str, inputs: Sequence[Parameter], outputs: Sequence[Parameter], guarded: bool = False
) -> str:
    """The definition of the function, and its constants.

    ``guarded``: the plan has one more output, which says whether the program would have taken the same way; where it
    is false, the function returns 2.

    Raises:
        Unwritable: a step that only NumPy can do.
    """
    return _Function(plan, name, inputs, outputs, guarded).text()


class _Function:
    def __init__(
        self, plan: Plan, name: str, inputs: Sequence[Parameter], outputs: Sequence[Parameter], guarded: bool
    ) -> None:
        self.plan, self.name, self.inputs, self.outputs, self.guarded = plan, name, inputs, outputs, guarded
        self.numbers = count()
        self.constants: list[str] = []

    def text(self) -> str:
        plan = self.plan
        spots = {("arena", 0): "work"}
        lines: list[str] = []
        for kind, parameters in (("input", self.inputs), ("output", self.outputs)):
            for i, p in enumerate(parameters):
                spots[kind, i] = pointer = f"{kind}{i}"
                by_value = "&" if kind == "input" and p.aval.shape == () else ""
                lines.append(f"char *const {pointer} = (char *){by_value}{p.name};")
        if self.guarded:
            spots["output", len(self.outputs)] = "holds"
            lines += ["char holds[8];"]
        for i, node in enumerate(plan.consts):
            spots["const", i] = self.constant(node.value)
        lines.append(f"char *const work = {f'malloc({plan.arena})' if plan.arena else 'NULL'};")
        if plan.arena:
            lines.append("if (work == NULL) return 3;")
        lines.append("int status = 0;")
        for step in plan.steps:
            lines += self.step(plan, step, _places(plan, spots))
        if self.guarded:
            lines.append("if (!*holds) status = 2;")
        lines += [f"(void){pointer};" for (kind, _), pointer in spots.items() if kind in ("input", "output")]
        lines += ["goto end;", "end:", "free(work);", "return status;"]
        body = "\n".join(["  " + line for line in lines])
        return "\n".join([*self.constants, f"{prototype(self.name, self.inputs, self.outputs)} {{", body, "}\n"])

    def constant(self, value: Array) -> str:
        """A constant array of the file, as a pointer to char."""
        array = np.ascontiguousarray(value)
        code = code_of(array.dtype)
        if code not in TYPES:
            raise Unwritable(f"the dtype {array.dtype}")
        name = f"{self.name}_constant{next(self.numbers)}"
        numbers = ", ".join([literal(code, x) for x in array.ravel()]) or "0"
        self.constants.append(f"static const {TYPES[code]} {name}[] = {{{numbers}}};")
        return f"((char *){name})"

    def step(self, plan: Plan, step: Step, places: Mapping[Node, Place]) -> list[str]:
        if isinstance(step, Run):
            return nest(step, places)
        if isinstance(step, Product) and step.patches is not None:
            return [self.patches(step, step.patches, plan.homes[step.node], places)]
        if isinstance(step, Product):
            return [_product(step, plan.homes[step.node], places)]
        if isinstance(step, LoopRun):
            return ["{", *["  " + line for line in self.loop(step, places)], "}"]
        if isinstance(step, Strip):
            raise TypeError("C is written from plans without strips")
        raise Unwritable(f"{step.node.op.name}, which NumPy computes")

    def patches(self, product: Product, patches: Patches, home: Home, places: Mapping[Node, Place]) -> str:
        kind, tables = _type(product.node.aval), list[str]()
        for offsets in (patches.rows, patches.terms):
            tables += [self.constant(np.array(offsets, np.int64)), str(len(offsets))]
        a, b, c = (
            f"({kind} *)({x.pointer} + {x.offset})"
            for x in (_at(product.a.home, places), _at(product.b.home, places), _at(home, places))
        )
        b_step = len(patches.terms) * product.b.ld if patches.groups else 0
        words = [patches.images, patches.each, *[f"(const int64_t *){x}" if x[0] == "(" else x for x in tables]]
        words += [product.n, a, patches.step, b, product.b.ld, b_step, c]
        return f"gt_patches_{kind}({', '.join(map(str, words))});"

    def loop(self, step: LoopRun, places: Mapping[Node, Place]) -> list[str]:
        """A loop over the body's steps: pointers move as :meth:`encode.Encoder` says."""
        number = next(self.numbers)
        moves = list(_moves(step, places))
        spots = {key: f"{key[0]}{key[1]}_{number}" for key, *_ in moves}
        lines: list[str] = []
        for key, first, *_ in moves:
            lines.append(f"char *{spots[key]} = {first.pointer} + {first.offset};")
        spots |= {("const", i): places[node].pointer for i, node in enumerate(step.body.consts)}
        inside = _places(step.body, spots)
        t = f"t{number}"
        lines.append(f"for (int64_t {t} = 0; {t} < {step.rolled.loop.trips}; {t}++) {{")
        for each in step.body.steps:
            lines += ["  " + line for line in self.step(step.body, each, inside)]
        for key, _, then, further, turns in moves:
            by = f"({t} & 1 ? {further} : {-further})" if turns else str(further)
            later = f"{spots[key]} + {by}"
            lines.append(f"  {spots[key]} = {t} == 0 ? {then.pointer} + {then.offset} : {later};")
        return [*lines, "}"]


def _places(plan: Plan, spots: Mapping[tuple[str, int], str]) -> dict[Node, Place]:
    return {
        node: Place(spots["arena", 0], at) if kind == "arena" else Place(spots[kind, at], 0)
        for node, (kind, at) in plan.spots.items()
        if kind == "arena" or (kind, at) in spots
    }


def _moves(step: LoopRun, places: Mapping[Node, Place]) -> Iterator[tuple[tuple[str, int], Place, Place, int, bool]]:
    """For each base of a body: where it is in the first repetition and in the second, and how it goes on."""
    rolled, loop = step.rolled, step.rolled.loop
    yield ("arena", 0), places[step.arena], places[step.arena], 0, False
    outs: list[tuple[Place, int, bool]] = []
    for k, out in enumerate(rolled.outs):
        by_turns = not loop.keep_all[k] and k in loop.carried
        size = loop.body.outputs[k].aval.size * out.aval.dtype.itemsize
        outs.append((places[out], size if loop.keep_all[k] or by_turns else 0, by_turns))
    for i, home in enumerate(rolled.inputs):
        first = _at(home, places)
        which = i - loop.fixed
        if which < 0:
            yield ("input", i), first, first, 0, False
        elif which < len(loop.moving):
            move, size = loop.moving[which], home.root.aval.dtype.itemsize
            start = first._replace(offset=first.offset + move.view.offset * size)
            yield ("input", i), start, start._replace(offset=start.offset + move.step * size), move.step * size, False
        else:
            place, further, by_turns = outs[loop.carried[which - len(loop.moving)]]
            yield ("input", i), first, place, further, by_turns
    for i, change in enumerate(loop.changing, len(rolled.inputs)):
        place, size = outs[change.number][0], change.aval.dtype.itemsize
        start = place._replace(offset=place.offset + change.view.offset * size)
        further = change.step * size
        yield ("input", i), start, start._replace(offset=start.offset + further), further, False
    for k, (place, further, by_turns) in enumerate(outs):
        then = place._replace(offset=place.offset + further)
        yield ("output", k), place, then, -further if by_turns else further, by_turns


def _at(home: Home, places: Mapping[Node, Place]) -> Place:
    place = places[home.root]
    return place._replace(offset=place.offset + home.view.offset * home.root.aval.dtype.itemsize)


def _product(product: Product, home: Home, places: Mapping[Node, Place]) -> str:
    kind = _type(product.node.aval)
    words: list[object] = [product.many, product.m, product.n, product.k]
    for x in (product.a, product.b):
        place = _at(x.home, places)
        row, column = (1, x.ld) if x.turned else (x.ld, 1)
        words += [f"(const {kind} *)({place.pointer} + {place.offset})", row, column, x.step]
    place = _at(home, places)
    words.append(f"({kind} *)({place.pointer} + {place.offset})")
    return f"gt_product_{kind}({', '.join(map(str, words))});"
