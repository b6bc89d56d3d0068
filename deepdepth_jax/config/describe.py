"""What every field is, for `--help config` and for docs/config.md."""

import dataclasses
import textwrap
from collections.abc import Iterator

from deepdepth_jax.config.fields import Field, Section, fields_of, is_section
from deepdepth_jax.config.sections import Config

WIDTH = 88


def help_text() -> str:
    """Lists every field with its default, what it must be, and its meaning.

    Returns:
      The text of `--help config`.
    """
    lines = [
        "Every field of the config, overridden by --config.section.field=value.",
    ]
    for name, section, fields in _sections(Config):
        lines += ["", *textwrap.wrap(f"{name or 'config'}: {_summary(section)}", WIDTH)]
        for field in fields:
            lines += ["", f"  {field.name} = {_default(field)}"]
            about = f"{_meaning(field)}. Must be {field.requirement}."
            lines += textwrap.wrap(
                about, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
    return "\n".join(lines)


def markdown() -> str:
    """Writes the same as the page docs/config.md.

    Returns:
      The page in Markdown.
    """
    lines = [
        "# The config, field by field",
        "",
        "Written by `python -m deepdepth_jax.config`, as "
        "`python -m deepdepth_jax.main --help config` prints it.",
        "A config file changes what it must of `default_config()`; a command line "
        "overrides one field by `--config.section.field=value`, where a tuple is "
        "`'(1,2)'` and the last of several values counts.",
    ]
    for name, section, fields in _sections(Config):
        if not fields:
            continue
        lines += ["", f"## {f'`{name}`' if name else 'Without a section'}", ""]
        lines += [_summary(section), ""]
        lines += ["| field | default | must be | meaning |", "|---|---|---|---|"]
        lines += [_row(field) for field in fields]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    cells = (
        f"`{field.name}`",
        f"`{_default(field)}`" if field.default is not None else "",
        field.requirement,
        _meaning(field),
    )
    return f"| {' | '.join(cells)} |"


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
    return "(not given)" if field.default is None else repr(field.default)


def _meaning(field: Field) -> str:
    unit = f" [{field.unit}]" if field.unit else ""
    return f"{field.meaning}{unit}"
