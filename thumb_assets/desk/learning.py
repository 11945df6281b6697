"""Says whether what people decided at the desk would make a better scorer than the weights; nothing is kept here."""

import logging
import threading

from thumb_assets.errors import BadInputError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.learn.train import Training
from thumb_assets.library.learn import gather_lesson, learn
from thumb_assets.settings.load import Settings
from thumb_assets.store.learned_head import read_learned_head
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count

# Training reads the candidates of every decided video: it is worth it again after so many more.
_NUM_MORE = 5
_LOGGER = logging.getLogger(__name__)


class Lessons:
    """Trains on the decisions in a thread of its own, now and then, and remembers the last result as a sentence.

    Args:
        store: the data folder.
        settings: the weights are those of `selection`.
    """

    def __init__(self, store: TableStore, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._lock = threading.Lock()
        self._num_decided = 0
        self._thread: threading.Thread | None = None
        self._sentence = ""

    @property
    def sentence(self) -> str:
        """The last result; empty where there is nothing to say."""
        return self._sentence

    def look(self, num_decided: int) -> None:
        """Trains beside the caller, where that many decided videos are enough more than the last time."""
        with self._lock:
            is_running = self._thread is not None and self._thread.is_alive()
            if not is_running and num_decided >= self._num_decided + _NUM_MORE:
                self._num_decided = num_decided
                self._thread = threading.Thread(target=self._look, name="learn", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        try:
            self._sentence = sentence_of(learn(gather_lesson(self._store, self._settings)), stored=self._num_stored())
        except BadInputError:  # too little to learn from so far
            self._sentence = ""
        except Exception as error:  # noqa: BLE001 - a sentence less; what is decided is not touched
            _LOGGER.warning("%s", as_thumb_assets_error(error, "learning"))

    def _num_stored(self) -> int:
        try:
            stored = read_learned_head(self._store)
        except ThumbAssetsError:
            return 0
        return 0 if stored is None else int(stored.facts.get("num_labels", 0))


def sentence_of(training: Training, *, stored: int) -> str:
    """Says that a training beats the weights; empty where it does not, or is known already.

    Args:
        stored: number of labels that the scorer of the data folder was trained on; 0 without one.
    """
    if not training.is_better or training.num_labels <= stored:
        return ""
    compared = training.compared["precision@3"]
    learned, by_weights = compared.learned.mean or 0.0, compared.hand_made.mean or 0.0
    return (
        f"A scorer that learns from your decisions is now better than the weights: on videos it had not seen, "
        f"{100 * learned:.0f} % of its first three frames were wanted, {100 * by_weights:.0f} % by the weights "
        f"({count(training.num_labels, 'decision')} on {count(training.num_videos, 'video')}). "
        "`thumb-assets learn` puts it to use."
    )
