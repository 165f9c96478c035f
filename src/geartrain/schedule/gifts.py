"""Which outputs may be written where an input lies that the caller gave away."""

from collections.abc import Hashable, Sequence

from geartrain.ir.node import Node
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.steps import Call, Product, Routine
from geartrain.schedule.strips import Strip

__all__ = ["gifts"]


def gifts(plan: Plan) -> list[tuple[int, list[int]]]:
    """For each input the outputs that could lie in its memory: of the same shape and dtype.

    The output is first written after the last step that reads the input, or by that step itself, element by element.
    Where a plan may stop half-way (an index out of range, a singular matrix), the call is then done again, so nothing
    is written before.
    """
    stops = max([i for i, step in enumerate(plan.steps) if _may_stop([step])], default=-1)
    touched = [_touched(step) for step in plan.steps]
    last: dict[Node, int] = {}
    first: dict[int, int] = {}
    for time, roots in enumerate(touched):
        for node in roots:
            root = plan.homes[node].root if node in plan.homes else node
            last[root] = time
            kind, at = plan.spots[root]
            if kind == "output":
                first.setdefault(at, time)
    alike: dict[Hashable, list[int]] = {}  # outputs by shape and dtype
    for j, output in enumerate(plan.graph.outputs):
        if first.get(j, -1) > stops:
            alike.setdefault((output.aval.shape, output.aval.dtype), []).append(j)
    found: list[tuple[int, list[int]]] = []
    for i, node in enumerate(plan.graph.inputs):
        if node.aval.shape == ():
            continue
        end = last.get(node, -1)
        takes = [
            j
            for j in alike.get((node.aval.shape, node.aval.dtype), ())
            if first[j] > end or (first[j] == end and _each_alone(plan, plan.steps[end], node, j))
        ]
        if takes:
            found.append((i, takes))
    return found


def _touched(step: Step) -> list[Node]:
    """The buffers that a step reads or writes."""
    if isinstance(step, Run):
        return [ref.root for ref in step.refs]
    if isinstance(step, Product):
        return [step.a.home.root, step.b.home.root, step.node]
    if isinstance(step, Routine):
        return [*[home.root for home in step.inputs], *step.outs]
    if isinstance(step, Strip):
        return [root for part in step.parts for root in _touched(part.step)]
    if isinstance(step, LoopRun):
        return [*[home.root for home in step.rolled.inputs], *step.rolled.outs]
    return [*step.node.inputs, step.node]


def _may_stop(steps: Sequence[Step]) -> bool:
    for step in steps:
        if isinstance(step, (Call, Routine)) or (isinstance(step, LoopRun) and _may_stop(step.body.steps)):
            return True
        if isinstance(step, Strip) and _may_stop([part.step for part in step.parts]):
            return True
        if isinstance(step, Run) and (step.kernel.scatters or any(_checks(instr.op) for instr in step.kernel.code)):
            return True
    return False


def _checks(op: str) -> bool:
    return op == "gather" or op.endswith("_checked")


def _each_alone(plan: Plan, step: Step, node: Node, output: int) -> bool:
    """Whether a kernel reads and writes the two in step: every element is read before it is written, by nobody else."""
    if isinstance(step, Strip):
        inside = [part.step for part in step.parts]
        reads = [i for i, part in enumerate(inside) if node in _touched(part)]
        writes = [i for i, part in enumerate(inside) for x in _touched(part) if plan.spots[x] == ("output", output)]
        outputs = {x for x in _touched(step) if plan.spots[x] == ("output", output)}
        if not {node, *outputs} <= step.aligned or reads[-1] > writes[0]:
            return False
        return reads[-1] < writes[0] or _each_alone(plan, inside[reads[-1]], node, output)
    if not isinstance(step, Run):
        return False
    folded = {f.operand for f in step.kernel.folds}
    reads = [ref for ref in step.refs if ref.root is node]
    writes = [i for i, ref in enumerate(step.refs) if plan.spots[ref.root] == ("output", output)]
    return not folded & set(writes) and all(
        (r.strides, r.offset) == (step.refs[w].strides, step.refs[w].offset) for r in reads for w in writes
    )
