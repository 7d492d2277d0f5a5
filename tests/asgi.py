"""Requests to an ASGI application in this process, with no server between."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from starlette.types import ASGIApp


def ask(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    headers: httpx.Headers | None = None,
    content: AsyncIterator[bytes] | None = None,
) -> httpx.Response:
    """Send one request and return the answer; what the application raises after it is dropped."""

    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(asking())
