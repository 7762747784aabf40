"""The process that lives inside one host's network namespace and does what the lab tells it.

Started by `host.py` on `eth0`, already inside the namespace; standard library only, and little of
that, so that it is up in a few hundredths of a second. Commands come as JSON lines on stdin,
`{"id": 1, "op": "join", ...}`; each is answered by one line on stdout, `{"id": 1, "result": ...}`
or `{"id": 1, "error": "..."}`, in the order in which they end. When stdin ends the agent ends, and
with it every membership and socket of the host: a lab that dies leaves nothing behind.

Two views of what arrived are kept apart. `wire` is what an AF_PACKET tap saw on the interface,
wanted or not: what the switch delivered. `app` is what came out of the joined UDP sockets: what the
kernel found good (checksums, reassembly, its own source filter). A super-frame (UDP GSO) counts as
the datagrams in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
import struct
import sys
import threading

from snoop.lab.datagrams import (
    DATA_PORT,
    Tally,
    endpoint,
    family,
    tcp_send,
    tcp_serve,
    udp_bursts,
    udp_send,
)
from snoop.lab.tap import Tap, enlarge, raw_send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29
MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_MSFILTER = 42, 45, 46, 48
SO_MEMINFO = 55
EXCLUDE, INCLUDE = 0, 1
RECEIVE_BUFFER_BYTES = 32 << 20
COUNT_MAX = 200_000  # frames read before counts are given: all that wait, unless a flood goes on


class Membership:
    """One UDP socket that is a member of one group on one interface, with the kernel's own source
    filter.
    """

    def __init__(self, group: str, interface: str, port: int) -> None:
        self.group, self.interface = group, interface
        self.ifindex = socket.if_nametoindex(interface)
        self.level = socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP
        self.joined = False
        self.tallies: dict[str, Tally] = {}
        self.forgiven = 0
        self.sock = open_receiver(group, port, self.ifindex)

    def request(self, option: int, rest: bytes = b"") -> None:
        """A `struct group_req`, and what follows it in the larger ones."""
        wanted = struct.pack("=I4x", self.ifindex) + storage(self.group) + rest
        self.sock.setsockopt(self.level, option, wanted)

    def set_filter(self, mode: int, sources: list[str]) -> None:
        """Join or change the filter. The kernel sends the state change itself (RFC 9776 section
        5.1, RFC 9777 section 6.1).
        """
        if not self.joined:
            if mode == INCLUDE:
                self.request(MCAST_JOIN_SOURCE_GROUP, storage(sources[0]))
            else:
                self.request(MCAST_JOIN_GROUP)
            self.joined = True
            if len(sources) == (1 if mode == INCLUDE else 0):
                return
        listed = b"".join(map(storage, sources))
        self.request(MCAST_MSFILTER, struct.pack("=II", mode, len(sources)) + listed)

    def overflowed(self) -> int:
        """Datagrams since the last reset that came while the socket was full."""
        memory = self.sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
        dropped: int = struct.unpack("=9I", memory)[8]  # damaged ones, too: they are no overflow
        return max(0, min(dropped - self.forgiven, udp_overflows()))

    def leave(self) -> None:
        self.request(MCAST_LEAVE_GROUP)


def udp_overflows() -> int:
    """RcvbufErrors of this namespace, of both families."""
    lines = read("/proc/thread-self/net/snmp").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Udp:"))
    overflows = int(values[names.index("RcvbufErrors")])
    for line in read("/proc/thread-self/net/snmp6").splitlines():
        if line.startswith("Udp6RcvbufErrors"):
            overflows += int(line.split()[1])
    return overflows


def storage(address: str) -> bytes:
    """`struct sockaddr_storage` of an address."""
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        return struct.pack("=HHI16s", socket.AF_INET6, 0, 0, packed).ljust(128, b"\0")
    return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address)).ljust(128, b"\0")


def interface_address(ifindex: int) -> str:
    name = socket.if_indextoname(ifindex)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, 0x8915, struct.pack("16s24x", name.encode()))  # SIOCGIFADDR
    return socket.inet_ntoa(answer[20:24])


def open_receiver(address: str, port: int, ifindex: int) -> socket.socket:
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    enlarge(sock, RECEIVE_BUFFER_BYTES)
    # Without this the kernel hands the socket every group any other socket of the host joined.
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    sock.bind(endpoint(address, port, ifindex))
    sock.setblocking(False)
    return sock


class Agent:
    """The selector loop, the memberships and the answers."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self.selector = selectors.DefaultSelector()
        self.members: dict[tuple[str, str, int], Membership] = {}
        self.past: list[Membership] = []
        self.tap = Tap(interface)
        self.waiting: dict[str, list[int]] = {}
        self.stopped: set[int] = set()
        self.output = threading.Lock()
        self.pending = b""
        self.selector.register(0, selectors.EVENT_READ, self.read_commands)
        self.selector.register(self.tap.sock, selectors.EVENT_READ, self.read_tap)

    def run(self) -> None:
        while True:
            for key, _ in self.selector.select():
                key.data()

    def read_tap(self) -> None:
        self.tap.read()
        for token in self.tap.markers & self.waiting.keys():
            for ident in self.waiting.pop(token):
                self.answer(ident, result=True)

    def read_commands(self) -> None:
        data = os.read(0, 1 << 20)
        if not data:
            os._exit(0)  # the sockets go with the process, and so does every membership
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            ident, op = request.pop("id"), request.pop("op")
            self.execute(ident, op, request)

    def execute(self, ident: int, op: str, arguments: dict[str, Any]) -> None:
        slow = {
            "send": udp_send,
            "bursts": udp_bursts,
            "frames": raw_send,
            "tcp_send": tcp_send,
        }
        if op in slow:
            arguments.setdefault("interface", self.interface)
            if op != "tcp_send":
                arguments["stopped"] = lambda: ident in self.stopped
            thread = threading.Thread(
                target=self.execute_slow, args=(ident, slow[op], arguments), daemon=True
            )
            thread.start()
            return
        try:
            if op == "marker":
                self.await_marker(ident, **arguments)
            else:
                self.answer(ident, result=getattr(self, f"op_{op}")(**arguments))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.answer(ident, error=f"{op}: {type(error).__name__}: {error}")

    def execute_slow(self, ident: int, function: Any, arguments: dict[str, Any]) -> None:
        try:
            self.answer(ident, result=function(**arguments))
        except (OSError, ValueError, TypeError) as error:
            self.answer(ident, error=f"{function.__name__}: {type(error).__name__}: {error}")

    def answer(self, ident: int, **fields: object) -> None:
        line = json.dumps({"id": ident, **fields}).encode() + b"\n"
        with self.output, contextlib.suppress(BrokenPipeError):
            view = memoryview(line)
            while view:
                view = view[os.write(1, view) :]

    def await_marker(self, ident: int, token: str) -> None:
        """Answer when the tap has seen the marker: all delivered before it is then counted."""
        if token in self.tap.markers:
            self.answer(ident, result=True)
        else:
            self.waiting.setdefault(token, []).append(ident)

    # --- operations: the name after `op_` is the command, the arguments its fields

    def op_filter(
        self,
        group: str,
        mode: str = "exclude",
        sources: list[str] | None = None,
        interface: str | None = None,
        port: int = DATA_PORT,
    ) -> None:
        key = (interface or self.interface, group, port)
        member = self.members.get(key)
        if member is None:
            member = Membership(group, key[0], port)
            try:
                member.set_filter(INCLUDE if mode == "include" else EXCLUDE, sources or [])
            except OSError:
                member.sock.close()
                raise
            self.members[key] = member
            self.selector.register(
                member.sock, selectors.EVENT_READ, lambda: self.read_member(member)
            )
        else:
            member.set_filter(INCLUDE if mode == "include" else EXCLUDE, sources or [])

    def op_leave(
        self, group: str, interface: str | None = None, port: int = DATA_PORT, forget: bool = False
    ) -> None:
        """Leaves; the counts stay readable unless `forget`."""
        member = self.members.get((interface or self.interface, group, port))
        if member is None:
            raise ValueError(f"not a member of {group}")
        if member.joined:
            member.leave()
        self.selector.unregister(member.sock)
        self.drain(member)
        member.sock.close()
        del self.members[(interface or self.interface, group, port)]
        if not forget:
            self.past.append(member)

    def op_leave_all(self) -> None:
        for interface, group, port in list(self.members):
            self.op_leave(group, interface, port, forget=True)

    def op_stop(self, job: int) -> None:
        """A `send`, `bursts` or `frames` ends, and answers with what it has sent."""
        self.stopped.add(job)

    def op_listen(self, port: int = DATA_PORT) -> None:
        """A plain UDP receiver for unicast."""
        address = interface_address(socket.if_nametoindex(self.interface))
        member = Membership(address, self.interface, port)
        self.members[(self.interface, address, port)] = member
        self.selector.register(member.sock, selectors.EVENT_READ, lambda: self.read_member(member))

    def drain(self, member: Membership) -> None:
        if member.sock.fileno() < 0:
            return  # left in the same round of the selector, with datagrams waiting
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data, (source, *_) = member.sock.recvfrom(65536)
                member.tallies.setdefault(source.split("%")[0], Tally()).datagram(data)

    read_member = drain

    def op_counts(self) -> dict[str, Any]:
        """Everything received so far, `wire` and `app`."""
        self.tap.read(COUNT_MAX)
        app = []
        for member in [*self.past, *self.members.values()]:
            if member.sock.fileno() >= 0:
                self.drain(member)
            app += [
                {
                    "group": member.group,
                    "interface": member.interface,
                    "source": source,
                    **tally.as_dict(),
                }
                for source, tally in member.tallies.items()
            ]
        return {
            "wire": self.tap.counts(),
            "app": app,
            "tap_drops": self.tap.drops(),
            "wire_missed": self.tap.missed(),
            "app_missed": sum(member.overflowed() for member in self.members.values()),
        }

    def op_reset(self) -> None:
        """Forget counts and captured frames, not memberships."""
        self.tap.read(COUNT_MAX)
        self.tap.reset()
        self.past.clear()
        for member in self.members.values():
            self.drain(member)
            member.tallies.clear()
            member.forgiven += member.overflowed()

    def op_record(self, what: str) -> None:
        """Which frames `captured` keeps: "control" (IGMP, MLD, PIM; the default), "all", "none"."""
        self.tap.record = what

    def op_tap(self, on: bool, tcp: bool = False) -> None:
        """Switch the tap off (it costs the host time per frame), or let it see TCP as well."""
        self.selector.unregister(self.tap.sock)
        self.tap.sock.close()
        old = self.tap
        self.tap = Tap(self.interface, on=on, tcp=tcp)
        self.tap.record, self.tap.markers = old.record, old.markers
        self.selector.register(self.tap.sock, selectors.EVENT_READ, self.read_tap)

    def op_captured(self, start: int = 0) -> list[dict[str, Any]]:
        self.tap.read(COUNT_MAX)
        return [frame.as_dict() for frame in self.tap.frames[start:]]

    def op_sysctl(self, path: str, value: str | None = None) -> str:
        path = os.path.join("/proc/sys", path)
        if value is not None:
            write(path, str(value))
        return read(path).strip()

    def op_read(self, path: str) -> str:
        return read(path)

    def op_tcp_serve(self, port: int, verify: bool = False) -> None:
        tcp_serve(port, verify)

    def op_ping(self) -> int:
        return os.getpid()


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def main() -> None:
    """An agent on the interface of the first argument, until its standard input ends."""
    for name, value in (("igmp_max_memberships", "4096"), ("igmp_max_msf", "256")):
        with contextlib.suppress(OSError):
            write(f"/proc/sys/net/ipv4/{name}", value)
    Agent(sys.argv[1]).run()
