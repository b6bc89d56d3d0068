"""What a study consists of, and the cell of each of its numbers on disk."""

import dataclasses
import json
import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.config import (
    FIELDS,
    Config,
    complete,
    config_from_json,
    differences,
    load_config,
    override,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic

Fields = Mapping[str, object]
"""Values of the config's fields, such as {"bins.num_bins": 24}."""

STUDY = "{study}"
"""Stands for the folder of the study."""
OWN = "own"
"""The reading that a training ends with."""
READ_WITH = ("eval.", "crf.")
"""What a reading may change, as the network does not depend on it."""
OF_NO_EFFECT = frozenset(
    field.name
    for field in FIELDS.values()
    if field.free and not field.name.startswith((*READ_WITH, "adapt."))
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """A recipe, and what is read off the networks that it gives.

    Attributes:
      fields: of the config, where they are not the base's.
      readings: fields of further evaluations of each network, by their names.
      adapts: the variant whose network of the same seed is adapted by
        `deepdepth_jax.adapt`. Empty: a network is trained by `deepdepth_jax.main`.
      continues: the variant whose network of the same seed training starts from. Empty:
        from `model.pretrained`.
    """

    fields: Fields = dataclasses.field(default_factory=dict)
    readings: Mapping[str, Fields] = dataclasses.field(default_factory=dict)
    adapts: str = ""
    continues: str = ""

    @property
    def follows(self) -> str:
        """The variant that must be trained before. Empty: none."""
        return self.adapts or self.continues


@dataclasses.dataclass(frozen=True)
class Study:
    """Variants that are trained from the same seeds, and compared with one of them.

    Attributes:
      variants: by their names.
      reference: the variant whose own evaluation all else is compared with.
      base: the config file that they change.
      fields: of the config, for all variants.
      seeds: of initial weights, the order of batches and augmentation.
      folders: commands that write data, by the name of the folder that they write to
        within the study's: a module and its arguments. Fields may name the study's
        folder by `STUDY`.

    Raises:
      UserError: it is not one.
    """

    variants: Mapping[str, Variant]
    reference: str
    base: Path = Path("configs/streets.py")
    fields: Fields = dataclasses.field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    folders: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, variant in self.variants.items():
            if variant.adapts and variant.readings:
                raise UserError(f"{name}: what adapts has no further readings")
            if variant.adapts and variant.continues:
                raise UserError(f"{name}: either adapts or continues a network")
            start = self.variants.get(variant.follows)
            if variant.follows and (start is None or start.follows):
                raise UserError(
                    f"{name}: starts from {variant.follows!r}, which is not trained "
                    "alone"
                )
        if self.reference not in self.variants:
            raise UserError(f"reference {self.reference!r} is not one of the variants")
        for name, variant in self.variants.items():
            for reading, fields in variant.readings.items():
                if "/" in name + reading or reading == OWN:
                    raise UserError(f"{name}, {reading}: take another name")
                for field in fields:
                    if not field.startswith(READ_WITH):
                        raise UserError(
                            f"{name}, {reading}: {field} is of the training, and a "
                            "reading may change eval. and crf. alone"
                        )


@dataclasses.dataclass(frozen=True)
class Cell:
    """One evaluation of one network.

    Attributes:
      title: says which.
      reading: its name.
      arguments: see `running.Execute`.
      config: completed; what the arguments mean.
      path: of the file that holds what was found.
    """

    title: str
    reading: str
    arguments: tuple[str, ...]
    config: Config
    path: Path

    def is_done(self) -> bool:
        """Tells whether it has been evaluated, and as it would be now.

        Raises:
          UserError: it was evaluated otherwise; names the fields.
        """
        if not self.path.exists():
            return False
        stored = complete(config_from_json(self.path))
        changed = [
            f"{field} is {then!r} there, {now!r} here"
            for field, (then, now) in differences(stored, self.config).items()
            if field not in OF_NO_EFFECT
        ]
        if changed:
            raise UserError(
                f"{self.path}: from another study ({'; '.join(changed)}); take another "
                f"--workdir, or delete {self._to_delete}"
            )
        return True

    @property
    def _to_delete(self) -> Path:
        return self.path.parent if self.reading == OWN else self.path

    def save(self, results: Mapping[str, Any], seconds: float) -> None:
        """Keeps what was found, and makes the cell done."""
        found = {
            "config": self.config.to_dict(),
            "seconds": seconds,
            "results": results,
        }
        atomic.write(self.path, json.dumps(found, indent=2) + "\n")

    def load(self) -> dict[str, Any]:
        """Reads what was found: `results`, as in eval.json, and `seconds`."""
        return json.loads(self.path.read_text())


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, and all that is read off its network.

    Attributes:
      variant: its name.
      seed: of the training.
      folder: its workdir, which also holds the files of its cells.
      cells: its own evaluation, then the others.
      follows: whether it starts from the network of another run.
    """

    variant: str
    seed: int
    folder: Path
    cells: tuple[Cell, ...]
    follows: bool = False

    def is_done(self) -> bool:
        """Tells whether there is nothing left to do."""
        done = [cell.is_done() for cell in self.cells]
        return all(done)


def load_study(path: Path) -> Study:
    """Loads a study from a Python file with a function `get_study()`."""
    if not path.is_file():
        raise UserError(f"--config={path}: there is no such file")
    names = runpy.run_path(str(path))
    if "get_study" not in names:
        raise UserError(f"--config={path}: the file has no function get_study()")
    return names["get_study"]()


def lay_out(study: Study, folder: Path, overrides: Sequence[str] = ()) -> list[Run]:
    """Lists a study's trainings: all variants with the first seed, then the next.

    Args:
      study: to lay out.
      folder: of the study.
      overrides: further `--config.section.field=value`, for all.

    Raises:
      UserError: a field is unknown, or a config cannot run.
    """
    return [
        _run(study, folder, overrides, name, seed)
        for seed in study.seeds
        for name in study.variants
    ]


def preparation(
    study: Study, folder: Path, overrides: Sequence[str] = ()
) -> tuple[str, ...]:
    """Gives the arguments that prepare the data which all variants share."""
    fields = _arguments(study, folder, study.fields)
    return (*fields, *overrides, f"--workdir={folder / 'run'}", "--mode=prepare")


def _run(
    study: Study, folder: Path, overrides: Sequence[str], name: str, seed: int
) -> Run:
    variant, workdir = study.variants[name], folder / f"{name}_seed{seed}"
    trained = {**study.fields, **variant.fields, "seed": seed}

    adapting: tuple[str, ...] = ()
    start = folder / f"{variant.follows}_seed{seed}"
    if variant.adapts:
        adapting = "adapt", f"--from={start}"
    if variant.continues:
        trained["model.pretrained"] = str(start)

    def cell(reading: str, fields: Fields, mode: Sequence[str]) -> Cell:
        base, *changed = _arguments(study, folder, {**trained, **fields})
        changed += overrides
        return Cell(
            title=f"{row_title(name, reading)}, seed {seed}",
            reading=reading,
            arguments=(*adapting, base, *changed, f"--workdir={workdir}", *mode),
            config=complete(override(load_config(study.base), changed)),
            path=workdir / f"{reading}.json",
        )

    readings = variant.readings.items()
    cells = [cell(reading, fields, ["--mode=evaluate"]) for reading, fields in readings]
    own = cell(OWN, {}, [])
    return Run(name, seed, workdir, (own, *cells), bool(variant.follows))


def row_title(variant: str, reading: str) -> str:
    """Names what is told in one row."""
    return variant if reading == OWN else f"{variant}, {reading}"


def _arguments(study: Study, folder: Path, fields: Fields) -> list[str]:
    everywhere = {"data.prepared_dir": folder / "prepared"} | dict(fields)
    changed = [
        f"--config.{field}={str(value).replace(STUDY, str(folder))}"
        for field, value in everywhere.items()
    ]
    return [f"--config={study.base}", *changed]
