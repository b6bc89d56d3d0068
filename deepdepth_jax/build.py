"""From a completed config to the parts that are trained and run."""

import dataclasses
from collections.abc import Callable

import numpy as np
import optax
from ml_collections import ConfigDict

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import CONVENTIONS, InputConvention
from deepdepth_jax.optimizer import parameter_groups, poly_schedule, sgd
from deepdepth_jax.parallel import on_all_devices, predict_on_all_devices, replicate
from deepdepth_jax.state import TrainState, initial_state, initial_variables
from deepdepth_jax.steps import TrainStep, make_predict_step, make_train_step
from deepdepth_jax.types import Prediction, Tree

Predict = Callable[[dict[str, Tree], np.ndarray], Prediction]


@dataclasses.dataclass(frozen=True)
class Network:
    """The network with what gives its input and output a meaning."""

    model: DeepLabV2
    bins: DepthBins
    convention: InputConvention


def network(config: ConfigDict) -> Network:
    """Builds the network that the sections `model` and `bins` describe."""
    bins = DepthBins(
        config.bins.kind,
        config.bins.num_bins,
        config.bins.min_depth_m,
        config.bins.max_depth_m,
    )
    model = DeepLabV2(
        num_bins=bins.num_bins,
        architecture=config.model.backbone,
        width=config.model.width,
        output_stride=config.model.output_stride,
        norm=config.model.norm,
        stride_on=config.model.stride_on,
        aspp_rates=tuple(config.model.aspp_rates),
    )
    return Network(model, bins, CONVENTIONS[config.model.input_convention])


def schedule(config: ConfigDict) -> optax.Schedule:
    """Builds the learning rate as a function of the steps taken."""
    section = config.train
    return poly_schedule(section.learning_rate, section.num_steps, section.poly_power)


def training(config: ConfigDict) -> tuple[TrainState, TrainStep]:
    """Builds the state before the first step, and the step on all devices."""
    section, parts = config.train, network(config)
    optimizer = sgd(
        schedule(config),
        section.momentum,
        parameter_groups(
            norm=config.model.norm,
            backbone_lr_mult=section.backbone_lr_mult,
            head_lr_mult=section.head_lr_mult,
            weight_decay=section.weight_decay,
        ),
    )
    step = make_train_step(parts.model, parts.bins, parts.convention, optimizer)
    variables = initial_variables(parts.model, config.seed)
    return replicate(initial_state(variables, optimizer)), on_all_devices(step)


def prediction(config: ConfigDict) -> Predict:
    """Builds the function from variables and pictures to depth, on all devices."""
    parts = network(config)
    step = make_predict_step(
        parts.model,
        parts.bins,
        parts.convention,
        decode=config.eval.decode,
        flip=config.eval.flip,
    )
    return predict_on_all_devices(step, config.eval.batch_size)
