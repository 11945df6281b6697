"""A folder elsewhere, by any fsspec URL: S3, Google Cloud Storage, SFTP, another disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from thumb_assets.errors import BadInputError, NetworkError, SettingsError, StorageError, ThumbAssetsError
from thumb_assets.files import replaced_file, storage_errors

_NUM_BYTES_PER_READ = 1 << 22


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere: its path below the folder, its size, and a stamp that changes with its content."""

    name: str
    num_bytes: int
    stamp: str


class RemoteFolder:
    """Reads and writes whole files below a URL.

    Args:
        url: such as `s3://bucket/folder`; keys and endpoints come from the environment, as each service's own
            library reads them.

    Raises:
        SettingsError: fsspec does not know the URL, or what it needs for it is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        try:
            # Not one from before: keys and endpoints may be others now.
            self._fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            raise SettingsError(f"{url}: {error}; for s3:// install thumb-assets[s3]") from error
        self._root = root.rstrip("/")

    def files(self) -> list[RemoteFile]:
        """All files below, ordered by name; a name that would lead out of a folder is left out.

        Raises:
            BadInputError: there is no such place.
            NetworkError: the service does not answer.
        """
        try:
            with self._errors(""):
                self._fs.invalidate_cache()
                found = self._fs.find(self._root, detail=True)
        except FileNotFoundError as error:
            raise BadInputError(f"{self.url}: does not exist; check the address") from error
        files = [
            RemoteFile(path.removeprefix(self._root).lstrip("/"), int(info["size"] or 0), _stamp(info))
            for path, info in found.items()
            if info["type"] == "file"
        ]
        return sorted((file for file in files if is_inside(file.name)), key=lambda file: file.name)

    def get(self, name: str, target: Path) -> None:
        """Fetches a file; `target` is whole or as it was.

        Raises:
            FileNotFoundError: it is not there.
            NetworkError: the service does not answer.
            StorageError: `target` cannot be written.
        """
        with self._errors(name):
            source = self._fs.open(self._path(name), "rb")
        with source, storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(target) as handle:
                while True:
                    with self._errors(name):
                        chunk = source.read(_NUM_BYTES_PER_READ)
                    if not chunk:
                        break
                    handle.write(chunk)

    def read(self, name: str) -> bytes | None:
        """A small file's content; None where it is not there."""
        try:
            with self._errors(name):
                self._fs.invalidate_cache()
                return bytes(self._fs.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes | Path) -> None:
        """Stores a file in one step: readers see the old one or the new one."""
        with self._errors(name):
            path = self._path(name)
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            if isinstance(content, Path):
                self._fs.put_file(str(content), path)
            else:
                self._fs.pipe_file(path, content)

    def remove(self, name: str) -> None:
        """Removes a file; it need not be there."""
        try:
            with self._errors(name):
                self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def _path(self, name: str) -> str:
        if not is_inside(name):
            raise StorageError(f"{self.url}: {name!r} is no path below it")
        return f"{self._root}/{name}"

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        place = f"{self.url.rstrip('/')}/{name}" if name else self.url
        try:
            yield
        except (ThumbAssetsError, FileNotFoundError):
            raise
        except Exception as error:  # each service's library has errors of its own
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise NetworkError(f"{place}: {reason}; check the address, the rights and the network") from error


def is_inside(name: str) -> bool:
    """True for a name that stays below any folder it is put into, on every system.

    >>> is_inside("a/b.mp4"), is_inside("../b.mp4"), is_inside("/b.mp4"), is_inside("a//b.mp4")
    (True, False, False, False)
    """
    parts = name.split("/")
    is_plain = all(part not in {"", ".", ".."} and "\\" not in part and ":" not in part for part in parts)
    return is_plain and "\0" not in name and not PurePosixPath(name).is_absolute()


def _stamp(info: dict[str, Any]) -> str:
    changed = info.get("ETag") or info.get("etag") or info.get("LastModified") or info.get("mtime") or ""
    return f"{info['size']} {changed}"
