"""The tags of a file: title, author, licence and whatever else its container says of it."""

from pathlib import Path

from av.error import FFmpegError

from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.video.container import open_container


def read_tags(path: Path) -> dict[str, str]:
    """Reads the tags of a container, by the names it gives them; none where the file is gone or cannot be read."""
    try:
        container, _ = open_container(path)
        with container:
            return {str(name): str(text) for name, text in container.metadata.items()}
    except (BadInputError, StorageError, FFmpegError):
        return {}
