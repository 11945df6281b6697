"""A live camera for the tests: sends frames that carry their number, in real time, as MPEG-TS.

The pictures are drawn and encoded before (`record`), so that sending them takes hardly any processor.
`python -m thumb_assets_tests.support.live RECORDING SECONDS FILE` writes the stream to the standard output, and when
frame 0 was shown (seconds since the epoch) to FILE. Numbers begin anew at the end of the recording.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import BaseRequestHandler
from subprocess import DEVNULL, PIPE, Popen

import av

from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode

RATE = 25
_SHOT_SECONDS = 7
_GOP_SECONDS = 2
_KINDS = ("sharp", "blurred", "sharp", "sharp", "black")


def record(path: Path, *, num_frames: int, size: tuple[int, int] = (320, 180)) -> Path:
    """Draws what the camera shows: a sync frame every two seconds, a cut every seven, blurred and black shots."""
    width, height = size

    def drawn() -> Iterator[object]:
        for number in range(num_frames):
            shot = number // (_SHOT_SECONDS * RATE)
            kind = _KINDS[shot % len(_KINDS)]
            yield draw_frame(number, width=width, height=height, shot_index=shot, kind=kind)

    options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
    return encode(path, drawn(), Encoding(options=options, gop_size=_GOP_SECONDS * RATE))


def send(recording: Path, seconds: float, began_file: Path) -> None:
    """Sends the recording in real time, again and again."""
    with av.open(str(recording)) as source:
        packets = [(packet.pts, bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]
        template = source.streams.video[0]
        with av.open(sys.stdout.buffer, "w", format="mpegts", options={"flush_packets": "1", "muxdelay": "0"}) as sink:
            stream = sink.add_stream_from_template(template)
            began = time.time()
            began_file.write_text(repr(began))
            for number in count():
                if number > seconds * RATE:
                    return
                time.sleep(max(0.0, began + number / RATE - time.time()))
                _, content, is_keyframe = packets[number % len(packets)]
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, Fraction(1, RATE)
                packet.pts = packet.dts = number
                packet.duration = 1
                packet.is_keyframe = is_keyframe
                sink.mux_one(packet)
                sys.stdout.buffer.flush()


def shown_at(number: int, began: float, *, near: float, num_numbers: int) -> float:
    """When the frame of a number was shown, of all that have it the one nearest to a time."""
    turn = round((near - began - number / RATE) * RATE / num_numbers)
    return began + (number + turn * num_numbers) / RATE


class Camera:
    """A running camera, and the FFmpeg that sends what it shows; `cut` ends both, `start` begins anew.

    Args:
        recording: what it shows.
        folder: for the camera's own files.
        output: FFmpeg's arguments for where it goes.
    """

    def __init__(self, recording: Path, folder: Path, output: list[str]) -> None:
        self._recording, self._folder, self._output = recording, folder, output
        self._processes: list[Popen[bytes]] = []
        self.began: list[float] = []

    def start(self, seconds: float = 3600) -> None:
        """Frame 0 is shown as soon as this returns."""
        file = self._folder / f"began-{len(self.began)}.txt"
        arguments = [sys.executable, "-m", "thumb_assets_tests.support.live"]
        arguments += [str(self._recording), str(seconds), str(file)]
        camera = Popen(arguments, stdout=PIPE, stderr=DEVNULL)
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-nostdin",
            "-analyzeduration",
            "500000",
            "-probesize",
            "200000",
            "-f",
            "mpegts",
            "-i",
            "pipe:0",
        ]
        sender = Popen([*command, "-c", "copy", *self._output], stdin=camera.stdout, stdout=DEVNULL)
        self._processes = [camera, sender]
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text():
            assert time.monotonic() < end, "the camera does not begin"
            time.sleep(0.02)
        self.began.append(float(file.read_text()))

    @property
    def is_sending(self) -> bool:
        """True while FFmpeg runs; it ends where a receiver by SRT goes."""
        return self._processes[1].poll() is None

    def cut(self) -> None:
        """Ends the camera and the sender."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = []


def hls_output(folder: Path) -> list[str]:
    """FFmpeg's arguments for HLS in a folder."""
    flags = "delete_segments+omit_endlist+temp_file"
    listed = ["-hls_time", str(_GOP_SECONDS), "-hls_list_size", "6", "-hls_flags", flags]
    return ["-f", "hls", *listed, str(folder / "live.m3u8")]


def srt_output(port: int) -> list[str]:
    """FFmpeg's arguments for SRT, waiting for who receives it."""
    return ["-f", "mpegts", f"srt://127.0.0.1:{port}?mode=listener"]


class _Handler(SimpleHTTPRequestHandler):
    on_request: Callable[[str], object] = staticmethod(lambda _: None)
    redirect_to: str | None = None

    def do_GET(self) -> None:
        self.on_request(self.path)
        if self.redirect_to is None:
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", self.redirect_to)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _RtspHandler(BaseRequestHandler):
    redirect_to: str | None = None

    def handle(self) -> None:
        """Sends whoever asks elsewhere."""
        asked = self.request.recv(4096).decode()
        number = next(line for line in asked.splitlines() if line.startswith("CSeq"))
        self.request.sendall(f"RTSP/1.0 302 Found\r\n{number}\r\nLocation: {self.redirect_to}\r\n\r\n".encode())
        self.request.recv(4096)


@contextmanager
def http_server(
    folder: Path,
    port: int = 0,
    *,
    on_request: Callable[[str], object] = lambda _: None,
    redirect_to: str | None = None,
    is_rtsp: bool = False,
) -> Iterator[int]:
    """Serves a folder on loopback; gives the port.

    Args:
        on_request: is told the path of each request.
        redirect_to: the answer to all of them.
        is_rtsp: a camera that does so.
    """
    kind: type = _RtspHandler if is_rtsp else _Handler
    own = type("Own", (kind,), {"on_request": staticmethod(on_request), "redirect_to": redirect_to})
    server = ThreadingHTTPServer(("127.0.0.1", port), own if is_rtsp else partial(own, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for(condition: Callable[[], object], what: str, *, seconds: float) -> None:
    """Waits for a condition; an assertion fails where it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


if __name__ == "__main__":
    send(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
