"""Shards of the format `webdataset`: tar files in which a picture and its JSON share a name."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from thumb_assets.dataset.card import write_card
from thumb_assets.dataset.kit import Format, Part, Picture, Written, dtype_name
from thumb_assets.tables.dataset import FILE_NAME
from thumb_assets.tables.declaration import TableContract


def _file_name(_part: Part, video_id: str, still_name: str) -> str:
    # The library takes what follows the first dot of a name for its kind, and a time has a dot.
    stem, _, kind = still_name.removeprefix(f"{video_id}_").rpartition(".")
    return f"{video_id}/{stem.replace('.', '_')}.{kind}"


def _write_part(folder: Path, part: Part, _contract: TableContract, pictures: Iterable[Picture]) -> None:
    # USTAR holds every name that can be here, and nothing that differs from one writing to the next.
    with tarfile.open(_shard(folder, part), "w", format=tarfile.USTAR_FORMAT) as shard:
        for picture in pictures:
            name = picture.row["file_name"]
            _add(shard, name, picture.data)
            text = json.dumps(picture.row, ensure_ascii=False, allow_nan=False)
            _add(shard, f"{name.rpartition('.')[0]}.json", text.encode())


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    shard.addfile(entry, io.BytesIO(content))


def _read_part(folder: Path, part: Part, names: Iterable[str]) -> Iterator[bytes]:
    with tarfile.open(_shard(folder, part), "r:") as shard:
        for name in names:
            pair = [shard.next(), shard.next()]
            entry = pair[0]
            content = None if entry is None or entry.name != name else shard.extractfile(entry)
            yield b"" if content is None or pair[1] is None else content.read()


def _shard(folder: Path, part: Part) -> Path:
    return folder / f"{part.name}.tar"


def _data_files(split: str) -> str:
    return f"{split}-*.tar"


def _finish(folder: Path, written: Written) -> None:
    write_card(folder, written, _data_files, features=_features(written))


def _features(written: Written) -> list[dict[str, Any]]:
    """Types of what is in a shard: `datasets` would guess them from the first rows, where all may be null."""
    kinds = {Path(name).suffix[1:] for batch in written.rows() for name in batch.column(FILE_NAME.name).to_pylist()}
    fields = [{"name": each.name, "dtype": dtype_name(each.type)} for each in written.contract.arrow_schema()]
    pictures = [{"name": kind, "dtype": "image"} for kind in sorted(kinds)]
    texts = [{"name": name, "dtype": "string"} for name in ("__key__", "__url__")]
    return [*pictures, {"name": "json", "struct": fields}, *texts]


WEBDATASET = Format(
    name="webdataset",
    about="tar shards for streaming: a picture and its row as JSON under one key",
    loads='webdataset.WebDataset(sorted(glob.glob("{folder}/train-*.tar")), shardshuffle=False).decode("pil")',
    file_name=_file_name,
    write_part=_write_part,
    read_part=_read_part,
    finish=_finish,
    data_files=_data_files,
)
