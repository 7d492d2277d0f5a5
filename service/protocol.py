"""HTTP below the application: what is no request gets a problem too, and its head may not dawdle.

uvicorn answers broken HTTP with a line of plain text, and waits for the head of a request for as
long as a client likes. BentoML lets nobody choose uvicorn's protocol class, so the one that uvicorn
takes by itself is named anew.
"""

import asyncio
import uuid

import h11
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from service.exchange import Exchange
from service.faults import FAULTS, BadRequestError, Fault, SlowUploadError
from service.logs import log_exchange
from service.schema import PROBLEM_JSON, REQUEST_ID_HEADER, Problem


class ProblemProtocol(H11Protocol):
    """uvicorn's protocol on h11, with problems for errors and a deadline for heads.

    Attributes:
        header_s: seconds from the connection, or from the first byte of a further request, to the
            end of its head.
    """

    header_s = 10.0

    _waiting: asyncio.TimerHandle | None = None
    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request's head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is complete is waited for no longer."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._begun = True
            self._wait_no_longer()
        elif self._begun and self.conn.trailing_data[0]:
            self._wait()  # for the rest of a further request's head

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """Answer what is no request."""
        self._refuse(FAULTS[BadRequestError], "a request in HTTP/1.1; received something else")

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.header_s, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            return
        self._refuse(
            FAULTS[SlowUploadError],
            f"a request's head within {self.header_s:g} s; it was not whole",
        )

    def _refuse(self, fault: Fault, detail: str) -> None:
        """Answer with a problem, unless an answer has begun, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            problem = Problem.of(fault, detail=detail, request_id=uuid.uuid4().hex)
            told = Exchange(problem.request_id, status=fault.status, problem=fault.slug)
            log_exchange(told)
            body = problem.model_dump_json().encode()
            headers = [
                ("content-type", PROBLEM_JSON),
                ("content-length", str(len(body))),
                ("connection", "close"),
                (REQUEST_ID_HEADER.lower(), problem.request_id),
            ]
            for event in (
                h11.Response(
                    status_code=fault.status, headers=headers, reason=STATUS_PHRASES[fault.status]
                ),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def use_problem_protocol(*, header_s: float) -> None:
    """Let uvicorn use it in this process; before uvicorn is configured."""
    ProblemProtocol.header_s = header_s
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{ProblemProtocol.__name__}"
