"""FFmpeg the program as exporter: found, asked rightly, and never believed; real programs that lie stand in for it."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError, SettingsError, TransientError, VerificationError
from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.ffmpeg_command import select_expression
from thumb_assets.export.ffmpeg_fetch import FfmpegFetcher, peak_temporary_bytes
from thumb_assets.export.ffmpeg_program import find_program
from thumb_assets.settings.load import settings_sha256
from thumb_assets.settings.stages import ExportSettings, VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of

WANTED = (3, 7, 8, 20, 39)

posix_only = pytest.mark.skipif(os.name != "posix", reason="the stand-ins are shell scripts")


def pixels(path, identities, wanted=WANTED):
    with FrameFetcher(path, identities) as fetcher:
        return {frame.frame_index: frame.rgb() for frame, _ in fetcher.fetch_many(wanted)}


class Exporter:
    """Exports frames of one video with a stand-in for FFmpeg, and counts its calls."""

    def __init__(self, path: Path, tmp_path: Path) -> None:
        self.path, self.identities = path, identities_of(path)
        self.folder = tmp_path / "100%d of it's"
        self.folder.mkdir()
        self.program, self.calls = tmp_path / "stand-in", tmp_path / "calls"
        self.settings = {"ffmpeg_path": self.program}
        self.video = VideoSettings()

    def install(self, text: str) -> None:
        self.program.write_text(text)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def sabotage(self, after: str = "", *, before: str = "") -> None:
        """FFmpeg in a shell script, with commands run before it and after it in the folder of its files."""
        real = find_program().path
        lines = (
            "#!/bin/sh",
            f'case "$1" in -version|-hide_banner) exec "{real}" "$@";; esac',
            f'echo call >> "{self.calls}"',
            before,
            f'"{real}" "$@"',
            "status=$?",
            after,
            "exit $status",
        )
        self.install("\n".join(lines) + "\n")

    def run(self, wanted=WANTED, **settings):
        """(frame_index: method) after the pixels were compared and the folder was found empty."""
        expected, found = pixels(self.path, self.identities, wanted), {}
        export_settings = ExportSettings(backend="ffmpeg", **(self.settings | settings))
        arguments = {"export_settings": export_settings, "video_settings": self.video, "temporary_dir": self.folder}
        with open_fetcher(self.path, self.identities, **arguments) as fetcher:
            for frame, method in fetcher.fetch_many(wanted):
                assert (frame.rgb() == expected[frame.frame_index]).all()
                assert frame.luma_hash == self.identities.luma_hash[frame.frame_index]
                found[frame.frame_index] = method if frame.decoded_on == "cpu" else frame.decoded_on
        assert list(found) == sorted(wanted)
        assert list(self.folder.iterdir()) == []
        return found

    @property
    def num_calls(self) -> int:
        return len(self.calls.read_text().splitlines())


@pytest.fixture
def exporter(synthetic_videos, tmp_path) -> Exporter:
    return Exporter(synthetic_videos("b_frames"), tmp_path)


def all_by(method):
    return dict.fromkeys(WANTED, method)


@posix_only
@pytest.mark.parametrize(("batch_size", "num_calls"), [(1, 5), (3, 2), (50, 1)])
def test_frames_come_in_batches(exporter, batch_size, num_calls):
    exporter.sabotage()
    assert exporter.run(batch_size=batch_size) == all_by("ffmpeg")
    assert exporter.num_calls == num_calls


@posix_only
@pytest.mark.parametrize(
    ("after", "num_alone"),
    [
        ("rm -f 00000001.raw", 5),
        ("[ -e 00000001.raw ] && cp 00000000.raw 00000099.raw", 5),
        ("[ -e 00000001.raw ] && status=1", 5),
        ("[ -e 00000003.raw ] && mv 00000001.raw a && mv 00000003.raw 00000001.raw && mv a 00000003.raw", 2),
        ("[ -e 00000001.raw ] && cp 00000002.raw 00000004.raw", 1),
        ("[ -e 00000001.raw ] && printf x >> 00000001.raw", 1),
    ],
    ids=["deletes", "adds", "fails", "swaps", "repeats", "lengthens"],
)
def test_what_a_batch_got_wrong_is_exported_one_at_a_time(exporter, after, num_alone):
    exporter.sabotage(after)
    assert exporter.run() == all_by("ffmpeg")
    assert exporter.num_calls == 1 + num_alone


@posix_only
@pytest.mark.parametrize(
    "after",
    [
        "rm -f 00000000.raw",
        "cp 00000000.raw 00000099.raw",
        "echo hello > note.txt",
        "status=1",
        "for f in *.raw; do head -c $(wc -c < $f) /dev/zero > $f; done",
        "for f in *.raw; do : > $f; done",
        "rm *.raw; mkdir 00000000.raw",
        "kill -9 $$",
        "echo '[graph 0 @ 0x1] [warning] Changing video frame properties on the fly is not supported.' >&2",
    ],
    ids=["deletes", "adds", "litters", "fails", "zeroes", "empties", "folder", "dies", "changes"],
)
def test_a_program_that_always_fails_is_replaced(exporter, after, caplog):
    exporter.sabotage(after)
    assert exporter.run() == all_by("seek")
    assert exporter.num_calls == 1 + 3  # of the batch, and of three frames; then it is not called again
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert str(exporter.program) in warnings[0]
    assert "export.ffmpeg_path" in warnings[0]


@posix_only
@pytest.mark.parametrize("offset", [-1, 1])
def test_a_program_that_always_lies_never_gives_a_wrong_frame(exporter, offset):
    exporter.install(f"""#!{sys.executable}
