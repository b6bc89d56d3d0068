"""The TFDS builder that all data sets share: one split of one source, as records."""

import abc
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds


@dataclasses.dataclass(frozen=True)
class Record:
    """One image with its depth.

    Attributes:
      name: unique in its split; tells the user which frame this is.
      image: the encoded RGB picture, PNG or JPEG, as it lies on disk.
      depth_m: float32 (h, w), metres along the optical axis; 0 = no ground truth.
      focal_px: horizontal focal length of the picture, in its pixels; 0 = unknown.
    """

    name: str
    image: bytes
    depth_m: np.ndarray
    focal_px: float


class Source(abc.ABC):
    """One split of a data set, where it comes from: the user's folder, or a seed."""

    split: str
    ground_truth: str
    """The kind of depth, as protocols name it: `improved`, `lidar`, `rendered`..."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Counts the records."""

    @abc.abstractmethod
    def read(self, index: int) -> Record:
        """Reads one record; a file that is broken raises `UserError` with its name."""

    @abc.abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Tells all that decides the records, as plain JSON values.

        Prepared records are found again by it: a frame more on disk, or another kind
        of ground truth, is another identity.
        """

    @property
    def images_without_ground_truth(self) -> int:
        """How many pictures of the split can have no depth, and are left out for it."""
        return 0

    @abc.abstractmethod
    def report(self) -> str:
        """Says in one line what is there: how many frames of how many."""


@dataclasses.dataclass(kw_only=True)
class SourceConfig(tfds.core.BuilderConfig):
    """A TFDS config that is named after the source it reads."""

    source: Source

    @classmethod
    def of(cls, source: Source) -> "SourceConfig":
        """Names the config by split and by a digest of the source's identity."""
        identity = json.dumps(dict(source.identity()), sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
        return cls(name=f"{source.split}-{digest}", source=source)


class DepthBuilder(tfds.core.GeneratorBasedBuilder):
    """Writes the records of a `Source`, in its order, for random access.

    A data set is a subclass that says what TFDS shows about it. Subclasses are not
    registered with TFDS, whose catalogue has a `kitti` of its own: `input_pipeline`
    builds them by class.
    """

    VERSION = tfds.core.Version("1.0.0")
    ABOUT: ClassVar[str]
    HOMEPAGE: ClassVar[str]
    CITATION: ClassVar[str]
    builder_config: SourceConfig

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(skip_registration=True)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.ABOUT,
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "name": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "depth_m": tfds.features.Tensor(
                        shape=(None, None), dtype=np.float32, encoding="zlib"
                    ),
                    "focal_px": np.float32,
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: object) -> dict[str, Iterator]:
        del dl_manager  # nothing is fetched: the user has the data
        source = self.builder_config.source
        return {source.split: self._generate_examples(source)}

    def _generate_examples(self, source: Source) -> Iterator[tuple[int, dict]]:
        for index in range(len(source)):
            record = source.read(index)
            yield (
                index,
                dataclasses.asdict(record) | {"image": io.BytesIO(record.image)},
            )
