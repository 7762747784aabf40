"""The story that `./netns-lab/demo` tells: who joins what, what is sent, who gets it, and proof.

Every figure is counted by the hosts' own taps and sockets, never taken from the switch. The exit
status is 0 only if each one is what the protocol says. Joins and leaves are the kernel's, except
for the member that falls silent: that one is a crafted report, since a kernel would not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping

from snoop.lab import Lab, LabError, frames, namespaces, wait_until
from snoop.lab.switch import KernelBridge, Snoop
from testbed.demo_vlans import vlans

QUERY, RESPONSE, LAST_MEMBER = 1.5, 0.5, 0.5
ROBUSTNESS = 2
LMQT = LAST_MEMBER * ROBUSTNESS
GMI = ROBUSTNESS * QUERY + 2 * RESPONSE  # RFC 9776 section 8.4
ANY_SOURCE, SOURCE_SPECIFIC = "239.1.1.1", "232.1.1.1"
IPV6 = "ff3e::1"
COUNT, RATE = 1000, 5000
TIMING = 0.35  # how far a measured time may be from the rule on a busy machine, seconds

STAR = """\
    h0 ── p0 ┐             ┌ p4 ── s0   10.0.0.14
    h1 ── p1 ┤             │
             ├── {switch:^7} ──┤
    h2 ── p2 ┤             │
    h3 ── p3 ┘             └ p5 ── s1   10.0.0.15
