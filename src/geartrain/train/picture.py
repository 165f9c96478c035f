"""The picture of a run: the loss and the accuracy over the epochs, and held-out digits with the network's answers."""

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain.train.extras import need

COLUMNS, ROWS = 12, 3
_LEARNED, _HELD_OUT, _WRONG, _QUIET = "#1f5fa8", "#d9730d", "#c0182b", "#555555"


def draw(
    records: Sequence[dict[str, Any]], images: NDArray[Any], labels: NDArray[Any], predicted: NDArray[Any]
) -> bytes:
    """The picture as PNG bytes.

    ``records`` are the lines of the metrics; ``images`` of shape ``(n, 64)``, ``labels`` and ``predicted`` of shape
    ``(n,)`` are the held-out digits. Digits read wrongly come first and are marked by colour, a frame and both numbers.

    Raises:
        MissingPackage: matplotlib is not installed.
    """
    figure = need("matplotlib.figure").Figure(figsize=(10, 7.4), layout="constrained")
    need("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)  # no window, no display, no global state
    above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    _curves(above, records)
    _digits(below, images, labels, predicted)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _curves(figure: Any, records: Sequence[dict[str, Any]]) -> None:
    loss, accuracy = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in records]
    marker = "o" if len(epochs) < 3 else None  # a line through one point cannot be seen
    for name, colour, label in (("train", _LEARNED, "training"), ("test", _HELD_OUT, "held out")):
        for axes, what, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
            if f"{name}_{what}" in (records[0] if records else {}):
                values = [scale * record[f"{name}_{what}"] for record in records]
                axes.plot(epochs, values, color=colour, label=label, linewidth=1.8, marker=marker)
    loss.set_title("Loss", loc="left", fontweight="bold")
    end = f": {100 * records[-1]['test_accuracy']:.2f} at the end" if records else ""
    accuracy.set_title(f"Held-out accuracy, %{end}", loc="left", fontweight="bold")
    if records:
        loss.legend(frameon=False)
    for axes in (loss, accuracy):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def _digits(figure: Any, images: NDArray[Any], labels: NDArray[Any], predicted: NDArray[Any]) -> None:
    wrong = np.flatnonzero(labels != predicted)
    shown = np.concatenate([wrong, np.flatnonzero(labels == predicted)])[: COLUMNS * ROWS]
    marked = min(len(wrong), len(shown))
    head = f"Held-out digits: {len(wrong)} of {len(labels)} read wrongly"
    which = "in red" if marked == len(wrong) else f"the first {marked} in red"
    note = f" ({which}: its answer ≠ the truth)" if marked else ""
    figure.suptitle(head + note, x=0.01, ha="left", fontsize="large", fontweight="bold")
    for axes in figure.subplots(ROWS, COLUMNS).flat:
        axes.set_axis_off()
    for axes, index in zip(figure.axes, shown, strict=False):
        right = labels[index] == predicted[index]
        axes.imshow(images[index].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(
            f"{predicted[index]}" if right else f"{predicted[index]} ≠ {labels[index]}",
            color=_QUIET if right else _WRONG, fontsize="medium", fontweight="normal" if right else "bold", pad=2,
        )  # fmt: skip
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        for side in axes.spines.values():
            side.set(color="#cccccc" if right else _WRONG, linewidth=0.8 if right else 2.2)


def draw_text(records: Sequence[dict[str, Any]], baselines: Mapping[str, float], written: str) -> bytes:
    """The picture of a run on text as PNG bytes: bits per character over the epochs, counting, and what it writes."""
    figure = need("matplotlib.figure").Figure(figsize=(10, 7.4), layout="constrained")
    need("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=(2, 1))
    epochs = [record["epoch"] for record in records]
    for name, colour, label in (("train", _LEARNED, "training"), ("test", _HELD_OUT, "held out")):
        bits = [record[f"{name}_loss"] / math.log(2) for record in records]
        above.plot(epochs, bits, color=colour, label=label, linewidth=1.8, marker="o" if len(epochs) < 9 else None)
    for (name, bits), style in zip(baselines.items(), ("--", ":"), strict=False):
        above.axhline(bits, color=_QUIET, linestyle=style, label=f"counting {name}: {bits:.2f}")
    last = records[-1]["test_loss"] / math.log(2) if records else math.nan
    above.set_title(f"Bits per character: {last:.3f} on text held out", loc="left", fontweight="bold")
    above.set_xlabel("epoch")
    above.xaxis.get_major_locator().set_params(integer=True)
    above.legend(frameon=False)
    above.grid(alpha=0.25)
    above.spines[["top", "right"]].set_visible(False)
    below.set_axis_off()
    below.set_title("It writes", loc="left", fontweight="bold")
    shown = "\n".join(part for line in written.splitlines() for part in textwrap.wrap(line, 110) or [""])
    plain = shown.encode("ascii", "replace").decode().replace("$", r"\$")
    below.text(0, 1, plain, family="monospace", fontsize="small", va="top", transform=below.transAxes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def draw_table(records: Sequence[dict[str, Any]], scores: Mapping[str, Sequence[float]], what: str) -> bytes:
    """The picture of a run on a table as PNG bytes: the loss, and the scores of each model on each part."""
    figure = need("matplotlib.figure").Figure(figsize=(10, 4), layout="constrained")
    need("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    loss, compared = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in records]
    for name, colour, label in (("train", _LEARNED, "training"), ("test", _HELD_OUT, "held out")):
        if records and f"{name}_loss" in records[0]:
            loss.plot(epochs, [record[f"{name}_loss"] for record in records], color=colour, label=label, linewidth=1.8)
    loss.set_title("Loss", loc="left", fontweight="bold")
    loss.set_xlabel("epoch")
    if records:
        loss.legend(frameon=False)
    for row, (name, parts) in enumerate(scores.items()):
        compared.plot(parts, [row] * len(parts), "o", color=_QUIET, alpha=0.6)
        compared.plot([np.mean(parts)], [row], "|", color=_WRONG, markersize=22, markeredgewidth=3)
        compared.annotate(f"{name}: {np.mean(parts):.3f}", (np.mean(parts), row), (0, 14), textcoords="offset points")
    compared.set_title(f"Cross-validated, {what}", loc="left", fontweight="bold")
    compared.set(yticks=[], ylim=(-0.5, len(scores)))
    for axes in (loss, compared):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
