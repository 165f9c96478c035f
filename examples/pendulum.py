"""Find the length and the friction of a pendulum from noisy readings of its angle.

    pip install 'geartrain[native]'
    python examples/pendulum.py          # or: python examples/pendulum.py STEPS

The simulation is a Python loop over plain NumPy, as one writes it without a thought of derivatives: an array is made
and filled step by step. Its gradient in the two unknowns comes from the same code.
"""

import sys

import numpy as np

import geartrain as gt
from geartrain import optim

TIME_STEP, STEPS = 0.05, 80
TRUTH = {"length": 1.5, "friction": 0.3}


def angles(unknown, start=1.0):
    angle, speed = start, 0.0
    seen = np.zeros(STEPS)
    for i in range(STEPS):
        pull = -9.81 / unknown["length"] * np.sin(angle) - unknown["friction"] * speed
        speed = speed + TIME_STEP * pull
        angle = angle + TIME_STEP * speed
        seen[i] = angle
    return seen


def loss(unknown, readings):
    return np.mean((angles(unknown) - readings) ** 2)


def main(steps=300):
    rng = np.random.default_rng(0)
    readings = angles(TRUTH) + 0.02 * rng.standard_normal(STEPS)
    loss_and_gradient = gt.jit(gt.value_and_grad(loss))

    unknown = {"length": 1.2, "friction": 0.0}
    adam = optim.adam(learning_rate=0.02)
    state = adam.init(unknown)
    for step in range(1, steps + 1):
        value, unknown_bar = loss_and_gradient(unknown, readings)
        unknown, state = adam.update(unknown_bar, state, unknown)
        if step % 50 == 0:
            now = ", ".join(f"{name} {float(x):.3f}" for name, x in unknown.items())
            print(f"step {step:3d}  loss {value:.5f}  {now}")
    print("truth     " + ", ".join(f"{name} {x:.3f}" for name, x in TRUTH.items()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
