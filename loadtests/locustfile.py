"""Users of the service, for Locust.

    locust -f loadtests/locustfile.py --host http://localhost:3000

Headless and judged: `make load`. The environment says how the crowd grows: LOAD_SHAPE is steps (the
default), soak, spike, or none for what Locust's own options say; LOAD_STEP_S and LOAD_USERS set how
long a step is and how large the crowd becomes. SIGNWRITE_API_KEY is sent where it is set.

An answer of the wrong status is a failure. Being told to come back (429) is none: it is listed as
`refused`, and the objective says how many of those are allowed.
"""

import os
import random
import socket
import time
from urllib.parse import urlsplit

from locust import HttpUser, LoadTestShape, constant, task

from loadtests.mix import BAD, GOOD, OVERSIZE_BYTES, Sent
from loadtests.shapes import users_at

SHAPE = os.environ.get("LOAD_SHAPE", "steps")
STEP_S = float(os.environ.get("LOAD_STEP_S", "20"))
USERS = int(os.environ.get("LOAD_USERS", "32"))
KEY = os.environ.get("SIGNWRITE_API_KEY")
REFUSED = "refused"


# Made before the first user comes, and before the clock runs.
CLIPS = {sent.name: sent.content for sent in (*GOOD, *BAD)}


class _User(HttpUser):
    abstract = True

    def send(self, sent: Sent) -> None:
        """Post a clip and hold the answer against what it must be."""
        headers = {"X-API-Key": KEY} if KEY else {}
        files = {"clip": ("clip.mp4", CLIPS[sent.name], "video/mp4")}
        with self.client.post(
            "/predict",
            files=files,
            headers=headers,
            name=sent.name,
            catch_response=True,
            timeout=120,
        ) as response:
            if response.status_code == 429:  # noqa: PLR2004 - HTTP's number
                response.request_meta["name"] = REFUSED
                response.success()
                time.sleep(min(float(response.headers.get("Retry-After", 1)), STEP_S))
            elif response.status_code == sent.status:
                response.success()
            else:
                response.failure(f"{sent.status} wanted; received {response.status_code}")


class Learner(_User):
    """Practises: signs, reads the answer, signs again."""

    weight = 8

    def wait_time(self) -> float:
        """Think for a second or three."""
        return random.uniform(1.0, 3.0)  # noqa: S311 - no secret

    @task
    def sign(self) -> None:
        """Send a clip as people record them."""
        (sent,) = random.choices(GOOD, [each.weight for each in GOOD])  # noqa: S311 - no secret
        self.send(sent)


class Archive(_User):
    """Sends a collection, one clip after the other."""

    weight = 2
    wait_time = constant(0)

    @task
    def next_clip(self) -> None:
        """Send the next clip."""
        self.send(random.choice(GOOD))  # noqa: S311 - no secret


class Stranger(_User):
    """Sends what is no clip, and too much of it."""

    weight = 1
    wait_time = constant(1)

    @task(4)
    def nonsense(self) -> None:
        """Send something that cannot be read."""
        self.send(random.choice(BAD))  # noqa: S311 - no secret

    @task(1)
    def too_much(self) -> None:
        """Begin to send more than is allowed; the answer must come before the rest is sent."""
        host = urlsplit(self.host or "")
        began, received = time.perf_counter(), b""
        error: Exception | None = None
        head = (
            f"POST /predict HTTP/1.1\r\nHost: {host.netloc}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n"
            + (f"X-API-Key: {KEY}\r\n" if KEY else "")
            + f"Content-Length: {OVERSIZE_BYTES}\r\nConnection: close\r\n\r\n"
        )
        try:
            with socket.create_connection((host.hostname, host.port or 80), timeout=30) as sending:
                sending.sendall(head.encode() + bytes(65_536))
                received = sending.recv(65_536)
        except OSError as failed:
            error = failed
        name = "too large"
        if received.startswith(b"HTTP/1.1 429 "):
            name = REFUSED
        elif not received.startswith(b"HTTP/1.1 413 "):
            error = error or ValueError(f"413 wanted; received {received[:40]!r}")
        self.environment.events.request.fire(
            request_type="POST",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(received),
            exception=error,
            context={},
        )


if SHAPE != "none":

    class Crowd(LoadTestShape):
        """How many users there are at which time."""

        def tick(self) -> tuple[int, float] | None:
            """Return how many users there should be now, and how fast they come; None ends it."""
            at_s = self.get_run_time()  # type: ignore[no-untyped-call]  # Locust's own
            users = users_at(SHAPE, at_s, step_s=STEP_S, most=USERS)
            return None if users is None else (users, max(1.0, users))
