"""TensorFlow, which reads data and writes logs, made ready for that."""

from deepdepth_jax.runtime.installation import require

TRAINING_PACKAGES = "tensorflow", "tensorflow_datasets", "array_record", "tensorboard"


def require_tensorflow() -> None:
    """Refuses to go on without TensorFlow, before it takes the time to import it.

    Raises:
      UserError: the extra `train` is not installed.
    """
    require("train", TRAINING_PACKAGES, "training and evaluation need")


def import_tensorflow() -> None:
    """Imports TensorFlow and hides GPUs from it.

    Raises:
      UserError: see `require_tensorflow`.
    """
    require_tensorflow()
    import tensorflow as tf
    from absl import logging

    # TensorFlow only reads data here; it must not take the accelerators' memory.
    tf.config.set_visible_devices([], "GPU")
    logging.set_verbosity(logging.ERROR)  # libraries' notes on how they work
