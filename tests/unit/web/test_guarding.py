"""Who may ask the page: by method, by name, by where the request comes from."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from snoop.web import guarding
from snoop.web.guarding import HEADERS, Guard

NAME = "Switch.example.org"
OURS = ("Host", "127.0.0.1:9571")


class Asked:
    """Of a guard, and what it told of the connection."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.reached = False
        self.guard = Guard(
            [NAME], lambda _: self.told.append("busy"), lambda _: self.told.append("idle")
        )

    async def _handler(self, request: web.Request) -> web.StreamResponse:
        self.reached = True
        if request.path == "/nowhere":
            raise web.HTTPNotFound
        return web.Response()

    def ask(self, *headers: tuple[str, str], method: str = "GET", path: str = "/api/x") -> int:
        request = make_mocked_request(method, path, CIMultiDict(headers))
        answer = asyncio.run(self.guard(request, self._handler))
        assert HEADERS.items() <= dict(answer.headers).items(), "every answer has them"
        assert self.told == ["busy", "idle"]
        return answer.status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_looks_is_let_in(method: str) -> None:
    asked = Asked()
    assert asked.ask(OURS, ("Sec-Fetch-Site", "same-origin"), method=method) == 200
    assert asked.reached
    assert Asked().ask(OURS, path="/nowhere") == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"])
def test_nothing_is_changed_here(method: str) -> None:
    asked = Asked()
    assert asked.ask(OURS, method=method) == 405
    assert not asked.reached


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["10.0.0.1"], 200),
        (["10.0.0.1:80"], 200),
        (["[::1]:9571"], 200),
        (["[fe80::1]"], 200),
        (["localhost:1"], 200),
        (["LOCALHOST"], 200),
        (["a.localhost"], 200),
        (["switch.EXAMPLE.org:443"], 200),
        ([], 421),
        (["127.0.0.1", "127.0.0.1"], 421),
        (["evil.example.org"], 421),
        (["evil.example.org:9571"], 421),
        (["127.0.0.1.evil.example.org"], 421),
        (["notlocalhost"], 421),
        (["127.0.0.1:x"], 421),
        (["[::1"], 421),
        (["[::1].evil"], 421),
        ([""], 421),
    ],
)
def test_a_name_made_to_lead_here_is_no_way_in(hosts: list[str], status: int) -> None:
    asked = Asked()
    assert asked.ask(*(("Host", host) for host in hosts)) == status
    assert asked.reached == (status == 200)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_page_of_another_origin_may_link_here_and_no_more(site: str) -> None:
    came = OURS, ("Sec-Fetch-Site", site)
    asked = Asked()
    assert asked.ask(*came, path="/api/x") == 403
    assert not asked.reached
    assert Asked().ask(*came, ("Sec-Fetch-Mode", "cors"), path="/") == 403
    assert Asked().ask(*came, ("Sec-Fetch-Mode", "navigate"), path="/api/x") == 403
    assert Asked().ask(*came, ("Sec-Fetch-Mode", "navigate"), path="/") == 200


# The rest of it, answer by answer ----------------------------------------------------------------


def answered(handler: guarding.Handler, method: str = "GET", path: str = "/", **how: Any) -> Any:
    """What this machine's own page is answered."""

    async def ask() -> web.StreamResponse:
        guard = Guard([], lambda _: None, lambda _: None)
        return await guard(make_mocked_request(method, path, CIMultiDict([OURS]), **how), handler)

    return asyncio.run(ask())


async def shown(_: web.Request) -> web.StreamResponse:
    return web.Response(headers={"Cache-Control": "max-age=60"})


def test_what_an_answer_says_itself_holds() -> None:
    assert answered(shown).headers["Cache-Control"] == "max-age=60"
    assert answered(shown, "POST").headers["Allow"] == "GET, HEAD"


def test_a_question_has_no_body_and_who_has_gone_no_answer() -> None:
    body, gone = Mock(), Mock()
    body.at_eof.return_value = False
    assert answered(shown, payload=body).status == 413
    gone.transport = None
    told: list[Any] = []
    assert asyncio.run(Guard([], told.append, told.append)(gone, shown)).status == 408
    assert told == []


@pytest.mark.parametrize(("path", "status"), [("/api/sw0/picture", 504), ("/api/sw0/live", 200)])
def test_an_answer_is_waited_for_so_long_and_a_stream_as_long_as_it_lasts(
    monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    monkeypatch.setattr(guarding, "REQUEST_SECONDS", 0.01)

    async def slow(_: web.Request) -> web.StreamResponse:
        happens = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, happens.set)
        await happens.wait()
        return web.Response()

    assert answered(slow, path=path).status == status


def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup() -> None:
    said = answered(shown).headers["Content-Security-Policy"].split("; ")
    policy = {kind: words for kind, *words in (each.split() for each in said)}
    none = ("default-src", "frame-ancestors", "base-uri", "form-action", "trusted-types")
    assert [policy.pop(kind) for kind in none] == [["'none'"]] * len(none)
    assert policy.pop("require-trusted-types-for") == ["'script'"]
    assert {tuple(words) for words in policy.values()} == {("'self'",)}
