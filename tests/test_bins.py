import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.config.network import BIN_PRESETS

SID = DepthBins()
UD = DepthBins(kind="ud")
SMALL_SID = DepthBins(num_bins=6, min_depth_m=0.5, max_depth_m=40.0)
SMALL_UD = DepthBins(kind="ud", num_bins=6, min_depth_m=0.5, max_depth_m=40.0)
BOTH = pytest.mark.parametrize("bins", [SID, UD], ids=["sid", "ud"])


def one_hot(bins):
    return jnp.eye(bins.num_bins)


def test_sid_edges_follow_the_formula():
    k = 71
    expected = [np.exp(np.log(1) + np.log(80 / 1) * i / k) for i in range(k + 1)]
    np.testing.assert_allclose(SID.edges_m, expected, rtol=1e-6)
    ratios = SID.edges_m[1:] / SID.edges_m[:-1]
    np.testing.assert_allclose(ratios, 1.0637, rtol=1e-4)


def test_ud_edges_follow_the_formula():
    expected = [1 + (80 - 1) * i / 71 for i in range(72)]
    np.testing.assert_allclose(UD.edges_m, expected, rtol=1e-6)


@BOTH
def test_label_is_the_bin_between_whose_edges_the_depth_lies(bins):
    depth_m = np.random.default_rng(0).uniform(1, 80, 10_000).astype(np.float32)
    label = np.asarray(bins.label(depth_m))
    assert label.dtype == np.int32
    assert (bins.edges_m[label] <= depth_m).all()
    assert (depth_m < bins.edges_m[label + 1]).all()


@BOTH
def test_label_agrees_with_the_floor_formula_inside_bins(bins):
    depth_m = np.asarray(bins.depth_at(np.arange(71) + np.linspace(0.1, 0.9, 71)))
    if bins is SID:
        formula = np.floor(71 * np.log(depth_m / 1) / np.log(80 / 1))
    else:
        formula = np.floor(71 * (depth_m - 1) / (80 - 1))
    np.testing.assert_array_equal(bins.label(depth_m.astype(np.float32)), formula)


@BOTH
def test_an_edge_belongs_to_the_bin_it_opens(bins):
    np.testing.assert_array_equal(bins.label(bins.edges_m[:-1]), np.arange(71))
    assert bins.label(bins.edges_m[-1:]) == 70


@pytest.mark.parametrize(
    "depth_m", [0.0, -1.0, 80.01, 655.35, np.inf, -np.inf, np.nan], ids=str
)
def test_depth_that_teaches_nothing_is_ignored(depth_m):
    assert SID.label(jnp.array([depth_m])) == IGNORE


def test_depth_before_the_first_edge_belongs_to_the_first_bin():
    assert SID.label(jnp.array([1e-3])) == 0


@BOTH
@pytest.mark.parametrize(
    "how", ["argmax", "argmax_geometric", "expectation", "median", "absrel"]
)
def test_bins_round_trip_through_every_decoding(bins, how):
    decoded = bins.decode(one_hot(bins), how)
    np.testing.assert_array_equal(bins.label(decoded), np.arange(bins.num_bins))


@BOTH
def test_decoding_a_certain_bin_gives_its_centre(bins):
    low, high = bins.edges_m[:-1], bins.edges_m[1:]
    sure = one_hot(bins)
    for how in ("argmax", "expectation"):
        np.testing.assert_allclose(bins.decode(sure, how), (low + high) / 2, rtol=1e-6)
    np.testing.assert_allclose(
        bins.decode(sure, "argmax_geometric"), np.sqrt(low * high), rtol=1e-6
    )


def test_median_of_a_certain_bin_is_the_middle_of_its_own_spacing():
    sid_middle = np.sqrt(SID.edges_m[:-1] * SID.edges_m[1:])
    np.testing.assert_allclose(
        SID.decode(one_hot(SID), "median"), sid_middle, rtol=1e-5
    )
    ud_middle = (UD.edges_m[:-1] + UD.edges_m[1:]) / 2
    np.testing.assert_allclose(UD.decode(one_hot(UD), "median"), ud_middle, rtol=1e-5)


def test_expectation_and_median_of_an_even_distribution():
    even = jnp.full((1, 71), 1 / 71)
    assert SID.decode(even, "median")[0] == pytest.approx(np.sqrt(80), rel=1e-4)
    assert UD.decode(even, "median")[0] == pytest.approx(40.5, rel=1e-4)
    assert UD.decode(even, "expectation")[0] == pytest.approx(40.5, rel=1e-4)


def test_quantiles_of_an_even_distribution_are_even_in_the_bins_own_spacing():
    even = jnp.full((71,), 1 / 71)
    for share in (0.05, 0.25, 0.95):
        assert SID.quantile(even, share) == pytest.approx(80**share, rel=1e-4)
        assert UD.quantile(even, share) == pytest.approx(1 + 79 * share, rel=1e-4)


