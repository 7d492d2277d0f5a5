"""Changes the model of a service that is asked all the while, and counts what that costs whom.

    python -m benchmarks.reload --model build/asl-letters --golden golden

The new version is a copy of the bundle under another version, so that what is measured is the
change and not the model. Every second reload goes back to the old one; the last new model is a
damaged one, which must be refused. Exits with 1 if a request failed.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

import psutil

from benchmarks.load import Client
from benchmarks.servers import free_port, serving
from loadtests.mix import drawn
from signwrite.bundle import MANIFEST, read_manifest

_PATIENCE_S = 300.0
_PAUSE_S = 0.1
_MIB = 2**20


@dataclass
class Asked:
    """What became of the requests: seconds and version of each answer, and those that failed."""

    answers: list[tuple[float, float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[float]:
        """Return how long the requests took that ended between two times, seconds."""
        return [took for at, took, _ in self.answers if begin <= at < end]

    @property
    def versions(self) -> dict[str, int]:
        """Count the answers of each version."""
        found = [version for _, _, version in self.answers]
        return {version: found.count(version) for version in sorted(set(found))}


class Service:
    """A service that is asked by clients without a pause, until the end of the context."""

    def __init__(self, port: int, *, clips: list[bytes], clients: int) -> None:
        """Find its processes."""
        self.port = port
        self.asked = Asked()
        self._clips, self._clients = clips, clients
        self._stop = threading.Event()
        started = psutil.Process().children()
        (self._process,) = [each for each in started if "bentoml" in " ".join(each.cmdline())]

    def memory_bytes(self) -> int:
        """Return what its processes hold for themselves and share in parts (PSS), all together."""
        family = [self._process, *self._process.children(recursive=True)]
        total = 0
        for each in family:
            try:
                total += each.memory_full_info().pss
            except psutil.NoSuchProcess:  # a decoder that has just ended
                continue
        return total

    def hang_up(self) -> None:
        """Send SIGHUP, as an operator would, to the process that was started."""
        self._process.send_signal(signal.SIGHUP)

    def told(self, series: str) -> float:
        """Read one figure of `/metrics`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))

    def most_until(self, series: str, *, more_than: float) -> int:
        """Wait until a figure is larger, and return the most memory that was held meanwhile.

        Raises:
            SystemExit: it does not become larger.
        """
        deadline, most = time.monotonic() + _PATIENCE_S, 0
        while self.told(series) <= more_than:
            most = max(most, self.memory_bytes())
            if time.monotonic() > deadline:
                raise SystemExit(f"a reload within {_PATIENCE_S:g} s wanted; there was none")
            time.sleep(_PAUSE_S)
        return most

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(self._clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        client = Client(self.port)
        while not self._stop.is_set():
            began = time.perf_counter()
            try:
                client.send(self._clips[number % len(self._clips)])
            except (OSError, RuntimeError) as error:
                self.asked.failures.append(repr(error))
                client.close()
                continue
            now = time.perf_counter()
            self.asked.answers.append((now, now - began, client.version))
            number += 1
        client.close()


def switch(link: Path, bundle: Path) -> None:
    """Let a link name a bundle, at once."""
    new = link.with_name("new")
    new.symlink_to(bundle)
    new.rename(link)


def copied(bundle: Path, root: Path, *, version: str) -> Path:
    """Copy a bundle under another version."""
    shutil.copytree(bundle, root)
    manifest = json.loads((root / MANIFEST).read_text()) | {"version": version}
    (root / MANIFEST).write_text(json.dumps(manifest))
    return root


def measure(service: Service, *, link: Path, models: list[Path], rest_s: float) -> None:
    """Let each of the models serve in turn; one that is damaged is to be refused."""
    time.sleep(rest_s)
    for bundle in models:
        series = "signwrite_reloads_total"
        swapped = f'{series}{{outcome="swapped"}}'
        count, good, before = service.told(series), service.told(swapped), service.memory_bytes()
        hung_up = time.perf_counter()
        quiet = service.asked.between(hung_up - rest_s, hung_up)
        switch(link, bundle)
        service.hang_up()
        most = service.most_until(series, more_than=count)
        took_s = time.perf_counter() - hung_up
        outcome = "swapped" if service.told(swapped) > good else "refused"
        if (outcome == "refused") != (bundle.name == "damaged"):
            raise SystemExit(f"{bundle.name} was {outcome}; the service's log says why")
        during = service.asked.between(hung_up, hung_up + took_s)
        time.sleep(rest_s)
        print(
            f"| {bundle.name} | {outcome} | {took_s:.1f} | {before / _MIB:.0f} | {most / _MIB:.0f} "
            f"| {service.memory_bytes() / _MIB:.0f} | {_ms(quiet, median)} "
            f"| {_ms(during, median)} | {_ms(during, max)} |",
            flush=True,
        )


def _ms(seconds: list[float], figure: Callable[[list[float]], float]) -> str:
    """Work a figure out in milliseconds; a dash where no request ended meanwhile."""
    return f"{1000 * figure(seconds):.0f}" if seconds else "-"


def main() -> None:
    """Measure reloads under load; exit with 1 if a request failed or no version was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--golden", type=Path, required=True, help="folder of SIGN/CLIP")
    parser.add_argument("--reloads", type=int, default=4)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rest-s", type=float, default=8.0, help="seconds between two reloads")
    given = parser.parse_args()
    old = given.model.absolute()
    version = read_manifest(old).version
    with TemporaryDirectory() as folder:
        new = copied(old, Path(folder) / "new-version", version=f"{version}.reload")
        damaged = copied(old, Path(folder) / "damaged", version=f"{version}.damaged")
        file = damaged / "saved_model" / "saved_model.pb"
        file.write_bytes(file.read_bytes()[:-1])
        models = [(new, old)[turn % 2] for turn in range(given.reloads)] + [damaged]
        link = Path(folder) / "current"
        link.symlink_to(old)
        environment = {"SIGNWRITE_BUNDLE": str(link), "SIGNWRITE_GOLDEN": str(given.golden)}
        port = free_port()
        command = [sys.executable, "-m", "bentoml", "serve", "service.app:SignWrite"]
        clips = [drawn(sign, seconds) for sign, seconds in (("B", 0.7), ("L", 2.0), ("Z", 2.0))]
        with serving([*command, "--port", str(port)], port=port, environment=environment):
            service = Service(port, clips=clips, clients=given.clients)
            print(
                "| model | outcome | s | MiB before | at most | after | p50, ms | during | worst |"
            )
            print("|---|---|---|---|---|---|---|---|---|")
            with service:
                measure(service, link=link, models=models, rest_s=given.rest_s)
    asked = service.asked
    print(f"{len(asked.answers)} answers, {len(asked.failures)} failures; {asked.versions}")
    if asked.failures or len(asked.versions) < 2:  # noqa: PLR2004 - the old one and the new one
        raise SystemExit(f"no failure and two versions wanted; received {asked.failures[:5]}")


if __name__ == "__main__":
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    main()
