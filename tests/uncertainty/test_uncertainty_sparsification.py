import itertools
import math
import operator

import jax
import numpy as np
import pytest
import scipy.integrate

from deepdepth_jax.metrics import depth_metrics
from deepdepth_jax.uncertainty.sparsification import (
    ERRORS,
    REMOVED,
    Sparsification,
    mean_of_remaining,
)


def maps(seed=0, height=20, width=50):
    rng = np.random.default_rng(seed)
    truth = np.exp(rng.uniform(0.5, 4, (height, width)))
    noise = rng.uniform(0.02, 0.6, truth.shape)
    prediction = truth * np.exp(noise * rng.normal(size=truth.shape))
    return prediction, truth, noise


def errors(prediction, truth):
    """Per-pixel errors, whose means (and root) are the metrics."""
    predicted = np.clip(prediction, 1e-3, 80)
    return {
        "abs_rel": np.abs(predicted - truth) / truth,
        "rmse": (predicted - truth) ** 2,
        "d1": 1.0 * (np.maximum(predicted / truth, truth / predicted) >= 1.25),
    }


def added(prediction, truth, uncertainty, **protocol):
    state = Sparsification()
    state.add(prediction, truth, uncertainty, **({"crop": "none"} | protocol))
    return state


def plain_curve(name, error, uncertainty):
    """Removes whole pixels one share after the other: no ties, 50 divides n."""
    worst_first = error.ravel()[np.argsort(-uncertainty.ravel())]
    means = [worst_first[round(r * error.size) :].mean() for r in REMOVED]
    return np.sqrt(means) if name == "rmse" else np.array(means)


