"""Every example runs, with small settings, as its reader would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL: dict[str, tuple[list[str], str]] = {
    "digits.py": (["2"], "held-out accuracy 9"),
    "gaussian_process.py": (["40"], "length 0.769, sway 1.113, noise 0.169"),
    "meta_learning.py": (["50"], "step   50  error on new waves: 4.2"),
    "neural_ode.py": (["50"], "step   48  loss 0."),
    "pendulum.py": (["150"], "length 1.497, friction 0.298"),
    "physics.py": (["15"], "in 15 iterations\nerror against the exact solution: "),
    "vae.py": (["2"], "epoch   2  loss 2"),
}
"""For each example, the arguments that make it short, and what its output must contain."""


def test_every_example_is_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SMALL.keys()


@pytest.mark.parametrize("name", sorted(SMALL))
def test_example(name: str, tmp_path: Path) -> None:
    arguments, said = SMALL[name]
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert said in ended.stdout


@pytest.mark.parametrize("name", ["gaussian_process.py", "meta_learning.py", "neural_ode.py", "physics.py", "vae.py"])
def test_papers_are_short_and_have_a_picture(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    picture = EXAMPLES.parent / "docs" / Path(name).with_suffix(".png").name
    assert 0 < picture.stat().st_size < 120_000
    assert f"docs/{picture.name}" in (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
