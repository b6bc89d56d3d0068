"""The TFDS builder that all data sets share: one split of one source, as records."""

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from deepdepth_jax.datasets.source import Source, on_all_cores
from deepdepth_jax.types import Example


@dataclasses.dataclass(kw_only=True)
class SourceConfig(tfds.core.BuilderConfig):
    """A TFDS config that is named after the source it reads."""

    source: Source

    @classmethod
    def of(cls, source: Source) -> "SourceConfig":
        """Names the config by split and by a digest of the source's identity."""
        return cls(name=f"{source.split}-{source.digest()}", source=source)


class _Info(tfds.core.DatasetInfo):
    """TFDS looks for the records of unknown builders in its own bucket, where none are.

    To do so it makes a temporary folder, which it leaves behind.
    """

    def initialize_from_bucket(self) -> None:
        """Does nothing."""


class DepthBuilder(tfds.core.GeneratorBasedBuilder):
    """Writes the examples of a `Source`, in its order, for random access.

    Records hold decoded images, because decoding a PNG takes longer than all other work
    on an image. The file format compresses each record.

    A data set is a subclass with a description for TFDS. Subclasses are not
    registered with TFDS, whose catalogue has a `kitti` of its own: `input_pipeline`
    builds them by class.
    """

    VERSION = tfds.core.Version("3.0.0")
    ABOUT: ClassVar[str]
    HOMEPAGE: ClassVar[str]
    CITATION: ClassVar[str]
    builder_config: SourceConfig
    with_beam = False
    """Whether the records are prepared by Apache Beam."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(skip_registration=True)

    def _info(self) -> tfds.core.DatasetInfo:
        return _Info(
            builder=self,
            description=self.ABOUT,
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "name": tfds.features.Text(),
                    "image": tfds.features.Tensor(
                        shape=(None, None, 3), dtype=np.uint8, encoding="bytes"
                    ),
                    "depth_m": tfds.features.Tensor(
                        shape=(None, None), dtype=np.float32, encoding="bytes"
                    ),
                    "focal_px": np.float32,
                }
            ),
            metadata=tfds.core.MetadataDict(self.builder_config.source.identity()),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        del dl_manager  # nothing is fetched: the user has the data
        source = self.builder_config.source
        generate = self._pipeline if self.with_beam else self._generate_examples
        return {source.split: generate(source)}

    def _generate_examples(self, source: Source) -> Iterator[tuple[int, dict]]:
        examples = on_all_cores(source.read, len(source))
        title = f"prepare {source.dataset} {source.split}"
        for index, example in enumerate(tqdm(examples, title, len(source))):
            yield index, _features(example)

    def _pipeline(self, source: Source) -> Any:
        """The same as a pipeline of Apache Beam, whose workers read the source."""
        import apache_beam as beam

        return beam.Create(range(len(source))) | beam.Map(
            lambda index: (index, _features(source.read(index)))
        )


def _features(example: Example) -> dict:
    return {
        field.name: getattr(example, field.name)
        for field in dataclasses.fields(example)
    }
