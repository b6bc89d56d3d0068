"""Fields of the config, read off the dataclasses of its sections."""

import ast
import dataclasses
import numbers
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeGuard, get_args, get_origin

Number = float | int

MOST_ITEMS = 254
"""The most items of a tuple whose length is free: as many as there may be bins."""

_SWITCH = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
_OF_LITERAL_EVAL = ValueError, TypeError, SyntaxError, MemoryError, RecursionError
MOST_CHARACTERS = 4096
"""The most characters of a text, as of a path on Linux."""
MOST_SHOWN = 80
"""How many characters of a refused value are shown."""


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The bounds of a number: one below, one above.

    Attributes:
      or_zero: whether the number may be 0, which lies outside.
    """

    at_least: Number | None
    above: Number | None
    at_most: Number | None
    below: Number | None
    or_zero: bool = False

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.above is None):
            raise TypeError("a number has one lower bound")
        if (self.at_most is None) == (self.below is None):
            raise TypeError("a number has one upper bound")

    def __contains__(self, value: Any) -> bool:
        """Returns whether a number lies within. NaN and infinities never do."""
        low = value > self.above if self.at_least is None else value >= self.at_least
        high = value < self.below if self.at_most is None else value <= self.at_most
        return bool(low and high) or (self.or_zero and value == 0)

    def __str__(self) -> str:
        low = f"> {self.above:_}" if self.at_least is None else f">= {self.at_least:_}"
        high = f"< {self.below:_}" if self.at_most is None else f"<= {self.at_most:_}"
        return f"{low} and {high}{', or 0' if self.or_zero else ''}"


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of the config, under the whole name that command lines have for it.

    Attributes:
      name: such as `train.learning_rate`.
      type: of the value, or of each item of a tuple.
      lengths: the least and the most items of a tuple. None: it is no tuple.
      bounds: of a number, or of each.
      default: see `option`, as the attributes below.
    """

    name: str
    type: Any
    lengths: tuple[int, int] | None
    bounds: Bounds | None
    default: Any
    meaning: str
    unit: str
    also: tuple[str, ...]
    free: bool
    inherited: bool

    @classmethod
    def of(cls, name: str, declared: dataclasses.Field, free: bool = False) -> "Field":
        """Reads a field of a section off the dataclass.

        Args:
          name: the field's whole name.
          declared: the dataclass field.
          free: whether the field does not change the trained network.

        Returns:
          The field.
        """
        about, annotation = declared.metadata, declared.type
        lengths, item = None, annotation
        if type(None) in get_args(annotation):
            [item] = set(get_args(annotation)) - {type(None)}
        if get_origin(annotation) is tuple:
            item, *others = get_args(annotation)
            lengths = 1 + len(others), 1 + len(others)
            if others == [Ellipsis]:
                lengths = 0 if about.get("may_be_empty") else 1, MOST_ITEMS
        return cls(
            name=name,
            type=item,
            lengths=lengths,
            bounds=about.get("bounds"),
            default=declared.default,
            meaning=about["meaning"],
            unit=about["unit"],
            also=about["also"],
            free=free or about["free"],
            inherited=about["inherited"],
        )

    @property
    def choices(self) -> tuple:
        """The values to choose from. Empty if the field is no choice."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def plain(self) -> type:
        """The type of the value, or of each item, as Python knows it."""
        return type(self.choices[0]) if self.choices else self.type

    @property
    def requirement(self) -> str:
        """Describes the values that the field takes, to follow "must be"."""
        if self.lengths is None:
            return self._of_one()
        least, most = self.lengths
        count = f"{most}" if least == most else f"{least} to {most}"
        return f"{count} items in parentheses, each {self._of_one()}"

    def _of_one(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.type is bool:
            return "True or False"
        if self.type is str:
            return f"a line of at most {MOST_CHARACTERS:_} characters"
        return f"a {'whole ' if self.type is int else ''}number {self.bounds}"

    def accept(self, value: object) -> Any:
        """Returns a value in the field's type.

        Raises:
          ValueError: the field does not take it. Names the value and the requirement.
        """
        if value is None and self.default is None:
            return None
        items = self._items(value)
        if items is None or not all(map(self._takes, items)):
            raise ValueError(f"{_shown(value)}: must be {self.requirement}")
        is_number = self.type in (int, float)
        kept = tuple(self.type(item) if is_number else item for item in items)
        return kept if self.lengths else kept[0]

    def _items(self, value: Any) -> Sequence | None:
        """Lists the items, each to be of the field's type. None if miscounted."""
        if self.lengths is None:
            return (value,)
        least, most = self.lengths
        is_list = isinstance(value, (tuple, list))
        return value if is_list and least <= len(value) <= most else None

    def _takes(self, item: object) -> bool:
        if self.choices:
            return any(
                type(item) is type(choice) and item == choice for choice in self.choices
            )
        if self.type is str:
            return isinstance(item, str) and _is_a_line(item)
        if self.bounds is None or isinstance(item, bool):
            return type(item) is self.type
        kind = numbers.Integral if self.type is int else numbers.Real
        return isinstance(item, kind) and item in self.bounds

    def read(self, text: str) -> Any:
        """Returns the value that a text on a command line stands for.

        Raises:
          ValueError: see `accept`.
        """
        try:
            value = self._parse(text)
        except (LookupError, *_OF_LITERAL_EVAL):
            value = text  # no value of this type, so the field refuses it
        return self.accept(value)

    def _parse(self, text: str) -> Any:
        if self.choices and not self.lengths:
            return {str(choice): choice for choice in self.choices}[text]
        if self.type is bool:
            return _SWITCH[text.lower()]
        if not self.lengths:
            return self.type(text)
        if self.type is str and not text.startswith(("(", "[", "'", '"')):
            return tuple(item.strip() for item in text.split(",") if item.strip())
        value = ast.literal_eval(text)
        return value if isinstance(value, (tuple, list)) else (value,)


def _is_a_line(text: str) -> bool:
    is_one = text.splitlines() in ([], [text])
    return is_one and "\0" not in text and len(text) <= MOST_CHARACTERS


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """Values of the fields of a section, each of which takes its value.

    Raises:
      ValueError: a field does not take its value. Whether values go together is for
        `check.complete`.
    """

    def __post_init__(self) -> None:
        for declared in dataclasses.fields(self):
            if is_section(declared.type):
                continue
            field = Field.of(declared.name, declared)
            try:
                value = field.accept(getattr(self, field.name))
            except ValueError as error:
                raise ValueError(f"{field.name}={error}") from error
            object.__setattr__(self, field.name, value)


def is_section(annotation: Any) -> TypeGuard[type[Section]]:
    """Returns whether a declaration is a section rather than a field."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def fields_of(section: type, prefix: str = "", free: bool = False) -> Iterator[Field]:
    """Lists the fields of a section and of the sections within it, in their order."""
    for declared in dataclasses.fields(section):
        name = f"{prefix}{declared.name}"
        if is_section(declared.type):
            within_free = free or declared.metadata.get("free", False)
            yield from fields_of(declared.type, f"{name}.", within_free)
        else:
            yield Field.of(name, declared, free)
