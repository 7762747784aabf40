"""Who may ask, and what every answer says: nothing here depends on what is asked.

A page of somebody else in the same browser must learn nothing. `Host` is checked, so that a name
that was made to resolve to this machine (DNS rebinding) is no way in: taken are addresses, which
cannot be rebound, localhost, and the names that were given. Requests that a page of another origin
makes are refused by `Sec-Fetch-Site`, and nothing allows it to read an answer (no CORS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address

from aiohttp import web

REQUEST_SECONDS = 30.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    # No inline script or style, nothing from elsewhere, no frame around it; no text becomes markup.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "snoop",
}


class Guard:
    """Lets in who may ask, as a middleware of aiohttp. `names`: of this machine, for `Host`."""

    def __init__(
        self,
        names: Collection[str],
        busy: Callable[[asyncio.BaseTransport], None],
        idle: Callable[[asyncio.BaseTransport], None],
    ) -> None:
        self._names = {name.lower() for name in names}
        self._busy = busy
        self._idle = idle

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse it; at most REQUEST_SECONDS, but for a stream."""
        transport = request.transport
        if transport is None:
            return refuse(408, "you have gone")
        self._busy(transport)
        try:
            answer = self._refused(request) or await self._answered(request, handler)
        finally:
            self._idle(transport)
        if not answer.prepared:
            dress(answer)
        return answer

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.method not in ("GET", "HEAD"):
            answer = refuse(405, "this page only shows: GET and HEAD")
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self.takes(hosts[0]):
            return refuse(
                421,
                "this name is not this machine's: open the page by its address or as localhost, "
                "or start `snoop web` with --host NAME",
            )
        site = request.headers.get("Sec-Fetch-Site", "none")
        navigates = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path == "/"
        if site not in ("same-origin", "none") and not navigates:
            return refuse(403, "a page of another origin asks nothing here")
        if request.can_read_body:
            return refuse(413, "a question here has no body")
        return None

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        streams = request.path.endswith("/live")
        try:
            async with asyncio.timeout(None if streams else REQUEST_SECONDS):
                return await handler(request)
        except TimeoutError:
            return refuse(504, f"no answer within {REQUEST_SECONDS:g} s")
        except web.HTTPException as error:
            return refuse(error.status, error.reason)

    def takes(self, host: str) -> bool:
        """Is it a name of this machine, with any port: a tunnel has another than we?"""
        name = host.strip().lower()
        if name.startswith("["):
            name, bracket, rest = name[1:].partition("]")
            if not bracket or (rest and not rest[1:].isdigit()):
                return False
        else:
            name, _, port = name.partition(":")
            if port and not port.isdigit():
                return False
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def dress(answer: web.StreamResponse) -> None:
    """The headers that every answer has; what it says itself holds."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)


def refuse(status: int, text: str) -> web.Response:
    """An error: one line of JSON, as the control socket has it."""
    return web.json_response({"error": text}, status=status)
