"""The page of `snoop web` over a live switch: asked by HTTP, and looked at by a real browser.

Screenshots at three sizes are kept in build/web.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from netns.browsing import WITHIN, cell, chromium, get, opened, served, shot
from netns.star import Star, star
from snoop.lab import wait_until

GROUP, SILENT, UNWANTED, LATER = "239.40.0.1", "239.40.0.2", "239.40.0.3", "239.40.0.4"
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    ports = {"p2": {"mrouter": "always"}, "p3": {"description": HOSTILE}}
    calm = {"query_interval": 60.0}  # else what the page shows of events is queries, some day
    with star(5, igmp=calm, ports=ports, group=[{"group": GROUP, "name": HOSTILE}]) as made:
        made.h(1).join(GROUP)
        made.h(3).join(SILENT)
        made.switch.wait_members(GROUP, {"p1"})
        made.switch.wait_members(SILENT, {"p3"})
        made.reached(GROUP)
        made.reached(UNWANTED)
        yield made


@pytest.fixture(scope="module")
def at(net: Star) -> Iterator[tuple[str, int]]:
    with served(str(net.switch.socket)) as place:
        yield place


@pytest.fixture(scope="module")
def other() -> Iterator[Star]:
    """A switch that may go."""
    with star(2, pruning=False) as made:
        yield made


@pytest.fixture(scope="module")
def browser(net: Star, other: Star) -> Iterator[Browser]:
    """Behind the labs: while it runs this thread has an event loop, which making them has, too."""
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, at: tuple[str, int]) -> Iterator[Page]:
    with opened(browser, at) as made:
        yield made


# In the browser ----------------------------------------------------------------------------------


def test_the_page_shows_what_show_says(net: Star, page: Page) -> None:
    """Members, who has no stream, what nobody asked for; a click says why, with the host."""
    streams = json.loads(net.switch.quick("show", "streams", "--json"))["streams"]
    for group in {row["group"] for row in streams} - {"239.254.254.254"}:
        expect(page.locator("#matrix .group", has_text=group)).to_have_count(1)
    expect(cell(page, GROUP, "p0")).to_have_attribute("data-cell", "i")
    # The stream has stopped, or is about to.
    assert cell(page, GROUP, "p1").get_attribute("data-cell") in ("m", "w")
    expect(cell(page, GROUP, "p2")).to_have_attribute("data-cell", "q")
    expect(cell(page, GROUP, "p4")).to_have_attribute("data-cell", "p")
    expect(cell(page, SILENT, "p3")).to_have_attribute("data-cell", "w")
    expect(cell(page, UNWANTED, "p1")).to_have_attribute("data-cell", "f")
    expect(page.locator("#strip")).to_contain_text("this switch (10.0.0.254), pruning")
    cell(page, GROUP, "p1").click()
    expect(page.locator("#because")).to_contain_text("member by the IGMPv3 report of 10.0.0.11")
    expect(page.locator("#because")).to_contain_text("s left")
    expect(page.locator("#panel")).to_contain_text(net.h(1).mac)
    shot(page, "1280")


def test_a_port_has_its_hosts_and_the_search_finds_them(net: Star, page: Page) -> None:
    """By MAC address, written either way; a finding leads to the cell it is about."""
    page.locator("#matrix .port[title^='p3,']").click()
    hosts = page.get_by_role("table", name="Hosts")
    expect(hosts).to_contain_text(net.h(3).address)
    expect(hosts).to_contain_text(net.h(3).mac)
    expect(page.get_by_role("table", name="Groups asked for")).to_contain_text(SILENT)
    expect(page.locator("#events")).to_contain_text(f"join {SILENT}")
    expect(page.locator("#events")).not_to_contain_text(f"join {HOSTILE}")
    page.locator("#search").fill(net.h(3).mac.replace(":", "-").upper())
    expect(page.locator("#matrix .row .group")).to_have_text([SILENT])
    page.locator("#tab-findings").click()
    page.get_by_role("button", name=SILENT).click()
    expect(page.locator("#because")).to_contain_text(net.h(3).address)


def test_names_of_others_stay_text(page: Page) -> None:
    expect(page.locator("#matrix .name b").first).to_have_text(HOSTILE)
    expect(page.locator("#matrix .port span", has_text=HOSTILE)).to_have_count(1)
    page.locator("#matrix .name b").first.click()
    expect(page.locator("#panel h2")).to_have_text(HOSTILE)
    assert page.locator("img[src='x']").count() == 0
    assert page.title() != "1"


def test_a_join_shows_by_itself(net: Star, page: Page) -> None:
    net.h(4).join(LATER)
    expect(cell(page, LATER, "p4")).to_have_attribute("data-cell", "w", timeout=WITHIN)
    expect(page.locator("#events")).to_contain_text(f"join {LATER} at p4", timeout=WITHIN)
    net.h(4).leave(LATER)
    expect(page.locator("#matrix .group", has_text=LATER)).to_have_count(0, timeout=WITHIN)


def test_keys_do_for_all_of_it(page: Page) -> None:
    """To a cell, its answer, back; to the search, and what it finds: a host by its MAC."""
    matrix = page.locator("#matrix")
    matrix.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    active = page.locator("#matrix .active")
    expect(active).to_have_attribute("aria-colindex", "3")
    expect(matrix).to_have_attribute("aria-activedescendant", "cell-0-1")
    page.keyboard.press("Enter")
    expect(page.locator("#because")).to_contain_text("10.0.0.11")
    page.keyboard.press("Escape")
    expect(page.locator("#tab-findings")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("/")
    page.keyboard.type("10.0.0.13")
    expect(page.locator("#matrix .row .group")).to_have_text([SILENT], timeout=WITHIN)
    page.keyboard.press("Escape")
    expect(matrix).to_be_focused()


def test_every_part_has_a_name_and_the_phone_sees_all(
    browser: Browser, at: tuple[str, int]
) -> None:
    """Roles and labels; nothing sticks out of a phone; dark where the browser is."""
    with opened(browser, at, color_scheme="dark") as page:
        shot(page, "1280-dark")
        label = cell(page, GROUP, "p2").get_attribute("aria-label")
        assert label == f"{HOSTILE}, p2: router port"
        page.set_viewport_size({"width": 390, "height": 844})
        expect(page.get_by_role("grid", name="Streams by ports")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_be_visible()
        expect(page.get_by_role("tab")).to_have_count(5)
        assert page.get_by_role("rowheader").count() >= 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shot(page, "390-dark")
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.locator("#tab-picture").click()
        expect(page.locator("svg.picture")).to_be_visible()
        shot(page, "1920-dark")


def test_the_page_outlives_the_switch(other: Star, browser: Browser) -> None:
    """The socket of a switch that goes and comes back; what to do meanwhile, and without it."""
    with ExitStack() as ending:
        place = ending.enter_context(served(str(other.switch.socket)))
        other.h(1).join(GROUP)
        other.switch.wait_members(GROUP, {"p1"})
        with opened(browser, place) as page:
            expect(cell(page, GROUP, "p1")).to_have_attribute("data-cell", "w")
            other.switch.stop()
            expect(page.locator("#health")).to_have_text("▲ dead", timeout=WITHIN)
            expect(page.locator("#empty")).to_contain_text("snoop run")
            other.switch.start()
            expect(page.locator("#health")).to_have_text("● live", timeout=WITHIN)
            expect(cell(page, GROUP, "p1")).to_have_attribute("data-cell", "w", timeout=WITHIN)
            ending.close()
            expect(page.locator("#health")).to_have_text("▲ disconnected")
            expect(page.locator("#empty")).to_contain_text("systemctl status snoop-web")


# By HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {"Host": "evil.example"}, 421),
        ("/", {"Host": "127.0.0.1.evil.example:80"}, 421),
        ("/", {"Host": "localhost:8080"}, 200),
        ("/", {"Host": "[::1]:1"}, 200),
        ("/api/switches", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("/static/../page.py", {}, 404),
        ("/static/page.html", {}, 404),
        ("/api/switch/show/passwd", {}, 404),
        ("/api/nobody/show/mdb", {}, 404),
        ("/api/switch/show/mdb?group=x", {}, 400),
        ("/api/switch/show/mdb?what=config", {}, 400),
        ("/api/switch/show/mdb?vlan=%C2%B2", {}, 400),
        ("/api/switch/explain?port=p9&group=239.1.1.1", {}, 400),
        ("/" + "a" * 9000, {}, 400),
    ],
)
def test_who_may_not_ask_and_what_is_no_question(
    at: tuple[str, int], path: str, headers: dict[str, str], status: int
) -> None:
    got, answer = get(at, path, **headers)
    assert got == status
    if isinstance(answer, dict):
        assert answer["error"]


def test_nothing_but_reading(at: tuple[str, int]) -> None:
    assert {get(at, "/", method)[0] for method in ("POST", "PUT", "DELETE", "OPTIONS")} == {405}
    assert get(at, "/", "HEAD")[0] == 200


def test_every_answer_is_guarded(at: tuple[str, int]) -> None:
    for path in ("/", "/static/page.js", "/metrics"):
        status, answer = get(at, path)
        assert status == 200
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Access-Control-Allow-Origin") is None


def test_json_is_that_of_show(net: Star, at: tuple[str, int]) -> None:
    name = get(at, "/api/switches")[1]["switches"][0]["name"]
    told = get(at, f"/api/{name}/show/mdb?group={GROUP}")[1]
    own = json.loads(net.switch.quick("show", "mdb", "--group", GROUP, "--json"))
    key = ("vlan", "group", "port", "filter_mode", "origin", "name")
    pick = [[{each: row[each] for each in key} for row in one["mdb"]] for one in (told, own)]
    assert pick[0] == pick[1] != []
    picture = get(at, f"/api/{name}/picture")[1]
    assert picture["health"]["state"] == "running"
    assert any(row["group"] == GROUP and row["cells"][0] == "i" for row in picture["rows"])
    assert get(at, f"/api/{name}/events?last=1")[1]["events"]
    assert get(at, "/api/neighbours")[1] == {"links": []}


def test_metrics_of_all_switches(net: Star, at: tuple[str, int]) -> None:
    gone = str(net.switch.socket) + ".gone.sock"
    with served(str(net.switch.socket), gone) as place:
        connection = http.client.HTTPConnection(*place, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
    name = Path(net.switch.socket).stem
    assert f'snoop_up{{switch="{name}"}} 1.0' in text
    assert f'snoop_up{{switch="{name}.sock.gone"}} 0.0' in text
    assert f'snoop_port_up{{port="p1",switch="{name}"}} 1.0' in text
    assert text.count("# TYPE snoop_port_up gauge") == 1


def test_who_says_nothing_makes_room(at: tuple[str, int]) -> None:
    """More connections than there are places, half of a request on each: the next is served."""
    silent = []
    try:
        for _ in range(140):
            silent.append(socket.create_connection(at, timeout=20))
            silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        assert get(at, "/")[0] == 200
    finally:
        for one in silent:
            one.close()


def test_a_page_that_does_not_read_costs_nobody(net: Star, at: tuple[str, int]) -> None:
    name = Path(net.switch.socket).stem
    with socket.create_connection(at, timeout=20) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.sendall(f"GET /api/{name}/live HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        deaf.recv(64)
        for number in range(3):
            net.h(4).join(f"239.41.0.{number}")
        with socket.create_connection(at, timeout=30) as live:
            live.sendall(f"GET /api/{name}/live HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            heard = b""

            def told() -> bool:
                nonlocal heard
                heard += live.recv(1 << 16)
                return b"239.41.0.2" in heard

            wait_until(told, within=20)
    for number in range(3):
        net.h(4).leave(f"239.41.0.{number}")
