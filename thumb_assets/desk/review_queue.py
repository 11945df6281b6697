"""The review: which videos are still to be decided of, and who looks at which, so that two people share the work."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from thumb_assets.desk.library_view import reviewable
from thumb_assets.files import locked, read_json, storage_errors, write_json
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore

# A page says again and again that it is still open; after so long without, another person gets the video.
CLAIM_SECONDS = 120.0
_KEEP, _LATER = "kept as it is", "later"


@dataclass(frozen=True)
class Progress:
    """Progress of a review.

    Attributes:
        num_done: videos that are decided of, or kept as they are.
        num_videos: that can be reviewed.
        video_id: the next one for whoever asks; None where none is left.
        num_others: videos left that other people look at now.
    """

    num_done: int
    num_videos: int
    video_id: str | None
    num_others: int


class Reviews:
    """The queue of a library, doubtful videos first.

    Decisions themselves say that a video is reviewed. What they cannot say (a video is well as it is, or is left for
    later) is kept in `desk/reviews.json`, so that a review goes on where it ended.

    Args:
        clock: gives seconds that only rise.
    """

    def __init__(self, store: TableStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = Catalog(store.catalog_path)
        self._path = store.data_dir / "desk" / "reviews.json"
        self._clock = clock
        self._lock = threading.Lock()
        self._claims: dict[str, tuple[str, float]] = {}  # by video: who, and until when

    def next(self, who: str, *, after: str | None = None) -> Progress:
        """The next video for a person, who has it from now on.

        Args:
            who: any text that is the same for all that one page asks.
            after: a video that is passed over.
        """
        if after is not None:
            self._mark(after, f"{_LATER} {time.time():.3f}")
        num_videos, left = self._left()
        with self._lock:
            self._release(who)
            others = {video_id for video_id in left if self._is_taken(video_id, who)}
            video_id = next((each for each in left if each not in others), None)
            if video_id is not None:
                self._claims[video_id] = (who, self._clock() + CLAIM_SECONDS)
        return Progress(num_videos - len(left), num_videos, video_id, len(others))

    def progress(self, who: str) -> Progress:
        """Counts what is done; the person keeps the video that they have."""
        num_videos, left = self._left()
        with self._lock:
            others = [each for each in left if self._is_taken(each, who)]
            own = next((video_id for video_id, (whose, _) in self._claims.items() if whose == who), None)
        return Progress(num_videos - len(left), num_videos, own, len(others))

    def keep_claim(self, who: str, video_id: str) -> bool:
        """Says that a person still looks at a video; False where another one has it by now."""
        with self._lock:
            if self._is_taken(video_id, who):
                return False
            self._claims[video_id] = (who, self._clock() + CLAIM_SECONDS)
            return True

    def leave(self, who: str) -> None:
        """Lets others have what a person had: the page is closed."""
        with self._lock:
            self._release(who)

    def keep(self, video_id: str) -> None:
        """Marks a video as reviewed without a decision on any frame: it is well as it is.

        Raises:
            StorageError: the disk is full, read-only or gone.
        """
        self._mark(video_id, _KEEP)

    def take_up(self, video_id: str, who: str) -> None:
        """Takes such a mark back, and gives the video to a person; for undo.

        Raises: as `keep`.
        """
        self._mark(video_id, None)
        with self._lock:
            self._release(who)
            self._claims[video_id] = (who, self._clock() + CLAIM_SECONDS)

    def _left(self) -> tuple[int, list[str]]:
        """Number of videos that can be reviewed, and those that are left, in the order of the review."""
        if not self._catalog.path.is_file():
            return 0, []
        every, marks = reviewable(self._catalog), read_json(self._path)
        left = [each for each in every.ids if each not in every.decided and marks.get(each) != _KEEP]
        # Stable: what was left for later comes last, in that order.
        return len(every.ids), sorted(left, key=lambda each: marks.get(each, ""))

    def _mark(self, video_id: str, mark: str | None) -> None:
        with storage_errors(self._path), locked(self._path.with_name(f".{self._path.name}.lock")):
            marks = {**read_json(self._path), video_id: mark}
            write_json(self._path, {each: text for each, text in marks.items() if text is not None})

    def _release(self, who: str) -> None:
        self._claims = {video_id: claim for video_id, claim in self._claims.items() if claim[0] != who}

    def _is_taken(self, video_id: str, who: str) -> bool:
        whose, until = self._claims.get(video_id, (who, 0.0))
        return whose != who and until > self._clock()
