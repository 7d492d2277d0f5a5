"""What an operator may set, each by an environment variable `SIGNWRITE_<NAME>`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.logs import LogFormat, LogLevel
from signwrite.backends import Wanted
from signwrite.clip import Limits

MEBIBYTE = 1024 * 1024


def usable_cores() -> int:
    """Count the CPU cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_told(environment: Mapping[str, str]) -> int:
    """Return how many workers are wanted, for BentoML, which asks before the settings are read.

    A value that is no whole number from 1 on counts as 1 here; reading the settings refuses it.
    """
    try:
        return max(1, TypeAdapter(int).validate_python(environment.get("SIGNWRITE_WORKERS", "1")))
    except ValidationError:
        return 1


def _share_of_cores(settings: dict[str, Any]) -> int:
    return max(1, usable_cores() // int(settings["workers"]))


class ServiceSettings(BaseSettings):
    """The service's settings, read once at the start.

    Decoding happens in child processes and the model runs in one thread of the server, which
    spreads one call over `threads` cores. The defaults give the model every core and decoding half
    of them: on two cores, one decoder fills the gaps that the model leaves.

    The descriptions here are the only source of the tables in docs/operating.md: `make docs`.

    Raises:
        pydantic.ValidationError: a value is out of range, or the bundle is not given.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIGNWRITE_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    bundle: Path = Field(
        description="Folder of the model bundle to serve; `signwrite serve --model` sets it.",
    )
    golden: Path | None = Field(
        default=None,
        description=(
            "Folder of golden clips, SIGN/CLIP. With them, SIGHUP lets a new model in without a "
            "restart, if it reads them as it should. Without them nothing is let in."
        ),
    )
    golden_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of the golden clips that a new model must read as it should.",
    )
    backend: Wanted = Field(
        default="auto",
        description=(
            "What runs the model: `auto`, `tensorflow`, `openvino`, `openvino-bf16` or "
            "`openvino-int8`. `auto` is TensorFlow on a GPU, else 8-bit integers where the bundle "
            "has some that passed the gate, else TensorFlow, else OpenVINO with floats. Name one "
            "to be sure of it: the model does not load where it cannot run."
        ),
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description=(
            "Processes that answer, each with a model and decoders of its own, and each with the "
            "limits below: memory, `max_requests` and the rates of API keys count for each. One "
            "worker already uses every core; more are for a machine with so many cores that one "
            "call of the model cannot fill them."
        ),
    )
    threads: int = Field(
        default_factory=_share_of_cores,
        ge=1,
        description=(
            "CPU threads that one call of the model may use. Set it where the process sees more "
            "cores than it is given, as in a pod with a request of CPU and no limit."
        ),
        json_schema_extra={"default_in_words": "every usable core, shared among the workers"},
    )
    decoders: int = Field(
        default_factory=lambda settings: max(1, _share_of_cores(settings) // 2),
        ge=1,
        description=(
            "Decoder processes of a worker, each with one clip at a time. More of them if clips "
            "wait for a decoder while cores idle; with a GPU, as many as there are cores."
        ),
        json_schema_extra={"default_in_words": "half of `threads`' default, at least 1"},
    )
    max_batch: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description=(
            "Most clips that share one call of the model. One clip keeps a CPU busy: there a "
            "shared call only makes all wait for the last, and takes more memory. The manifest "
            "for a GPU sets 64."
        ),
        json_schema_extra={"default_in_words": "8 on a GPU, 1 on a CPU"},
    )
    max_requests: int = Field(
        default=16,
        ge=1,
        description=(
            "Most predictions in a worker at once: uploading, waiting, decoding, in the model. "
            "One more is answered 429 before its body is read. Times `max_bytes`, it bounds the "
            "memory that uploads take."
        ),
    )
    max_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=1024,
        description=(
            "Most bytes of one request's body; more are answered 413 while they stream. A proxy "
            "before the service should have the same limit."
        ),
    )
    header_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds a client may take to send a request's head, else 408.",
    )
    upload_s: float = Field(
        default=60.0,
        gt=0,
        description=(
            "Seconds a client may take to send its body, else 408. It holds a place of "
            "`max_requests` meanwhile: raise it for clients on slow lines only."
        ),
    )
    deadline_s: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds from the whole body to the answer, else 504. A client may ask for fewer with "
            "`X-Request-Timeout`. Lower it where an answer is worth nothing later."
        ),
    )
    drain_s: float = Field(
        default=20.0,
        ge=0,
        le=25,
        description=(
            "Seconds after SIGTERM in which accepted requests are finished and new ones are "
            "answered 503. BentoML kills its workers after 30, so whatever stops the service must "
            "wait that long."
        ),
    )
    decoder_s: float = Field(
        default=20.0,
        gt=0,
        description="Seconds for decoding one clip, else its decoder is killed and the answer 422.",
    )
    decoder_cpu_s: float = Field(
        default=20.0,
        gt=0,
        description=(
            "CPU seconds for decoding one clip, over all threads of its decoder, else 422."
        ),
    )
    decoder_memory_bytes: int = Field(
        default=1536 * MEBIBYTE,
        ge=256 * MEBIBYTE,
        description=(
            "Bytes of address space, which is more than memory, of one decoder process; a clip "
            "that needs more is a 422. Larger limits on frames want more of it."
        ),
    )
    require_seccomp: bool = Field(
        default=False,
        description=(
            "Whether to refuse to start where the kernel cannot filter the decoders' system "
            "calls. True in the manifests for containers; keep it true wherever strangers send "
            "clips."
        ),
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description=(
            "API keys that are let in, as `name key, name key`; a key has 16 characters or more. "
            "Without any, everybody is let in."
        ),
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="File of further API keys, a line `name key` each; read at the start.",
    )
    requests_per_minute: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Predictions a minute with one API key, in one worker of one instance, else 429. No "
            "limit without it."
        ),
    )
    requests_burst: int = Field(
        default=20,
        ge=1,
        description=(
            "Predictions that may come at once with one API key before the rate counts; without "
            "effect where `requests_per_minute` is not set."
        ),
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description=(
            'Origins whose pages may ask, as JSON: `["https://example.org"]`, or `["*"]`. Pages of '
            "the service's own origin need none."
        ),
    )
    log_format: LogFormat = Field(
        default="text",
        description=(
            "`text` for people, or `json`: one JSON object a line, for programs. The container "
            "image and the manifests set `json`."
        ),
    )
    log_level: LogLevel = Field(
        default="info",
        description=(
            "`debug`, `info`, `warning` or `error`: the least that is logged. `info` has a line "
            "for each request; `debug` those of probes too; `warning` none."
        ),
    )
    limits: Limits = Field(
        default_factory=Limits,
        description="Limits on what is decoded of a clip; each is a variable of its own.",
    )

    @classmethod
    def read(cls) -> Self:
        """Read the settings from the environment."""
        return cls()  # type: ignore[call-arg]  # the environment gives what has no default


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """List the variables that look like settings and are none, such as misspelt ones."""
    known = {f"SIGNWRITE_{name.upper()}" for name in ServiceSettings.model_fields}
    known |= {f"SIGNWRITE_LIMITS__{name.upper()}" for name in Limits.model_fields}
    return sorted(
        name
        for name in environment
        if name.upper().startswith("SIGNWRITE_") and name.upper() not in known
    )
