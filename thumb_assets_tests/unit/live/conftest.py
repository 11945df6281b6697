"""A recorded camera, and a source that sends packets as a test says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from thumb_assets.errors import NetworkError
from thumb_assets.live.arrivals import Arrival, Stop, packets_of
from thumb_assets_tests.support.live import record


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds."""
    return record(tmp_path_factory.mktemp("camera") / "camera.mp4", num_frames=250, size=(160, 90))


@dataclass
class Sent:
    """One connection: frames of the recording from one on, in real time by a clock of its own.

    Attributes:
        begin_at: when frame 0 of the recording would have been shown.
        stamp: added to its stamps, in frames.
        late_seconds: by how much all its frames come too late.
        run: of its stamps; None: a new one.
    """

    first: int
    exclusive_end: int
    begin_at: float
    stamp: int = 0
    is_lost: bool = True
    late_seconds: float = 0.0
    run: int | None = None


@dataclass
class ScriptedSource:
    """Sends each connection once, and has ended then."""

    recording: Path
    connections: Sequence[Sent]
    name: str = "door"
    shown: str = "door"
    before: Callable[[int], None] = lambda _: None
    num_opened: int = field(default=0)

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        sent = self.connections[self.num_opened]
        self.before(self.num_opened)
        self.num_opened += 1
        run = self.num_opened if sent.run is None else sent.run
        with av.open(str(self.recording)) as container:
            for arrival in packets_of(container, now=lambda: 0.0, run=run):
                packet = arrival.packet
                assert packet is not None
                number = round(packet.pts * packet.time_base * 25)
                if not sent.first <= number < sent.exclusive_end:
                    continue
                stop.check()
                shift = round(sent.stamp / 25 / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                yield Arrival(packet, sent.begin_at + number / 25 + sent.late_seconds, run)
        if self.num_opened < len(self.connections) or sent.is_lost:
            raise NetworkError("the camera is gone")
