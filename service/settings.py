"""What an operator may set, each by an environment variable `SIGNWRITE_<NAME>`."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from signwrite.backends import Wanted
from signwrite.clip import Limits

MEBIBYTE = 1024 * 1024


def usable_cores() -> int:
    """Count the CPU cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ServiceSettings(BaseSettings):
    """The service's settings, read once at the start.

    Decoding happens in child processes and the model runs in one thread of the server; TensorFlow
    spreads one call over `threads` cores. The defaults give the model every core and decoding half
    of them: on two cores, one decoder fills the gaps that the model leaves.

    BentoML has settings of its own. Two matter here: `BENTOML_DO_NOT_TRACK=True` turns its usage
    reports off, and `--port`, `--host` of `bentoml serve` say where it listens.

    Raises:
        pydantic.ValidationError: a value is out of range, or the bundle is not given.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIGNWRITE_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    bundle: Path = Field(description="Folder of the model bundle to serve.")
    max_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=1024,
        description="Most bytes of one request's body; more are answered 413 while they stream.",
    )
    limits: Limits = Field(
        default_factory=Limits,
        description="Limits on what is decoded of a clip, e.g. SIGNWRITE_LIMITS__MAX_SECONDS.",
    )
    backend: Wanted = Field(
        default="auto",
        description=(
            "What runs the model: auto, tensorflow, openvino, openvino-bf16 or openvino-int8. "
            "auto is TensorFlow on a GPU, else 8-bit integers where they passed the gate."
        ),
    )
    threads: int = Field(
        default_factory=usable_cores,
        ge=1,
        description="CPU threads one call of the model may use; every usable core by default.",
    )
    decoders: int = Field(
        default_factory=lambda: max(1, usable_cores() // 2),
        ge=1,
        description="Decoder processes, each with one clip at a time; half the cores by default.",
    )
    decoder_memory_bytes: int = Field(
        default=1536 * MEBIBYTE,
        ge=256 * MEBIBYTE,
        description="Most address space of one decoder process; a clip that needs more is a 422.",
    )
    decoder_cpu_s: float = Field(
        default=20.0, gt=0, description="Most CPU seconds for decoding one clip, else 422."
    )
    decoder_s: float = Field(
        default=20.0, gt=0, description="Most seconds for decoding one clip, else 422."
    )
    require_seccomp: bool = Field(
        default=False,
        description="Refuse to start where the kernel cannot filter the decoders' system calls.",
    )
    max_batch: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description=(
            "Most clips that share one call of the model. By default 8 on a GPU and 1 on a CPU, "
            "which one clip keeps busy: there a shared call only makes all wait for the last."
        ),
    )
    max_requests: int = Field(
        default=16,
        ge=1,
        description=(
            "Most predictions in the house at once: uploading, waiting, decoding, in the model. "
            "One more is answered 429 before its body is read. Times max_bytes, it bounds memory."
        ),
    )
    header_s: float = Field(
        default=10.0, gt=0, description="Seconds a client may take to send a request's head."
    )
    upload_s: float = Field(
        default=60.0, gt=0, description="Seconds a client may take to send its body, else 408."
    )
    deadline_s: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds from the whole body to the answer; when they pass, 504. A client may ask for "
            "fewer with X-Request-Timeout."
        ),
    )
    drain_s: float = Field(
        default=20.0,
        ge=0,
        le=25,
        description=(
            "Seconds after SIGTERM in which accepted requests are finished and new ones are "
            "answered 503. BentoML kills its worker after 30."
        ),
    )
    api_keys: SecretStr | None = Field(
        default=None, description="API keys that are let in, as `name key, name key`."
    )
    api_keys_file: Path | None = Field(
        default=None, description="File of further API keys, a line `name key` each."
    )
    requests_per_minute: float | None = Field(
        default=None, gt=0, description="Predictions a minute with one API key, else 429."
    )
    requests_burst: int = Field(
        default=20, ge=1, description="Predictions that may come at once with one API key."
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description='Origins whose pages may ask, as JSON: ["https://example.org"], or ["*"].',
    )

    @classmethod
    def read(cls) -> Self:
        """Read the settings from the environment."""
        return cls()  # type: ignore[call-arg]  # the environment gives what has no default