"""

CONFIG = {
    "igmp": {
        "querier": "on",
        "querier_address": "10.0.0.254",
        "query_interval": QUERY,
        "query_response_interval": RESPONSE,
        "last_member_query_interval": LAST_MEMBER,
        "startup_query_interval": 0.5,
    },
    "mld": {
        "querier": "on",
        "query_interval": QUERY,
        "query_response_interval": RESPONSE,
        "last_listener_query_interval": LAST_MEMBER,
        "startup_query_interval": 0.5,
    },
}


class Story:
    """One run: the lab, the switch, and what each host should have and has received."""

    def __init__(self, lab: Lab, switch: Snoop | KernelBridge) -> None:
        self.lab, self.switch = lab, switch
        self.sent = dict.fromkeys(lab.names, 0)
        self.expected = dict.fromkeys(lab.names, 0)
        self.received = dict.fromkeys(lab.names, 0)
        self.faults: list[str] = []
        self.streams = 0

    def check(self, good: bool, text: str) -> None:
        print(f"  {'ok  ' if good else 'FAIL'} {text}", flush=True)
        if not good:
            self.faults.append(text)

    def table(self, *filters: str) -> None:
        """What is joined; of IPv6 only what is asked for, since every host joins some unasked."""
        if isinstance(self.switch, Snoop):
            filters = filters or ("--family", "ipv4")
            print("\n" + self.switch.do("show", "mdb", *filters).rstrip() + "\n")

    def round(self, group: str, wanted: Mapping[str, set[str]]) -> None:
        """Both kinds of source send; `wanted` says for each sending host who is to receive it."""
        self.streams += 1
        for name in self.lab.names:
            self.lab.h(name).reset()
        for sender in wanted:
            self.lab.h(sender).send(group, count=COUNT, rate=RATE, stream=self.streams)
            self.sent[sender] += COUNT
            self.lab.settle(self.lab.h(sender))
        for name in self.lab.names:
            host = self.lab.h(name)
            due = sum(COUNT for receivers in wanted.values() if name in receivers)
            wire, app = host.wire(group), host.app(group)
            whole = wire.unique == wire.datagrams == due and not wire.corrupt
            # A host that joined through its kernel must also have got them out of its socket.
            heard = app.unique == due or name in self.silent
            self.expected[name] += due
            self.received[name] += wire.datagrams
            if not (whole and heard):
                came = f"{wire.datagrams} came, {app.unique} read"
                self.check(False, f"{name}: {due} expected, {came}")
        for sender, receivers in wanted.items():
            others = sorted(set(self.lab.names) - receivers - {sender})
            spared = f"{', '.join(others)} got none"
            got = f"{', '.join(sorted(receivers))} got all; {spared}" if receivers else spared
            self.check(not self.faults, f"{COUNT} from {sender} to {group}: {got}")

    silent: frozenset[str] = frozenset()

    # --- the chapters

    def any_source(self) -> None:
        title(f"Any source: h0 (IGMPv3) and h1 (IGMPv2) join {ANY_SOURCE}")
        self.lab.h("h1").igmp_version(2)
        self.lab.h("h0").join(ANY_SOURCE)
        self.lab.h("h1").join(ANY_SOURCE)
        self.switch.wait_members(ANY_SOURCE, {"p0", "p1"})
        self.table()
        self.round(ANY_SOURCE, {"s0": {"h0", "h1"}})

    def source_specific(self) -> None:
        wanted = self.lab.h("s0").address
        title(f"One source: h2 joins ({wanted}, {SOURCE_SPECIFIC}); s0 and s1 both send")
        self.lab.h("h2").join(SOURCE_SPECIFIC, wanted)
        self.switch.wait_members(SOURCE_SPECIFIC, {"p2"})
        self.table()
        self.round(SOURCE_SPECIFIC, {"s0": {"h2"}, "s1": set()})

    def ipv6(self) -> None:
        wanted = self.lab.h("s0").address6
        title(f"IPv6: h2 joins ({wanted}, {IPV6}) by MLDv2; s0 and s1 both send, and h2 leaves")
        self.lab.h("h2").join(IPV6, wanted)
        self.switch.wait_members(IPV6, {"p2"})
        self.table("--group", IPV6)
        self.round(IPV6, {"s0": {"h2"}, "s1": set()})
        self.lab.h("h2").leave(IPV6)
        self.switch.wait_members(IPV6, set(), timeout=LMQT + 3)
        self.round(IPV6, {"s0": set()})

    def leave(self) -> None:
        title(f"Leave: h1 leaves {ANY_SOURCE} while s0 sends; last member time {LMQT:.1f} s")
        h0, h1, s0 = self.lab.h("h0"), self.lab.h("h1"), self.lab.h("s0")
        for host in (h0, h1):
            host.reset()
        count, rate = round((LMQT + 1.5) * 500), 500
        stream = s0.start("send", destination=ANY_SOURCE, count=count, rate=rate, stream=99)
        wait_until(lambda: h1.wire(ANY_SOURCE).datagrams > 20, within=3, what="the stream at h1")
        left_ns = time.time_ns()
        h1.leave(ANY_SOURCE)
        self.switch.wait_members(ANY_SOURCE, {"p0"}, timeout=LMQT + 3)
        stream.result()
        self.lab.settle(s0)
        took = (h1.wire(ANY_SOURCE).last_ns - left_ns) / 1e9
        self.check(abs(took - LMQT) < TIMING, f"last datagram at h1 {took:.2f} s after the leave")
        kept = h0.wire(ANY_SOURCE).unique
        self.check(kept == count, f"h0, still a member, had {kept} of {count} without a gap")
        self.table()
        self.round(ANY_SOURCE, {"s0": {"h0"}})

    def ageing(self) -> None:
        title(f"Ageing: h3 reports {ANY_SOURCE} once and falls silent; membership time {GMI:.1f} s")
        h3 = self.lab.h("h3")
        self.silent = frozenset({"h3"})
        h3.frames([frames.report_v2(ANY_SOURCE, h3.address, mac=h3.mac)])
        begin = time.monotonic()
        self.switch.wait_members(ANY_SOURCE, {"p0", "p3"})
        self.table()
        self.round(ANY_SOURCE, {"s0": {"h0", "h3"}})
        self.switch.wait_members(ANY_SOURCE, {"p0"}, timeout=GMI + 3)
        took = time.monotonic() - begin
        self.check(abs(took - GMI) < TIMING, f"p3 aged out {took:.2f} s after the report")
        self.table()
        self.round(ANY_SOURCE, {"s0": {"h0"}})

    def nobody(self) -> None:
        title("The last members leave; the streams go on and reach nobody")
        self.lab.h("h0").leave(ANY_SOURCE)
        self.lab.h("h2").leave(SOURCE_SPECIFIC)
        self.switch.wait_members(ANY_SOURCE, set(), timeout=LMQT + 3)
        self.switch.wait_members(SOURCE_SPECIFIC, set(), timeout=LMQT + 3)
        self.table()
        self.round(ANY_SOURCE, {"s0": set()})
        self.round(SOURCE_SPECIFIC, {"s0": set()})

    def trouble(self) -> None:
        """What the switch has to complain of, conservation too: the host that fell silent, alone.

        For every port, frames received = forwarded + punted + dropped, as the switch counts.
        """
        if isinstance(self.switch, Snoop):
            silent = [self.lab.h(name).address for name in self.silent]
            done = self.switch.run("check", "--json")
            assert done.returncode in (0, 1), done.stderr
            found = json.loads(done.stdout)["findings"]
            problems = [each for each in found if each["severity"] == "problem"]
            others = [each["finding"] for each in problems if each["host"] not in silent]
            named = "names h3, which fell silent, and no other trouble"
            self.check(not others, f"snoop check {named if problems else 'finds no trouble'}")
            for finding in others:
                print(f"       {finding}")

    def closing(self) -> None:
        title("Every host: datagrams the others sent to the groups, received, expected")
        for name in self.lab.names:
            sent = sum(self.sent.values()) - self.sent[name]
            got, due = self.received[name], self.expected[name]
            self.check(got == due, f"{name}: sent {sent:5}  received {got:5}  expected {due:5}")


def title(text: str) -> None:
    print(f"\n── {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="netns-lab/demo", description=__doc__)
    parser.add_argument(
        "--bridge", action="store_true", help="the same with the kernel's bridge in the middle"
    )
    options = parser.parse_args()
    begin = time.monotonic()
    with Lab(["h0", "h1", "h2", "h3", "s0", "s1"], quiet_ipv6=options.bridge) as lab:
        switch: Snoop | KernelBridge
        if options.bridge:
            switch = lab.bridge(
                query_interval=QUERY,
                query_response_interval=RESPONSE,
                last_member_query_interval=LAST_MEMBER,
                membership_interval=GMI,
            )
        else:
            switch = lab.switch(config=CONFIG)
        print(STAR.format(switch="bridge" if options.bridge else "snoop"))
        lab.wait_pruning(lab.h("s0"), lab.h("h0"), lab.h("h3"))
        if isinstance(switch, Snoop):
            switch.wait_pruning(family="ipv6")
            switch.quick("clear", "mdb", "--family", "ipv4")
        story = Story(lab, switch)
        story.any_source()
        story.source_specific()
        if isinstance(switch, Snoop):
            story.ipv6()
        story.leave()
        story.ageing()
        story.nobody()
        story.trouble()
        story.closing()
        prefix, children = lab.prefix, [host.process for host in lab.hosts]
    if not options.bridge:
        vlans(story.check, title)
    left = namespaces.named(prefix)
    gone = not left and all(child.poll() is not None for child in children)
    story.check(gone, f"nothing left behind; {time.monotonic() - begin:.1f} s in all")
    return 1 if story.faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("demo: interrupted; everything is taken down", file=sys.stderr)
        sys.exit(130)
    except (AssertionError, LabError, OSError) as fault:
        print(f"demo: {fault}", file=sys.stderr)
        sys.exit(1)
