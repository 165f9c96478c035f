"""``see``: one object, four bodies; and the commands."""

import argparse
import contextlib
import io
import linecache
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import cli, nn
from geartrain.errors import MissingPackage
from geartrain.view import commands, trace_file
from geartrain.view.lesson import chapters, site
from geartrain.view.markdown import render
from geartrain.view.see import see, see_expression
from geartrain.view.server import PageServer
from geartrain.view.widget import _picture


def run(*arguments: str) -> tuple[int, str, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = cli.main(arguments)
    return code, out.getvalue(), err.getvalue()


def test_it_prints_the_worked_example() -> None:
    assert "24" in str(see(lambda x: (3 * x + 1) ** 2, 1.0))


def test_a_trace_of_it_is_whole() -> None:
    trace_file.check(see(lambda x, y: x * y, 2.0, 3.0).trace())


def test_a_page_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    page = see(lambda x: x * 2, 1.0).save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)=["']?(?!data:)[a-z/]""", page.split("<script>")[0])
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_a_notebook_gets_a_picture_that_needs_no_script() -> None:
    html = see(lambda x: (3 * x + 1) ** 2, 1.0)._repr_html_()
    assert re.match(r'<div id="gt-\w+"><img src="data:image/svg\+xml;base64,', html)
    assert "24" in html.split("<script")[0]


def test_names_cannot_break_out_of_the_page() -> None:
    def f(x: Any) -> Any:
        return x * 2

    f.__name__ = "</script><img src=x onerror=alert(1)>"
    page = see(f, 1.0).html()
    assert "<img src=x" not in page


def test_the_source_stays_at_home_if_asked() -> None:
    def secret(x: Any) -> Any:
        return x * 2

    assert [line["text"] for line in see(secret, 1.0).trace()["lines"]] == ["return x * 2"]
    assert [line["text"] for line in see(secret, 1.0, source=False).trace()["lines"]] == [""]


def test_a_forward_birth_and_a_masked_one_have_certificates() -> None:
    with np.errstate(all="ignore"):
        forward = see(lambda x: np.sum(np.log(x)), np.array([1.0, -1.0])).trace()["certificate"]
        masked = see(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), np.array([1.0, 0.0])).trace()["certificate"]
    assert (forward["kind"], masked["kind"]) == ("forward", "masked")
    assert "log" in forward["message"]
    assert "sqrt" in masked["message"]
    assert "certificate" not in see(lambda x: x * 2, 1.0).trace()


def test_everything_not_a_number_still_makes_a_page() -> None:
    with np.errstate(all="ignore"):
        seen = see(lambda x: np.sum(x * np.nan), np.ones(3))
    trace_file.check(seen.trace())
    assert "data-trace" in seen.html()
    assert "nan" in seen._repr_html_()


def test_a_difference_names_what_differs() -> None:
    def f(x: Any) -> Any:
        return np.exp(x) * 2

    told = str(see(f, 1.0).diff(see(f, 2.0)))
    assert told.startswith("0 operations are the same")
    assert re.search(r"exp\(x\) +value 2\.718 -> 7\.389 +rate 2\.718 -> 7\.389 +cotangent 2 -> 2", told)
    assert str(see(f, 1.0).diff(see(f, 1.0))).startswith("3 operations are the same, 0 differ")


