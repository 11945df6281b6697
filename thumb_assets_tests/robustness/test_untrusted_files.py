"""A file that names other files or addresses opens none of them: playlists, scripts, references, patterns, names."""

import ctypes
import os
import queue
import shutil
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from PIL import Image

from thumb_assets.errors import BadInputError
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.decode import read_header
from thumb_assets_tests.robustness.whole import leftovers, table_problems, video_problems
from thumb_assets_tests.support.running import register, run_stages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is how an opened file is noticed")

MakeVideo = Callable[[str], Path]
_IN_OPEN = 0x20
_BAIT_NAMES = ("bait.mp4", "bait.ts", "img000.png", "img001.png", "img002.png", "a", "b", "key.bin")


class Bait:
    """A folder of readable videos and images that nothing may open, and a port that nothing may connect to."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self.folder = folder
        self.port: int = listener.getsockname()[1]
        self.opened: list[str] = []
        self.num_connections = 0
        self._listener = listener
        self._visitors: queue.Queue[int] = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def count_connections(self) -> int:
        """Number of connections so far, counted by one of our own that must come behind them."""
        with socket.create_connection(("127.0.0.1", self.port)) as own:
            while self._visitors.get(timeout=10) != own.getsockname()[1]:
                self.num_connections += 1
        return self.num_connections

    def _accept(self) -> None:
        while True:
            try:
                connection, (_, port) = self._listener.accept()
            except OSError:  # the test is over
                return
            connection.close()
            self._visitors.put(port)


@contextmanager
def _watched_opens(paths: list[Path], opened: list[str]) -> Iterator[None]:
    """Appends the name of each of the files that any process opens meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    if handle < 0:
        pytest.skip("no inotify here")
    names = {libc.inotify_add_watch(handle, os.fsencode(path), _IN_OPEN): path.name for path in paths}
    assert -1 not in names
    try:
        yield
    finally:
        try:
            events = os.read(handle, 1 << 16)
        except BlockingIOError:
            events = b""
        begin = 0
        while begin < len(events):
            watch, _mask, _cookie, length = struct.unpack_from("iIII", events, begin)
            opened.append(names[watch])
            begin += 16 + length
        os.close(handle)


@pytest.fixture
def bait(tmp_path: Path, synthetic_videos: MakeVideo) -> Iterator[Bait]:
    """Everything that the files below name, in the folder they lie in."""
    folder = tmp_path / "input"
    folder.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), folder / "bait.mp4")
    for name in ("bait.ts", "a", "b"):
        shutil.copyfile(synthetic_videos("mpeg_ts"), folder / name)
    for number in range(3):
        Image.new("RGB", (64, 48), (80 * number, 90, 20)).save(folder / f"img{number:03d}.png")
    (folder / "key.bin").write_bytes(bytes(16))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Bait(folder, listener)
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def watching(bait: Bait) -> Iterator[None]:
    """Notes in `bait` what is opened and who connects meanwhile."""
    with _watched_opens([bait.folder / name for name in _BAIT_NAMES], bait.opened):
        yield
    bait.count_connections()


HLS_HEAD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S" minBufferTime="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1000"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
ASX = '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'