def test_curves_and_areas_equal_a_plain_reimplementation():
    prediction, truth, noise = maps()
    state = added(prediction, truth, noise)
    areas = state.compute()
    for name, error in errors(prediction, truth).items():
        model = plain_curve(name, error, noise)
        # Equal errors are equal, in whatever order the oracle removes them.
        oracle = plain_curve(name, error, error)
        curves = state.curves()[name]
        np.testing.assert_allclose(curves.model, model, rtol=1e-9)
        np.testing.assert_allclose(curves.oracle, oracle, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(curves.random, model[0], rtol=1e-12)
        x = np.linspace(0, 1, 51)
        area_model, area_oracle, area_random = (
            scipy.integrate.trapezoid([*curve, 0], x)
            for curve in (model, oracle, np.full(50, model[0]))
        )
        ause, aurg = area_model - area_oracle, area_random - area_model
        assert areas[f"ause_{name}"] == pytest.approx(ause)
        assert areas[f"aurg_{name}"] == pytest.approx(aurg)
        assert areas[f"ause_{name}_normalised"] == pytest.approx(ause / model[0])
        assert areas[f"aurg_{name}_normalised"] == pytest.approx(aurg / model[0])
        assert aurg > 0
        assert ause > 0
        # Model and oracle as Poggi et al. have them, whose random does not end at 0.
        assert model[0] - area_model == pytest.approx(aurg + 0.01 * model[0])


def test_with_nothing_removed_the_error_is_the_metric():
    prediction, truth, noise = maps(1)
    truth[:, ::3] = 0
    prediction[0, :] = 200  # beyond the cap, so that clipping is part of it
    protocol = {"cap_m": 50.0, "min_m": 2.0, "crop": "garg"}
    curves = added(prediction, truth, noise, **protocol).curves()
    metrics = depth_metrics(prediction, truth, **protocol)
    for name in ERRORS:
        metric = 1 - metrics["d1"] if name == "d1" else metrics[name]
        for curve in curves[name]:
            assert curve[0] == pytest.approx(metric, rel=1e-12)


@pytest.mark.parametrize("shape", [(20, 50), (7, 11), (1, 3)])
@pytest.mark.parametrize("constant", [0.0, 0.3, -7.0])
def test_a_constant_uncertainty_is_exactly_random(shape, constant):
    prediction, truth, _ = maps(2, *shape)
    # In an order that would score well, or badly, if ties kept it.
    order = np.argsort(errors(prediction, truth)["abs_rel"].ravel())
    for by in (order, order[::-1]):
        state = added(
            prediction.ravel()[by].reshape(shape),
            truth.ravel()[by].reshape(shape),
            np.full(shape, constant, np.float32),
        )
        areas = state.compute()
        for name in ERRORS:
            assert areas[f"aurg_{name}"] == 0
            assert areas[f"ause_{name}"] >= 0
        assert areas["aurg_rmse_normalised"] == 0


@pytest.mark.parametrize("name", ERRORS)
def test_an_uncertainty_that_is_the_error_is_the_oracle(name):
    prediction, truth, _ = maps(3, 13, 17)
    areas = added(prediction, truth, errors(prediction, truth)[name]).compute()
    assert areas[f"ause_{name}"] == pytest.approx(0, abs=1e-12)
    assert areas[f"aurg_{name}"] > 0


def test_the_opposite_of_the_error_is_worse_than_random():
    prediction, truth, _ = maps(4)
    areas = added(prediction, truth, -errors(prediction, truth)["abs_rel"]).compute()
    assert areas["aurg_abs_rel"] < -0.05
    assert areas["ause_abs_rel"] > areas["aurg_abs_rel"]


def test_only_the_order_matters():
    prediction, truth, noise = maps(5)
    one = added(prediction, truth, noise).compute()
    assert added(prediction, truth, np.exp(40 * noise) - 9).compute() == one


def test_ties_are_the_mean_over_every_order():
    error = np.array([5.0, 1.0, 0.5, 3.0, 10.0])
    uncertainty = np.array([0.1, 0.2, 0.2, 0.2, 0.0])
    curve = mean_of_remaining(error, uncertainty)
    orders = [
        order
        for order in itertools.permutations(range(5))
        if (np.diff(uncertainty[list(order)]) <= 0).all()
    ]
    assert len(orders) == 6
    for removed in range(5):
        means = [error[list(order)][removed:].mean() for order in orders]
        assert curve[10 * removed] == pytest.approx(np.mean(means), rel=1e-12)


def test_an_image_of_few_pixels_loses_parts_of_them():
    curve = mean_of_remaining(np.array([1.0, 3.0]), np.array([0.0, 1.0]))
    # 25 steps remove the second pixel; then only the first is left.
    remaining_of_second = np.maximum(2 * (1 - REMOVED) - 1, 0)
    expected = (1 + 3 * remaining_of_second) / (1 + remaining_of_second)
    np.testing.assert_allclose(curve, expected, rtol=1e-12)


def test_each_image_has_the_same_weight_and_an_empty_one_none():
    few, many = maps(6, 4, 5), maps(7, 30, 40)
    state = added(*few)
    state.add(*many, crop="none")
    state.add(few[0], np.zeros_like(few[1]), few[2], crop="none")
    assert state.images == 2
    one, other = added(*few), added(*many)
    for name, value in state.compute().items():
        if not name.endswith("normalised"):
            mean = (one.compute()[name] + other.compute()[name]) / 2
            assert value == pytest.approx(mean)
    joined = jax.tree.map(operator.add, one, other)
    assert joined.images == 2
    assert joined.compute() == pytest.approx(state.compute())
    assert one.images == 1


def test_float32_maps_are_taken_as_they_come():
    maps_32 = [part.astype(np.float32) for part in maps(8)]
    expected = added(*maps(8)).compute()
    assert added(*maps_32).compute() == pytest.approx(expected, rel=1e-4)


def test_nothing_counted_is_nan_and_a_perfect_image_has_no_ratio():
    assert all(math.isnan(value) for value in Sparsification().compute().values())
    _, truth, noise = maps(9)
    areas = added(truth, truth, noise).compute()
    assert areas["ause_rmse"] == areas["aurg_rmse"] == 0
    assert math.isnan(areas["ause_rmse_normalised"])


def test_an_unknown_crop_is_refused():
    with pytest.raises(ValueError, match="crop="):
        added(*maps(), crop="kb")
