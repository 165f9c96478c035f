"""Every example runs, with small settings, as its reader would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL: dict[str, tuple[list[str], str]] = {
    "digits.py": (["2"], "held-out accuracy 9"),
    "pendulum.py": (["150"], "length 1.497, friction 0.298"),
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
