"""The content that a run learns from, known apart from the paths it lies at."""

import dataclasses
from collections.abc import Mapping
from typing import Any

DATA_SECTIONS = (
    "data.kitti.",
    "data.pairs.",
    "data.pseudo.",
    "data.streets.",
    "data.synthia.",
)
"""The sections of the config that decide the content of the data and nothing else."""


@dataclasses.dataclass(frozen=True)
class Content:
    """Fingerprints of a run's data and weights.

    Attributes:
      training: of the training frames, by the name of the data set; empty = unknown.
      validation: of the validation frames; None = unknown.
      pretrained: of the pretrained weights; None = unknown, or there are none.
    """

    training: Mapping[str, str] = dataclasses.field(default_factory=dict)
    validation: str | None = None
    pretrained: str | None = None

    @classmethod
    def from_json(cls, value: Any) -> "Content":
        """Reads a content that `dataclasses.asdict` has written.

        Raises:
          ValueError: the value is no such content.
        """
        try:
            content = cls(**value)
            texts = [*content.training.values(), content.validation, content.pretrained]
        except (TypeError, AttributeError) as error:
            raise ValueError(f"not the content of a run ({error})") from error
        if not all(text is None or isinstance(text, str) for text in texts):
            raise ValueError(f"not the content of a run ({texts})")
        return content

    def decides(self, other: "Content", field: str) -> bool:
        """Returns whether a field only names content that is compared by itself.

        Where the validation frames differ, the fields of the data count: another list
        would choose the best checkpoint by other frames.
        """
        if field == "model.pretrained":
            return None not in (self.pretrained, other.pretrained)
        is_known = bool(self.training and other.training)
        validates_alike = (
            None in (self.validation, other.validation)
            or self.validation == other.validation
        )
        return is_known and validates_alike and field.startswith(DATA_SECTIONS)

    def changes(self, other: "Content") -> dict[str, tuple[str | None, str | None]]:
        """Lists the training content that differs, as far as both are known.

        Args:
          other: content to compare with.

        Returns:
          Both fingerprints, by the section or field of the config that decides them.
        """
        changes = {}
        if self.training and other.training:
            for name in sorted(self.training.keys() | other.training.keys()):
                changes[f"data.{name}"] = (
                    self.training.get(name),
                    other.training.get(name),
                )
        if self.pretrained and other.pretrained:
            changes["model.pretrained"] = self.pretrained, other.pretrained
        return {name: (a, b) for name, (a, b) in changes.items() if a != b}

    def completed(self, other: "Content") -> "Content":
        """Fills unknown entries from another content of the same run."""
        return Content(
            self.training or other.training,
            self.validation or other.validation,
            self.pretrained or other.pretrained,
        )


UNKNOWN = Content()
"""The content of runs of earlier versions, and of folders without a run."""
