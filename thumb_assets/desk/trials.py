"""Videos that a person tries on the desk: uploads until somebody says what becomes of them, and files that are here.

An upload goes into a folder of its own in the library folder, under a hidden name until it is whole. Until a person has
decided, a note in `desk/tried/` says so; without its note it is a video of the library like any other.
"""

import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from starlette.concurrency import run_in_threadpool

from thumb_assets.desk.pictures import Pictures
from thumb_assets.desk.remake import Remaker
from thumb_assets.desk.trial_notes import Trial, TrialNotes
from thumb_assets.desk.uploads import require_name, require_video, write_blocks
from thumb_assets.errors import BadInputError, MissingInputError, ThumbAssetsError
from thumb_assets.export.space import SpaceNeeded, require_space
from thumb_assets.files import remove_abandoned, replaced_file, storage_errors
from thumb_assets.library.arriving import file_inside, file_name_for
from thumb_assets.pipeline.removal import remove_video
from thumb_assets.settings.load import Settings
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.set_aside import sniff
from thumb_assets.wording import one_line

_COPY = "the same file is here already, so the copy was not kept"
_LOGGER = logging.getLogger(__name__)


class Trials:
    """All trials of a desk.

    Args:
        store: the data folder.
        read: gives the settings as they are now.
        most_bytes: a larger upload is refused, as is one above `video.max_file_bytes`.
    """

    def __init__(
        self,
        store: TableStore,
        library: Library,
        *,
        remaker: Remaker,
        pictures: Pictures,
        read: Callable[[], Settings],
        most_bytes: int,
    ) -> None:
        self._store, self._library, self._remaker, self._pictures = store, library, remaker, pictures
        self._read, self._most_bytes = read, most_bytes
        self._uploads = library.videos_dir / "uploads"
        self._notes = TrialNotes(store.data_dir / "desk" / "tried", self._uploads)
        self._trials: dict[str, Trial] = {}
        self._lock = threading.Lock()  # of what is known, for a moment
        self._one_by_one = threading.Lock()  # of what becomes of a file, while it is read whole

    def start(self) -> None:
        """Clears what a killed desk left of unfinished uploads, and goes on with those that nobody decided of."""
        left_over = self._notes.all()
        for trial in left_over:
            if not trial.path.is_file():
                self._drop(trial)
        for folder in (self._notes.folder, *sorted(self._uploads.glob("*")), self._uploads):
            with suppress(OSError):  # another desk writes into it, or it holds what is to stay
                for path in folder.iterdir():
                    remove_abandoned(path, older_than_seconds=3600.0)
                folder.rmdir()
        whole = [trial for trial in left_over if trial.path.is_file()]
        for trial in whole:
            if trial.video_id and not trial.is_thrown:  # known before anybody asks
                self._trials[trial.token] = trial
                if not trial.is_cancelled:
                    self._remaker.add(trial.video_id)
        # Beside: a large one is read whole again.
        threading.Thread(target=self._resume, args=(whole,), name="trials", daemon=True).start()

    def all(self) -> list[Trial]:
        """The trials whose file is whole, the latest first."""
        with self._lock:
            return [trial for trial in reversed(self._trials.values()) if trial.video_id]

    def waiting(self) -> dict[str, str]:
        """The names of new uploads by video: they are no videos of the library until somebody keeps them."""
        return {trial.video_id: trial.name for trial in self.all() if trial.is_upload and trial.is_new}

    def get(self, token: str) -> Trial:
        """One of them.

        Raises:
            MissingInputError: it was decided of, or never was.
        """
        with self._lock:
            trial = self._trials.get(token)
        if trial is None or not trial.video_id:
            raise MissingInputError("that video was kept or thrown away meanwhile; load the page again")
        return trial

    def require(self, name: str, num_bytes: int, head: bytes = b"") -> None:
        """Refuses an upload before its bytes come.

        Args:
            head: its first bytes, as far as they are known.

        Raises:
            BadInputError: its name, size or kind is not one that is taken.
            StorageError: the disk has no room for it.
        """
        shown = require_name(name)
        settings = self._read()
        own, general = self._most_bytes, settings.video.max_file_bytes
        if num_bytes > min(own, general):
            advice = f"put the file into {self._library.videos_dir}" if own < general else "raise video.max_file_bytes"
            size = f"{num_bytes / 1e6:,.1f} MB are more than the {min(own, general) / 1e6:,.1f} MB that are taken"
            raise BadInputError(f"{shown}: {size}; {advice}")
        if num_bytes <= 0:
            raise BadInputError(f"{shown}: is empty; choose another file")
        require_video(shown, head)
        margin = settings.export.min_free_bytes
        require_space(
            self._library.videos_dir, SpaceNeeded(num_bytes), min_free_bytes=margin, what="the bytes of the upload"
        )

    async def receive(self, name: str, num_bytes: int, blocks: AsyncIterator[bytes]) -> Trial:
        """Takes an upload as it comes, and has it worked on; one that is cut off or refused leaves nothing.

        Args:
            num_bytes: as it was announced.

        Raises: as `require`; or BadInputError where fewer bytes come.
        """
        await run_in_threadpool(self.require, name, num_bytes)
        trial = await run_in_threadpool(self._begin, name)
        try:
            with storage_errors(trial.path, advice="free or mount the disk"), replaced_file(trial.path) as handle:
                await write_blocks(handle, blocks, name=name, num_bytes=num_bytes)
            return await run_in_threadpool(self._arrived, trial)
        except BaseException:
            self._drop(trial)
            raise

    def use(self, path: str) -> Trial:
        """Has a file of the library folder worked on.

        Raises:
            BadInputError: the path leads elsewhere, or to no video.
        """
        found = file_inside(self._library.videos_dir, path.strip())
        if found is None:
            raise BadInputError(
                f"{one_line(path)[:200]!r} is no file of the library folder {self._library.videos_dir}; drop the file "
                "here instead"
            )
        return self._arrived(Trial(secrets.token_hex(8), found.name, found, is_upload=False))

    def cancel(self, token: str) -> None:
        """Ends the work on a video; of one that is new, nothing stays but its file. It is kept or thrown away later.

        Raises:
            BadInputError: it is not worked on.
            StorageError: the disk does not let us remove what was made; throwing it away does it once more.
        """
        with self._one_by_one:
            trial = replace(self.get(token), is_cancelled=True)
            if not self._remaker.cancel(trial.video_id):
                raise BadInputError(f"{trial.name}: is not worked on any more")
            self._know(trial)
            if trial.is_new:
                self._remove_results(trial)

    def again(self, token: str) -> None:
        """Begins the work on a video anew that was ended."""
        with self._one_by_one:
            trial = self.get(token)
            if trial.is_cancelled:
                self._know(replace(trial, is_cancelled=False))
                self._remaker.add(trial.video_id)

    def keep(self, token: str) -> str:
        """Leaves a video in the library for good; returns where its file lies within the data folder."""
        with self._one_by_one:
            trial = self.get(token)
            self._forget(trial)
        return os.path.relpath(trial.path, self._store.data_dir)

    def throw_away(self, token: str) -> None:
        """Removes an uploaded file and what was made of it; decisions stay in their record, as with `prune`.

        Raises:
            BadInputError: it was not uploaded here, or is worked on.
            StorageError: another process works on it, or the disk does not let us; it can be asked again.
        """
        with self._one_by_one:
            trial = self.get(token)
            if not trial.is_upload:
                raise BadInputError(f"{trial.name}: was not uploaded here, so it stays")
            if not self._remaker.drop(trial.video_id):
                raise BadInputError(f"{trial.name}: is worked on; throw it away when that is done")
            self._remove(trial)

    def _remove(self, trial: Trial) -> None:
        self._notes.write(replace(trial, is_thrown=True))
        is_only = set(self._library.paths_of(trial.video_id)) <= {trial.path}
        if trial.is_new and is_only:
            self._remove_results(trial)
        with storage_errors(trial.path, "cannot be removed"):
            trial.path.unlink(missing_ok=True)
        if is_only:
            self._library.forget(trial.video_id)
        self._drop(trial)

    def _remove_results(self, trial: Trial) -> None:
        remove_video(trial.video_id, Mirror(self._read().library, self._store), self._store)
        self._pictures.forget(trial.video_id)

    def _know(self, trial: Trial) -> None:
        """Notes a trial, for this desk and the next."""
        if trial.is_upload:
            self._notes.write(trial)
        with self._lock:
            self._trials[trial.token] = trial

    def _begin(self, name: str) -> Trial:
        token = secrets.token_hex(8)
        trial = Trial(token, name, self._uploads / token / file_name_for(name))
        with storage_errors(trial.path.parent):
            trial.path.parent.mkdir(parents=True, exist_ok=True)
        self._notes.write(trial)
        return trial

    def _arrived(self, trial: Trial) -> Trial:
        """Makes a whole file known and has it worked on; a copy of a video that is here goes again.

        Returns:
            The trial of that video, which may be one that was there before.
        """
        reason = sniff(trial.path)
        if reason is not None:
            raise BadInputError(f"{one_line(trial.name)}: {reason}; choose another file")
        with self._one_by_one:
            videos, errors = self._library.register([trial.path])
            if errors:
                raise errors[0]
            video_id = videos[0].video_id
            others = [path for path in self._library.paths_of(video_id) if path != trial.path]
            if trial.is_upload and others:
                self._drop(trial)
                trial = Trial(secrets.token_hex(8), trial.name, others[0], is_upload=False, note=_COPY)
            known = next((each for each in self.all() if each.video_id == video_id), None)
            if known is not None and known.is_cancelled:  # somebody brings it once more
                trial, known = replace(known, is_cancelled=False), None
            elif known is not None:
                return known
            else:
                trial = replace(trial, video_id=video_id, is_new=not self._store.has("outcomes", video_id))
            self._know(trial)
            self._remaker.add(video_id)
        return trial

    def _resume(self, left_over: Sequence[Trial]) -> None:
        for trial in left_over:
            try:
                if trial.is_thrown:
                    with self._one_by_one:
                        self._remove(trial)
                elif not trial.video_id:
                    self._arrived(trial)
            except BadInputError:  # it is no video
                self._drop(trial)
            except ThumbAssetsError as error:  # its note stays, for the next start
                _LOGGER.warning("%s", error)

    def _drop(self, trial: Trial) -> None:
        """Removes an upload's file, its folder and the note of it."""
        with suppress(OSError):
            trial.path.unlink(missing_ok=True)
        for folder in (trial.path.parent, self._uploads):
            with suppress(OSError):  # it holds others'
                folder.rmdir()
        self._forget(trial)

    def _forget(self, trial: Trial) -> None:
        with self._lock:
            self._trials.pop(trial.token, None)
        self._notes.forget(trial)
