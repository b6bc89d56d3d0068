"""From a completed config to the parts that are trained and run."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from deepdepth_jax.belief import Belief
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.crf.mean_field import dense_crf
from deepdepth_jax.crf.options import CrfOptions
from deepdepth_jax.errors import UserError
from deepdepth_jax.heads import HEADS, Head
from deepdepth_jax.inference import (
    Scores,
    Trained,
    make_calibrated_step,
    make_likelihood_step,
    make_predict_step,
    make_refined_predict_step,
    make_refined_score_step,
    make_score_step,
)
from deepdepth_jax.models import hub
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import CONVENTIONS, InputConvention
from deepdepth_jax.models.pretrained import (
    Metadata,
    initialise,
    load_backbone,
    load_metadata,
)
from deepdepth_jax.objective import LossOptions, make_loss
from deepdepth_jax.optimizer import Group, grouped, parameter_groups, poly_schedule
from deepdepth_jax.parallel import (
    in_batches_on_all_devices,
    on_all_devices,
    replicate,
    replicated,
)
from deepdepth_jax.size_classes import in_size_classes
from deepdepth_jax.state import TrainState, initial_state, initial_variables
from deepdepth_jax.steps import TrainStep, make_train_step
from deepdepth_jax.types import Prediction, Tree
from deepdepth_jax.views import Views
from deepdepth_jax.windows import by_windows


@dataclasses.dataclass(frozen=True)
class Network:
    """The network with what gives its input and output a meaning."""

    model: DeepLabV2
    head: Head
    convention: InputConvention


def adopt_pretrained(config: ConfigDict) -> ConfigDict:
    """Takes stride and input convention from the pretrained weights, if there are any.

    Raises:
      UserError: the config says otherwise than the weights, without
        `model.pretrained_override`; or they are of another network.
    """
    config = config.copy_and_resolve_references()
    model = config.model
    if not model.pretrained:
        model.stride_on = model.stride_on or "1x1"
        model.input_convention = model.input_convention or "imagenet_rgb"
        return config
    metadata = load_metadata(hub.resolve(model.pretrained))
    must = {"backbone": metadata.architecture, "width": metadata.width}
    may = {
        "stride_on": metadata.stride_on,
        "input_convention": _name_of(metadata),
    }
    for field, theirs in (must | may).items():
        if model[field] is None:
            model[field] = theirs
        overridden = model.pretrained_override and field in may
        if model[field] != theirs and not overridden:
            raise UserError(
                f"model.{field}={model[field]}, but the weights of model.pretrained="
                f"{model.pretrained} have {theirs}: leave the field out"
                + (", or set model.pretrained_override=true" if field in may else "")
            )
    return config


def _name_of(metadata: Metadata) -> str:
    names = {convention: name for name, convention in CONVENTIONS.items()}
    return names[metadata.convention]


def depth_bins(config: ConfigDict) -> DepthBins:
    """Builds the bins that the section `bins` describes."""
    fields = {name: config.bins[name] for name in config.bins if name != "preset"}
    return DepthBins(**fields)


def head(config: ConfigDict) -> Head:
    """Builds what the network's output stands for."""
    return HEADS[config.model.head](depth_bins(config))


def network(config: ConfigDict) -> Network:
    """Builds the network that the sections `model` and `bins` describe."""
    what_it_says = head(config)
    model = DeepLabV2(
        outputs=what_it_says.channels,
        architecture=config.model.backbone,
        width=config.model.width,
        output_stride=config.model.output_stride,
        norm=config.model.norm,
        stride_on=config.model.stride_on,
        aspp_rates=tuple(config.model.aspp_rates),
    )
    convention = CONVENTIONS[config.model.input_convention]
    return Network(model, what_it_says, convention)


def schedule(config: ConfigDict) -> optax.Schedule:
    """Builds the learning rate as a function of the steps taken."""
    section = config.train
    return poly_schedule(section.learning_rate, section.num_steps, section.poly_power)


def groups(config: ConfigDict) -> tuple[Group, ...]:
    """Builds the groups of parameters that learn alike."""
    return parameter_groups(
        norm=config.model.norm,
        backbone_lr_mult=config.train.backbone_lr_mult,
        head_lr_mult=config.train.head_lr_mult,
        weight_decay=config.train.weight_decay,
        freeze_at=config.train.freeze_at,
    )


