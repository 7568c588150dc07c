"""A small server that answers like an OpenAI-compatible endpoint, or as badly as a test wants.

`test_endpoint.py` has its answers read by the `openai` client, and `test_served_model.py` asks a real server the same questions.
"""

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from conftest import row


@dataclass
class Reply:
    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def completion(text: str | None, finish_reason: str = "stop", model: str = "teacher") -> Reply:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    whole = {"id": "chat-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
    return Reply(200, json.dumps(whole).encode(), {"Content-Type": "application/json"})


def reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection ends by a reset, without a word."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def text_of(body: dict[str, Any]) -> str:
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else content[1]["text"]


def picture_of(body: dict[str, Any]) -> bytes:
    kind, encoded = body["messages"][0]["content"][0]["image_url"]["url"].split(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(encoded)


SEEN = {row(index)["image"]["bytes"]: row(index)["perception"] for index in range(2000, 2010)}


def sees(body: dict[str, Any]) -> Reply:
    """The captions that a perfect captioner writes of the pictures of the fixture `prompts`."""
    return completion(f"Here: <caption>{SEEN[picture_of(body)]}</caption>")


class Server:
    """`answer` is asked for each request: the body, and how often the same one has come before. `bodies` are all that came."""

    def __init__(self, answer: Callable[[dict[str, Any], int], Reply | Callable]):
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.paths: list[str] = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    before = server.bodies.count(body)
                    server.bodies.append(body)
                    server.authorizations.append(self.headers["Authorization"])
                    server.paths.append(self.path)
                reply = server.answer(body, before)
                if not isinstance(reply, Reply):
                    reply(self)
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.content)

            def log_message(self, *_: Any) -> None:
                pass

        class QuietServer(ThreadingHTTPServer):
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                """Whoever asked may have left."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """No answer, as long as the server is there."""
        self.ended.wait()

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(answer: Callable[[dict[str, Any], int], Any]) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def endpoint(url: str, **more: Any) -> dict[str, Any]:
    """As the stages hand it to the trainers."""
    defaults = {"model": "teacher", "key_env": None, "max_tokens": 64, "concurrency": 3, "timeout_seconds": 20}
    return {"url": url, **defaults, **more}
