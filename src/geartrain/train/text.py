"""The job ``geartrain train text`` from start to end: a small GPT on real English, against counting."""

import hashlib
import math
import pydoc_data.topics
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import optim
from geartrain.train import checkpoint, gpt, ngram, picture, report
from geartrain.train.atomic import reason, write
from geartrain.train.config import TextConfig
from geartrain.train.errors import UsageError
from geartrain.train.fitting import Fitted, fit
from geartrain.train.job import say
from geartrain.train.run import RunFolder
from geartrain.train.stepping import NATIVE
from geartrain.train.team import Team

HELD_OUT = 0.1
SAMPLE = 400  # characters written at the end
ORDERS = (1, 2, 3, 4, 5, 6)


class Text(NamedTuple):
    """A text in two parts, and the characters in it, in order; a code is a place among them."""

    train: str
    test: str
    characters: str

    def codes(self, text: str) -> NDArray[np.int64]:
        """The codes of a text.

        >>> Text("ab", "c", "abc").codes("cab")
        array([2, 0, 1])
        """
        place = {character: i for i, character in enumerate(self.characters)}
        return np.array([place[character] for character in text], np.int64)

    def digest(self) -> str:
        """What tells this text from another: a run goes on with the text that it began with."""
        return hashlib.sha256((self.train + self.test).encode()).hexdigest()


class Windows:
    """A text cut into pieces of ``context`` characters, each with the one that follows, picked by number."""

    def __init__(self, codes: NDArray[np.int64], context: int) -> None:
        self._codes = codes
        self._within = np.arange(context + 1)
        self._context = context

    def __len__(self) -> int:
        return (len(self._codes) - 1) // self._context

    def __getitem__(self, chosen: Any) -> NDArray[np.int64]:
        return self._codes[np.asarray(chosen)[:, None] * self._context + self._within]


def prepare(config: TextConfig) -> Text:
    """The text for a run with the settings ``config``; its last tenth is held out.

    Raises:
        UsageError: the file cannot be read, is not text in UTF-8, or is too short.
    """
    if config.file:
        try:
            text = Path(config.file).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot read {config.file}: {reason(error)}") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{config.file} is not text in UTF-8: {error}") from None
    else:
        topics: dict[str, str] = pydoc_data.topics.topics
        text = "\n".join(topics[name] for name in sorted(topics))
    begin = len(text) - int(len(text) * HELD_OUT)
    data = Text(text[:begin], text[begin:], "".join(sorted(set(text))))
    needed = max(config.context + 1, config.batch_size * config.context + 1)
    if len(data.train) < needed or len(data.test) <= config.context:
        raise UsageError(
            f"the text has {len(text):,} characters, too few for minibatches of {config.batch_size} pieces "
            f"of {config.context} with a tenth held out: give a longer one, or smaller --context and --batch-size"
        )
    return data


def model_of(config: TextConfig, data: Text) -> gpt.GPT:
    """The model that ``config`` asks for."""
    return gpt.gpt(len(data.characters), config.context, config.width, config.layers, config.heads)


def train(run: RunFolder | None, config: TextConfig, data: Text, console: Any, team: Team, **watching: Any) -> bool:
    """Train in the folder ``run``; what is returned and raised as in ``job.train``."""
    model = model_of(config, data)
    windows, held_out = (Windows(data.codes(part), config.context) for part in (data.train, data.test))
    steps = config.epochs * -(-len(windows) // config.batch_size)
    rate = optim.cosine(config.learning_rate, max(steps, 2), min(100, steps // 10), config.learning_rate / 10)
    adamw = optim.adamw(rate, beta2=0.99, weight_decay=0.1, mask=optim.matrices)
    fitted = fit(
        model.loss, model.init(np.random.default_rng([config.seed, 1])), [windows],
        optimizer=optim.chain(optim.clip_by_norm(1.0), adamw),
        epochs=config.epochs, batch_size=config.batch_size, seed=config.seed, validation=[held_out],
        save_every=200, folder=run, settings={**config.fixed(), "sha256": data.digest()}, console=console,
        begun=lambda: run.write_config(config.to_json()) if run is not None else None, team=team, **watching,
    )  # fmt: skip
    if fitted.ended == "interrupted":
        return False
    team.together(lambda: _finish(run, config, data, model, fitted, windows, console) if run is not None else None)
    return True


def sample(model: gpt.GPT, params: Any, data: Text, prompt: str, length: int, seed: int) -> str:
    """``length`` characters that the model writes after ``prompt``."""
    codes = gpt.write(model, params, data.codes(prompt), length, np.random.default_rng([seed, 5]))
    return "".join(data.characters[code] for code in codes)


def _finish(
    run: RunFolder, config: TextConfig, data: Text, model: gpt.GPT, fitted: Fitted, windows: Windows, console: Any
) -> None:
    facts = {
        "model": "gpt",
        "settings": config.to_json(),
        "epoch": fitted.state.epoch,
        "characters": data.characters,
    }
    checkpoint.save(run.model, {"params": fitted.params}, facts)
    bits = fitted.records[-1]["test_loss"] / math.log(2)
    counted = {order: ngram.bits_per_character(data.train, data.test, order) for order in ORDERS}
    best = min(counted, key=lambda order: counted[order])
    written = sample(model, fitted.params, data, data.test[:1], SAMPLE, config.seed)
    part = windows[np.arange(config.batch_size)]
    agreement = report.finite_differences(model.loss, fitted.params, part, rng=np.random.default_rng(config.seed))
    native = fitted.how == NATIVE
    cost = report.gradient_cost(model.loss, fitted.params, part, native=native)
    seconds = sum(r["seconds"] for r in fitted.records)
    beaten = "better" if bits < counted[best] else "NOT better"
    text = [
        (
            f"A character of the text that the network never saw costs it {bits:.3f} bits, after "
            f"{report.epochs_text(fitted.state.epoch)} in {seconds:.1f} s. Counting n-grams costs {counted[best]:.3f} "
            f"at best (n = {best}, of up to {ORDERS[-1]}): the network is {beaten}."
        ),
        (
            f"The network has {report.count(fitted.params):,} parameters; the text has {len(data.train):,} characters "
            f"to learn from and {len(data.test):,} held out, of {len(data.characters)} kinds."
        ),
        report.agreement_sentence(agreement),
        f"{report.COSTS[native]} {cost:.1f} forward passes on a minibatch of {config.batch_size}.",
    ]
    measured = {
        "bits_per_character": bits,
        "ngram_bits_per_character": {str(order): value for order, value in counted.items()},
        "parameters": report.count(fitted.params),
        "agreement": agreement._asdict(),
        "cost_on_minibatch": cost,
        "native": native,
        "sample": written,
        "sentences": text,
    }
    run.write_json(run.report, measured)
    lines = {f"{best}-grams": counted[best], "2-grams": counted[2]}
    write(run.picture, picture.draw_text(fitted.records, lines, written))
    console.print(f"\nIt writes:\n{written}", highlight=False, markup=False, soft_wrap=True)
    say(console, text, run)
