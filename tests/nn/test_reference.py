"""Layers, activations, losses, optimisers and schedules against the numbers of PyTorch and Optax in reference.json."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from tests.nn import cases

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))


def agree(ours: Any, theirs: list[Any], rtol: float = 1e-7) -> None:
    leaves = tree.leaves(ours)
    assert len(leaves) == len(theirs)
    for mine, other in zip(leaves, theirs, strict=True):
        np.testing.assert_allclose(np.ravel(mine), other, rtol=rtol, atol=1e-9)


def test_every_case_has_its_reference() -> None:
    assert REFERENCE["cases"].keys() == cases.CASES.keys()
    assert REFERENCE["trajectories"].keys() == cases.OPTIMISERS.keys()
    assert REFERENCE["schedules"].keys() == cases.SCHEDULES.keys()
    assert REFERENCE["initialisers"].keys() == cases.INITIALISERS.keys()


@pytest.mark.skipif(
    not all(map(find_spec, ("torch", "optax"))), reason="needs PyTorch and Optax: pip install 'geartrain[peers]'"
)
def test_the_file_is_what_the_installed_packages_compute() -> None:
    command = [sys.executable, "-m", "tests.nn.reference", "--check"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", cases.CASES)
def test_value_and_gradient_are_pytorchs(name: str) -> None:
    case, theirs = cases.CASES[name], REFERENCE["cases"][name]
    agree(case.ours(case.params, *case.data), theirs["value"])
    agree(gt.grad(lambda p: cases.summed(case.ours(p, *case.data)))(case.params), theirs["bar"])


@pytest.mark.parametrize("name", cases.OPTIMISERS)
def test_the_trajectory_is_theirs(name: str) -> None:
    agree(cases.trajectory(cases.OPTIMISERS[name]), REFERENCE["trajectories"][name])


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_the_schedule_is_theirs(name: str) -> None:
    schedule = cases.SCHEDULES[name]
    np.testing.assert_allclose([schedule(step) for step in range(20)], REFERENCE["schedules"][name], rtol=1e-6)


@pytest.mark.parametrize("name", cases.INITIALISERS)
def test_initialisers_draw_from_the_same_distribution(name: str) -> None:
    ours = cases.distribution(cases.INITIALISERS[name](np.random.default_rng(0), cases.KERNEL, np.float64))
    assert cases.alike(ours, REFERENCE["initialisers"][name])
