"""Requests that a program makes up from the service's own OpenAPI description."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Server

pytestmark = pytest.mark.slow

# Bytes made up at random are no video, so that the service is right to refuse them.
_NOT_MEANT = "positive_data_acceptance"


def test_what_is_described_is_what_is_done(server: Server, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(  # noqa: S603 - a program of our environment
        [
            *(str(program), "run", f"{server.url}/docs.json"),
            *("--max-examples", "50", "--seed", "1", "--exclude-checks", _NOT_MEANT),
            *("--request-timeout", "30", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Tested: 5" in done.stdout
