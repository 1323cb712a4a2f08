"""The door to FastAPI and uvicorn: which address gives what, with tags and problems; serves until interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse

from schemas.errors import FatalFault, ObservatoryError, TransientFault
from streams.serving.answers import (
    LIMIT,
    LIMIT_MOST,
    FigurePage,
    PeriodPage,
    list_figures,
    list_periods,
    render,
)
from streams.serving.answers import Query as Asked
from streams.serving.exposition import MEDIA_TYPE, to_exposition, to_outage
from streams.serving.manual import finish
from streams.serving.manual import to_html as to_manual
from streams.serving.negotiation import MEDIA_TYPES, choose_form, is_known, make_tag, wants_page
from streams.serving.page import Links, to_html
from streams.serving.problems import PROBLEM_MEDIA_TYPE, ProblemError, to_problem

if TYPE_CHECKING:
    from streams.serving.board import View

#: Nobody outside this machine is told, unless a person says so.
HOST, PORT = "127.0.0.1", 8040

#: No provider or exporter sees a request: an address of a user is nowhere but in the socket.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

#: Answers may be kept, and asked about before each use; a page brings nothing from elsewhere and runs nothing.
_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = _HEADERS | {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

Format = Annotated[
    str | None, Query(alias="format", max_length=10, description="json or csv; else what Accept prefers.")
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MOST, description="Entries of a page.")]
Cursor = Annotated[str | None, Query(max_length=600, description="What the page before gave as next.")]
Period = Annotated[str | None, Query(max_length=40, description="2026, 2026-11, 2026-11-20 or M13-24.")]
Metric = Annotated[str | None, Query(max_length=48, description="A figure's code, such as images_processed.")]


@dataclass(frozen=True)
class Offer:
    """What there is to serve.

    Attributes
    ----------
    look
        Gives the view.
    pages
        Further pages by path, with what they are called and what makes their HTML.
    """

    look: Callable[[], View]
    pages: dict[str, tuple[str, Callable[[], str]]] = field(default_factory=dict)

    @property
    def links(self) -> Links:
        """What the page links to."""
        more = [(title, path) for path, (title, _) in self.pages.items()]
        return Links(more=(*more, ("How to ask for data", "api"), ("Prometheus", "metrics")))


class _Api(FastAPI):
    """An application whose document says what is sent, and no more."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = finish(super().openapi())
        return self.openapi_schema


def make_api(offer: Offer) -> FastAPI:
    """Return the application; it only reads."""
    api = _Api(
        title="Usage figures of an observatory",
        description="Figures per installation and period, equal to those of the report; nothing about one person or picture.",
        version="1",
        docs_url=None,  # both pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    _add_problems(api)
    routes = _Routes(offer)
    away = _list_problems(HTTPStatus.SERVICE_UNAVAILABLE)
    wrong = away | _list_problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_ACCEPTABLE)
    told: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}, 304: {"description": "Not changed."}}
    told |= wrong
    unknown = _list_problems(HTTPStatus.NOT_FOUND)
    for path, answer, how in (
        ("/metrics/periods", routes.tell_periods, {"response_model": PeriodPage, "responses": told}),
        ("/metrics/{installation}", routes.tell_figures, {"response_model": FigurePage, "responses": told | unknown}),
        ("/metrics", routes.tell_prometheus, {"response_class": PlainTextResponse}),
        ("/", routes.tell_page, {"response_class": HTMLResponse, "responses": away}),
    ):
        api.add_api_route(path, answer, methods=["GET"], **how)
        api.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False, response_model=None)
    api.add_api_route("/api", routes.tell_manual, methods=["GET"], include_in_schema=False, response_class=HTMLResponse)
    for path, (_, make) in offer.pages.items():
        api.add_api_route(f"/{path}", _make_page_route(make), methods=["GET"], response_class=HTMLResponse)
    return api


def _list_problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(status): {"description": status.phrase, "content": {PROBLEM_MEDIA_TYPE: {}}} for status in statuses}


