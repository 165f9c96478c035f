"""The pages in Debian's chromium, where that and the viewer's packages are installed (``.ci/run`` installs both).

The checks themselves are in ``viewer/test/pages.test.mjs``. With SHOTS=folder they leave a picture of each page.
"""

import base64
import json
import os
import shutil
import subprocess
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import geartrain as gt
from geartrain import nn
from geartrain.view import document
from geartrain.view.lesson import chapters, save_site
from geartrain.view.see import see, see_expression
from geartrain.view.still import still_svg

VIEWER = Path(__file__).parents[2] / "viewer"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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
    (folder / "dag.json").write_text(json.dumps(points), encoding="utf-8")
    loss, params, images = digits_network()
    see(loss, params, images).save(folder / "digits.html")
    see(sigmoids, 0.5).save(folder / "sigmoids.html")
    see(masked, np.array([4.0, 0.0, 1.0])).save(folder / "nan.html")
    see(long, 0.5).save(folder / "long.html")
    save_site(folder / "site")
    (folder / "chapters.json").write_text(json.dumps([c.name for c in chapters()]), encoding="utf-8")


def test_the_pages_in_a_browser(tmp_path: Path) -> None:
    node = shutil.which("node")
    if CHROMIUM is None or node is None:
        pytest.skip("there is no chromium or no node here: apt-get install chromium nodejs")
    if not (VIEWER / "node_modules" / "playwright-core").exists():
        pytest.skip("the viewer's packages are not installed: npm ci --prefix viewer")
    fill(tmp_path)
    ended = subprocess.run(
        [node, "--test", "--test-reporter=spec", str(VIEWER / "test" / "pages.test.mjs")],
        env={**os.environ, "PAGES": str(tmp_path), "CHROMIUM": CHROMIUM},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-12000:] + ended.stderr[-3000:]


def test_the_still_picture_is_whole_xml_and_says_what_it_shows() -> None:
    svg = still_svg(see_expression("(3*x + 1)**2", {"x": 1.0}).trace())
    assert svg.startswith("<svg")
    assert "24" in svg.split("<title>")[1].split("</title>")[0]
    for expression, at in (("x*0", 0.0), ("log(x)", -1.0), ("1/x", 0.0), ("exp(exp(x))", 5.0), ("abs(x)", 0.0)):
        with np.errstate(all="ignore"):
            still_svg(see_expression(expression, {"x": at}).trace())
