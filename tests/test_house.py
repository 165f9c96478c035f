"""What a visitor sees of the house is true: the public names, the README, the version, the decisions."""

import ast
import contextlib
import doctest
import inspect
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import cli, nn, optim, train, tree

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

PUBLIC = [
    *("grad", "value_and_grad", "vjp", "jvp", "jacobian", "jacfwd", "jacrev", "hessian", "hvp", "vmap", "jit"),
    *("checkpoint", "stop_gradient", "custom_rule", "check_derivatives", "cost", "explain", "tree"),
]
"""What users of HIPS autograd and JAX look for; removing one of these is a breaking change."""

PACKAGES: dict[str, ModuleType] = {"geartrain": gt, "nn": nn, "optim": optim, "train": train, "tree": tree}
NAMES = [(package, name) for package, module in PACKAGES.items() for name in module.__all__]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_name_is_public(name: str) -> None:
    assert name in gt.__all__


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_is_documented_and_shows_an_example(package: str, name: str) -> None:
    value: Any = getattr(PACKAGES[package], name)
    doc = inspect.getdoc(value)
    assert doc, f"{package}.{name} has no docstring"
    assert doc[0].isupper() or doc[0] in "`A", f"{package}.{name}: a docstring is a sentence"
    if inspect.isfunction(value) and package != "train":  # a training job is no one-liner; its test is the whole job
        assert ">>>" in doc, f"{package}.{name} shows no example"


@pytest.mark.parametrize("module", PACKAGES.values(), ids=PACKAGES)
def test_public_names_are_sorted_and_there(module: ModuleType) -> None:
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


# The README and the guides.


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_python_of_the_readme_gives_what_it_says() -> None:
    example = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "README.md", "README.md", 0)
    assert len(example.examples) >= 4
    said: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(example, out=said.append)
    assert not said, "".join(said)


def test_the_commands_of_the_readme_print_what_it_says() -> None:
    sessions = [part for block in blocks("console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    assert sessions
    for session in sessions:
        command, said = session.split("\n", 1)
        words = shlex.split(command)
        assert words[0] == "geartrain"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert cli.main(words[1:]) == 0
        assert printed.getvalue().strip().splitlines() == said.strip().splitlines()


def test_the_two_commands_exist() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    promised = set(re.findall(r"^make ([a-z]+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert {"train", "test"} <= promised <= set(targets)


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)  # code has no links
        for link in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
            target = link[0] or link[1]
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_picture_is_what_its_script_draws(tmp_path: Path) -> None:
    drawn = tmp_path / "gears.svg"
    subprocess.run([sys.executable, str(ROOT / "docs" / "gears.py"), str(drawn)], check=True, timeout=60)
    assert drawn.read_text(encoding="utf-8") == (ROOT / "docs" / "gears.svg").read_text(encoding="utf-8")


def test_core_dependencies_are_named_with_their_size() -> None:
    for dependency in PROJECT["dependencies"]:
        name = re.match(r"[\w-]+", dependency)
        assert name is not None
        assert re.search(rf"(?i){name[0]}.*\d+ MB", README), f"{name[0]} and its size"


# One version.


def test_the_version_is_one() -> None:
    newest = re.search(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert {gt.__version__, PROJECT["version"], metadata.version("geartrain"), newest[1]} == {gt.__version__}


def test_the_command_line_says_the_version() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "geartrain", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout == f"geartrain {gt.__version__}\n"


# One language.


def test_tangents_and_cotangents_have_one_spelling() -> None:
    other = {"ct", "cts", "grad_output", "delta", "dout", "cotangent_in"}
    for path in (ROOT / "src").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {n.id for n in nodes if isinstance(n, ast.Name)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
        assert not names & other, f"{path.name}: say x_dot and y_bar"


def test_decisions_are_numbered_and_say_what_why_and_what_else() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:3]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:3])}. "), page.name
        for heading in ("## Decision", "## Why", "## Instead of"):
            assert heading in text, f"{page.name} has no {heading}"


# The benchmarks run, so that they are there when they are needed; their numbers are for a quiet machine.


def test_the_benchmarks_run(tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    asked = [argument for name in ("scalar", "list", "filling-cost") for argument in ("--only", name)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *asked, "--rounds", "2", "--json", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    cases = json.loads(out.read_text(encoding="utf-8"))["cases"]
    assert cases.keys() == {"scalar", "list", "filling-cost"}
    assert all(np.isfinite(row["value"]["median"]) for rows in cases.values() for row in rows)


def test_the_contests_run(tmp_path: Path) -> None:
    """Peers that are not installed are said to be missing."""
    out = tmp_path / "numbers.json"
    asked = ["--only", "rosenbrock", "--side", "numpy", "--side", "jax", "--rounds", "2", "--json", str(out)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *asked],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(out.read_text(encoding="utf-8"))["contests"]["rosenbrock"]["float64"]
    assert found["seconds"]["geartrain"]
    assert {"jax"} == {*found["missing"], *found["seconds"]} - {"geartrain", "numpy"}
