"""A trained network with all that is needed to use it, from a run or from a file."""

import abc
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from deepdepth_jax.config import ONE_VIEW, Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.layout import Window
from deepdepth_jax.runtime.checkpoint_folder import Which
from deepdepth_jax.runtime.paths import HUB
from deepdepth_jax.runtime.shipped import SHIPPED, by_name, shipped_network
from deepdepth_jax.runtime.workdir import stored_config, training_camera
from deepdepth_jax.types import Trained, Tree

FILE_SUFFIX = ".safetensors"


@dataclasses.dataclass(frozen=True)
class SavedNetwork:
    """A trained network with its config, calibration and camera.

    Attributes:
      config: completed.
      variables: of the network.
      temperatures: that have been fitted, by `temperature_name`.
      camera: the focal lengths of the training images.
      step: of the checkpoint.
      details: further facts as JSON values: `evaluations`, with `protocol` and
        `metrics` each, `trained_on` and `licence`. A run has none.
      workdir: of the run that it was loaded from. None for a file.
    """

    config: Config
    variables: dict[str, Tree]
    temperatures: Mapping[str, float]
    camera: TrainingCamera
    step: int
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    workdir: Path | None = None

    @property
    def trained(self) -> Trained:
        """Variables and the temperature of the config's views.

        If none was fitted for these, that of one view. If none for that either, 1.
        """
        of_one_view = self.temperatures.get(ONE_VIEW, 1.0)
        name = temperature_name(self.config)
        return Trained(self.variables, self.temperatures.get(name, of_one_view))


def temperature_name(config: Config) -> str:
    """Names the temperature of a config's views, such as `temperature 1, mirrored`.

    Each set of views has its own, as averages are less sharp.
    """
    views = [f"{scale:g}" for scale in sorted(config.eval.scales)]
    if config.eval.flip:
        views.append("mirrored")
    return ONE_VIEW if views == ["1"] else f"{ONE_VIEW} {', '.join(views)}"


def load_network(
    source: Path, which: Which = "best", overrides: Sequence[str] = ()
) -> SavedNetwork:
    """Loads a network from the folder of a run, a file of weights, or the hub.

    Args:
      source: the folder, the file, `hub:user/name`, or `anywhere`.
      which: checkpoint of a run. A file holds one.
      overrides: `--config.section.field=value` arguments.

    Raises:
      UserError: see `load_run`, `read_network` and `hugging_face.download`.
    """
    source = local_path(source)
    if not source.exists():
        raise UserError(
            f"{source}: no such file or folder: train first, or name the network of "
            f"the package, {SHIPPED.stem}{maybe_on_hub(source)}"
        )
    if source.suffix != FILE_SUFFIX or source.is_dir():
        return load_run(source, which, overrides)
    if which != "best":
        raise UserError(
            f"{source}: holds one checkpoint; leave out --checkpoint={which}"
        )
    from deepdepth_jax.inference.network_file import read_network

    return read_network(source, overrides)


def local_path(source: Path) -> Path:
    """Returns the path of a network, which is downloaded if it is `hub:user/name`.

    Raises:
      UserError: see `shipped.by_name` and `hugging_face.download`.
    """
    name = str(source)
    if not name.startswith(HUB):
        return by_name(source)
    from deepdepth_jax.inference.hugging_face import download

    return download(name.removeprefix(HUB))


def maybe_on_hub(path: Path) -> str:
    """Returns a hint if a path that is not there looks like a name on the hub."""
    looks_so = re.fullmatch(r"[\w.-]+/[\w.-]+", str(path), re.ASCII)
    return f", or write {HUB}{path} for a network on the hub" if looks_so else ""


def load_run(
    workdir: Path, which: Which = "best", overrides: Sequence[str] = ()
) -> SavedNetwork:
    """Loads the network of a run, without the state of the optimiser.

    Args:
      workdir: of the run.
      which: checkpoint.
      overrides: `--config.section.field=value` arguments.

    Raises:
      UserError: there is no run or no such checkpoint, or it is damaged.
    """
    return restore(stored_config(workdir, overrides), workdir, which)


def restore(config: Config, workdir: Path, which: Which) -> SavedNetwork:
    """Loads the network of a run, for a config that is completed already.

    Raises:
      UserError: there is no such checkpoint, or it is damaged.
    """
    from deepdepth_jax.runtime.checkpoints import Checkpoints

    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        variables = checkpoints.restore_variables(step)
        temperatures = checkpoints.temperatures(step)
    camera = training_camera(workdir, config)
    return SavedNetwork(config, variables, temperatures, camera, step, workdir=workdir)


Loaded = TypeVar("Loaded", bound="Loadable")


class Loadable(abc.ABC):
    """The part of a predictor that knows where networks are saved."""

    _network: SavedNetwork | None = None

    @classmethod
    @abc.abstractmethod
    def of(
        cls: type[Loaded],
        network: SavedNetwork,
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> Loaded:
        """Makes a predictor of a network, and keeps the network in `_network`."""

    @classmethod
    def load(
        cls: type[Loaded],
        source: str | Path | None = None,
        checkpoint: Which = "best",
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> Loaded:
        """Loads a trained network.

        Args:
          source: the folder of a run, a file of weights (see `network_file`), or
            `hub:user/name`. None or `anywhere`: the network of the package.
          checkpoint: of a run: `best` by validation, `last`, or a step.
          window: see `DepthPredictor`.
          scale: see `DepthPredictor`.

        Returns:
          The predictor.

        Raises:
          UserError: there is no run or file, no such checkpoint, or it is damaged.
        """
        path = shipped_network() if source is None else Path(source)
        return cls.of(load_network(path, checkpoint), window=window, scale=scale)

    @classmethod
    def from_pretrained(
        cls: type[Loaded],
        name: str,
        *,
        revision: str | None = None,
        window: Window = None,
        scale: float | int | None = None,
    ) -> Loaded:
        """Loads a network from the Hugging Face Hub.

        Args:
          name: such as `user/name`, or else a path as `load` takes it.
          revision: a branch, tag or commit. None: the newest version.
          window: see `DepthPredictor`.
          scale: see `DepthPredictor`.

        Returns:
          The predictor.

        Raises:
          UserError: see `load` and `hugging_face.download`.
        """
        if revision is not None:
            name = f"{name}@{revision}"
        is_path = Path(name).exists()
        source = name if is_path or name.startswith(HUB) else f"{HUB}{name}"
        return cls.load(source, window=window, scale=scale)

    def push_to_hub(
        self,
        name: str,
        *,
        licence: str | None = None,
        dtype: str = "float32",
        private: bool = False,
    ) -> str:
        """Publishes the network on the Hugging Face Hub, with a model card.

        Args:
          name: such as `user/name`. See `publishing.publish`.
          licence: of the weights, such as `Apache-2.0`.
          dtype: of the kernels: `float32`, `bfloat16` or `float16`.
          private: whether its owner alone may see it.

        Returns:
          The address of the repository.

        Raises:
          UserError: see `publishing.publish`.
          ValueError: the predictor was not loaded from a run or a file.
        """
        from deepdepth_jax.inference.network_details import with_evaluations
        from deepdepth_jax.inference.publishing import publish

        if self._network is None:
            raise ValueError("only a network of `load` can be published")
        network = with_evaluations(self._network)
        return publish(network, name, licence=licence, dtype=dtype, private=private).url
