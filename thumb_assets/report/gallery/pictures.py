"""The names and sizes of the gallery's pictures: smaller copies of stills, and frames of runners-up."""

# Heights of the stills' pictures, on the page of covers and on a video's own; shorter side of the runners-up.
SMALL, LARGE, RUNNER_UP = 240, 720, 240


def still_names(file_sha256: str) -> tuple[str, str]:
    """The names of a still's small and large picture; another content has other names."""
    return f"pictures/{file_sha256[:20]}-s.jpg", f"pictures/{file_sha256[:20]}.jpg"


def frame_name(video_id: str, frame_index: int) -> str:
    """The name of a runner-up's picture; the id tells the content."""
    return f"pictures/{video_id}.f{frame_index}.jpg"
