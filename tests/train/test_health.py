"""``see``: what is wrong with a run's gradients is named, with the layer and the factor, on a page that follows it."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain import cli, nn, optim, tree
from geartrain.train import NonFinite, State, UsageError, checkpoint, fit
from geartrain.train.health import Health, Layer, examine, remarks, verdict
from geartrain.train.health_page import page

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 16))
Y = np.sin(X[:, :1])


def deep(bend: Any, layers: int, scale: float = 1.0) -> tuple[Callable[..., Any], Any]:
    parts = [part for _ in range(layers) for part in (nn.dense(16, 16, dtype=np.float64), bend)]
    network = nn.sequential(*parts, nn.dense(16, 1, dtype=np.float64))

    def loss(params: Any, x: Any, y: Any) -> Any:
        return np.mean((network.apply(params, x) - y) ** 2)

    return loss, tree.map(lambda p: p * scale, network.init(np.random.default_rng(0)))


def looked_at(bend: Any, layers: int, scale: float = 1.0) -> Health:
    loss, params = deep(bend, layers, scale)
    return examine(1, lambda p: loss(p, X, Y), params, params)


def plain(x: Any) -> Any:
    return x


def test_factors_multiply_up_to_what_arrives() -> None:
    health = looked_at(np.tanh, 4)
    assert [layer.name for layer in health.layers] == ["[0]", "[2]", "[4]", "[6]", "[8]"]
    arrives = 1.0
    for layer in reversed(health.layers):
        arrives *= layer.factor
        assert layer.arrives == pytest.approx(arrives)
        assert layer.update == 0
    assert verdict([health]) == ""


def test_the_gradient_is_that_of_the_layer() -> None:
    def loss(p: Any) -> Any:
        return np.sum((X @ p["first"]["w"] + p["first"]["b"]) ** 2)

    params = {"first": {"w": np.ones((16, 2)), "b": np.zeros(2)}}
    moved = tree.map(lambda p: p + 0.5, params)
    layer = examine(1, loss, params, moved).layers[0]
    back = 2 * (X @ params["first"]["w"])
    assert layer.name == "first"
    assert layer.arrives == pytest.approx(np.linalg.norm(back))
    assert layer.gradient == pytest.approx(np.hypot(np.linalg.norm(X.T @ back), np.linalg.norm(back.sum(0))))
    assert layer.update == pytest.approx(0.5 * np.sqrt(34) / np.sqrt(32))


def test_a_vanishing_gradient_is_named_with_the_layer_and_the_factor() -> None:
    health = looked_at(nn.sigmoid, 10)
    text = verdict([health])
    worst = min(health.layers[:-1], key=lambda layer: layer.factor)
    left = health.layers[0].arrives / health.layers[-1].arrives
    assert text.startswith(f"The gradient vanishes: of what reaches layer [20], × {left:.2g} is left at layer [0].")
    assert text.endswith(f"on the way to layer {worst.name}: × {worst.factor:.2g}.")


def test_an_exploding_gradient_is_named_with_the_layer_and_the_factor() -> None:
    text = verdict([looked_at(plain, 10, scale=4.0)])
    assert text.startswith("The gradient explodes: what reaches layer [20] has become × ")
    assert "at layer [0]. The most is gained on the way to layer [" in text


def test_a_run_that_explodes_in_time_is_named() -> None:
    loss, start = deep(plain, 1)
    params, history = start, []
    for step in range(1, 5):
        history.append(examine(step, lambda p: loss(p, X, Y), params, params))
        params = tree.map(lambda p: p * 6, params)
    assert verdict(history[:1]) == ""
    assert "is × " in verdict(history)
    assert "of what it was at step 1. A smaller learning rate" in verdict(history)


def test_dead_outputs_and_long_steps_are_remarked() -> None:
    def loss(p: Any) -> Any:
        return np.sum(np.maximum(X @ p["w"] + p["b"], 0) @ p["out"])

    params = {"w": np.ones((16, 4)), "b": np.array([0.0, -1e3, -1e3, 0.0]), "out": np.ones(4)}
    layers = {layer.name: layer for layer in examine(1, loss, params, {**params, "out": 2 * params["out"]}).layers}
    assert layers["w"].dead == 0.5
    assert layers["out"].dead == 0
    text = "\n".join(remarks(Health(1, 0.0, tuple(layers.values()))))
    assert "50% of the outputs of layer w are dead" in text
    assert "A step changes layer out by 100% of its size" in text


def test_cancellation_is_measured_where_paths_meet() -> None:
    def loss(w: Any) -> Any:
        y = X @ w
        return np.sum(y) - 0.5 * np.sum(np.abs(y))

    layer = examine(1, loss, np.ones((16, 1)), np.ones((16, 1))).layers[0]
    assert layer.cancellation is not None
    assert 0 < layer.cancellation < 1


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "path", "rect", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag


def test_the_page_is_one_file_without_scripts_that_follows_the_run() -> None:
    history = [Health(i, 1.0 / i, (Layer("<a>", 1.0, 0.5, 1.0, 1.0, 1e-3, 0.0, None),)) for i in range(1, 500)]
    going, ended = page(history, "a & b", going_on=True), page(history, "a & b", going_on=False, trouble="it is <nan>")
    for text in (going, ended):
        tags = Tags(text).found
        assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in tags}
        assert not any("src" in attrs or "href" in attrs or "style" in attrs for _, attrs in tags)
        assert "&lt;a&gt;" in text
        assert len(text) < 100_000
    assert 'http-equiv="refresh"' in going
    assert 'http-equiv="refresh"' not in ended
    assert "it is &lt;nan&gt;" in ended


def test_a_run_writes_its_page_and_goes_on_with_its_history(tmp_path: Path) -> None:
    loss, start = deep(np.tanh, 2)
    fit(loss, start, (X, Y), epochs=2, batch_size=16, folder=tmp_path, see=3)
    assert "the run has ended" in (tmp_path / "health.html").read_text(encoding="utf-8")
    with (tmp_path / "health.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 9, "lo')  # as if killed
    fit(loss, start, (X, Y), epochs=3, batch_size=16, folder=tmp_path, see=3)
    lines = (tmp_path / "health.jsonl").read_text(encoding="utf-8").splitlines()
    assert [Health.from_json(json.loads(line)).step for line in lines] == [1, 3, 6, 9, 12]
    unseen = fit(loss, start, (X, Y), epochs=4, batch_size=16)
    seen = fit(loss, start, (X, Y), epochs=4, batch_size=16, folder=tmp_path)
    assert all((a == b).all() for a, b in zip(tree.leaves(seen.params), tree.leaves(unseen.params), strict=True))
    with pytest.raises(UsageError, match="give a folder"):
        fit(loss, start, (X, Y), see=3)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_nan_stops_with_its_birth_and_the_state_before_it(compiled: bool, tmp_path: Path) -> None:
    def loss(w: Any, x: Any) -> Any:
        return np.mean(np.log(w + x))

    data = (np.array([3.0, 2.0, 1.0]),)
    seen: list[State] = []
    with pytest.raises(NonFinite, match="first made by log: nan") as caught:
        fit(
            loss, np.array(1.0), data,
            optimizer=optim.sgd(2.1), batch_size=1, epochs=50, compiled=compiled, folder=tmp_path, see=1,
            observers=[lambda state, record: seen.append(state)],
        )  # fmt: skip
    assert "The state just before this step is kept, too:" in str(caught.value)
    arrays, facts = checkpoint.read(tmp_path / "before.safetensors")
    assert facts["step"] == seen[-1].step
    assert arrays["params"] == seen[-1].params
    assert checkpoint.read(tmp_path / "checkpoint.safetensors")[1]["step"] <= facts["step"]
    text = (tmp_path / "health.html").read_text(encoding="utf-8")
    assert "first made by log" in text
    assert "before.safetensors" in text


def test_the_command_says_what_it_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "digits", "--see", "0"])
    assert "expected a number from 1 on, got '0'" in capsys.readouterr().err
