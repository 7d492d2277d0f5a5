"""A collector of traces: what an OpenTelemetry exporter sends to it over HTTP is kept."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Value = str | int | float | bool


@dataclass
class Collector:
    """What came, and where it listens."""

    url: str
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Value]] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.resources.append(attributes(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def request(self, request_id: str) -> Span:
        """Return the span of a request by its id."""
        (found,) = (
            span
            for span in self.spans
            if attributes(span.attributes).get("signwrite.request_id") == request_id
        )
        return found

    def below(self, parent: Span) -> dict[str, Span]:
        """Return the spans below another, by name, in the order in which they began."""
        found = [span for span in self.spans if span.parent_span_id == parent.span_id]
        found.sort(key=lambda span: span.start_time_unix_nano)
        assert len({span.name for span in found}) == len(found)
        return {span.name: span for span in found}


def attributes(told: "list[KeyValue]") -> dict[str, Value]:
    """Read attributes as a dictionary."""
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in told}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect while the context is open."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
