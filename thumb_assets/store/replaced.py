"""What was made of a file before its content changed, once that has been made anew."""

import logging

from thumb_assets.store.library import Library, LibraryVideo
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outputs import remove_outputs
from thumb_assets.store.parquet import TableStore

_LOGGER = logging.getLogger(__name__)


def remove_replaced(video: LibraryVideo, library: Library, mirror: Mirror, store: TableStore) -> None:
    """Removes, here and elsewhere, what was made of the former contents of a video's file.

    Stills stay where there are none of the new content yet.

    Raises:
        NetworkError, StorageError: it cannot be removed now; the next call does it.
    """
    for former in library.former_ids(video):
        is_behind = store.has("stills", former) and not store.has("stills", video.video_id)
        if store.has("outcomes", former) and not is_behind:
            mirror.remove(former)
            remove_outputs(store, former)
            _LOGGER.info("%s: replaced what was made of %s", video.video_id, former)
