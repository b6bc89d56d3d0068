"""Documentation of every field, for `--help config` and docs/config.md."""

import dataclasses
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from deepdepth_jax.config.augmentation import AUGMENTATIONS
from deepdepth_jax.config.fields import Field, Section, fields_of, is_section
from deepdepth_jax.config.network import BIN_PRESETS
from deepdepth_jax.config.sections import Config

WIDTH = 88
PRESETS: Mapping[str, Mapping] = MappingProxyType(
    {"bins": BIN_PRESETS, "augment": AUGMENTATIONS}
)
INTRODUCTION = """\
# The config, field by field

A config file changes fields of `default_config()`. On the command line,
`--config.section.field=value` overrides a field, and the last of several values counts.
Tuples are written `'(1,2)'`. `python -m deepdepth_jax.main --help config` prints this
page.

An unset field takes its value from the `preset` of its section, from the head or from
the pretrained weights. A field marked "inherited" is as in the pretrained network
(`model.pretrained`) unless it is set, and has its default without one.

Every field is checked before anything is written. An invalid value ends the command
with one line that names the field, and exit code 2.

`python -m deepdepth_jax.config > docs/config.md` generates this page from
`deepdepth_jax/config/`, the only place that declares fields.
"""


def help_text() -> str:
    """Lists every field with its default, meaning and requirement.

    Returns:
      The text of `--help config`.
    """
    lines = [
        "Every field of the config. Override one with --config.section.field=value.",
    ]
    for name, section, fields in _sections(Config):
        lines += ["", *textwrap.wrap(f"{name or 'config'}: {_summary(section)}", WIDTH)]
        for field in fields:
            lines += ["", f"  {field.name} = {_default(field)}"]
            about = f"{_meaning(field)}. Must be {_requirement(field)}."
            if field.inherited:
                about += " Inherited: unset, it is as in the pretrained network."
            lines += textwrap.wrap(
                about, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
    return "\n".join(lines)


def markdown() -> str:
    """Writes the page docs/config.md.

    Returns:
      The page in Markdown.
    """
    lines = INTRODUCTION.splitlines()
    for name, section, fields in _sections(Config):
        if fields:
            title = f"`{name}`" if name else "Without a section"
            lines += ["", f"## {title}", "", _summary(section), ""]
            lines += _table(
                ["field", "default", "must be", "meaning"], map(_cells, fields)
            )
        if name in PRESETS:
            names = list(next(iter(PRESETS[name].values())))
            rows = [
                [f"`{preset}`", *(repr(values[field]) for field in names)]
                for preset, values in PRESETS[name].items()
            ]
            lines += ["", *_table([f"`{name}.preset`", *names], rows)]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _cells(field: Field) -> list[str]:
    default = _default(field) if field.default is None else f"`{_default(field)}`"
    default += " (inherited)" * field.inherited
    return [f"`{field.name}`", default, _requirement(field), _meaning(field)]


def _sections(
    section: type[Section], name: str = ""
) -> Iterator[tuple[str, type[Section], list[Field]]]:
    """Lists a section, with the fields that are its own, and those within it."""
    prefix = f"{name}." if name else ""
    own = [
        field
        for field in fields_of(section, prefix)
        if "." not in field.name.removeprefix(prefix)
    ]
    yield name, section, own
    for declared in dataclasses.fields(section):
        if is_section(declared.type):
            yield from _sections(declared.type, f"{prefix}{declared.name}")


def _summary(section: type[Section]) -> str:
    return " ".join((section.__doc__ or "").split())


def _default(field: Field) -> str:
    return "(unset)" if field.default is None else repr(field.default)


def _requirement(field: Field) -> str:
    return field.requirement + (f" [{field.unit}]" if field.unit else "")


def _meaning(field: Field) -> str:
    return field.meaning[0].upper() + field.meaning[1:]
