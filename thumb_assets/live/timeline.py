"""The wall-clock times of segments, on a timeline that never goes backwards."""

from collections import deque
from dataclasses import dataclass

# A sender's clock drifts against ours by some ten millionths: so many segments later it is looked at anew.
_NUM_REMEMBERED = 16
# A segment whose place is not known better is so long at least: its file's name says its begin to the millisecond.
_LEAST_SECONDS = 0.002
# A packet that comes by so much later after its stamp than those before a loss is of another clock: the pieces of a
# playlist come as late as they are long, and a sender that begins anew is off by all the time for which it ran before.
_MOST_LATER_SECONDS = 5.0


@dataclass(frozen=True)
class Span:
    """When the first frame of a segment was shown, and when its last one ended, in seconds since the epoch."""

    begins_at: float
    ends_at: float


class Timeline:
    """Places the stamps of a source on the wall clock.

    A frame cannot come before it is shown, so the packet that came soonest after its stamp tells the most: the least
    difference of arrival and stamp is the place of stamp 0. Within a burst, as after a connection, it falls until the
    source sends in real time.

    Args:
        last_end: where the last known segment ended; nothing is placed before.

    >>> timeline = Timeline(None)
    >>> for at, stamp in ((1003.0, 0.0), (1003.1, 2.0), (1004.0, 3.0)):
    ...     timeline.saw(at, stamp)
    >>> timeline.place(0.0, 3.0)
    Span(begins_at=1001.0, ends_at=1004.0)
    """

    def __init__(self, last_end: float | None) -> None:
        self._last_end = float("-inf") if last_end is None else last_end
        self._former: deque[float] = deque(maxlen=_NUM_REMEMBERED)
        self._least = self._before = float("inf")

    def begin_run(self) -> None:
        """Forgets how stamps and clock belong together: after a restart they do so anew."""
        self._former.clear()
        self._least = self._before = float("inf")

    def resume_run(self) -> None:
        """Says that stamps after a loss seem to be of the same clock: a source that sends what it kept comes late.

        Whether they are, the next place tells.
        """
        before = min(self._former, default=self._before)
        self.begin_run()
        self._before = before

    def saw(self, at: float, stamp: float) -> None:
        """Notes when a packet came, both in seconds."""
        self._least = min(self._least, at - stamp)

    def place(self, begin: float, end: float) -> Span:
        """The place of a segment by its stamps in seconds; one that was placed before is never overlapped."""
        if self._least - self._before > _MOST_LATER_SECONDS:
            self._before = float("inf")
        offset = min([self._least, self._before, *self._former])
        self._former.append(self._least)
        self._least = float("inf")
        begins_at = max(self._last_end, begin + offset)
        self._last_end = max(begins_at + _LEAST_SECONDS, end + offset)
        return Span(begins_at, self._last_end)
