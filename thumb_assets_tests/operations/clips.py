"""A clip that takes a while, and who reads it."""

from pathlib import Path

import av


def long_clip(short: Path, path: Path, *, num_turns: int = 80) -> Path:
    """A file that takes a quarter of a minute: the packets of a short one, many times over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(short)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        length = max(int(packet.pts or 0) + int(packet.duration or 0) for packet in packets)
        contents = [(bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe) for packet in packets]
        for turn in range(num_turns):
            for content, pts, dts, duration, is_keyframe in contents:
                packet = av.Packet(content)
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.duration, packet.time_base = duration, source.streams.video[0].time_base
                packet.is_keyframe, packet.stream = is_keyframe, stream
                target.mux(packet)
    return path


def users_of(path: Path) -> list[int]:
    """Processes that have the file open."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(link.samefile(path) for link in (process / "fd").iterdir() if link.exists()):
                    found.append(int(process.name))
            except OSError:
                continue
    return found