# File name, and its text with the bait's targets filled in.
TEXTS: dict[str, tuple[str, str]] = {
    "hls to a file beside it": ("list.m3u8", HLS_HEAD + "#EXTINF:3,\n{ts_name}\n#EXT-X-ENDLIST\n"),
    "hls to an absolute path": ("list.m3u8", HLS_HEAD + "#EXTINF:3,\n{ts_path}\n#EXT-X-ENDLIST\n"),
    "hls to a file address": ("list.m3u8", HLS_HEAD + "#EXTINF:3,\nfile://{ts_path}\n#EXT-X-ENDLIST\n"),
    "hls to an address": ("list.m3u8", HLS_HEAD + "#EXTINF:3,\n{ts_url}\n#EXT-X-ENDLIST\n"),
    "hls named mp4": ("list.mp4", HLS_HEAD + "#EXTINF:3,\n{ts_name}\n#EXT-X-ENDLIST\n"),
    "hls named ts": ("list.ts", HLS_HEAD + "#EXTINF:3,\n{ts_name}\n#EXT-X-ENDLIST\n"),
    "hls with a map": (
        "list.m3u8",
        HLS_HEAD + '#EXT-X-MAP:URI="{mp4_path}"\n#EXTINF:3,\n{ts_name}\n#EXT-X-ENDLIST\n',
    ),
    "hls with a key": (
        "list.m3u8",
        HLS_HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="{key_path}"\n#EXTINF:3,\n{ts_name}\n#EXT-X-ENDLIST\n',
    ),
    "hls of playlists": ("list.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{ts_name}\n"),
    "dash to a file": ("list.mpd", MPD.replace("{target}", "{mp4_name}")),
    "dash to an address": ("list.mpd", MPD.replace("{target}", "{mp4_url}")),
    "concat script beside it": ("list.ffconcat", "ffconcat version 1.0\nfile {mp4_name}\n"),
    "concat script to a path": ("list.ffconcat", "ffconcat version 1.0\nfile {mp4_path}\n"),
    "concat script to an address": ("list.ffconcat", "ffconcat version 1.0\nfile {mp4_url}\n"),
    "concat script named mp4": ("list.mp4", "ffconcat version 1.0\nfile {mp4_name}\n"),
    "session description": ("list.sdp", SDP),
    "session description named mp4": ("list.mp4", SDP),
    "windows playlist": ("list.asx", ASX.replace("{target}", "{mp4_url}")),
    "streaming redirector": ("list.rm", "rtsp://127.0.0.1:{port}/x\n"),
    "quicktime redirector": ("list.mov", "rtsptextRTSP rtsp://127.0.0.1:{port}/x\n"),
    "playlist of names": ("list.m3u", "{mp4_path}\n{ts_path}\n"),
    "avisynth script": ("list.avs", 'AVISource("{mp4_path}")\n'),
    "smooth streaming manifest": ("list.ism", '<SmoothStreamingMedia MajorVersion="2" Url="{mp4_url}"/>'),
}


def _filled(text: str, bait: Bait) -> str:
    values = {"port": str(bait.port)}
    for key, name in (("ts", "bait.ts"), ("mp4", "bait.mp4"), ("key", "key.bin")):
        values |= {f"{key}_name": name, f"{key}_path": str(bait.folder / name), f"{key}_url": bait.url(name)}
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def check(path: Path, data_dir: Path, bait: Bait) -> int:
    """Runs the file; returns how many frames it has, 0 where it gave its one line."""
    with watching(bait):
        (video_id,) = register(data_dir, [path])
        results = run_stages(data_dir, [video_id]).values()
    assert bait.opened == []
    assert bait.num_connections == 0
    store = TableStore(data_dir)
    assert list(table_problems(store)) == []
    assert list(video_problems(store, video_id, path)) == []
    assert leftovers(data_dir) == []
    causes = [result for result in results if result.status != "done" and result.blocked_by is None]
    if causes:
        assert len(causes) == 1
        message = str(causes[0].message)
        assert "\n" not in message
        assert path.name in message
        assert message in [outcome.message for outcome in read_outcomes(store, video_id)]
        return 0
    return store.read("frames", video_id).num_rows


def test_the_watch_sees_what_it_should(bait: Bait) -> None:
    with watching(bait):
        (bait.folder / "bait.mp4").read_bytes()
        socket.create_connection(("127.0.0.1", bait.port)).close()
    assert set(bait.opened) == {"bait.mp4"}
    assert bait.num_connections == 1


@pytest.mark.parametrize("what", ["hls to a file beside it", "concat script beside it", "data reference", "pattern"])
def test_the_bait_is_taken_without_care(what: str, bait: Bait, synthetic_videos: MakeVideo) -> None:
    if what == "data reference":
        path = bait.folder / "reference.mov"
        path.write_bytes(_with_data_reference(synthetic_videos("cfr").read_bytes(), "bait.mp4"))
    elif what == "pattern":
        path = bait.folder / "img%03d.png"
        shutil.copyfile(bait.folder / "img000.png", path)
    else:
        name, text = TEXTS[what]
        path = bait.folder / name
        path.write_text(_filled(text, bait))
    with watching(bait), av.open(str(path), options={"enable_drefs": "1"}) as container:
        assert next(container.decode(video=0)) is not None
    assert bait.opened


