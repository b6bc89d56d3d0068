"""Small networks with opinions, as the tests of exporting need them."""

import jax
import numpy as np

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.models.build import Network, initial_variables
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.types import Trained

LOGITS_STD = 3.0


def pipeline(
    *,
    head="classification",
    bins=("sid", 10, 1.0, 80.0),
    convention="imagenet_rgb",
    decode="argmax",
    **fields,
):
    """Builds a pipeline; other fields are those of the network or of `Pipeline`."""
    own = {"flip", "canonical_focal_px", "focal_px"} & fields.keys()
    of_pipeline = {name: fields.pop(name) for name in own}
    defaults = {"architecture": "tiny", "width": 4, "norm": "trained"}
    head = HEADS[head](DepthBins(*bins))
    defaults |= {"aspp_rates": (1, 2), "outputs": head.channels}
    model = DeepLabV2(**(defaults | fields))
    network = Network(model, head, CONVENTIONS[convention])
    return Pipeline(network, decode, **of_pipeline)


def trained(of, temperature=1.0):
    """Draws variables of a pipeline's network, statistics and biases included."""
    rng = np.random.default_rng(0)

    def drawn(path, x):
        if path[-1].key in ("scale", "var"):
            return rng.uniform(0.5, 1.5, x.shape).astype(np.float32)
        inputs = np.prod(x.shape[:-1]) if path[-1].key == "kernel" else 100
        return rng.normal(0, inputs**-0.5, x.shape).astype(np.float32)

    model = of.network.model
    shapes = jax.eval_shape(lambda: initial_variables(model, seed=0))
    variables = jax.tree_util.tree_map_with_path(drawn, shapes)
    image = of.network.convention(random_images(1, 33, 41))
    logits = jax.jit(model.apply)(variables, image)
    gain = LOGITS_STD / np.std(logits)
    params = dict(variables["params"])
    last = "decoder" if model.decoder_width else "aspp"
    wide = jax.tree.map(lambda x: np.float32(gain) * x, params[last])
    # Of the decoder its last layer alone: normalisation would undo the others' gain.
    params[last] = (
        {**params[last], "outputs": wide["outputs"]} if model.decoder_width else wide
    )
    return Trained(variables | {"params": params}, temperature)


def random_images(batch, height, width):
    """Draws images of noise."""
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (batch, height, width, 3), np.uint8)