def optimizer(config: ConfigDict) -> optax.GradientTransformation:
    """Builds the optimiser, with its groups of parameters."""
    section = config.train
    return grouped(
        section.optimizer, schedule(config), section.momentum, groups(config)
    )


def first_state(config: ConfigDict) -> TrainState:
    """Builds the state before the first step, with pretrained weights if there are."""
    pretrained = config.model.pretrained
    variables = initial_variables(
        network(config).model, config.seed, head_alone=bool(pretrained)
    )
    if pretrained:
        variables = initialise(variables, load_backbone(hub.resolve(pretrained)))
    return replicate(initial_state(variables, optimizer(config)))


def abstract_state(config: ConfigDict) -> TrainState:
    """Describes the arrays of a state without making them, for a checkpoint to fill."""
    shapes = jax.eval_shape(
        lambda: initial_state(
            initial_variables(network(config).model, config.seed), optimizer(config)
        )
    )
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated()), shapes
    )


def train_step(config: ConfigDict) -> TrainStep:
    """Builds the training step on all devices."""
    parts, section = network(config), config.train
    model = parts.model.clone(dtype=jnp.dtype(section.precision), remat=section.remat)
    return on_all_devices(
        make_train_step(
            model,
            parts.head.bins,
            parts.convention,
            make_loss(config.model.head, parts.head, LossOptions.of(section)),
            optimizer(config),
            accumulate=section.accumulate,
        )
    )


def prediction(config: ConfigDict) -> Callable[..., Prediction]:
    """Builds the function from `Trained` and pictures to depth, on all devices."""
    decode = config.eval.decode
    if config.crf.enabled:
        return _with_crf(make_refined_predict_step(head(config), decode), config)
    return _by_windows(
        make_predict_step(_belief(config, _views(config)), decode), config
    )


def scoring(config: ConfigDict) -> Callable[..., tuple[Prediction, Scores]]:
    """Builds the function that also holds what is predicted against true depth.

    See `inference.make_score_step`.
    """
    decode = config.eval.decode
    if config.crf.enabled:
        return _with_crf(make_refined_score_step(head(config), decode), config)
    return _by_windows(make_score_step(_belief(config, _views(config)), decode), config)


def likelihood(config: ConfigDict) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Builds the function that a temperature is fitted by, on all devices."""
    step = make_likelihood_step(_belief(config, Views()))
    return in_size_classes(step, config.eval.batch_size)


def _views(config: ConfigDict) -> Views:
    return Views(config.eval.flip, tuple(config.eval.scales))


def _belief(config: ConfigDict, views: Views) -> Belief:
    parts = network(config)
    return Belief(parts.model, parts.head, parts.convention, views)


def _by_windows(step: Callable[..., Tree], config: ConfigDict) -> Callable[..., Tree]:
    return _in_windows(in_size_classes(step, config.eval.batch_size), config)


def _with_crf(
    read_step: Callable[..., Tree], config: ConfigDict
) -> Callable[..., Tree]:
    """Puts the CRF between two programs, as it makes its lattices on the host.

    It sees the pictures alone, without what fills them and their batch up.
    """
    batch_size, options = config.eval.batch_size, CrfOptions.of(config.crf)
    look_step = make_calibrated_step(_belief(config, _views(config)))
    look = in_size_classes(look_step, batch_size)
    read = in_batches_on_all_devices(read_step, batch_size)

    def run(trained: Trained, image: np.ndarray, *depth_m: np.ndarray) -> Tree:
        own, calibrated = look(trained, image)
        refined = np.asarray(dense_crf(calibrated, image, options))
        return read(trained, own, refined, *depth_m)

    return _in_windows(run, config)


def _in_windows(run: Callable[..., Tree], config: ConfigDict) -> Callable[..., Tree]:
    height, width = config.eval.window

    def run_windows(trained: Trained, *arrays: np.ndarray) -> Tree:
        of_window = functools.partial(run, trained)
        return by_windows(of_window, (height, width))(*arrays)

    return run_windows if height else run
