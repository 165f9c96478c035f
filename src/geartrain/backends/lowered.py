"""What becomes of a program on its way to the processor, as text. Loaded when somebody asks, with the compiler."""

from typing import Any

from geartrain.backends import llvm
from geartrain.backends.choose import Program, Texts
from geartrain.backends.compile import abilities, plan_of
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.encode import kernels_of
from geartrain.backends.cpu.executor import Executor
from geartrain.ir.graph import Graph
from geartrain.passes.pipeline import optimised
from geartrain.passes.show import shown
from geartrain.schedule.group import group
from geartrain.schedule.plan import text_of_plan
from geartrain.schedule.text import text_of_grouping

__all__ = ["lowered", "passes"]


def lowered(graph: Graph, program: Program) -> Texts:
    """The stages of one segment."""
    if not isinstance(program, Executor):
        none = "none: this segment is a plan of NumPy calls"
        return Texts(shown(graph), none, none, none, none, none)
    plan, _ = plan_of(program.graph, program.memory)
    found = list(dict.fromkeys(kernels_of(plan)))
    text = kernels.module_text(found) if found else ""
    return Texts(
        shown(graph),
        shown(plan.graph),
        text_of_grouping(plan.graph, group(plan.graph, abilities(program.graph))),
        text_of_plan(plan),
        text,
        _assembly(text) if text else "",
    )


def _assembly(text: str) -> str:
    """The kernels as the processor's own instructions, made as ``kernels.object_code`` makes them."""
    found: Any = llvm.assembly(text, 2, kernels.PASSES)
    return str(found)


def passes(graph: Graph) -> list[tuple[str, str, str]]:
    """The name of each pass, and the graph before and after it; the bodies of loops come after the loop."""
    found: list[tuple[str, str, str]] = []
    optimised(
        graph, lambda name, before, after: found.append((name, shown(before), shown(after))), pairs=llvm.installed()
    )
    return found
