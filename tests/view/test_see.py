"""``see``: one object, four bodies; and the commands."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import cli
from geartrain.view import trace_file
from geartrain.view.lesson import chapters, site
from geartrain.view.markdown import render
from geartrain.view.see import see, see_expression


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
    assert "exp" in told
    assert str(see(f, 1.0).diff(see(f, 1.0))).startswith("3 operations are the same, 0 differ")


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
