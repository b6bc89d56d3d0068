"""Seconds for the fully connected CRF, beside its authors' C++ code.

    pip install pydensecrf2
    python -m benchmarks.crf

At KITTI's size, 375 x 1242, with 71 labels and five iterations, on a rendered street
scene with a noisy guess at its bins. With the settings that DeepLab v2 is usually run
with on its ResNet-101, with others usual for classes, and with the config's. Each runs
in a process of its own, interleaved, from probabilities and image to the refined
probabilities, and its lattices are built anew each time. Ours has been compiled before.
The peak of memory includes the libraries.
"""

import argparse
import dataclasses
import functools
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.pairing import alternate, describe, ratios
from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.config import CrfConfig
from deepdepth_jax.datasets.streets.render import render
from deepdepth_jax.inference.crf.mean_field import dense_crf
from deepdepth_jax.runtime import cli

HEIGHT, WIDTH = 375, 1242
BINS = DepthBins()
DEEPLAB = CrfConfig(
    iterations=5,
    smoothness_weight=3.0,
    theta_gamma_px=1.0,
    appearance_weight=4.0,
    theta_alpha_px=67.0,
    theta_beta=3.0,
    compatibility="potts",
    truncation_bins=10,
)
SETTINGS = {
    "DeepLab's settings": DEEPLAB,
    "wide kernels": dataclasses.replace(
        DEEPLAB,
        theta_gamma_px=3.0,
        appearance_weight=10.0,
        theta_alpha_px=80.0,
        theta_beta=13.0,
    ),
    "the defaults for depth": CrfConfig(),
}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=cli.count, default=3)
    arguments = parser.parse_args()
    for name, options in SETTINGS.items():
        compare(name, options, arguments.rounds)


def compare(name: str, options: CrfConfig, rounds: int) -> None:
    """Prints what both need with the same settings."""
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, context) as our_process,
        ProcessPoolExecutor(1, context) as their_process,
    ):
        processes = {
            "ours": (our_process, ours),
            "pydensecrf2": (their_process, theirs),
        }

        def seconds(contender: str) -> float:
            process, refine = processes[contender]
            return process.submit(seconds_for, refine, options).result()

        for contender in processes:
            seconds(contender)
        figures = alternate(
            {
                contender: functools.partial(seconds, contender)
                for contender in processes
            },
            rounds,
        )
        print(name)
        for contender, (process, _) in processes.items():
            peak = process.submit(peak_gb).result()
            print(
                f"  {contender:12} {describe(figures[contender], 's')}, "
                f"at most {peak:.2f} GB"
            )
        ratio = ratios(figures["ours"], figures["pydensecrf2"])
        print(f"  {'ratio':12} {describe(ratio, 'times')}", flush=True)


@functools.cache
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Returns a street scene and a noisy guess at its bins."""
    image, depth_m = render(jax.random.key(0), HEIGHT, WIDTH)
    labels = BINS.label(depth_m)
    labels = jnp.where(labels == IGNORE, BINS.num_bins - 1, labels)
    shape = (HEIGHT, WIDTH, BINS.num_bins)
    logits = 2 * jax.random.normal(jax.random.key(1), shape)
    logits += 3 * jax.nn.one_hot(labels, BINS.num_bins)
    return np.array(image), np.asarray(jax.nn.softmax(logits))


def seconds_for(
    refine: Callable[[np.ndarray, np.ndarray, CrfConfig], None], options: CrfConfig
) -> float:
    """Measures one image."""
    image, probabilities = scene()
    start = time.perf_counter()
    refine(image, probabilities, options)
    return time.perf_counter() - start


def ours(image: np.ndarray, probabilities: np.ndarray, options: CrfConfig) -> None:
    """Refines with this package."""
    jax.block_until_ready(dense_crf(probabilities, image, options))


def theirs(image: np.ndarray, probabilities: np.ndarray, options: CrfConfig) -> None:
    """Refines with the authors' code."""
    from pydensecrf.densecrf import DenseCRF2D

    bins = np.arange(BINS.num_bins)
    distance = np.abs(bins[:, None] - bins) / options.truncation_bins
    cost = np.minimum(distance, 1).astype(np.float32)

    def compatibility(weight: float) -> float | np.ndarray:
        return weight if options.compatibility == "potts" else weight * cost

    crf = DenseCRF2D(WIDTH, HEIGHT, BINS.num_bins)
    unary = -np.log(probabilities).reshape(-1, BINS.num_bins).T
    crf.setUnaryEnergy(np.ascontiguousarray(unary))
    crf.addPairwiseGaussian(
        sxy=options.theta_gamma_px, compat=compatibility(options.smoothness_weight)
    )
    crf.addPairwiseBilateral(
        sxy=options.theta_alpha_px,
        srgb=options.theta_beta,
        rgbim=image,
        compat=compatibility(options.appearance_weight),
    )
    crf.inference(options.iterations)


def peak_gb() -> float:
    """Returns the most memory that this process has had, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
