"""A real browser before the page of `snoop web`: of a live switch, or of one that is made up.

Labs are made before the browser: while Playwright's runs its thread has an event loop, which making
a lab has, too.
"""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

import snoop.web
from snoop.lab.switch import SNOOP

SHOTS = Path(__file__).parents[2] / "build/web"
STATIC = Path(snoop.web.__file__).parent / "static"
WITHIN = 20_000  # ms: what a page may take beside five labs
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
NOWHERE = "http://127.0.0.1:1/snoop/"
"""Where a made-up switch is, behind a path as a proxy has it; nothing listens there."""

LIVE = """globalThis.EventSource = class {
  constructor() {
    this.heard = {};
    globalThis.tell = (name, data) => this.heard[name]?.({ data });
    setTimeout(() => tell('picture', %s));
  }
  addEventListener(name, hears) { this.heard[name] = hears; }
  close() {}
};"""
"""What is live, from nobody: a route cannot hold a stream open. `tell` says more."""


@contextmanager
def served(*sockets: str) -> Iterator[tuple[str, int]]:
    """`snoop web` over these sockets: its address and port."""
    words = [word for path in sockets for word in ("--socket", path)]
    with subprocess.Popen(
        [SNOOP, "web", "--listen", "127.0.0.1:0", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready: http://127.0.0.1:"), line
            yield "127.0.0.1", int(line.strip().rstrip("/").rpartition(":")[2])
        finally:
            process.terminate()
            assert process.wait(60) == 0


def get(at: tuple[str, int], path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """Status and headers, or with JSON the document, of one request."""
    connection = http.client.HTTPConnection(*at, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        body = answer.read()
        json_ = answer.getheader("Content-Type", "").startswith("application/json")
        return answer.status, json.loads(body) if json_ else answer
    finally:
        connection.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, without a screen."""
    expect.set_options(timeout=WITHIN)
    with sync_playwright() as played:
        made = played.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield made
        made.close()


@contextmanager
def opened(browser: Browser, at: tuple[str, int], **how: Any) -> Iterator[Page]:
    """The page, once it shows a row; it may have complained of nothing."""
    with blank(browser, **how) as made:
        made.goto("http://{}:{}/".format(*at))
        expect(made.locator("#matrix .row").first).to_be_visible(timeout=WITHIN)
        yield made


@contextmanager
def blank(browser: Browser, **how: Any) -> Iterator[Page]:
    """A page that is nowhere yet."""
    complaints: list[str] = []
    made = browser.new_page(viewport={"width": 1280, "height": 800}, **how)
    made.set_default_timeout(WITHIN)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("requestfailed", lambda one: complaints.append(one.url))
    yield made
    shown = [each for each in complaints if "/live" not in each]
    made.close()
    assert shown == []


@contextmanager
def made_up(
    browser: Browser, picture: Mapping[str, Any], path: str = "", **how: Any
) -> Iterator[Page]:
    """The page of a switch that says this, without `snoop web`: `made` has the parts of one."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(NOWHERE).partition("?")[0] or "static/page.html"
        if path.startswith("static/"):
            file = STATIC / path.removeprefix("static/")
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix[1:]])
        elif path == "api/switches":
            one = {"name": "sw0", "socket": "/run/snoop/sw0.sock", "state": "running"}
            route.fulfill(json={"switches": [one]})
        else:
            route.fulfill(status=502, json={"error": "nobody answers"})

    with blank(browser, **how) as page:
        page.add_init_script(LIVE % json.dumps(json.dumps(picture)))
        page.route("**/*", answer)
        page.goto(NOWHERE + path)
        yield page


def tell(page: Page, name: str, told: Mapping[str, Any]) -> None:
    """To a made-up page, as the server would."""
    page.evaluate("([name, data]) => tell(name, data)", [name, json.dumps(told)])


def made(ports: list[dict[str, Any]], rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A picture: what ports and rows leave out is as it mostly is."""
    port = dict.fromkeys(("description", "mac", "speed_mbit", "problem")) | dict.fromkeys(
        ("rx_bits_per_s", "tx_bits_per_s", "lost", "lost_per_s", "pruned", "refused", "groups"), 0
    )
    port |= {"state": "up", "kind": "port", "device": "", "routers": [], "vlans": ""}
    row = {
        "vlan": 0, "family": "ipv4", "source": None, "port": None, "state": "none", "name": None,
        "announced": None, "local": False, "wrong": False, "path": None, "reason": None,
        "ttl": None, "members": 0,
    }  # fmt: skip
    querier = {
        "vlan": 0, "family": "ipv4", "role": "querier", "address": "10.0.0.254", "port": None,
        "timer": None, "pruning": True,
    }  # fmt: skip
    summary = {
        "switch": "sw0", "version": "1", "uptime": 5.0, "ports": len(ports),
        "ports_up": len(ports), "groups": len(rows), "streams": len(rows), "in_kernel": 0,
        "bits_per_s": 0, "lost": 0, "lost_per_s": 0, "pruned": 0, "refused": 0,
        "queriers": [querier], "mrouters": [], "vlan_names": {},
    }  # fmt: skip
    numbered = [{**row, "id": number, **one} for number, one in enumerate(rows)]
    return {
        "health": {"state": "running", "text": None, "since": 0}, "at": 0,
        "summary": summary | more.pop("summary", {}), "ports": [port | one for one in ports],
        "rows": numbered, "rates": {}, "more": 0, "findings": [], "events": [], **more,
    }  # fmt: skip


def cell(page: Page, group: str, port: str) -> Any:
    """The cell of a group's row and a port."""
    row = page.locator("#matrix .row", has=page.locator(".group", has_text=group))
    at = page.locator(f"#matrix .port[title^='{port},']").get_attribute("data-port")
    return row.locator(f".cell[data-port='{at}']").first


def shot(page: Page, name: str) -> None:
    """A picture for people, in build/web."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")
