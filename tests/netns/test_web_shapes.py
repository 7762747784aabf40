"""The page of a switch that is made up: as large, as tagged or as empty as none in a lab is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from netns.browsing import chromium, made, made_up, shot, tell

ROWS, PORTS = 500, 256
SCROLL = """async () => {
  const matrix = document.getElementById('matrix');
  let changed = 0;
  const watcher = new MutationObserver((list) => { changed += list.length; });
  watcher.observe(matrix, { childList: true, subtree: true });
  for (let step = 1; step <= 40; step++) {
    matrix.scrollLeft = (matrix.scrollWidth - matrix.clientWidth) * step / 40;
    matrix.scrollTop = (matrix.scrollHeight - matrix.clientHeight) * step / 40;
    await new Promise(requestAnimationFrame);
  }
  return [changed, document.querySelectorAll('*').length];
}"""
PIXEL = """([across, down]) => {
  const canvas = document.querySelector('#matrix canvas');
  return [...canvas.getContext('2d').getImageData(across, down, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def stream(group: str, source: str, port: str, cells: str, **more: Any) -> dict[str, Any]:
    return {
        "group": group, "source": source, "port": port, "cells": cells, "state": "running", **more,
    }  # fmt: skip


def test_500_streams_by_256_ports_scroll_without_an_element_that_comes_or_goes(
    browser: Browser,
) -> None:
    """Their cost is that of what is seen; where the scrolling ends, it can be read and clicked."""
    ports = [{"name": f"p{number}"} for number in range(PORTS)]
    rows = [
        stream(f"239.1.{i // 250}.{i % 250}", "10.0.0.9", "p0", "i" + "pm" * 127 + "x")
        for i in range(ROWS)
    ]
    with made_up(browser, made(ports, rows)) as page:
        expect(page.locator("#count")).to_have_text("500 rows, 256 ports")
        changed, elements = page.evaluate(SCROLL)
        assert changed == 0
        assert elements < 3000
        last = page.locator("#cell-499-255")
        expect(last).to_have_attribute(
            "aria-label", "239.1.1.249, p255: member, and it is not sent there"
        )
        box, canvas = last.bounding_box(), page.locator("#matrix canvas").bounding_box()
        assert box is not None
        assert canvas is not None
        at = [box["x"] - canvas["x"] + 4, box["y"] - canvas["y"] + 4]
        red, green, blue = page.evaluate(PIXEL, at)
        assert (
            red > max(green, blue) + 20
        )  # painted where it is to be clicked, in the colour of trouble
        last.click()
        expect(page.locator("#panel h2")).to_have_text("239.1.1.249 → p255")
        page.locator("#matrix").press("Control+Home")
        page.locator("#matrix").press("ArrowRight")
        expect(page.locator("#matrix .active")).to_have_attribute("id", "cell-0-0")
        shot(page, "large")


def test_each_vlan_has_its_querier_and_its_rows(browser: Browser) -> None:
    vids = (10, 20, 30)
    rows = [stream("239.1.1.1", "10.0.0.9", "p0", "im", vlan=vid) for vid in vids]
    asked = [
        {"vlan": vid, "family": family, "role": role, "address": address, "port": None,
         "timer": None, "pruning": role != "none"}
        for vid in vids
        for family, role, address in (
            ("ipv4", "none" if vid == 30 else "querier", None if vid == 30 else "10.0.0.1"),
            ("ipv6", "querier", "fe80::1"),
        )
    ]  # fmt: skip
    asked.sort(key=lambda row: row["role"] != "none")
    ports = [{"name": "p0", "vlans": "10, 20, 30"}, {"name": "p1", "vlans": "10 untagged"}]
    picture = made(ports, rows, summary={"queriers": asked, "vlan_names": {10: "video"}})
    with made_up(browser, picture) as page:
        expect(page.locator("#strip .chip").first).to_have_text(
            "VLAN 30 IGMP queriernobody asks, flooding"
        )
        page.locator("#strip .chip", has_text="More VLANs").click()
        table = page.get_by_role("table", name="Who asks")
        expect(table.get_by_role("row")).to_have_count(7)
        expect(table).to_contain_text("VLAN 10 video")
        page.locator("#vlan").select_option("20")
        expect(page.locator("#matrix .name")).to_have_count(1)
        expect(page.locator("#matrix .name")).to_have_attribute(
            "aria-label", "239.1.1.1, VLAN 20, from 10.0.0.9 at p0, 0"
        )
        shot(page, "vlans")


def test_a_finding_leads_to_its_stream_and_port(browser: Browser) -> None:
    """Also to a row that is hidden, of two of that group the one of its source."""
    rows = [
        stream("239.1.1.1", "10.0.0.8", "p0", "im"),
        stream("239.1.1.1", "10.0.0.9", "p0", "io"),
        stream("239.1.1.2", "10.0.0.9", "p0", "ix", wrong=True),
    ]
    found = {
        "severity": "note", "subject": "10.0.0.9 -> 239.1.1.1", "name": None,
        "finding": "goes nowhere: 10.0.0.11 at p1 wants only 10.0.0.8",
        "do": "on it: IP_ADD_SOURCE_MEMBERSHIP = 10.0.0.9",
    }  # fmt: skip
    with made_up(browser, made([{"name": "p0"}, {"name": "p1"}], rows, findings=[found])) as page:
        page.get_by_role("button", name="Trouble only").click()
        expect(page.locator("#matrix .name")).to_have_count(1)
        page.get_by_role("button", name=found["subject"]).click()
        expect(page.locator("#matrix .name")).to_have_count(3)
        expect(page.locator("#matrix")).to_have_attribute("aria-activedescendant", "cell-1-1")
        expect(page.locator("#panel h2")).to_have_text("239.1.1.1 → p1")
        expect(page.locator("#filter")).to_have_text("of 239.1.1.1, p1")


def test_a_finding_about_several_shows_all_of_them(browser: Browser) -> None:
    """Groups that its text leaves out as well; of ports, the streams they have to do with."""
    rows = [stream(f"239.1.1.{number}", "10.0.0.9", "p0", "imp") for number in range(6)]
    rows.append(stream("239.1.1.6", "10.0.0.9", "p0", "ipp"))
    waiting, ports = (
        {"severity": "note", "subject": subject, "name": None, "finding": "so of all", "do": "do",
         "about": about}
        for subject, about in (
            ("239.1.1.0, 239.1.1.1, …", [f"239.1.1.{number}" for number in (0, 1, 3)]),
            ("p1, p2", []),
        )
    )  # fmt: skip
    rows.append(stream("239.9.9.9", "10.0.0.9", "p0", "i--", vlan=10))
    rows.append({"group": "239.9.9.9", "cells": "--w", "vlan": 20, "wrong": True})
    apart = waiting | {
        "subject": "239.9.9.9", "cause": "wrong_vlan", "about": [],
        "finding": "10.0.0.12 has joined it in VLAN 20 at p2, and it comes in in VLAN 10, at p0",
    }  # fmt: skip
    named = [{"name": name} for name in ("p0", "p1", "p2")]
    with made_up(browser, made(named, rows, findings=[waiting, ports, apart])) as page:
        shown = page.locator("#matrix .row .group")
        expect(shown).to_have_count(9)
        page.get_by_role("button", name="239.9.9.9").click()
        expect(shown).to_have_text(["239.9.9.9", "239.9.9.9"])
        page.get_by_role("button", name=waiting["subject"]).click()
        expect(shown).to_have_text(["239.1.1.0", "239.1.1.1", "239.1.1.3"])
        page.get_by_role("button", name="p1, p2", exact=True).click()
        expect(shown).to_have_count(7)
        page.get_by_role("button", name="✕ p1, p2").click()
        expect(shown).to_have_count(9)


def test_few_ports_have_the_width_of_the_screen(browser: Browser) -> None:
    """And a name the room it takes; of as many as there is no room for, each is narrow."""
    rows = [stream("239.1.1.1", "10.0.0.9", "p0", "im", name="News")]
    with made_up(browser, made([{"name": "p0"}, {"name": "p1"}], rows)) as page:
        last = page.locator("#cell-0-1")
        wide = last.bounding_box()
        assert wide is not None
        assert wide["width"] > 40
        page.mouse.click(wide["x"] + wide["width"] - 4, wide["y"] + 8)
        expect(page.locator("#panel h2")).to_have_text("News → p1")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function(
            "document.getElementById('cell-0-1')?.getBoundingClientRect().right < 390"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_address_that_is_none_still_opens_the_page(browser: Browser) -> None:
    rows = [stream("239.1.1.1", "10.0.0.9", "p0", "i")]
    with made_up(browser, made([{"name": "p0"}], rows), path="#%") as page:
        expect(page.locator("#count")).to_have_text("1 row, 1 port")


def test_what_was_lost_before_the_switch_is_said_of_the_stream(browser: Browser) -> None:
    whole = {"kind": "ts", "lost": 0, "reordered": 0, "duplicates": 0, "continuity_errors": 0,
             "longest_gap_ms": 0, "recently": False}  # fmt: skip
    hurt = {**whole, "kind": "rtp", "lost": 12, "longest_gap_ms": 40, "recently": True}
    rows = [
        stream(f"239.1.1.{number}", "10.0.0.9", "p0", "im", health=health)
        for number, health in enumerate((whole, hurt))
    ]
    with made_up(browser, made([{"name": "p0"}, {"name": "p1"}], rows)) as page:
        page.locator("#name-0").click()
        expect(page.locator("#panel")).to_contain_text("Came in whole (MPEG-TS)")
        page.locator("#name-1").click()
        expect(page.locator("#panel .said")).to_have_text(
            "Lost before the switch, just now: 12 lost, longest gap 40 ms (RTP)."
        )
        expect(page.get_by_role("rowheader").last).to_have_accessible_name(
            "239.1.1.1, from 10.0.0.9 at p0, 0, damaged when it comes in"
        )
        shot(page, "damaged")


def test_a_port_s_rate_beside_what_its_link_carries(browser: Browser) -> None:
    port = {"name": "p0", "description": "Hall", "speed_mbit": 100, "tx_bits_per_s": 9e7}
    rows = [stream("239.1.1.1", "10.0.0.9", "p1", "mi", name="News")]
    with made_up(browser, made([port, {"name": "p1"}], rows)) as page:
        page.locator("#matrix .port[title^='p0,']").click()
        panel = page.locator("#panel")
        expect(panel).to_contain_text("Out 90 Mbit/s of 100 Mbit/s, 90 %")
        expect(panel.get_by_role("meter", name="Out, share of the link")).to_have_attribute(
            "value", "90000000"
        )
        expect(panel.get_by_role("table", name="Groups asked for")).to_contain_text("News")
        expect(panel).to_contain_text("nobody answers")


def test_where_nothing_is_to_be_seen_it_says_what_to_do(browser: Browser) -> None:
    port = {"name": "p0", "description": "Hall"}
    local = {"group": "224.0.0.251", "cells": "w", "local": True}
    wrong = [("forbidden", "sw0 cannot be asked"), ("disconnected", "Disconnected")]
    with made_up(browser, made([], [])) as page:
        heading = page.locator("#empty h2")
        expect(heading).to_have_text("This switch has no ports")
        tell(page, "picture", made([port], []))
        expect(heading).to_have_text("No streams, and nobody has joined")
        tell(page, "picture", made([port], [local]))
        expect(heading).to_have_text("Only link-local groups")
        for state, words in wrong:
            health = {"state": state, "text": "do this", "since": 0}
            tell(page, "picture", {"health": health})
            expect(heading).to_have_text(words)
            expect(page.locator("#empty p").first).to_have_text("do this")
            expect(page.locator("#health")).to_have_text(f"▲ {state}")
        tell(
            page, "picture", made([port], [stream("239.1.1.1", "10.0.0.9", "p0", "i", name="News")])
        )
        expect(page.locator("#empty")).to_be_hidden()
        for text in ("new", "hall", "0.0.9"):
            page.locator("#search").fill(text)
            expect(page.locator("#matrix .name b")).to_have_text("News")
        page.locator("#search").fill("weather")
        expect(heading).to_have_text("Nothing found")
        page.locator("#search").fill("")
        page.get_by_role("button", name="Trouble only").click()
        expect(heading).to_have_text("No trouble")
