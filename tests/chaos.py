"""A crowd of clients, good and bad, and what befalls the server meanwhile."""

import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from signwrite.answer import PredictionAnswer
from tests.attacks.attack import Attack
from tests.forms import END, clip_part, request_head
from tests.servers import Server, decoders_of, processes_of, worker_of

PATIENT = frozenset({429, 503, 504})  # what anybody may be told when there is much to do


@dataclass(frozen=True)
class Held:
    """What the server holds: it must not grow.

    Attributes:
        processes: how many there are.
        descriptors: open in the worker.
        memory_bytes: resident in the worker.
        segments: in /dev/shm.
    """

    processes: int
    descriptors: int
    memory_bytes: int
    segments: int

    @classmethod
    def by(cls, server: Server) -> "Held":
        """Look at a server."""
        worker = worker_of(server)
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
        return cls(
            processes=len(processes_of(server)),
            descriptors=len(list(Path(f"/proc/{worker}/fd").iterdir())),
            memory_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
            segments=len(list(Path("/dev/shm").iterdir())),  # noqa: S108 - looked at only
        )


@dataclass
class Tally:
    """What was answered.

    Attributes:
        statuses: of good clips and of bad ones.
        wrong: answers that were not what they must be.
        seconds: that good clips took which were ranked.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Crowd:
    """Clients that post until they are told to stop.

    Args:
        server: whom they ask.
        good: clips with the sign that each must be read as.
        bad: attacks.
        bad_share: share of the requests that are bad.
        leaving_share: share of the requests whose client leaves before the answer.
        killed: whether decoders are killed meanwhile: then any clip may be a 422.
    """

    def __init__(
        self,
        server: Server,
        *,
        good: Mapping[bytes, str],
        bad: list[Attack],
        bad_share: float,
        leaving_share: float = 0.0,
        killed: bool = False,
    ) -> None:
        """Wait for `run`."""
        self._server, self._good, self._bad = server, good, bad
        self._bad_share, self._leaving_share, self._killed = bad_share, leaving_share, killed
        self._lock = threading.Lock()
        self.tally = Tally()

    def run(self, *, clients: int, requests: int | None = None, seconds: float = 3600.0) -> Tally:
        """Let clients post at once, so many requests in all or for so long."""
        left = iter(range(requests)) if requests is not None else iter(int, 1)
        until = time.monotonic() + seconds

        def client(number: int) -> None:
            rng = random.Random(number)  # noqa: S311 - no secret
            with httpx.Client(base_url=self._server.url, timeout=120) as http:
                while time.monotonic() < until:
                    with self._lock:
                        if next(left, None) is None:
                            return
                    self._ask(http, rng)

        with ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(client, number) for number in range(clients)]:
                done.result()
        return self.tally

    def _ask(self, http: httpx.Client, rng: random.Random) -> None:
        if rng.random() < self._leaving_share:
            self._leave(rng)
        elif rng.random() < self._bad_share:
            self._ask_badly(http, rng.choice(self._bad))
        else:
            self._ask_well(http, rng.choice(list(self._good)))

    def _ask_well(self, http: httpx.Client, clip: bytes) -> None:
        began = time.monotonic()
        response = http.post("/predict", files={"clip": ("clip", clip)})
        took = time.monotonic() - began
        wrong = ""
        if response.status_code == 200:
            read = PredictionAnswer.model_validate_json(response.content).ranking[0].sign
            if read != self._good[clip]:
                wrong = f"{self._good[clip]}; received {read}"
        elif response.status_code not in PATIENT | ({422} if self._killed else set()):
            wrong = f"200; received {response.text}"
        self._note("good", response.status_code, wrong)
        if response.status_code == 200:
            with self._lock:
                self.tally.seconds.append(took)

    def _ask_badly(self, http: httpx.Client, attack: Attack) -> None:
        response = http.post("/predict", files={"clip": ("clip", attack.content)})
        allowed = PATIENT | {attack.answer.status} | ({422} if self._killed else set())
        right = response.status_code in allowed
        self._note("bad", response.status_code, "" if right else f"{attack.name}: {response.text}")

    def _leave(self, rng: random.Random) -> None:
        body = clip_part(rng.choice(list(self._good))) + END
        with socket.create_connection(self._server.address, timeout=60) as connection:
            sent = body if rng.random() < 0.5 else body[: rng.randrange(len(body))]
            connection.sendall(request_head(f"Content-Length: {len(body)}") + sent)

    def _note(self, kind: str, status: int, wrong: str) -> None:
        with self._lock:
            self.tally.statuses[kind, status] += 1
            if wrong:
                self.tally.wrong.append(wrong)


def harass_decoders(server: Server, *, stop: threading.Event, every_s: float) -> int:
    """Kill decoders, or stop them for good, until told otherwise; return how many."""
    rng, victims = random.Random(0), 0  # noqa: S311 - no secret
    while not stop.wait(every_s):
        if pids := decoders_of(server):
            with suppress(ProcessLookupError):
                how = rng.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
                os.kill(rng.choice(pids), how)
                victims += 1
    return victims
