"""Segments of a source that is lost and begins anew: each frame keeps its own time, and nothing is left half done."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.live.arrivals import Arrival, Stop
from thumb_assets.live.cutter import remove_unfinished
from thumb_assets.live.folder import FolderSource
from thumb_assets.live.recorder import Recorder
from thumb_assets.live.ring import Ring
from thumb_assets.live.sources import open_source
from thumb_assets.live.streams import GrowingFile, RtspSource
from thumb_assets.live.watch import Watch
from thumb_assets.settings.config import read_configuration
from thumb_assets.settings.live import LiveSettings
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, Segments
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.live import http_server
from thumb_assets_tests.support.running import run_stages
from thumb_assets_tests.unit.live.conftest import ScriptedSource, Sent

SETTINGS = LiveSettings(segment_seconds=4.0, reconnect_seconds=(0.01,), timeout_seconds=1.0)


class Recorded:
    """Result of a source in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.store = TableStore(data_dir)
        self.settings = load_settings(overrides=["live.max_bytes=1000000"])
        self.ring = Ring(self.store, "door", self.settings)
        self.ring.open()
        self.stop = Stop()

    def record(self, source: object, settings: LiveSettings = SETTINGS) -> list[Segment]:
        last = self.ring.segments.last("door")
        recorder = Recorder(
            source,  # type: ignore[arg-type]
            self.ring.folder,
            settings,
            self.stop,
            on_segment=self.ring.take,
            last_end=None if last is None else last.ends_at,
        )
        recorder.record()
        return self.segments()

    def segments(self) -> list[Segment]:
        return self.ring.segments.of("door")

    def frames(self, segment: Segment) -> list[tuple[int, float]]:
        """Number and wall time of each frame."""
        with av.open(str(self.ring.folder / segment.file_name)) as container:
            return [
                (read_frame_index(frame.to_ndarray(format="rgb24")), segment.wall_time(frame.time))
                for frame in container.decode(video=0)
            ]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "data")


def test_no_frame_gets_a_wrong_time_though_stamps_begin_anew(recorded: Recorded, recording: Path) -> None:
    # Lost at frame 120; back 20 s later with stamps from 0; then a jump of the stamps within a connection.
    connections = [
        Sent(0, 120, begin_at=1000.0, stamp=90_000),
        Sent(50, 250, begin_at=1030.0),
        Sent(0, 100, begin_at=1100.0, stamp=7, is_lost=False),
    ]
    segments = recorded.record(ScriptedSource(recording, connections))
    assert [segment.num_frames for segment in segments] == [100, 20, 100, 100, 100]
    shown = [1000.0, 1000.0, 1030.0, 1030.0, 1100.0]
    for segment, begin_at in zip(segments, shown, strict=True):
        for number, wall_time in recorded.frames(segment):
            assert abs(wall_time - (begin_at + number / 25)) < 0.002
    assert [round(segment.gap_seconds, 1) for segment in segments] == [0, 0, 27.2, 0, 60.0]
    assert "the camera is gone" in segments[2].gap_reason
    assert not list(recorded.ring.folder.glob(".*"))


def test_what_a_server_kept_while_it_was_away_is_no_later_than_it_was_shown(
    recorded: Recorded, recording: Path
) -> None:
    """A playlist's pieces come late after a cut, by the same clock: else a gap that follows would be hidden."""
    connections = [
        Sent(0, 100, begin_at=1000.0, run=0),
        Sent(100, 200, begin_at=1000.0, run=0, late_seconds=3.0),
        Sent(0, 100, begin_at=1012.0, run=1, is_lost=False),
    ]
    segments = recorded.record(ScriptedSource(recording, connections))
    for segment, begin_at in zip(segments, (1000.0, 1000.0, 1012.0), strict=True):
        for number, wall_time in recorded.frames(segment):
            assert abs(wall_time - (begin_at + number / 25)) < 0.002
    assert [round(segment.gap_seconds, 1) for segment in segments] == [0, 0, 4.0]


def test_what_a_source_left_open_is_closed_while_it_is_quiet(recorded: Recorded, recording: Path) -> None:
    """A camera that is cut ends no segment, and the playlist goes on saying nothing new."""
    num_closed: list[int] = []

    class Quiet(ScriptedSource):
        def arrivals(self, stop: Stop) -> Iterator[Arrival]:
            yield from super().arrivals(stop)
            time.sleep(4.2)  # until it is known when all was shown
            for seconds in (3.0, 5.0):
                yield Arrival(None, 1002.0 + seconds, 1)
                num_closed.append(len(recorded.segments()))

    segments = recorded.record(Quiet(recording, [Sent(0, 50, begin_at=1000.0, run=1, is_lost=False)]))
    assert [segment.num_frames for segment in segments] == [50]
    assert num_closed == [0, 1]


def test_it_begins_with_a_sync_frame(recorded: Recorded, recording: Path) -> None:
    (segment,) = recorded.record(ScriptedSource(recording, [Sent(30, 90, begin_at=0.0, is_lost=False)]))
    assert recorded.frames(segment)[0] == (50, pytest.approx(2.0, abs=0.002))