@pytest.mark.parametrize("bins", [SMALL_SID, SMALL_UD], ids=["sid", "ud"])
def test_absrel_minimises_the_expected_absrel(bins):
    """Against the best of all depths, of distributions integrated numerically."""
    probabilities = np.random.default_rng(0).dirichlet(np.full(6, 0.4), 8)
    places = (np.arange(6000) + 0.5) / 1000  # evenly spread over the bin coordinate
    depth_m = bins.depth_at(places)
    density = np.repeat(probabilities, 1000, axis=1) / 1000

    def expected_absrel(x_m):
        return density @ (np.abs(x_m - depth_m[:, None]) / depth_m[:, None])

    candidates_m = np.geomspace(0.5, 40.0, 1501)
    best_m = candidates_m[np.argmin(expected_absrel(candidates_m), axis=1)]
    found_m = np.asarray(bins.decode(jnp.asarray(probabilities), "absrel"))
    np.testing.assert_allclose(found_m, best_m, rtol=0.004)
    found = np.diagonal(expected_absrel(found_m))
    assert (found <= expected_absrel(candidates_m).min(axis=1) + 1e-6).all()
    for how in ("median", "expectation"):
        other_m = np.asarray(bins.decode(jnp.asarray(probabilities), how))
        assert (found <= np.diagonal(expected_absrel(other_m)) + 1e-6).all()


def test_absrel_of_certain_and_even_distributions():
    edges_m = SID.edges_m
    harmonic_m = 2 / (1 / edges_m[:-1] + 1 / edges_m[1:])
    found_m = SID.decode(one_hot(SID), "absrel")
    np.testing.assert_allclose(found_m, harmonic_m, rtol=1e-5)
    geometric_m = np.sqrt(UD.edges_m[:-1] * UD.edges_m[1:])
    np.testing.assert_allclose(UD.decode(one_hot(UD), "absrel"), geometric_m, rtol=1e-5)
    even = jnp.full(71, 1 / 71)
    assert SID.decode(even, "absrel") == pytest.approx(2 / (1 + 1 / 80), rel=1e-5)
    assert UD.decode(even, "absrel") == pytest.approx(np.sqrt(80), rel=1e-5)


def test_absrel_needs_a_first_bin_that_does_not_start_at_0():
    bins = DepthBins(kind="ud", min_depth_m=0.0)
    with pytest.raises(ValueError, match="min_depth_m=0"):
        bins.decode(one_hot(bins), "absrel")


def test_perfect_labels_leave_the_known_error():
    depth_m = np.exp(np.random.default_rng(0).uniform(0, np.log(80), 400_000))
    depth_m = depth_m.astype(np.float32)
    decoded = SID.centers_m[np.asarray(SID.label(depth_m))]
    assert np.mean(np.abs(decoded - depth_m) / depth_m) == pytest.approx(
        0.0154, abs=1e-4
    )


def test_presets_of_the_config():
    preset = {name: DepthBins(**fields) for name, fields in BIN_PRESETS.items()}
    dorn, crowded = preset["dorn_release"], preset["pytorch_dorn"]
    np.testing.assert_allclose(
        dorn.edges_m[1:] / dorn.edges_m[:-1], np.exp(0.04), rtol=1e-5
    )
    assert dorn.edges_m[0] == pytest.approx(4.664)
    # What the released network decodes 0 to 70 thresholds to.
    np.testing.assert_allclose(
        dorn.geometric_centers_m, np.exp((np.arange(71) + 39) / 25), rtol=2e-4
    )
    assert (crowded.edges_m[1:] <= 2).sum() == 53  # the 54th holds 2 m itself
    assert crowded.label(jnp.array([2.0])) == 53
    assert preset["paper"] == SID


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (dict(kind="log"), "kind"),
        (dict(num_bins=255), "num_bins"),
        (dict(num_bins=1), "num_bins"),
        (dict(min_depth_m=80.0), "min_depth_m"),
        (dict(min_depth_m=-1.0), "min_depth_m"),
        (dict(min_depth_m=0.0), "min_depth_m"),
        (dict(max_depth_m=float("inf")), "max_depth_m"),
        (dict(max_depth_m=float("nan")), "max_depth_m"),
    ],
    ids=str,
)
def test_bins_that_cannot_be_are_refused(fields, named):
    with pytest.raises(ValueError, match=named):
        DepthBins(**fields)


@pytest.mark.parametrize("kind", ["sid", "ud"])
@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3, 4.0])
def test_a_moved_distribution_is_that_of_moved_depths(kind, factor):
    """Compared with a histogram of many depths, spread evenly inside each bin."""
    bins = DepthBins(kind, 8, 2.0, 50.0)
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(8)).astype(np.float32)
    inside = (np.arange(20_000) + 0.5) / 20_000
    depth_m = bins.depth_at(np.add.outer(np.arange(8.0), inside)) * factor
    inner = bins.edges_m[1:-1].astype(np.float64)
    expected = np.zeros(8)
    for probability, depths in zip(probabilities, depth_m, strict=True):
        counts = np.bincount(np.digitize(depths, inner), minlength=8)
        expected += probability * counts / 20_000
    moved = probabilities @ bins.rescaling_matrix(factor)
    np.testing.assert_allclose(moved, expected, atol=1e-4)
    assert moved.sum() == pytest.approx(1, abs=1e-6)


def test_moving_by_one_changes_nothing():
    bins = DepthBins("sid", 71, 1.0, 80.0)
    np.testing.assert_allclose(bins.rescaling_matrix(1.0), np.eye(71), atol=1e-6)
