"""Clients that send clips one after another, as fast as they are answered."""

import http.client
import json
import statistics
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

_BOUNDARY = "clip-clip-clip"
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Answers:
    """What came of some clips.

    Attributes:
        seconds: of each answer, in the order they came.
        wall_s: from the first request to the last answer.
        signs: the first sign of each clip's answer, in the order of the clips.
        server_timing: the last answer's header; empty where there is none.
    """

    seconds: tuple[float, ...]
    wall_s: float
    signs: tuple[str, ...]
    server_timing: str = ""

    @property
    def per_s(self) -> float:
        """Clips a second."""
        return len(self.seconds) / self.wall_s

    def quantile_ms(self, share: float) -> float:
        """Return how long at most the given share of the clips took, milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def median_ms(self) -> float:
        """The median time to an answer, milliseconds."""
        return 1000 * statistics.median(self.seconds)


class Client:
    """One connection that stays open.

    Args:
        port: on this machine.

    Attributes:
        server_timing: the last answer's header; empty where there is none.
        version: of the model that gave the last answer; empty where that is not said.
    """

    def __init__(self, port: int) -> None:
        """Connect at the first request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        self.server_timing = self.version = ""

    def send(self, clip: bytes) -> str:
        """Post a clip, and return the sign that is ranked first.

        Raises:
            RuntimeError: the answer was not 200.
        """
        head = (
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
            'name="clip"; filename="clip.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
        )
        body = head.encode() + clip + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        self._connection.request("POST", "/predict", body=body, headers=headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"200 wanted; received {answer.status}: {text[:300]!r}")
        self.server_timing = answer.headers.get("Server-Timing", "")
        told = json.loads(text)
        self.version = str(told.get("model", {}).get("version", ""))
        return str(told["ranking"][0]["sign"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def send_all(port: int, clips: Sequence[bytes], *, clients: int) -> Answers:
    """Send clips by several clients, each with one request under way.

    Raises:
        RuntimeError: an answer was not 200.
    """
    seconds: list[float] = []
    signs = [""] * len(clips)
    timing = [""]
    failures: list[Exception] = []
    left: Iterator[int] = iter(range(len(clips)))
    lock = threading.Lock()

    def work() -> None:
        client = Client(port)
        try:
            while True:
                with lock:
                    place = next(left, None)
                if place is None or failures:
                    return
                began = perf_counter()
                signs[place] = client.send(clips[place])
                seconds.append(perf_counter() - began)
                timing[0] = client.server_timing
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = perf_counter() - began
    if failures:
        raise RuntimeError(f"{len(failures)} clients failed") from failures[0]
    return Answers(tuple(seconds), wall_s, tuple(signs), timing[0])
