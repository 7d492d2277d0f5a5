"""Requests and answers, as bytes and as the contract has them."""

import io
import json
import socket
from typing import Any

import httpx
import numpy as np
from av.video.frame import VideoFrame

from tests.clips import encode
from tests.servers import Server

BOUNDARY = "boundary-of-the-test"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
PROBLEM = "application/problem+json"


def part(name: str, content: bytes, *, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def clip_part(content: bytes) -> bytes:
    return part("clip", content, filename="clip.mp4")


def assert_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def post(client: httpx.Client, content: bytes, **form: str) -> httpx.Response:
    return client.post("/predict", files={"clip": ("clip.bin", content)}, data=form)


def request_head(*headers: str) -> bytes:
    lines = ["POST /predict HTTP/1.1", "Host: test", f"Content-Type: {FORM['Content-Type']}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def assert_raw_problem(server: Server, sent: list[bytes], *, status: int) -> None:
    """Send bytes as they are, and read the answer while the request may still be unfinished."""
    with socket.create_connection(server.address, timeout=60) as connection:
        for piece in sent:
            connection.sendall(piece)
        answer = read_answer(connection)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status


def read_answer(connection: socket.socket) -> bytes:
    received = io.BytesIO()
    while chunk := connection.recv(65536):
        received.write(chunk)
        head, found, body = received.getvalue().partition(b"\r\n\r\n")
        if found and len(body) >= content_length(head):
            break
    return received.getvalue()


def content_length(head: bytes) -> int:
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    return next(int(value) for name, _, value in lines if name == b"content-length")


def black_clip() -> bytes:
    def draw(_: int, width: int, height: int) -> VideoFrame:
        return VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")

    return encode("mp4", "libx264", draw=draw)
