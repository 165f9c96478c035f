"""The picture as a notebook widget: what is dragged, selected and scrubbed in the page is known to Python, and back."""

from functools import cache
from typing import Any

from geartrain.extras import need
from geartrain.view.document import asset, pack

__all__ = ["make_widget"]

Trace = dict[str, Any]


def make_widget(trace: Trace) -> Any:
    """An anywidget that shows ``trace``.

    Its traits are in step with the page, in both directions:

    - ``x``: the inputs by name, numbers, and lists of the elements of arrays (C order);
    - ``selected``: the number of the node that is selected, -1 for none;
    - ``step``: the place on the tape, ``"f2"`` after two steps forward, ``"b3"`` after three back.

    Raises:
        MissingPackage: anywidget is not installed.
    """
    elements: dict[str, list[Any]] = trace["program"]["inputs"] if trace["program"] else {}
    start: dict[str, Any] = {}
    for one in trace["inputs"]:
        x = elements.get(str(one["node"]))
        if x is not None:
            start[one["name"]] = x[0] if len(x) == 1 else x
    return _picture()(trace=pack(trace), x=start)


@cache
def _picture() -> Any:
    anywidget, traitlets = (need(name, "notebook", "widget") for name in ("anywidget", "traitlets"))
    body: dict[str, Any] = {
        "__doc__": make_widget.__doc__,
        "_esm": asset("see.js") + "\nexport default { render: geartrainSee.render };\n",
        "_css": asset("style.css"),
        "trace": traitlets.Unicode().tag(sync=True),
        "x": traitlets.Dict().tag(sync=True),
        "selected": traitlets.Int(-1).tag(sync=True),
        "step": traitlets.Unicode("end").tag(sync=True),
    }
    return type("Picture", (anywidget.AnyWidget,), body)
