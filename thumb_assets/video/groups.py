"""Decodes sync frames alone, or chosen groups of pictures, each frame at its place by the index; proves what it can."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream

from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.damage import decode_packets
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.frame import Frame
from thumb_assets.video.index import FrameIndex, UntrustedIndexError, plan_frames, read_packets, require_index
from thumb_assets.video.interlace import FieldOrderReader


class IndexedDecoder(VideoDecoder):
    """A decoder that knows every frame's place beforehand. Use as a context manager.

    It goes on from no doubt: any sign of damage, a picture that the index does not name or whose place is another,
    an interlaced picture, and it stops. Devices are not used: the frames are few.

    Raises:
        BadInputError: as VideoDecoder.
        UntrustedIndexError: see `plan_frames`; raised by every method too.
    """

    def __init__(self, path: Path, settings: VideoSettings | None = None) -> None:
        self._is_rough = False
        super().__init__(path, (settings or VideoSettings()).model_copy(update={"hwaccel": "none"}))
        try:
            self.index = self._read_index()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> "IndexedDecoder":
        return self

    def sync_frames(self) -> Iterator[Frame]:
        """Every sync frame, ascending, each decoded from its own packet alone."""
        self._set_rough(False)
        self._seek_to(0)
        packets = (packet for packet in self._container.demux(self._stream) if packet.is_keyframe)
        yield from self._frames_at(packets, self.index.sync_frames.tolist(), is_sync=True)

    def group_frames(self, group: int, *, exclusive_end: int | None = None) -> Iterator[Frame]:
        """The frames of a group of pictures in order of display, with the sync frame that ends it where there is one.

        Args:
            group: 0-based, see `FrameIndex.span`.
            exclusive_end: a frame_index in the group; decoding stops before it.
        """
        span = self.index.span(group)
        end = min(span.stop + 1, len(self.index)) if exclusive_end is None else exclusive_end
        self._set_rough(False)
        self._seek_to(group)
        yield from self._frames_at(self._packets_of(group, end), range(span.start, end), is_sync=False)

    def rough_frames(self, group: int) -> Iterator[Frame]:
        """Some frames of a group in order of display, at about a third of the cost, to see where the content changes.

        Frames that nothing or only the next few look at are left out where the codec allows it, and block edges are not
        smoothed: these pictures have the right place and are near enough to compare, but not the ones people see.
        """
        span = self.index.span(group)
        self._set_rough(True)
        self._seek_to(group)
        self._stream.codec_context.skip_frame = "BIDIR"
        for picture in decode_packets(self._packets_of(group, span.stop), self._stream, _ignore):
            frame_index = None if picture.pts is None else self.index.frame_index_of(picture.pts)
            if frame_index is not None and frame_index in span:
                yield self._frame(picture, frame_index)

    def _set_rough(self, is_rough: bool) -> None:
        if self._is_rough != is_rough:
            self._is_rough = is_rough
            self._open_again()

    def _read_index(self) -> FrameIndex:
        if self._num_threads != self._settings.decode_threads:  # the first pictures made the decoder start over
            raise UntrustedIndexError("the first pictures are damaged")
        require_index(self.header.container)
        self._drop_pending()
        self._open_again()  # what a seek would pass over must be seen
        index = plan_frames(
            read_packets(self._container, self._stream),
            num_frames_from_header=self.header.num_frames_from_header,
            clock=self.header.clock(),
        )
        self._check_length(len(index) - 1, float(index.pts_seconds[-1] - index.pts_seconds[0]))
        self.num_time_jumps, self.last_seconds = index.num_time_jumps, None
        return index

    def _open_stream(self) -> VideoStream:
        stream = super()._open_stream()
        if self._is_rough:
            stream.codec_context.options["skip_loop_filter"] = "all"
            stream.codec_context.options.pop("err_detect", None)
        else:
            stream.codec_context.options["err_detect"] = "explode"
        return stream

    def _seek_to(self, group: int) -> None:
        """To the group's first packet or some groups earlier: containers are searched by one stamp or the other."""
        first_pts = int(self.index.pts[self.index.sync_frames[group]])
        if not self._seek_container(min(first_pts, int(self.index.sync_dts[group]))):
            raise UntrustedIndexError("the file cannot be searched")

    def _packets_of(self, group: int, end: int) -> "Iterator[av.Packet[Any]]":
        """The packets that lead to the frames from the group's start to before `end`, as the file has them."""
        index = self.index
        first = int(index.sync_frames[group])
        last_place = int(index.coding_place[first:end].max())
        place = None
        for packet in self._container.demux(self._stream):
            frame_index = None if packet.pts is None else index.frame_index_of(packet.pts)
            if place is None:
                if frame_index != first:
                    continue
                place = int(index.coding_place[first])
            if frame_index is None or index.coding_place[frame_index] != place:
                raise UntrustedIndexError("a second reading finds other packets than the first")
            # Frames shown before the sync frame look back past it, those behind `end` are not wanted; none that is
            # wanted looks at them, unless they come before it in the file.
            if frame_index >= first:
                yield packet
            if place == last_place:
                return
            place += 1
        raise UntrustedIndexError(f"frame {first} is not found again")

    def _frames_at(
        self, packets: "Iterable[av.Packet[Any]]", frame_indices: Iterable[int], *, is_sync: bool
    ) -> Iterator[Frame]:
        fields, planned = FieldOrderReader(self._stream), iter(frame_indices)
        for picture in decode_packets(packets, self._stream, self._distrust):
            frame_index = next(planned, None)
            if frame_index is None and not is_sync:
                return  # frames behind the end that others were predicted from
            if frame_index is None or picture.pts != self.index.pts[frame_index]:
                raise UntrustedIndexError("the decoder gives other frames than the index names")
            if is_sync and picture.pict_type != PictureType.I:
                raise UntrustedIndexError(f"frame {frame_index} is marked as a sync frame and is none")
            if fields.read(picture) != "progressive":
                raise UntrustedIndexError("the video is interlaced")
            yield self._frame(picture, frame_index)
        missing = next(planned, None)
        if missing is not None:
            raise UntrustedIndexError(f"frame {missing} of the index is not shown")

    def _frame(self, picture: av.VideoFrame, frame_index: int) -> Frame:
        return Frame(
            picture,
            frame_index=frame_index,
            pts=int(self.index.pts[frame_index]),
            pts_seconds=float(self.index.pts_seconds[frame_index]),
            look=self.header.look,
            is_keyframe=bool(picture.key_frame),
        )

    def _distrust(self, *, is_lost: bool) -> None:  # noqa: ARG002 - either is too much
        raise UntrustedIndexError("the decoder meets damage")


def _ignore(*, is_lost: bool) -> None:
    """Frames that are left out leave others without what they look back at: that is no damage."""
