"""The door to aiohttp: ``/healthz`` on the loopback address, 200 when all is well and 503 when something stands still."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: Nobody outside this machine is told; a container publishes the port if it is wanted.
HOST = "127.0.0.1"


@asynccontextmanager
async def open_health_page(port: int | None, describe: Callable[[], dict[str, object]]) -> AsyncIterator[None]:
    """Serve ``describe()`` for the time of the block; without a port nothing is served.

    Raises
    ------
    FatalFault
        If the port is taken.
    """
    if port is None:
        yield
        return

    async def answer(_request: web.Request) -> web.Response:
        plain = describe()
        status = HTTPStatus.OK if plain["well"] else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(plain, status=status)

    site = web.Application()
    site.add_routes([web.get("/healthz", answer)])
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            message = f"Port {port} for /healthz is taken: does another worker run with these settings?"
            raise FatalFault(message) from error
        yield
    finally:
        await runner.cleanup()
