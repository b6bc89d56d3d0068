"""Writes random ResNets of Keras to a folder, in every format, with their features.

Runs in a process of its own: Keras' TensorFlow backend warns with NumPy 2.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras
import numpy as np

# 97 -> 49 -> 25: odd sizes, where max-pooling with and without ceil mode agree.
SIZE = 97


def random_resnet(name, **options):
    """Builds a ResNet of Keras, all of its variables random."""
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(SIZE, SIZE, 3), **options
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.endswith("_conv"):
            layer.bias.assign(rng.normal(0, 0.2, layer.bias.shape))
        elif layer.name.endswith("_bn"):
            layer.set_weights(normalisation(rng, layer))
    return model


def normalisation(rng, layer):
    size = layer.get_weights()[0].size
    # A small last gain in each block keeps the sums over many blocks in range; a tiny
    # variance makes the epsilon count.
    gamma = rng.uniform(0.5, 1.5, size) * (0.3 if "_3_bn" in layer.name else 1.0)
    variance = rng.uniform(0.5, 1.5, size)
    gamma[0], variance[0] = 1e-3 * gamma[0], 1e-7
    return [gamma, rng.normal(0, 0.2, size), rng.normal(0, 0.2, size), variance]


def write_legacy(path, model, scope=""):
    """Writes weights as the public `.h5` files have them, which Keras 2 wrote."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{scope}{layer.name}/{w.name}:0" for w in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group[name] = weight


def main(folder):
    top = random_resnet("ResNet50", include_top=True, classes=10)
    resnet50 = keras.Model(top.inputs, top.get_layer("conv5_block3_out").output)
    resnet101 = random_resnet("ResNet101", include_top=False)
    image = np.random.default_rng(1).normal(0, 50, (2, SIZE, SIZE, 3))
    image = image.astype(np.float32)
    bias = top.get_layer("conv3_block1_0_conv").get_weights()[1]
    _, _, mean, variance = top.get_layer("conv3_block1_0_bn").get_weights()
    np.savez(
        folder / "reference.npz",
        image=image,
        resnet50=resnet50(image).numpy(),
        resnet101=resnet101(image).numpy(),
        bias=bias,
        mean=mean,
        variance=variance,
    )
    resnet101.save_weights(folder / "resnet101.weights.h5")
    top.save_weights(folder / "resnet50.weights.h5")
    write_legacy(folder / "legacy_top.h5", top)
    write_legacy(folder / "legacy_notop.h5", resnet50, scope="resnet50/")
    top.compile(optimizer=keras.optimizers.SGD())
    top.optimizer.build(top.trainable_variables)
    top.save(folder / "whole_model.h5")
    top.save_weights(folder / "compiled.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