def test_the_next_watch_puts_right_what_a_kill_left(recorded: Recorded, recording: Path) -> None:
    segments = recorded.record(ScriptedSource(recording, [Sent(0, 200, begin_at=1000.0, is_lost=False)]))
    Segments(recorded.store.segments_path).remove(segments[1])  # renamed, and killed before it was recorded
    (recorded.ring.folder / segments[0].file_name).unlink()  # removed, and killed before that was
    (recorded.ring.folder / ".7.mkv.part").write_bytes(b"half")
    recorded.ring.open()
    (left,) = recorded.segments()
    assert replace(left, closed_at=0.0) == replace(
        segments[1], closed_at=0.0, begins_at=pytest.approx(1004.0, abs=0.001), ends_at=pytest.approx(1008.0, abs=0.002)
    )
    assert remove_unfinished(recorded.ring.folder) == 0


def test_the_oldest_go_and_what_a_person_decided_of_stays(recorded: Recorded, recording: Path) -> None:
    segments = recorded.record(ScriptedSource(recording, [Sent(0, 250, begin_at=1000.0, is_lost=False)]))
    run_stages(recorded.store.data_dir, [segments[0].video_id, segments[1].video_id], ("videos", "frames"))
    decide(recorded.store, segments[0].video_id, {3: "pin"})
    full = replace(segments[1], num_bytes=900_000, state="done")
    recorded.ring.segments.add(full)
    assert recorded.ring.make_room() == []
    recorded.ring.segments.add(replace(full, num_bytes=2_000_000))
    assert [each.file_name for each in recorded.ring.make_room()] == [full.file_name]
    assert [each.file_name for each in recorded.segments()] == [segments[0].file_name, segments[2].file_name]
    assert not recorded.store.has("frames", full.video_id)
    assert recorded.store.has("frames", segments[0].video_id)


def test_two_watches_of_one_name_are_refused(recorded: Recorded, recording: Path) -> None:
    lock = recorded.ring.lock()
    assert lock.try_acquire()
    store = recorded.store
    watch = Watch(str(recording), "door", store, lambda: read_configuration(store.data_dir), on_segment=lambda *_: None)
    with pytest.raises(SettingsError, match="another `thumb-assets watch` records 'door'"):
        watch.run(is_finished=False)
    lock.release()


def test_a_file_that_grows_and_a_folder_of_pieces(recorded: Recorded, recording: Path, tmp_path: Path) -> None:
    stream = tmp_path / "growing.ts"
    with av.open(str(recording)) as source, av.open(str(stream), "w", format="mpegts") as sink:
        output = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = output
                sink.mux(packet)
    segments = recorded.record(GrowingFile(stream, "door", SETTINGS))
    assert [segment.num_frames for segment in segments] == [100, 100, 50]
    recorded.ring.make_room()
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    (pieces / "a.ts").write_bytes(stream.read_bytes())
    after = time.time()

    class Once(FolderSource):
        def _fresh(self) -> list[tuple[float, Path]]:
            found = super()._fresh()
            if found and found[0][0] <= after:
                return found
            recorded.stop.set() if self._taken[1] else None
            return found

    segments = recorded.record(Once(pieces, "door", SETTINGS, after=None))[3:]
    assert [number for segment in segments for number, _ in recorded.frames(segment)] == list(range(250))


@pytest.mark.parametrize(
    ("playlist", "reason"),
    [
        ("#EXTINF:2,\nfile:///etc/passwd\n", "which was not named"),
        ("#EXTINF:2,\nhttp://127.0.0.1:{other}/a.ts\n", "which was not named"),
        ('#EXT-X-MAP:URI="http://127.0.0.1:{other}/a.ts"\n#EXTINF:2,\na.ts\n', "which was not named"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{other}/k"\n#EXTINF:2,\na.ts\n', "encrypted"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.1:{other}/b.m3u8\n", "which was not named"),
        ("#EXTINF:2,\nnested.m3u8\n#EXT-X-ENDLIST\n", "sends no MPEG-TS"),
    ],
)
def test_a_playlist_leads_nowhere_else(playlist: str, reason: str, recorded: Recorded, tmp_path: Path) -> None:
    asked: list[str] = []
    folder = tmp_path / "hls"
    folder.mkdir()
    for name in ("a.ts", "nested.m3u8"):
        (folder / name).write_bytes(b"#EXTM3U\n")
    with http_server(tmp_path / "hls") as port, http_server(tmp_path / "hls", on_request=asked.append) as other:
        head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
        (folder / "live.m3u8").write_text(head + playlist.replace("{other}", str(other)))
        source = open_source(f"http://127.0.0.1:{port}/live.m3u8", "door", Settings(), last_end=None)
        with pytest.raises(BadInputError, match=reason):
            recorded.record(source)
    assert asked == []


def test_redirects_are_not_followed(recorded: Recorded, tmp_path: Path) -> None:
    asked: list[str] = []
    with (
        http_server(tmp_path, on_request=asked.append) as other,
        http_server(tmp_path, redirect_to=f"http://127.0.0.1:{other}/live.m3u8") as port,
    ):
        source = open_source(f"http://127.0.0.1:{port}/live.m3u8", "door", Settings(), last_end=None)
        with pytest.raises(BadInputError, match="redirects are not followed"):
            recorded.record(source)
    assert asked == []


def test_a_camera_that_sends_elsewhere_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    asked: list[str] = []
    with (
        http_server(tmp_path, on_request=asked.append) as other,
        http_server(tmp_path, redirect_to=f"rtsp://127.0.0.1:{other}/b", is_rtsp=True) as port,
        pytest.raises(BadInputError, match="redirects are not followed"),
    ):
        recorded.record(RtspSource(f"rtsp://127.0.0.1:{port}/a", "door", SETTINGS))
    assert asked == []
