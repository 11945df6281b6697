"""A server on loopback that speaks chat completions: its judge is the mean brightness of the picture it was sent."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

MODEL = "brightness"


@dataclass(frozen=True)
class Asked:
    """One request: header names in lower case, the body, and the picture in it, (H, W, 3) uint8 RGB."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    picture: np.ndarray


@dataclass
class JudgeServer:
    """Requests that came, and the answers to give next.

    Attributes:
        url: for `judge.url`.
        statuses: answered in turn, the last one for ever.
        contents: said in turn instead of the verdict; None says the verdict. The last one for ever.
        headers: sent along.
        error_message: said where the status is no success; `{key}` stands for the key that came.
        is_hanging: whether requests are taken and never answered.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    contents: list[str | None] = field(default_factory=lambda: [None])
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    error_message: str = "not today"
    is_hanging: bool = False
    finish_reason: str = "stop"
    asked: list[Asked] = field(default_factory=list)

    @property
    def overrides(self) -> tuple[str, str]:
        """The settings that have it asked."""
        return f"judge.url={self.url}", f"judge.model={MODEL}"


def brightness(picture: np.ndarray) -> float:
    """The verdict: 0 for black, 10 for white, to one hundredth."""
    return round(float(picture.mean()) / 25.5, 2)


@contextmanager
def judge_server() -> Iterator[JudgeServer]:
    """Runs one until the block ends."""
    kept = JudgeServer()
    is_over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.asked.append(Asked(self.path, headers, body, _picture_of(body)))
            if kept.is_hanging:
                is_over.wait()
                return
            status = _next(kept.statuses) if self.path == "/v1/chat/completions" else 404
            if 200 <= status < 300:
                answer = self._completion(body)
            else:
                key = headers.get("authorization", "").removeprefix("Bearer ")
                answer = {"error": {"message": kept.error_message.replace("{key}", key), "type": "error"}}
            text = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in (kept.headers | {"Content-Length": str(len(text))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
            said = _next(kept.contents)
            if said is None:
                score = brightness(kept.asked[-1].picture)
                said = json.dumps({"score": score, "reason": f"Its mean brightness is {score} of 10."})
            message = {"role": "assistant", "content": said}
            choices = [{"index": 0, "message": message, "finish_reason": kept.finish_reason}]
            return {"id": "1", "object": "chat.completion", "model": body["model"], "choices": choices}

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield kept
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]


def _picture_of(body: dict[str, Any]) -> np.ndarray:
    """The picture of the first message; a request that is not of the protocol is an error of the test."""
    (part,) = (part for part in body["messages"][0]["content"] if part["type"] == "image_url")
    kind, data = part["image_url"]["url"].split(",", 1)
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data, validate=True))))
