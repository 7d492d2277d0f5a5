"""What the service answers with beside `signwrite.answer`."""

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_TOP_K = 5


class Problem(BaseModel):
    """Every error, as `application/problem+json` (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(examples=["urn:signwrite:problem:queue-full"])
    title: str
    status: int
    detail: str = Field(description="What was wanted and what was received.")
    request_id: str = Field(description="Also in the X-Request-ID header, and in the log.")