@pytest.mark.parametrize("what", TEXTS)
def test_text_that_names_others_opens_none(what: str, bait: Bait, data_dir: Path) -> None:
    name, text = TEXTS[what]
    path = bait.folder / name
    path.write_text(_filled(text, bait))
    with watching(bait):
        videos, errors = Library(data_dir).register([path])
        with pytest.raises(BadInputError) as caught:  # what a decoder would do that is given it all the same
            read_header(path)
    assert bait.opened == []
    assert bait.num_connections == 0
    for error in (caught.value, *errors):
        assert path.name in str(error)
        assert "\n" not in str(error)
    assert len(videos) + len(errors) == 1
    if videos:  # nothing in its first bytes says that it is text
        assert check(path, data_dir, bait) == 0


@pytest.mark.parametrize("target", ["bait.mp4", "{folder}/bait.mp4", "{url}"])
def test_a_mov_whose_data_lies_elsewhere(target: str, bait: Bait, data_dir: Path, synthetic_videos: MakeVideo) -> None:
    filled = target.format(folder=bait.folder, url=bait.url("bait.mp4"))
    path = bait.folder / "reference.mov"
    path.write_bytes(_with_data_reference(synthetic_videos("cfr").read_bytes(), filled))
    check(path, data_dir, bait)


def _with_data_reference(data: bytes, target: str) -> bytes:
    """The MP4 with its `dref` entry, which says `in this file`, replaced by one that names another."""
    place = data.index(b"dref") - 4
    old_size = struct.unpack_from(">I", data, place)[0]
    # Apple's alias record, of which FFmpeg reads the path (type 2) and the directory (type 0).
    name = target.encode()
    tail = struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">Hh", 0xFFFF, 0)
    record = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    record += bytes([min(len(name), 63)]) + name[-63:].ljust(63, b"\0")
    record += bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    alias = b"alis" + struct.pack(">I", 0) + record + tail
    url = b"url " + struct.pack(">I", 0) + name + b"\0"
    entries = b"".join(struct.pack(">I", len(entry) + 4) + entry for entry in (alias, url))
    dref = b"dref" + struct.pack(">II", 0, 2) + entries
    dref = struct.pack(">I", len(dref) + 4) + dref
    grown = len(dref) - old_size
    data = data[:place] + dref + data[place + old_size :]
    out = bytearray(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):  # each holds the next and so the reference
        begin = out.rindex(kind, 0, place) - 4
        struct.pack_into(">I", out, begin, struct.unpack_from(">I", out, begin)[0] + grown)
    return bytes(out)


@pytest.mark.parametrize("name", ["img%03d.png", "img%03d.mp4", "img*.png", "img%d.png"])
def test_a_pattern_in_the_name_is_a_name(name: str, bait: Bait, data_dir: Path) -> None:
    path = bait.folder / name
    Image.new("RGB", (32, 32), (200, 10, 10)).save(path, format="png")
    assert check(path, data_dir, bait) in {0, 1}  # the one picture, or refused


@pytest.mark.parametrize(
    "name",
    [
        "concat:a|b",
        "http:127.0.0.1",
        "subfile,,start,0,end,0,,:bait.mp4",
        "data:video;base64,AAAA",
        "pipe:0",
        "-",
        "-i.mp4",
        "crypto:bait.mp4",
        "12:30 clip.mp4",
        "cache:bait.mp4",
        "async:bait.mp4",
        "tee:bait.mp4",
        "movie=bait.mp4",
        "testsrc.lavfi",
    ],
)
def test_a_name_like_an_address_is_a_name(
    name: str, bait: Bait, data_dir: Path, synthetic_videos: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bait.folder)
    path = bait.folder / name
    shutil.copyfile(synthetic_videos("b_frames"), path)
    assert check(Path(name), data_dir, bait) == 40
    data_dir.joinpath("again").mkdir()
    assert check(path, data_dir / "again", bait) == 40