def test_a_difference_of_two_programs_names_what_is_new(tmp_path: Path) -> None:
    def before(x: Any) -> Any:
        u = 3 * x
        return u * u

    def after(x: Any) -> Any:
        u = 3 * x
        return np.tanh(u) * u + 1

    diff = see(before, 1.0).diff(see(after, 1.0))
    assert (diff.only_before, diff.only_after) == ((), ("tanh(3x)", "tanh(3x) · 3x + 1"))
    assert [d.name for d in diff.differences if d.rate and d.rate[0] == d.rate[1]] == ["3x"]
    html = diff.save(tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    still = diff._repr_html_().split("<script")[0]
    assert "only after: 2 (tanh(3x), tanh(3x) · 3x + 1)" in still
    assert 'src="data:image/svg+xml;base64,' in still


def test_a_line_that_moved_is_the_same_line() -> None:
    space: list[dict[str, Any]] = [{}, {}]
    for k, head in enumerate(("", "\n\n")):
        source = f"{head}def f(x):\n    u = x * 3\n    return u * u\n"
        lines: list[str] = [*source.splitlines(keepends=True)]
        linecache.cache[f"moved{k}.py"] = (len(source), None, lines, f"moved{k}.py")
        exec(compile(source, f"moved{k}.py", "exec"), space[k])
    assert str(see(space[0]["f"], 2.0).diff(see(space[1]["f"], 2.0))) == "3 operations are the same, 0 differ"


def test_layers_of_a_model_are_groups() -> None:
    network = nn.sequential(*[part for n in range(4) for part in (nn.dense(6, 6), nn.relu)], nn.dense(6, 2))
    params = network.init(np.random.default_rng(0))
    seen = see(
        lambda params, x: nn.cross_entropy(network.apply(params, x), np.array([0, 1, 1])),
        params,
        np.ones((3, 6), np.float32),
    )
    names = [g["name"] for g in seen.trace()["groups"]]
    assert {"sequential", "dense + relu ×4", "dense", "relu", "cross_entropy"} <= set(names)
    assert "product" not in names, "a call of one operation is that operation"


def test_a_training_step_is_seen() -> None:
    def step(w: Any, x: Any) -> Any:
        value, w_bar = gt.value_and_grad(lambda w: np.sum(np.tanh(x @ w) ** 2))(w)
        return value, w - 0.1 * w_bar

    seen = see(step, np.full((3, 2), 0.2), np.ones((4, 3)))
    assert len(seen.trace()["outputs"]) == 2
    assert "certificate" not in seen.trace()
    with np.errstate(all="ignore"):
        born = see(lambda x: (np.sqrt(x), x * 2), np.zeros(2)).trace()["certificate"]
    assert born["kind"] == "masked"
    assert "sqrt" in born["message"]
    assert "at element [0]" in born["message"]


def test_a_widget_begins_with_the_inputs() -> None:
    widget = see(lambda w, x: np.sum(w * x), np.array([1.0, 2.0]), 3.0).widget()
    assert (widget.x, widget.selected, widget.step) == ({"w": [1, 2], "x": 3}, -1, "end")
    assert "export default { render: geartrainSee.render }" in widget._esm
    heard: list[Any] = []
    widget.observe(lambda change: heard.append(change["new"]), names="selected")
    widget.selected = 2
    assert heard == [2]


def test_a_widget_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _picture.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingPackage, match=r"pip install 'geartrain\[notebook\]'"):
        see(lambda x: x * 2, 1.0).widget()


def test_several_results_are_shown_too() -> None:
    seen = see(lambda x: (x * 2, x**2), 3.0)
    assert seen.trace()["bar"]["at"][0] == 8
    assert "d/dx = 8" in str(seen)


# The commands.


def test_see_saves_a_page(tmp_path: Path) -> None:
    code, said, _ = run("see", "(3*x + 1)**2", "--at", "x=1", "--save", str(tmp_path / "p.html"))
    assert code == 0
    assert "p.html" in said
    assert "data-trace" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_see_runs_a_function_of_a_file(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "import numpy as np\ndef loss(w, scale=2.0):\n    return np.sum(w * w) * scale\n", encoding="utf-8"
    )
    code, _, err = run("see", f"{program}:loss", "--at", "w=[1,2]", "--save", str(tmp_path / "p.html"))
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("(3*x", "--at", "x=1"), "parenthesis is not closed"),
        (("3*x",), "x=1"),
        (("3*x", "--at", "x=[1,2]"), "takes numbers"),
        (("nowhere.py:f",), "cannot load"),
        (("nowhere:f",), "cannot load"),
        (("math:nothing",), "cannot load"),
        (("statistics:nothing",), "no function nothing"),
        (("x" * 10_000_000, "--at", "x=1"), "characters"),
    ],
)
def test_bad_input_is_told(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, err = run("see", *arguments, "--save", str(tmp_path / "p.html"))
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "p.html").exists()