@dataclass(frozen=True)
class _Routes:
    offer: Offer

    def tell_periods(
        self, request: Request, form: Format = None, limit: Limit = LIMIT, cursor: Cursor = None
    ) -> Response:
        """Return the periods of which there are figures, and which installations have some."""
        _refuse_unknown(request)
        chosen = choose_form(form, request.headers.get("accept"))
        page = list_periods(self.offer.look(), Asked(limit=limit, cursor=cursor))
        return _answer(request, render(page, chosen), MEDIA_TYPES[chosen], following=page.next)

    def tell_figures(
        self,
        request: Request,
        installation: Annotated[str, Path(description="Its name, as /metrics/periods lists them.")],
        *,
        period: Period = None,
        metric: Metric = None,
        form: Format = None,
        limit: Limit = LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        """Return the figures of one installation, in the order of periods and codes."""
        _refuse_unknown(request)
        chosen = choose_form(form, request.headers.get("accept"))
        asked = Asked(installation, period, metric, limit=limit, cursor=cursor)
        page = list_figures(self.offer.look(), asked)
        return _answer(request, render(page, chosen), MEDIA_TYPES[chosen], following=page.next)

    def tell_prometheus(self) -> Response:
        """Return figures, freshness, lag and dead letters for Prometheus; while broker or store are away, only that."""
        try:
            text = to_exposition(self.offer.look())
        except TransientFault:
            text = to_outage()
        return Response(text, media_type=MEDIA_TYPE)

    def tell_page(self, request: Request) -> Response:
        """Return the page with the tables and charts."""
        _refuse_unknown(request)
        body = to_html(self.offer.look(), self.offer.links).encode()
        return Response(body, media_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)

    def tell_manual(self, request: Request) -> Response:
        """Return the page that says what can be asked for."""
        _refuse_unknown(request)
        try:
            installations = self.offer.look().installations
        except TransientFault:
            installations = ()
        body = to_manual(request.app.openapi(), installations).encode()
        return Response(body, media_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)


def _make_page_route(make: Callable[[], str]) -> Callable[[], Response]:
    def tell() -> Response:
        return Response(make().encode(), media_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)

    return tell


def _answer(request: Request, body: bytes, media_type: str, *, following: str | None) -> Response:
    """Return a body with its tag and the address of the next page, or that it did not change."""
    tag = make_tag(body)
    headers = _HEADERS | {"ETag": tag}
    if following is not None:
        address = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'  # whatever host name the asker used
    if is_known(tag, request.headers.get("if-none-match")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _refuse_unknown(request: Request) -> None:
    """Refuse a parameter that is not ours: a misspelt one would be answered with other figures than were asked for."""
    path = request.url.path
    known = {"format", "limit", "cursor"} if path.startswith("/metrics/") else set()
    known |= {"period", "metric"} if path.startswith("/metrics/") and path != "/metrics/periods" else set()
    names = [name for name, _ in request.query_params.multi_items()]
    strange = sorted({name for name in names if name not in known or names.count(name) > 1})
    if strange:
        sentence = (
            f"There {'are' if len(strange) > 1 else 'is'} no {', '.join(strange)[:200]} here, or it is given twice."
        )
        sentence += f" There are: {', '.join(sorted(known))}." if known else ""
        raise ProblemError(HTTPStatus.BAD_REQUEST, "unknown_parameter", sentence)


def _add_problems(api: FastAPI) -> None:
    """Answer everything that goes wrong as a problem, without a traceback or a word of what we run on."""

    def tell(request: Request, problem: ProblemError) -> Response:
        if wants_page(request.headers.get("accept")):
            headers = _PAGE_HEADERS | problem.headers
            return HTMLResponse(problem.to_html(), int(problem.status), headers=headers)
        headers = _HEADERS | problem.headers
        return Response(problem.to_json(), int(problem.status), media_type=PROBLEM_MEDIA_TYPE, headers=headers)

    async def on_problem(request: Request, error: Exception) -> Response:
        return tell(request, error if isinstance(error, ProblemError) else _to_broken())

    async def on_fault(request: Request, error: Exception) -> Response:
        return tell(request, to_problem(error) if isinstance(error, ObservatoryError) else _to_broken())

    async def on_bad_parameter(request: Request, error: Exception) -> Response:
        wrong = error.errors() if isinstance(error, RequestValidationError) else ()
        told = [f"{one.get('loc', ('parameter',))[-1]}: {one.get('msg', 'cannot be read')}." for one in wrong]
        sentence = " ".join(told) or "A parameter cannot be read."
        return tell(request, ProblemError(HTTPStatus.BAD_REQUEST, "bad_parameter", sentence))

    async def on_status(request: Request, error: Exception) -> Response:
        status = HTTPStatus(getattr(error, "status_code", HTTPStatus.NOT_FOUND))
        sentence = "There is /, /api, /metrics, /metrics/periods, /metrics/{installation} and /openapi.json, to be read with GET."
        return tell(request, ProblemError(status, status.phrase.lower().replace(" ", "_"), sentence))

    api.add_exception_handler(ProblemError, on_problem)
    api.add_exception_handler(ObservatoryError, on_fault)
    api.add_exception_handler(RequestValidationError, on_bad_parameter)
    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        api.add_exception_handler(status, on_status)
    api.add_exception_handler(Exception, on_problem)


def _to_broken() -> ProblemError:
    sentence = "This is a mistake in the program; its own messages say more."
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "broken", sentence)


def open_port(host: str, port: int) -> socket.socket:
    """Return a socket that listens; with port 0, at one that is free.

    Raises
    ------
    FatalFault
        If the port is taken, or the address is none of this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = f"Nothing can be served at {host} port {port} ({error.strerror or 'no such address'})."
        raise FatalFault(message) from error


def serve(api: FastAPI, at: socket.socket) -> None:
    """Serve until interrupted. Requests are not logged: a log of them would hold addresses of users."""
    config = uvicorn.Config(
        api, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[at])
