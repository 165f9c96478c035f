"""The pages in Debian's chromium, where that and the viewer's packages are installed (``.ci/run`` installs both).

The checks themselves are in ``viewer/test/*.test.mjs``. With SHOTS=folder they leave a picture of each page.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import geartrain as gt
from geartrain import nn, train
from geartrain.train.health import Health, verdict
from geartrain.train.health_page import page
from geartrain.view import document
from geartrain.view.lesson import chapters, save_site, site
from geartrain.view.see import see, see_expression
from geartrain.view.server import PageServer
from geartrain.view.still import still_svg

VIEWER = Path(__file__).parents[2] / "viewer"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")


def dag(x: Any, y: Any) -> Any:
    u = x * y
    return np.sin(u) - u * u / 2 + np.exp(-x)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def sigmoids(x: Any) -> Any:
    for _ in range(12):
        x = sigmoid(x)
    return x


def masked(x: Any) -> Any:
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def long(x: Any) -> Any:
    """100,001 values, and a dominant path of 25,000 steps."""
    for _ in range(25_000):
        x = x + np.sin(x) * 0.0001
    return x


def digits_network(layers: int = 5) -> tuple[Any, Any, Any]:
    """The loss of a network on handwritten digits, its parameters, and a batch of images."""
    images, labels = load_digits(return_X_y=True)
    images, labels = (images[:32] / 16).astype(np.float32), labels[:32]
    sizes = [64, *[32] * (layers - 1), 10]
    parts = [part for n, m in pairwise(sizes) for part in (nn.dense(n, m), nn.relu)][:-1]
    network = nn.sequential(*parts)

    def loss(params: Any, images: Any) -> Any:
        return nn.cross_entropy(network.apply(params, images), labels)

    return loss, network.init(np.random.default_rng(0)), images


def wide(x: Any) -> Any:
    """A long line of operations in which nothing repeats."""
    rng = np.random.default_rng(3)
    for k in rng.integers(0, 5, 150):
        x = (np.sin, np.cos, np.tanh, np.arctan, np.square)[k](x) + 0.5
    return x


def everywhere(x: Any) -> Any:
    return np.sum(x * np.nan)


def deep(x: Any) -> Any:
    for _ in range(4):
        x = np.tanh(0.9 * x)
    return x * x


def deeper(x: Any) -> Any:
    for _ in range(4):
        x = np.tanh(0.5 * x)
    return np.exp(x)


def training_step(loss: Any, images: Any) -> Any:
    """One step of gradient descent, as a function of the parameters."""

    def step(params: Any) -> Any:
        value, params_bar = gt.value_and_grad(loss)(params, images)
        return value, gt.tree.map(lambda w, w_bar: w - 0.1 * w_bar, params, params_bar)

    return step


def repacked(html: str, change: Any) -> str:
    """A page with its trace changed."""
    before, rest = html.split("data-trace>", 1)
    data, after = rest.split("<", 1)
    trace = json.loads(zlib.decompress(base64.b64decode(data)))
    change(trace)
    return f"{before}data-trace>{document.pack(trace)}<{after}"


def fill(folder: Path) -> None:
    worked = see_expression("(3*x + 1)**2", {"x": 1.0})
    worked.save(folder / "worked.html")
    html = worked.html()
    (folder / "newer.html").write_text(repacked(html, lambda t: t.update(format="geartrain-trace/2")), encoding="utf-8")
    (folder / "damaged.html").write_text(repacked(html, lambda t: t["nodes"]["line"].pop()), encoding="utf-8")
    (folder / "cut.html").write_text(html.replace("data-trace>", "data-trace>AAAA"), encoding="utf-8")
    evil = "</script><script>window.broken=1</script>"
    (folder / "script.html").write_text(
        repacked(html, lambda t: (t.update(title=evil), t["nodes"].update(label=[""] * len(t["nodes"]["label"])))),
        encoding="utf-8",
    )
    (folder / "notebook.html").write_text(
        f"<!doctype html><html lang=en data-ready><title>n</title><body>{worked._repr_html_()}", encoding="utf-8"
    )
    see(dag, 0.7, 1.3).save(folder / "dag.html")
    points = [(x, y, *map(float, gt.grad(dag, (0, 1))(x, y))) for x, y in ((0.7, 1.3), (-0.5, 2.0), (1.5, 0.25))]
    _json(folder / "dag.json", points)
    loss, params, images = digits_network()
    see(loss, params, images).save(folder / "digits.html")
    changed = []
    for layer, index, x in ((0, (36, 7), 1.5), (2, (3, 4), -2.0)):
        params[layer]["weights"][index] = x  # each change stays, as it does in the page
        at = ", ".join(map(str, index))
        changed.append({"input": f"params[{layer}].weights", "index": at, "x": x, "loss": float(loss(params, images))})
    _json(folder / "digits.json", changed)
    see(training_step(loss, images), params).save(folder / "step.html")
    see(sigmoids, 0.5).save(folder / "sigmoids.html")
    see(masked, np.array([4.0, 0.0, 1.0])).save(folder / "nan.html")
    see(everywhere, np.ones(3)).save(folder / "naneverywhere.html")
    see(wide, 0.5).save(folder / "wide.html")
    see(long, 0.5).save(folder / "long.html")
    _json(folder / "long.json", (0.25, float(gt.grad(long)(0.25))))
    diff = see(deep, 0.7).diff(see(deeper, 0.7))
    (folder / "newerdiff.html").write_text(
        repacked(diff.html(), lambda t: t.update(format="geartrain-diff/2")), encoding="utf-8"
    )
    diff.save(folder / "diff.html")
    (folder / "widget.html").write_text(
        f"<!doctype html><html lang=en data-ready><title>w</title><style>{document.asset('style.css')}</style>"
        f"<div id=here></div><script type=text/plain id=packed>{document.pack(worked.trace())}</script>"
        f"<script>{document.asset('see.js')}</script>",
        encoding="utf-8",
    )
    fill_lesson(folder)


def fill_lesson(folder: Path) -> None:
    save_site(folder / "site")
    _json(folder / "chapters.json", [c.name for c in chapters()])


def _json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def need_a_browser() -> None:
    if CHROMIUM is None or NODE is None:
        pytest.skip("there is no chromium or no node here: apt-get install chromium nodejs")
    if not (VIEWER / "node_modules" / "playwright-core").exists():
        pytest.skip("the viewer's packages are not installed: npm ci --prefix viewer")


def in_a_browser(folder: Path, name: str, **more: str) -> None:
    ended = subprocess.run(
        [str(NODE), "--test", "--test-reporter=spec", str(VIEWER / "test" / f"{name}.test.mjs")],
        env={**os.environ, "PAGES": str(folder), "CHROMIUM": str(CHROMIUM)} | more,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-12000:] + ended.stderr[-3000:]
    print(*(line for line in ended.stdout.splitlines() if "100,000 operations: opened" in line), sep="\n")


def test_pages_in_a_browser(tmp_path: Path) -> None:
    need_a_browser()
    fill(tmp_path)
    assert (tmp_path / "long.html").stat().st_size < 8_000_000
    in_a_browser(tmp_path, "pages")


def test_the_lesson_in_a_browser(tmp_path: Path) -> None:
    need_a_browser()
    fill_lesson(tmp_path)
    in_a_browser(tmp_path, "lesson")


def test_served_in_a_browser(tmp_path: Path) -> None:
    need_a_browser()
    fill_lesson(tmp_path)
    program = tmp_path / "mine.py"
    program.write_text("def f(x):\n    return (3 * x + 1) ** 2\n", encoding="utf-8")
    command = [sys.executable, "-m", "geartrain", "see", f"{program}:f", "--at", "x=1", "--watch", "--no-browser"]
    pages = {f"/{name}": page for name, page in site().items()}
    with (
        PageServer(pages) as lesson,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watcher,
    ):
        threading.Thread(target=lesson.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            assert watcher.stdout is not None
            address = next(line.split()[1] for line in watcher.stdout if line.startswith("Open "))
            in_a_browser(tmp_path, "served", LESSON=lesson.url, WATCHED=address, FILE=str(program))
        finally:
            watcher.terminate()
            lesson.shutdown()


def test_the_page_of_a_training_run_in_a_browser(tmp_path: Path) -> None:
    need_a_browser()
    rng = np.random.default_rng(0)
    parts = [part for _ in range(12) for part in (nn.dense(8, 8), sigmoid)]  # what arrives shrinks from layer to layer
    network = nn.sequential(*parts, nn.dense(8, 1))

    def loss(params: Any, x: Any) -> Any:
        return np.mean((network.apply(params, x) - 1) ** 2)

    x = rng.standard_normal((32, 8)).astype(np.float32)
    train.fit(loss, network.init(rng), (x,), batch_size=8, epochs=4, folder=tmp_path / "run", see=3, compiled=False)
    log = (tmp_path / "run" / "health.jsonl").read_text(encoding="utf-8").splitlines()
    history = [Health.from_json(json.loads(line)) for line in log]
    shutil.copy(tmp_path / "run" / "health.html", tmp_path / "health.html")
    layers = [layer._asdict() for layer in history[-1].layers]
    _json(tmp_path / "health.json", {"step": history[-1].step, "layers": layers, "verdict": verdict(history)})
    (tmp_path / "going.html").write_text(page(history[:2], "going", going_on=True), encoding="utf-8")
    _json(tmp_path / "chapters.json", [])
    in_a_browser(tmp_path, "health")


def test_the_still_picture_is_whole_xml_and_says_what_it_shows() -> None:
    svg = still_svg(see_expression("(3*x + 1)**2", {"x": 1.0}).trace())
    assert svg.startswith("<svg")
    assert "24" in svg.split("<title>")[1].split("</title>")[0]
    for expression, at in (("x*0", 0.0), ("log(x)", -1.0), ("1/x", 0.0), ("exp(exp(x))", 5.0), ("abs(x)", 0.0)):
        with np.errstate(all="ignore"):
            still_svg(see_expression(expression, {"x": at}).trace())