def test_a_function_that_raises_is_told(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("def f(x):\n    raise KeyError('lost')\n", encoding="utf-8")
    code, _, err = run("see", f"{program}:f", "--at", "x=1", "--save", str(tmp_path / "p.html"))
    assert code == 2
    assert "f raised KeyError: 'lost', at " in err
    assert "mine.py:2" in err


def test_a_function_that_raises_says_so_itself() -> None:
    def f(x: Any) -> Any:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        see(f, 1.0)


def test_a_file_that_is_watched_is_run_again_when_it_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "_LOOK_EVERY", 0.01)
    program = tmp_path / "mine.py"
    program.write_text("def f(x):\n    return x * 2\n", encoding="utf-8")
    arguments = argparse.Namespace(what=f"{program}:f", at=[("x", 1.0)], no_source=False)
    make, file = commands._maker(arguments)
    assert file is not None
    mtime = file.stat().st_mtime_ns

    def saved(text: str) -> None:
        before = file.stat().st_mtime_ns
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(before + 10**9, before + 10**9))  # a clock that ticks slowly hides no change

    def until(holds: Callable[[], bool]) -> None:
        last = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < last
            time.sleep(0.01)

    with PageServer({"/index.html": make().html(live=True)}) as server:
        first = server.pages["/index.html"]
        threading.Thread(target=commands._watch, args=(server, make, file, mtime), daemon=True).start()
        said = ""
        for broken, told in (("def f(x:\n", "SyntaxError"), ("import nothing_of_this_name\n", "nothing_of_this_name")):
            saved(broken)

            def heard(told: str = told) -> bool:
                nonlocal said
                said += capfd.readouterr().err
                return told in said

            until(heard)
            assert (server.version, server.pages["/index.html"]) == (0, first), "the page stays"
        saved("def f(x):\n    return x * 5\n")
        until(lambda: server.version == 1)
        assert server.pages["/index.html"] != first


def test_watching_an_expression_is_refused() -> None:
    code, _, err = run("see", "3*x", "--at", "x=1", "--watch", "--no-browser")
    assert code == 2
    assert "--watch needs a function in a file" in err


def test_missing_and_unknown_arguments_are_told(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("def f(x, y):\n    return x * y\n", encoding="utf-8")
    assert "add --at y=" in run("see", f"{program}:f", "--at", "x=1", "--save", "p.html")[2]
    assert "no parameter z" in run("see", f"{program}:f", "--at", "x=1", "y=2", "z=3", "--save", "p.html")[2]


def test_the_lesson_is_saved(tmp_path: Path) -> None:
    code, said, _ = run("lesson", "--save", str(tmp_path / "site"))
    assert code == 0
    assert "index.html" in said
    assert len(list((tmp_path / "site").iterdir())) == len(chapters()) + 1


# The lesson.


@pytest.mark.parametrize("name", [*(f"{c.name}.html" for c in chapters()), "index.html"])
def test_links_of_the_lesson_lead_somewhere(name: str) -> None:
    for link in re.findall(r'<a href="([^"]+)"', site()[name]):
        assert link in site(), f"{name} links to {link}"


def test_each_chapter_has_something_to_do_and_reads_without_scripts() -> None:
    for chapter in chapters():
        page = site()[f"{chapter.name}.html"]
        assert any(mark in page for mark in ('class="do"', "data-figure", "data-quiz"))
        assert page.count("<h1>") == 1
        body = page.split("<main>")[1].split("</main>")[0]
        assert ":::" not in body
        assert "$" not in re.sub(r"<pre>.*?</pre>|data:[^\"]*", "", body, flags=re.DOTALL)


def test_markdown_escapes_what_is_text() -> None:
    assert render("a < b & `<c>`", lambda *_: "") == "<p>a &lt; b &amp; <code>&lt;c&gt;</code></p>"


def test_an_expression_is_seen_at_a_point() -> None:
    seen = see_expression("x*y", {"x": 2.0, "y": 3.0})
    assert [x["name"] for x in seen.trace()["inputs"]] == ["x", "y"]
    assert seen.trace()["bar"]["at"][:2] == [3, 2]


def test_the_names_are_public() -> None:
    assert {"see", "quiz"} <= set(gt.__all__)
