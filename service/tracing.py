"""Traces by OpenTelemetry: a request and where its time went, sent to a collector.

Off unless an `OTEL_EXPORTER_OTLP_ENDPOINT` is given; then the SDK's own variables say the rest
(`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, ...). The spans within a request are those of
`service.timings`: they are made from its times when the answer has been sent.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Self

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from starlette.types import Scope

from service.exchange import Exchange
from service.faults import INTERNAL
from service.logs import PROBES

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_ROUTES = frozenset({"/predict", "/model", "/docs.json", "/"})  # others would be names without end
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)
_FLUSH_S = 3.0
_CARRIED = frozenset({b"traceparent", b"tracestate", b"baggage", b"b3", b"uber-trace-id"})

_logger = logging.getLogger(__name__)


class Tracing:
    """What makes spans of requests, and hands them to a collector.

    Args:
        provider: of OpenTelemetry's SDK.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        """Trace with `provider`."""
        self._provider = provider
        self._tracer = provider.get_tracer("signwrite")

    @classmethod
    def to_collector(cls) -> Self:
        """Send spans to where the environment says, in batches, from a thread of its own."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - costs where it is off
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - so
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - so
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - so

        own: dict[str, AttributeValue] = {"service.name": "signwrite", "process.pid": os.getpid()}
        told = OTELResourceDetector().detect().attributes
        provider = TracerProvider(resource=Resource.create({**own, **told}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def begin(self, exchange: Exchange, scope: Scope) -> Span | None:
        """Begin the span of a request, in the trace that its client names; None for a probe."""
        if exchange.path in PROBES:
            return None
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        route = exchange.path if exchange.path in _ROUTES else None
        method = exchange.method if exchange.method in _METHODS else None
        span = self._tracer.start_span(
            " ".join(filter(None, (method or "HTTP", route))),
            context=extract(carrier),
            kind=SpanKind.SERVER,
            start_time=exchange.began_ns,
            attributes={
                "http.request.method": method or "_OTHER",
                "url.scheme": scope["scheme"],
                "signwrite.request_id": exchange.request_id,
                **({"http.route": route} if route else {}),
            },
        )
        exchange.trace_id = format_trace_id(span.get_span_context().trace_id)
        return span

    def end(self, exchange: Exchange, span: Span) -> None:
        """End the span of a request, with one below it for each stretch of its time."""
        if not span.is_recording():  # the sampler left it out
            span.end()
            return
        within = set_span_in_context(span)
        for name, stretch in exchange.timings.spans.items():
            part = self._tracer.start_span(
                name, context=within, start_time=exchange.ns_of(stretch.began_s)
            )
            for fact, value in stretch.facts.items():
                part.set_attribute(f"signwrite.{fact}", value)
            if stretch.failed:
                part.set_status(StatusCode.ERROR, exchange.problem)
            part.end(exchange.ns_of(stretch.ended_s))
        span.set_attribute("http.request.body.size", exchange.received_bytes)
        for fact, value in exchange.facts.items():
            span.set_attribute(f"signwrite.{fact}", value)
        if exchange.key is not None:
            span.set_attribute("signwrite.key", exchange.key)
        if exchange.status is not None:
            span.set_attribute("http.response.status_code", exchange.status)
        if exchange.problem is not None:
            span.set_attribute("error.type", exchange.problem)
        if exchange.status is None or exchange.status >= INTERNAL.status:
            span.set_status(StatusCode.ERROR, exchange.problem)  # 4xx are the client's errors
        span.end(exchange.ns_of(exchange.began_s + exchange.duration_s))

    async def close(self, *, within_s: float = _FLUSH_S) -> None:
        """Send what is left; a collector that does not answer is waited for no longer than this."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended: nobody waited any longer
                loop.call_soon_threadsafe(sent.set)

        Thread(target=send, name="last-spans", daemon=True).start()
        try:
            async with asyncio.timeout(within_s):
                await sent.wait()
        except TimeoutError:
            _logger.warning("the last spans were not taken within %g s", within_s)


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether spans shall be sent anywhere."""
    return (
        any(environment.get(name) for name in _ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp") in {"otlp", ""}
    )


@cache
def tracing() -> Tracing | None:
    """Return what traces in this process; None where nothing does."""
    if not wanted():
        return None
    for name in _PROTOCOLS:
        if os.environ.get(name, _PROTOCOL) not in {_PROTOCOL, ""}:
            _logger.warning("%s: spans are sent as %s only", name, _PROTOCOL)
    return Tracing.to_collector()
