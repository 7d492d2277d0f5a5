"""LitServe with its batching, by its documentation."""

import os
from typing import Any

import litserve
import numpy as np
import numpy.typing as npt
from fastapi import Request

from benchmarks.peers.reading import Images, Model, rank, read_frames


class Letters(litserve.LitAPI):  # type: ignore[misc]  # LitServe ships no types
    """Reads clips."""

    def setup(self, device: str) -> None:
        """Load the model; `device` is the CPU."""
        del device
        self.network = Model()

    def decode_request(self, request: Request) -> Images:
        """Decode a clip; LitServe hands the form over, whatever the type says."""
        return read_frames(request["clip"].file)

    def batch(self, inputs: list[Images]) -> Images:
        """Gather clips."""
        return np.stack(inputs)

    def predict(self, x: Images) -> npt.NDArray[np.float32]:
        """Score them."""
        return self.network.score(x)

    def unbatch(self, output: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Take them apart."""
        return list(output)

    def encode_response(self, output: npt.NDArray[np.float32]) -> dict[str, Any]:
        """Rank the letters."""
        return rank(output)


if __name__ == "__main__":
    api = Letters(max_batch_size=8, batch_timeout=0.02)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