import re, subprocess, sys
shift = lambda match: str(int(match[1]) + {offset})
shifted = [re.sub(r"(?<=[(n],)(\\d+)", shift, a) if "select" in a else a for a in sys.argv[1:]]
sys.exit(subprocess.call([{str(find_program().path)!r}, *shifted]))
""")
    assert set(exporter.run((3, 20, 30)).values()) == {"seek"}


@posix_only
def test_errors_of_a_decoder_are_met_with_one_thread(exporter):
    exporter.sabotage("echo '[h264 @ 0x1] [error] something is wrong' >&2")
    assert exporter.run() == all_by("ffmpeg")
    assert exporter.num_calls == 2


@posix_only
def test_a_program_that_hangs_is_stopped(exporter, tmp_path):
    exporter.sabotage(before=f'echo $$ > "{tmp_path}/child"; exec sleep 300')
    begin = time.monotonic()
    with pytest.raises(TransientError, match=r"export\.timeout_seconds") as caught:
        exporter.run(timeout_seconds=1.0)
    assert time.monotonic() - begin < 30
    assert "\n" not in str(caught.value)
    assert list(exporter.folder.iterdir()) == []
    child = (tmp_path / "child").read_text().strip()
    state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True, check=False).stdout
    assert state.strip() == "" or state.startswith("Z")


@posix_only
def test_the_disk_holds_no_more_than_was_said(synthetic_videos, tmp_path):
    exporter = Exporter(synthetic_videos("mpeg2_interlaced"), tmp_path)
    exporter.sabotage(f'cat ../*/*.raw | wc -c >> "{tmp_path}/sizes"')
    wanted = [2, 5, 6, 20, 30, 31, 39]
    assert set(exporter.run(wanted, batch_size=4).values()) == {"ffmpeg"}
    with VideoDecoder(exporter.path) as decoder:
        header = decoder.header
    arguments = {"identities": exporter.identities, "header": header}
    settings = ExportSettings(backend="ffmpeg", batch_size=4)
    peak = peak_temporary_bytes(wanted, **arguments, export_settings=settings)
    sizes = [int(size) for size in (tmp_path / "sizes").read_text().split()]
    picture = 320 * 180 * 3 // 2
    assert max(sizes) == 10 * picture  # 1 to 7 and 19 to 21
    assert max(sizes) <= peak <= max(sizes) + 3 * picture
    assert peak_temporary_bytes(wanted, **arguments) == 0
    assert peak_temporary_bytes([], **arguments, export_settings=settings) == 0


SIMULATED_DEVICE = """#!{python}
import subprocess, sys
arguments = sys.argv[1:]
if arguments == ["-hide_banner", "-hwaccels"]:
    print("Hardware acceleration methods:\\ncuda\\n")
    sys.exit()
is_device = "-hwaccel" in arguments
if is_device:
    begin = arguments.index("-hwaccel")
    del arguments[begin : begin + 4]
    arguments = [a.replace("hwdownload,", "") for a in arguments if a != "-noauto_conversion_filters"]
status = subprocess.call([{real!r}, *arguments])
if is_device:
    {after}
