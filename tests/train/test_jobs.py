"""The jobs on text and tables, and predicting with what they leave, as a user runs them."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain import cli
from geartrain.train import checkpoint, gpt, job, jobs, ngram, predict, stepping, table, table_mlp, tabular, text
from geartrain.train.config import Config, TableConfig, TextConfig
from geartrain.train.errors import UsageError

FILES = ["checkpoint.1.safetensors", "checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors"]
FILES += ["picture.png", "report.json"]
TINY = ["--context", "16", "--width", "16", "--layers", "1", "--heads", "2", "--batch-size", "8"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def small_text() -> str:
    words = ["the cat", "sat on", "the mat", "and the dog", "ran to", "the cat"]
    rng = np.random.default_rng(0)
    return ". ".join(" ".join(rng.choice(words, 4)) for _ in range(150))


def test_text_learns_writes_and_goes_on_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    Path("words.txt").write_text(small_text())
    arguments = ["train", "text", "words.txt", "--epochs", "3", "--learning-rate", "0.01", *TINY]
    assert cli.main([*arguments, "--out", "run"]) == 0
    assert sorted(path.name for path in Path("run").iterdir()) == FILES
    report = json.loads(Path("run/report.json").read_text())
    assert report["bits_per_character"] < 3.2  # 4.2 if all characters were alike
    assert report["ngram_bits_per_character"]["6"] < report["ngram_bits_per_character"]["1"]
    assert report["agreement"]["worst"] < 1e-4
    assert len(report["sample"]) == text.SAMPLE
    assert report["sample"] in capsys.readouterr().out
    assert cli.main(["predict", "run", "the c", "--length", "20"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("the c")
    assert len(said) == 26
    assert cli.main(["predict", "run", "naïve"]) == 2
    assert "never seen 'v', 'ï'" in capsys.readouterr().err
    before = Path("run/checkpoint.safetensors").read_bytes()
    assert cli.main(["train", "text", "--resume", "--out", "run"]) == 0
    assert Path("run/checkpoint.safetensors").read_bytes() == before
    Path("words.txt").write_text(small_text()[5:])
    assert cli.main(["train", "text", "--resume", "--out", "run"]) == 2
    assert "sha256 is" in capsys.readouterr().err


def test_the_text_that_python_carries_is_english() -> None:
    data = text.prepare(TextConfig())
    assert len(data.train) + len(data.test) > 300_000
    assert "the" in data.test
    windows = text.Windows(data.codes(data.test), 64)
    pieces = windows[np.array([0, 1])]
    assert pieces.shape == (2, 65)
    assert pieces[0, -1] == pieces[1, 0]
    assert "".join(data.characters[c] for c in pieces[0]) == data.test[:65]


def test_a_gpt_does_not_see_what_comes() -> None:
    model = gpt.gpt(10, 8, 16, 2, 2)
    params = model.init(np.random.default_rng(0))
    codes = np.arange(8)[None]
    changed = codes.copy()
    changed[0, 5:] = 0
    np.testing.assert_array_equal(model.scores(params, codes)[:, :5], model.scores(params, changed)[:, :5])


def test_counting_is_witten_bell() -> None:
    # "ab" after "aab": a twice, b once, two kinds; P(a) = (2 + 2/2) / (3 + 2), P(b | a) = (1 + 2 P(b)) / (2 + 2)
    p_a, p_b = (2 + 2 * 0.5) / 5, (1 + 2 * 0.5) / 5
    expected = -(math.log2(p_a) + math.log2((1 + 2 * p_b) / 4)) / 2
    assert ngram.bits_per_character("aab", "ab", 2) == pytest.approx(expected)


def write_table(path: str, rows: list[list[Any]]) -> None:
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def some_rows(n: int = 90) -> list[list[Any]]:
    rng = np.random.default_rng(1)
    rows: list[list[Any]] = []
    for _ in range(n):
        height, colour = rng.normal(10, 3), rng.choice(["red", "blue"])
        kind = "tall" if height + 3 * (colour == "red") > 11 else "short"
        rows.append([f"{height:.3f}", colour, kind, f"{2 * height + 1:.4f}"])
    return rows


HEAD = ["height", "colour", "kind", "double"]


def test_a_table_of_classes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(table, "FOLDS", 2)
    rows = some_rows()
    rows[3][0] = "high"
    rows[5] = rows[5][:-1]
    rows[7][0] = "NA"
    rows[9][2] = ""
    write_table("data.csv", [HEAD, *rows])
    assert cli.main(["train", "table", "data.csv", "--target", "kind", "--epochs", "25", "--out", "run"]) == 0
    said = capsys.readouterr().out
    for line in ("line 5: height is 'high', not a number", "line 7: 3 cells, expected 4", "line 11: kind is missing"):
        assert f"left out {line}" in said
    assert "87 rows (3 left out)" in said
    scores = json.loads(Path("run/report.json").read_text())["scores"]
    assert scores.keys() == {"network", "linear", "boosted"}
    assert np.mean(scores["network"]) > 0.8
    write_table("new.csv", [["double", "colour", "height"], ["41", "red", "20"], ["5", "blue", "2"]])
    assert cli.main(["predict", "run/model.safetensors", "new.csv"]) == 0
    answers = capsys.readouterr().out.splitlines()
    assert answers[0] == "kind,share"
    assert [line.split(",")[0] for line in answers[1:]] == ["tall", "short"]


def test_a_table_of_numbers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(table, "FOLDS", 2)
    write_table("data.csv", [HEAD, *some_rows()])
    assert cli.main(["train", "table", "data.csv", "--target", "double", "--epochs", "40", "--out", "run"]) == 0
    assert np.mean(json.loads(Path("run/report.json").read_text())["scores"]["network"]) > 0.9
    write_table("new.csv", [HEAD[:3], ["10", "red", "tall"]])
    capsys.readouterr()
    assert cli.main(["predict", "run", "new.csv"]) == 0
    name, value = capsys.readouterr().out.split()
    assert name == "double"
    assert abs(float(value) - 21) < 3
    write_table("bad.csv", [HEAD[:3], ["ten", "red", "tall"]])
    assert cli.main(["predict", "run", "bad.csv"]) == 2
    assert "bad.csv has no rows that can be used; line 2: height is 'ten', not a number" in capsys.readouterr().err
    rows = [["10", "red", "tall"], ["ten", "red", "tall"], ["10"], ["10", "red", "tall"]]
    write_table("mixed.csv", [HEAD[:3], *rows])
    assert cli.main(["predict", "run", "mixed.csv"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == ["double", value, '""', '""', value]  # each answer in the place of its row
    assert err.splitlines() == [
        "geartrain: no answer for mixed.csv, line 3: height is 'ten', not a number",
        "geartrain: no answer for mixed.csv, line 4: 1 cells, expected 3",
    ]
    with pytest.raises(UsageError, match="line 3: height is 'ten'"):
        list(predict.answers(Path("run"), "mixed.csv"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "first line must name the columns"),
        ("a,a\n1,2\n", "twice: 'a'"),
        ("a,b\n1,2\n", "no column 'kind'; it has: a, b"),
        ("a,kind\n1,x\n", "has 1 rows that can be used, at least 20"),
        ("kind\n" + "x\ny\n" * 20, "no column but 'kind'"),
        ("a,kind\n" + "1,x\n" * 30, "every kind is 'x'"),
        ('a,kind\n"1,x\n', "has 0 rows that can be used, at least 20 are needed; line 2: quotes do not match"),
        ('"a,kind\n1,x\n', "not a table of comma-separated values in UTF-8: quotes do not match"),
        (b"\xff\xfe\x00", "not a table of comma-separated values"),
        (None, "cannot read data.csv: No such file"),
    ],
)
def test_a_table_that_cannot_be_used(content: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        Path("data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cli.main(["train", "table", "data.csv", "--target", "kind"]) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["table"], "a table needs a file and a column"),
        (["text", "nothing.txt"], "cannot read nothing.txt: No such file"),
        (["text", "short.txt"], "the text has 5 characters, too few"),
        (["text", "--hidden", "5"], "text has no --hidden; it has: seed, epochs"),
        (["text", "--width", "10"], r"width must be a multiple of twice the heads (4), got 10"),
        (["digits", "--model", "rnn"], "model must be one of mlp, cnn, got 'rnn'"),
        (["digits", "x.csv"], "digits has no --file"),
    ],
)
def test_bad_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("short.txt").write_text("short")
    assert cli.main(["train", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_categories_beyond_the_common_ones_are_alike() -> None:
    rows = tabular.Rows(["c"], [[f"c{min(i, 2 * tabular.CATEGORIES)}"] for i in range(300)], list(range(2, 302)), [])
    column = tabular.columns_of(rows)[0]
    assert len(column.categories) == tabular.CATEGORIES
    assert column.categories[0] == f"c{2 * tabular.CATEGORIES}"
    assert column.encode(["never seen"]).sum() == 0


def test_the_convolutional_network_is_another_model_and_its_schedule_is_decided_once() -> None:
    config = jobs.settings_of("digits", {"model": "cnn"})
    assert (config.epochs, config.scheduled) == (15, True)
    with pytest.raises(UsageError, match="epochs was 15, got 20"):
        config.resumed({"epochs": 20})
    assert not Config().scheduled
    model = job.model_of(Config(model="cnn"), 100)
    params = model.init(np.random.default_rng(0))
    images = np.random.default_rng(1).random((3, 64)).astype(np.float32)
    assert model.predict(params, images).shape == (3,)
    assert model.loss(params, images, np.array([1, 2, 3]), rng=np.random.default_rng(0)) > 0


def test_the_convolutional_network_reads_what_is_promised() -> None:
    """The whole job but for its report; compiled, or it would take a minute."""
    config = jobs.settings_of("digits", {"model": "cnn"})
    assert isinstance(config, Config)
    digits = job.prepare(config)
    fitted = job.fitted(config, job.model_of(config, len(digits.train_images)), digits, compiled=True)
    right = job.model_of(config, 1).predict(fitted.params, digits.test_images) == digits.test_labels
    assert np.mean(right) >= 0.985


def test_digits_are_predicted_from_files(capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(hidden=8)
    params = job.model_of(config, 1).init(np.random.default_rng(0))
    checkpoint.save(Path("m.safetensors"), {"params": params}, {"model": "digits_mlp", "settings": config.fixed()})
    pixels = np.random.default_rng(1).integers(0, 17, (4, 64))
    np.save("x.npy", pixels)
    np.savetxt("x.csv", pixels, delimiter=",")
    assert cli.main(["predict", "m.safetensors", "x.npy"]) == 0
    first = capsys.readouterr().out
    assert len(first.split()) == 4
    assert cli.main(["predict", "m.safetensors", "x.csv"]) == 0
    assert capsys.readouterr().out == first
    np.save("bad.npy", np.ones((3, 5)))
    for given, said in (("bad.npy", "expected rows of 64 pixels, got shape (3, 5)"), ("no.csv", "cannot read no.csv")):
        assert cli.main(["predict", "m.safetensors", given]) == 2
        assert said in capsys.readouterr().err
    checkpoint.save(Path("other.safetensors"), {"params": params}, {})
    assert cli.main(["predict", "other.safetensors", "x.npy"]) == 2
    assert "is not the model of a run" in capsys.readouterr().err
    assert list(predict.answers(Path("m.safetensors"), "x.npy")) == first.split()


def test_bad_rows_of_digits_leave_the_others_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(hidden=8)
    params = job.model_of(config, 1).init(np.random.default_rng(0))
    checkpoint.save(Path("m.safetensors"), {"params": params}, {"model": "digits_mlp", "settings": config.fixed()})
    pixels = np.random.default_rng(1).integers(1, 17, (4, 64)).astype(float)
    good = list(predict.answers(Path("m.safetensors"), save_npy("x.npy", pixels)))
    lines = [",".join(map(str, row)) for row in pixels]
    lines[1:2] = ["1,2,3", lines[1].replace(",", ",x", 1), 'the "end', lines[1]]
    Path("x.csv").write_text("\n".join(lines))
    assert cli.main(["predict", "m.safetensors", "x.csv"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [good[0], "", "", "", *good[1:]]
    assert [line.partition("x.csv, ")[2] for line in err.splitlines()] == [
        "line 2: 3 cells, expected 64",
        f"line 3: 'x{pixels[1, 1]}' is not a number",
        "line 4: 1 cells, expected 64",
    ]
    pixels[2, 5] = np.nan
    assert cli.main(["predict", "m.safetensors", save_npy("y.npy", pixels)]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [*good[:2], "", good[3]]
    assert err == "geartrain: no answer for y.npy, row 2: a pixel is not finite\n"


def save_npy(path: str, pixels: Any) -> str:
    np.save(path, pixels)
    return path


def test_a_bad_line_costs_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\r\n1,"two\r\nlines"\r\n"3,4\r\n\r\n5,\xe9\r\n"6"x,7\r\n8,9\n')
    rows = tabular.read(path)
    assert rows.cells == [["1", "two\r\nlines"], ["8", "9"]]
    assert rows.lines == [2, 8]
    assert [(bad.line, bad.why.partition(" (")[0]) for bad in rows.bad] == [
        (4, "quotes do not match"),
        (6, "not UTF-8"),
        (7, "quotes do not match"),
    ]


def test_parts_of_a_cross_validation_share_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    write_table("data.csv", [HEAD, *some_rows()])
    config = TableConfig(file="data.csv", target="kind", epochs=2)
    data = table.prepare(config)
    made: list[Any] = []
    genuine = stepping.Program

    def program(*args: Any) -> Any:
        made.append(args)
        return genuine(*args)

    monkeypatch.setattr(stepping, "Program", program)
    shared = table.cross_validated(config, data)["network"]
    assert len(made) == 2  # one for 32 rows, and one for the 8 that are left of 72
    assert len(shared) == table.FOLDS
    # A step that has trained another network before gives the bits of a new one.
    step = table_mlp.step(data.x.shape[1], data.outputs, config.hidden, config.learning_rate)
    losses = [
        [table._network(data, config, np.arange(n, 64 + n), **more).records[-1]["train_loss"] for n in (0, 20)]
        for more in ({}, {"taking": step})
    ]
    assert losses[0] == losses[1]
