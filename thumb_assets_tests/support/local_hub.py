"""A model hub on the loopback interface, and a machine that has no weights yet."""

import hashlib
import json
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants


@dataclass
class LocalHub:
    """Content that the stand-in serves (path -> content), its address, and the requests that came.

    A GET is cut off after `num_bytes_before_cut` bytes where that is set, once; ranges are served where `has_ranges`.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""
    num_bytes_before_cut: int | None = None
    has_ranges: bool = True


def safetensors(payload: bytes = b"tensor!!") -> bytes:
    """A whole safetensors file of one tensor of bytes."""
    entry = {"dtype": "U8", "shape": [len(payload)], "data_offsets": [0, len(payload)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": entry}).encode()
    return struct.pack("<Q", len(header)) + header + payload


def empty_the_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No models folder, an empty hub cache, no proxies; the path of the cache."""
    for name in ("THUMB_ASSETS_MODELS_DIR", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    cache = folder / "hub-cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return cache


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        ranges = f" {self.headers['Range']}" if "Range" in self.headers else ""
        self.hub.requests.append(f"{self.command} {self.path}{ranges}")
        found = b"hub" if self.path in {"", "/"} else self.hub.files.get(self.path)
        status, content = (404, b"") if found is None else (200, found)
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        start = self._range_start(etag) if self.hub.has_ranges else 0
        if status == 200 and start >= len(content) > 0:
            status, start, content = 416, 0, b""
        elif start:
            status = 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("ETag", etag)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if not with_body:
            return
        body = content[start:]
        if self.hub.num_bytes_before_cut is not None and status in {200, 206} and self.path != "/":
            body, self.hub.num_bytes_before_cut = body[: self.hub.num_bytes_before_cut], None
        self.wfile.write(body)

    def _range_start(self, etag: str) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        is_same = self.headers.get("If-Range", etag) == etag
        return int(wanted.group(1)) if wanted and is_same else 0

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serve_local_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub that answers the two requests of a download as the real one does."""
    hub = LocalHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_HandlerOfHub", (_Handler,), {"hub": hub}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    # What HF_ENDPOINT sets when the client is imported.
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield hub
    server.shutdown()
    server.server_close()
