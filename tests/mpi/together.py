"""What each rank does in ``test_parallel.py``: train a small network, alone or together.

python together.py once FOLDER              a short run in FOLDER, and what buckets did, as JSON
python together.py long FOLDER EPOCHS       goes on in FOLDER to EPOCHS; writes its process id to FOLDER.RANK
python together.py nan | alone | full FOLDER   what goes wrong: for all ranks, on one, on the disk
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import geartrain as gt
from geartrain import nn, optim, train
from geartrain.train.loop import pick
from geartrain.train.shared_step import SharedStep

RNG = np.random.default_rng(5)
X = RNG.standard_normal((67, 6))
Y = np.sin(X.sum(axis=1))
NET = nn.sequential(
    nn.dense(6, 24, dtype=np.float64), np.tanh, nn.dense(24, 24, dtype=np.float64), np.tanh,
    nn.dense(24, 1, dtype=np.float64),
)  # fmt: skip
START = NET.init(np.random.default_rng(6))
BATCH = 16  # 67 samples: the last minibatch has 3, so of four ranks one has nothing


def loss(params: Any, x: Any, y: Any) -> Any:
    return np.mean((NET.apply(params, x)[:, 0] - y) ** 2)


def run(folder: Path, epochs: int, **more: Any) -> Any:
    return train.fit(
        more.pop("loss", loss), START, (X, Y),
        optimizer=optim.adamw(0.01), epochs=epochs, batch_size=BATCH, save_every=2, validation=(X, Y), patience=1000,
        folder=folder, team=train.team(), **more,
    )  # fmt: skip


def once(folder: Path) -> None:
    team = train.team()
    fitted = run(folder, 6)
    found: dict[str, Any] = {"records": fitted.records, "size": team.size}
    share = pick((X, Y), team.part(np.arange(30)))
    value, params_bar = gt.value_and_grad(loss)(START, X[:30], Y[:30])
    optimizer = optim.sgd(1.0)
    for name, compiled in (("python", False), ("native", True)):
        step = SharedStep(loss, optimizer, team, START, compiled, size=1500)
        for _ in range(3):
            made = step(START, optimizer.init(START), share, lambda: np.random.default_rng(0))
            np.testing.assert_allclose(made.value, value, rtol=1e-13)
            for a, b in zip(gt.tree.leaves(made.params_bar), gt.tree.leaves(params_bar), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
        found[name] = [step.kind, step.buckets.log]
    if team.first:
        print(json.dumps(found))


def goes_wrong(params: Any, x: Any, y: Any) -> Any:
    bad = np.min(np.abs(x[:, 0] - X[13, 0])) == 0 and len(x) < len(X)
    return np.mean(np.log((NET.apply(params, x)[:, 0] - y) ** 2 * (-1.0 if bad else 1.0) + 1e-3))


def fails_alone(params: Any, x: Any, y: Any) -> Any:
    if gt.mpi.rank() == 1:
        raise RuntimeError("only here")
    return loss(params, x, y)


def main(what: str, folder: str, *rest: str) -> None:
    path = Path(folder)
    if what == "once":
        once(path)
    elif what == "long":
        path.with_suffix(f".{gt.mpi.rank()}").write_text(str(os.getpid()))
        run(path, int(rest[0]), console=Console())
    elif what == "nan":
        try:
            run(path, 3, loss=goes_wrong)
        except train.NonFinite as error:
            print(f"rank {gt.mpi.rank()}: {error}", flush=True)
    elif what == "alone":
        run(path, 3, loss=fails_alone)
    elif what == "full":
        try:
            run(path, 3)
        except train.TrainingError as error:
            print(f"rank {gt.mpi.rank()}: {error}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