sys.exit(status)
"""


@posix_only
@pytest.mark.parametrize("name", ["b_frames", "hevc_10_bit", "mpeg2_interlaced"])
@pytest.mark.parametrize("hwaccel", ["cuda", "auto"])
def test_pictures_of_a_device_are_the_same(synthetic_videos, tmp_path, name, hwaccel):
    exporter = Exporter(synthetic_videos(name), tmp_path)
    exporter.video = VideoSettings(hwaccel=hwaccel)
    exporter.install(SIMULATED_DEVICE.format(python=sys.executable, real=str(find_program().path), after="pass"))
    assert exporter.run() == all_by("cuda")


@posix_only
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("open('00000002.raw', 'r+b').write(b'wrong')", {8: "ffmpeg"}),
        ("status = 1", all_by("ffmpeg")),
        ("print('[h264 @ 0x1] [error] damaged', file=sys.stderr)", all_by("ffmpeg")),
    ],
    ids=["one wrong", "fails", "damage"],
)
def test_what_a_device_gets_wrong_the_cpu_decodes(exporter, after, expected):
    exporter.video = VideoSettings(hwaccel="cuda")
    exporter.install(SIMULATED_DEVICE.format(python=sys.executable, real=str(find_program().path), after=after))
    assert exporter.run() == all_by("cuda") | expected


@pytest.mark.parametrize(
    "name", ["a b.mp4", "it's.mp4", 'a"b".mp4', "50%03d%.mp4", "-i.mp4", "12:30.mp4", "concat:a|b.mp4", "a,[b];c\n.mp4"]
)
@posix_only
def test_a_name_is_only_a_name(synthetic_videos, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = Path(shutil.copy(synthetic_videos("b_frames"), tmp_path / name)).relative_to(tmp_path)
    exporter = Exporter(path, tmp_path)
    exporter.settings = {}
    assert exporter.run() == all_by("ffmpeg")


def test_nothing_stays_when_the_caller_stops(exporter):
    settings = ExportSettings(backend="ffmpeg")

    def stop():
        with FfmpegFetcher(
            exporter.path, exporter.identities, temporary_dir=exporter.folder, export_settings=settings
        ) as fetcher:
            next(fetcher.fetch_many(WANTED))
            names = [path.name for path in exporter.folder.iterdir()]
            assert len(names) == 1
            assert names[0].startswith(".tmp-")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(exporter.folder.iterdir()) == []


def test_a_changed_video_is_refused(exporter):
    exporter.identities.luma_hash[8] = "0" * 32
    settings = ExportSettings(backend="ffmpeg")
    arguments = {"export_settings": settings, "temporary_dir": exporter.folder}
    with (
        open_fetcher(exporter.path, exporter.identities, **arguments) as fetcher,
        pytest.raises(VerificationError, match="frame 8 no longer"),
    ):
        list(fetcher.fetch_many(WANTED))
    with (
        open_fetcher(exporter.path, exporter.identities, **arguments) as fetcher,
        pytest.raises(VerificationError, match="has no frame 40"),
    ):
        list(fetcher.fetch_many([1, 40]))
    assert list(exporter.folder.iterdir()) == []


def test_the_systems_program_comes_before_the_packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    shipped = find_program()
    (tmp_path / "ffmpeg").symlink_to(shipped.path)
    found = find_program()
    assert (found.path, found.version) == (tmp_path / "ffmpeg", shipped.version)
    assert {"fps_mode", "reinit_filter"} <= found.options


def test_without_any_program_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ModelUnavailableError, match=r'pip install "thumb-assets\[ffmpeg\]"') as caught:
        find_program()
    assert "\n" not in str(caught.value)


@posix_only
@pytest.mark.parametrize("text", [None, "no program", "#!/bin/sh\necho 1.0\n", "#!/bin/sh\nexit 1\n"])
def test_a_named_program_that_is_not_ffmpeg_is_refused(exporter, text):
    if text is not None:
        exporter.install(text)
    with pytest.raises(SettingsError, match="stand-in is not a working FFmpeg"):
        exporter.run()


def test_a_sum_of_many_frames_is_no_deeper_than_the_parser():
    terms = select_expression(range(0, 400, 2))
    depth = np.cumsum([(letter == "(") - (letter == ")") for letter in terms]).max()
    assert terms.count("eq(n,") == 200
    assert depth < 12


def test_the_exporter_changes_no_value_in_a_table():
    other = ExportSettings(backend="ffmpeg", ffmpeg_path=Path("x"), batch_size=1, timeout_seconds=1)
    assert settings_sha256(other) == settings_sha256(ExportSettings())
