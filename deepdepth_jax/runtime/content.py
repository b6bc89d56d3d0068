"""What a run learns from, known by its content and not by the path that it lies at."""

import dataclasses
from collections.abc import Mapping
from typing import Any

DATA_SECTIONS = ("data.kitti.", "data.pairs.", "data.streets.", "data.synthia.")
"""The sections of the config that decide no more than the content of the data."""


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
        """Reads what `dataclasses.asdict` has made of it.

        Raises:
          ValueError: it is something else.
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
        """Returns whether both contents are known where a field only names them."""
        if field == "model.pretrained":
            return None not in (self.pretrained, other.pretrained)
        is_known = bool(self.training and other.training)
        return is_known and field.startswith(DATA_SECTIONS)

    def changes(self, other: "Content") -> dict[str, tuple[str | None, str | None]]:
        """Lists what is learned from and differs, as far as both contents are known.

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
        """Takes what is unknown from another content of the same run."""
        return Content(
            self.training or other.training,
            self.validation or other.validation,
            self.pretrained or other.pretrained,
        )


UNKNOWN = Content()
"""The content of runs of earlier versions, and of folders without a run."""
