"""The model, the data and the measurements."""

import sys
from typing import Any

import numpy as np
import pytest

from geartrain.errors import MissingPackage
from geartrain.train import UsageError, digits_mlp, load, picture, report


def test_the_split_is_stratified_and_decided_by_the_seed() -> None:
    a, b, c = load("digits", 0), load("digits", 0), load("digits", 1)
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a.test_labels, c.test_labels)
    assert len(a.train_labels) + len(a.test_labels) == 1797
    for digit in range(10):
        inside, outside = (int(np.count_nonzero(labels == digit)) for labels in (a.train_labels, a.test_labels))
        assert abs(outside - (inside + outside) / 5) <= 0.5
    assert a.train_images.dtype == np.float32
    assert (a.train_images.min(), a.train_images.max()) == (0, 1)


def test_no_digit_is_in_both_parts() -> None:
    data = load("digits", 4)
    total = np.concatenate([data.train_images, data.test_images])
    assert total.shape == (1797, 64)
    whole = load("digits", 5)
    order = np.lexsort(total.T)
    other = np.concatenate([whole.train_images, whole.test_images])
    assert np.array_equal(total[order], other[np.lexsort(other.T)])


def test_an_unknown_data_set_is_refused_with_those_known() -> None:
    with pytest.raises(UsageError, match="unknown data set 'mnist'; the known data sets: digits"):
        load("mnist", 0)


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingPackage) as missing:
        load("digits", 0)
    assert str(missing.value) == "[train] this needs sklearn, which is not installed: pip install 'geartrain[examples]'"


def test_loss_is_the_smoothed_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    params = digits_mlp.init(rng, (64, 7, 10))
    images, labels = rng.random((5, 64)), rng.integers(0, 10, 5)
    z = digits_mlp.scores(params, images)
    shares = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    wanted = np.eye(10)[labels] * 0.9 + 0.01
    assert digits_mlp.loss(params, images, labels) == pytest.approx(-(wanted * np.log(shares)).sum() / 5)
    assert np.array_equal(digits_mlp.predict(params, images), shares.argmax(1))


def test_loss_of_confident_scores_does_not_overflow() -> None:
    params = digits_mlp.init(np.random.default_rng(0), (64, 7, 10))
    params[-1]["bias"] = params[-1]["bias"] + np.float32(1e4) * np.arange(10, dtype=np.float32)
    assert np.isfinite(digits_mlp.loss(params, np.ones((3, 64), np.float32), np.array([9, 0, 5])))


def test_finite_differences_agree_and_leave_the_parameters_alone() -> None:
    rng = np.random.default_rng(0)
    params = digits_mlp.init(rng, (64, 7, 10))
    before = [leaf.copy() for layer in params for leaf in layer.values()]
    checked, worst = report.finite_differences(
        digits_mlp.loss, params, rng.random((20, 64)), rng.integers(0, 10, 20), rng=rng, samples=50
    )
    assert checked == 50
    assert worst < 1e-5
    assert all(np.array_equal(a, b) for a, b in zip(before, [v for p in params for v in p.values()], strict=True))


def test_finite_differences_reach_parameters_in_any_layout() -> None:
    def loss(params: Any) -> Any:
        return (params["w"] ** 3).sum()

    transposed = np.arange(1.0, 7.0).reshape(2, 3).T
    found = report.finite_differences(loss, {"w": transposed}, rng=np.random.default_rng(0))
    assert found == (6, pytest.approx(0, abs=1e-6))


def test_finite_differences_find_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    def loss(params: Any) -> Any:
        return (params["x"] ** 2).sum()

    def off_by_a_thousandth(_: Any) -> Any:
        def loss_and_gradient(params: Any) -> Any:
            return loss(params), {"x": 2.002 * params["x"]}

        return loss_and_gradient

    assert report.finite_differences(loss, {"x": np.arange(3.0)}, rng=np.random.default_rng(0)) == (
        3,
        pytest.approx(0, abs=1e-9),
    )
    monkeypatch.setattr(report, "value_and_grad", off_by_a_thousandth)
    found = report.finite_differences(loss, {"x": np.arange(3.0)}, rng=np.random.default_rng(0))
    assert found.worst == pytest.approx(1e-3, rel=1e-2)
    measured = report.Measured(3, found, 1, 1.0, 1, 1.0, native=False)
    assert "DO NOT AGREE" in report.sentences(measured, right=1, shown=1, epochs=1, seconds=1)[2]


def test_the_cost_of_a_gradient_is_a_ratio() -> None:
    params = digits_mlp.init(np.random.default_rng(0), (64, 7, 10))
    for native in (False, True):
        cost = report.gradient_cost(
            digits_mlp.loss, params, np.ones((9, 64)), np.zeros(9, int), repeats=5, native=native
        )
        assert 0.1 < cost < 1000


RECORD = {"epoch": 1, "train_loss": 1.0, "test_loss": 1.1, "test_accuracy": 0.5}


@pytest.mark.parametrize("records", [[], [RECORD], [RECORD, {**RECORD, "epoch": 2}]])
def test_the_picture_is_a_png(records: list[dict[str, Any]]) -> None:
    labels = np.zeros(60, int)
    predicted = np.where(np.arange(60) < 20 * len(records), 3, 0)  # none wrong, some, more than are shown
    drawn = picture.draw(records, np.zeros((60, 64)), labels, predicted)
    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(drawn) > 10_000
