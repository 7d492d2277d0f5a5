"""What the service answers with beside `signwrite.answer`."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from service.faults import Fault

DEFAULT_TOP_K = 5
PROBLEM_JSON = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"


class Problem(BaseModel):
    """Every error, as `application/problem+json` (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(examples=["urn:signwrite:problem:queue-full"])
    title: str
    status: int
    detail: str = Field(description="What was wanted and what was received.")
    request_id: str = Field(description="Also in the X-Request-ID header, and in the log.")

    @classmethod
    def of(cls, fault: Fault, *, detail: str, request_id: str) -> Self:
        """Tell a fault of one request."""
        return cls(
            type=fault.type,
            title=fault.title,
            status=fault.status,
            detail=detail,
            request_id=request_id,
        )
