"""Prepared records: made once out of a source, found again, read in any order."""

import contextlib
import dataclasses
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds
from filelock import FileLock, Timeout

from deepdepth_jax.datasets.builder import DepthBuilder, SourceConfig
from deepdepth_jax.datasets.files import name_some
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.runtime.json_files import read_object


@dataclasses.dataclass(frozen=True)
class Records:
    """A prepared split, any record of which can be read at once.

    Attributes:
      source: where they come from.
      count: how many there are.
      read: gives the encoded record of an index.
      decode: turns an encoded record into its features, as a TensorFlow operation.
    """

    source: Source
    count: int
    read: Callable[[int], bytes]
    decode: Callable[[tf.Tensor], dict[str, tf.Tensor]]


def open_records(
    builder_class: type[DepthBuilder],
    source: Source,
    prepared_dir: Path,
    beam_options: str = "",
) -> Records:
    """Opens the records of a source, and prepares them first if there are none.

    Records of another state of the source are not used, and the difference is
    printed. A preparation that was cut off counts for nothing, and of
    several processes that ask at once one prepares while the others wait.

    Args:
      builder_class: of the data set.
      source: the source to open.
      prepared_dir: where records are kept.
      beam_options: to prepare with Apache Beam, as its pipelines are given them, such
        as "--runner=FlinkRunner --flink_master=host:8081". Empty to prepare here, on
        all cores.

    Returns:
      The records. There may be none.

    Raises:
      UserError: a file of the source is broken, or Beam is asked for and not installed.
    """
    if len(source) == 0:
        return Records(source, 0, read=[].__getitem__, decode=lambda _: {})
    config = SourceConfig.of(source)

    def make_builder() -> DepthBuilder:
        return builder_class(
            data_dir=prepared_dir, config=config, file_format="array_record"
        )

    builder = make_builder()
    if not builder.is_prepared():
        folder = Path(builder.data_path).parent
        with _alone(folder):
            builder = make_builder()  # another process may just have prepared it
            if not builder.is_prepared():
                _prepare(builder, folder, beam_options)
    encoded = builder.as_data_source(
        source.split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    return Records(
        source,
        count=len(encoded),
        read=encoded.__getitem__,
        decode=builder.info.features.deserialize_example,
    )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time into a folder. The lock of a killed one is void."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "preparing.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{folder}: waiting for another process that prepares it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _prepare(builder: DepthBuilder, folder: Path, beam_options: str) -> None:
    for leftover in folder.glob("incomplete.*"):  # of a process that was killed
        shutil.rmtree(leftover)
    print(_why(folder, builder.builder_config.source), flush=True)
    download_config = tfds.download.DownloadConfig(
        try_download_gcs=False, beam_options=_parse_beam_options(beam_options)
    )
    builder.with_beam = bool(beam_options)
    tfds.disable_progress_bar()  # the builder has one that counts frames
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS announces a download
        builder.download_and_prepare(download_config=download_config)


def _parse_beam_options(beam_options: str) -> Any:
    if not beam_options:
        return None
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ModuleNotFoundError as error:
        raise UserError(
            f"data.beam_options={beam_options!r} needs Apache Beam: "
            f"{install_command('beam')}, or leave it empty"
        ) from error
    return PipelineOptions(beam_options.split())


def _why(folder: Path, source: Source) -> str:
    """Explains why a split is prepared: for the first time, or after a change."""
    title = f"{source.dataset} {source.split}: prepares {len(source)} records"
    found = folder.parent.glob(f"{source.split}-*/*/metadata.json")
    # Another process may be preparing another state of the source.
    whole = (x for x in found if not x.parent.name.startswith("incomplete."))
    latest = max(whole, key=lambda path: path.stat().st_mtime_ns, default=None)
    if latest is None:
        return f"{title} in {folder}"
    before = read_object(latest, f"delete {latest.parent.parent}")
    changed = changes(before, source.identity())
    changed = changed or ["files are read in another way since"]
    return (
        f"{title} in {folder}, as those in {latest.parent.parent} were made of "
        f"something else ({'; '.join(changed)}); delete these if they are not needed"
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Describes the differences between two identities of a source."""
    found = []
    for field in sorted(before.keys() | after.keys()):
        old, new = before.get(field), after.get(field)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += _changed_entries(field, old, new)
        elif old != new:
            found.append(f"{field}: {old} before, {new} now")
    return found


def _changed_entries(field: str, old: Mapping, new: Mapping) -> list[str]:
    entries = {
        "added": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
        "changed": [name for name in new if name in old and new[name] != old[name]],
    }
    return [
        f"{len(names)} {field} {what}: {name_some(names)}"
        for what, names in entries.items()
        if names
    ]
