"""Interfaces, hosts' stacks, fast leave, and whether every frame has its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, Who, note, problem
from snoop.control import documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.runtime.kernel import NOT_HERE

PARTIAL = ("macvlan", "macvtap")


def ports(facts: Facts) -> Iterator[Finding]:
    for port in facts.seen.ports:
        name, device = port.name, port.device or port.name
        if port.state == "missing" and port.kind == "host":
            do = "do what it says; `snoop reload` tries again"
            yield problem(Cause.PORT_MISSING, name, port.problem or "it is not there", do)
        elif port.state == "missing":
            yield problem(
                Cause.PORT_MISSING,
                name,
                "the interface does not exist",
                f"it joins when it appears (ip link add {name} …), or take its [[port]] name out",
            )
        elif port.problem and port.problem != port.notice and not port.loop:  # `loops` has that
            do = f"ip -d link show {device}"
            if "of the switch" in port.problem:
                do = f"`snoop list` has the other: take {name} out of one of them"
            yield problem(Cause.PORT_FAULT, name, port.problem, do)
        elif port.state == "down":
            yield _down(facts, port)
        if port.lro:
            yield problem(
                Cause.OFFLOAD, name, "large receive offload is on", f"ethtool -K {device} lro off"
            )
        own = [address for address in port.addresses if not address.startswith("fe80:")]
        if own and port.isolated:
            yield problem(
                Cause.HOST_STACK,
                name,
                f"carries {own[0]}, but the host's stack is kept off it",
                f"ip address flush dev {device}, or set [[port]] isolate = false",
            )
        elif own and port.notice:
            yield problem(Cause.HOST_STACK, name, port.notice, f"ip address flush dev {device}")
        elif port.notice and not port.isolated_because and not port.uppers:
            yield problem(Cause.HOST_STACK, name, port.notice, f"ip link set {device} nomaster")
        yield from _shared_interface(port)
    for name, why in facts.seen.no_ports.items():
        if name != "lo":
            yield note(
                Cause.PORT_FAULT,
                name,
                f"a [[port]] match or its alias says that it is a port, and it is none: {why}",
                f'write a [[port]] match that leaves it out, or ip link set {name} alias ""',
            )
    yield from _seen_by_the_host(facts)
    speaking = [
        port.name
        for port in facts.seen.ports
        if any(address.startswith("fe80:") for address in port.addresses) and port.kind != "host"
    ]
    if speaking:
        yield note(
            Cause.HOST_STACK,
            ", ".join(speaking),
            "the host's IPv6 stack speaks on these ports: router solicitations, MLD reports",
            "sysctl -w net.ipv6.conf.PORT.disable_ipv6=1 for each",
        )


def _down(facts: Facts, port: documents.Port) -> Finding:
    """Trouble if somebody waits for what came in there."""
    name = port.name
    do = f"ip link set {name} up, and look at the cable or at what is behind it"
    if port.kind == "host":
        do = f"ip link set {name} up; ip link set {port.device} up"
    what = "no carrier, or not up"
    for stream in facts.seen.streams:
        rows = facts.groups.get((stream.vlan, stream.group), ())
        waiting = sorted({row.port for row in rows} - {name})
        others = facts.sent[stream.group][stream.vlan]
        if stream.port == name and waiting and all(each.port == name for each in others):
            text = (
                f"{what}: {stream.source} -> {stream.group} came in here until {stream.idle:.0f} s "
                f"ago, and {', '.join(waiting)} waits for it"
            )
            return problem(Cause.PORT_DOWN, name, text, do)
    static = [row.group for row in facts.seen.mdb if row.port == name and row.origin == "static"]
    if static:
        what += f"; static entries send it {', '.join(static[:4])}"
    lost = [row for row in facts.witnesses.gone if (row.port, row.how) == (name, "port_down")]
    if not lost:
        return note(Cause.PORT_DOWN, name, what, do)
    last = min(lost, key=lambda row: row.age)
    who = Who(last.address, last.mac)
    what += (
        f"; {who} had joined {last.group}{f' and {len(lost) - 1} more' if lost[1:] else ''} when "
        f"it went down, {last.age:.0f} s ago"
    )
    return note(Cause.PORT_DOWN, name, what, do, who)


def _shared_interface(port: documents.Port) -> Iterator[Finding]:
    """SAY-18: interfaces that the kernel serves past the switch."""
    if port.link_kind in PARTIAL:
        yield note(
            Cause.SHARED_INTERFACE,
            port.name,
            f"a {port.link_kind} interface: unless its mode is passthru, the kernel hands it only "
            "what is sent to its own address, to groups and broadcast, and other unicast through "
            "this port is lost",
            "set [[port]] name to the interface below it, or a veth: ip link add type veth",
        )
    if port.uppers:
        yield note(
            Cause.SHARED_INTERFACE,
            port.name,
            f"other interfaces sit on it ({', '.join(port.uppers)}): they get frames past the "
            "switch, and the host's stack is not kept off it",
            f"if they are not meant to: ip link del {port.uppers[0]}",
        )


def _seen_by_the_host(facts: Facts) -> Iterator[Finding]:
    """Ports that the kernel would not let us keep its stack off: one note for a reason (SAY-19)."""
    ports_of: dict[str, list[str]] = defaultdict(list)
    for port in facts.seen.ports:
        if port.isolated_because:
            ports_of[port.isolated_because].append(port.name)
    for why, names in ports_of.items():
        yield note(
            Cause.HOST_STACK,
            ", ".join(names),
            f"the host's own stack sees what comes in here as well ({why}; it takes CAP_BPF, which "
            "a user namespace cannot give, and Linux 6.6): the host may answer frames that are not "
            "for it, and what comes in here takes the slower way, not that inside the kernel",
            "run as root, or with CAP_BPF; [switch] isolate = false says that it is meant so",
        )


def kernel(facts: Facts) -> Iterator[Finding]:
    """Streams that cannot be served inside the kernel; said with its host's stack where that is."""
    status = facts.seen.status
    because = status.kernel_because
    if because is None or any(port.isolated_because for port in facts.seen.ports):
        return
    if because != NOT_HERE:
        yield note(
            Cause.KERNEL,
            "switch",
            f"no stream is served inside the kernel ({because}): those that are not so fast that "
            "they leave in runs are forwarded later, and at more processor time",
            'run as root, or with CAP_BPF; [switch] kernel = "off" says that it is meant so',
        )


def priority(facts: Facts) -> Iterator[Finding]:
    """What `nice` asks for and the process was not given."""
    wanted, has = facts.config.switch.nice, facts.seen.status.nice
    if has is not None and has > wanted:
        yield note(
            Cause.PRIORITY,
            "switch",
            f"it does not go before other processes (nice {has}, not {wanted}, which takes "
            "CAP_SYS_NICE): where they use every processor, joins and frames wait for them",
            f"run as root, or with CAP_SYS_NICE; [switch] nice = {has} says that it is meant so",
        )


def snapshot(facts: Facts) -> Iterator[Finding]:
    """What a crash would lose."""
    why = facts.seen.status.unkept
    if why is not None:
        yield problem(
            Cause.SNAPSHOT,
            "switch",
            f"no snapshot of it is written ({why}): after a crash it knows what the last one "
            "says, and once that is too old nothing",
            "`df -h` and `ls -ld` of the directory of its control socket, where NAME.state is "
            "to be; [switch] state = false keeps none",
        )


def configuration(facts: Facts) -> Iterator[Finding]:
    """What would keep it from being reloaded, and from starting again."""
    why = facts.seen.status.unloadable
    if why is not None:
        yield note(
            Cause.CONFIGURATION,
            "switch",
            f"its configuration cannot be loaded any more ({why}): it goes on as it is, but a "
            "reload or a restart will be refused, and once it has ended it will not start",
            "mend the file, or put it back; `snoop config check FILE` says all that is wrong",
        )


def fast_leave(facts: Facts) -> Iterator[Finding]:
    for port in facts.config.port:
        name, stations = port.name, facts.stations.get(port.name, 0)
        if port.fast_leave != "on" or stations < 2:
            continue
        text = f'fast_leave = "on", but {stations} stations are behind it: '
        do = 'set [[port]] fast_leave = "tracked", or "off"'
        cut = [
            row
            for row in facts.witnesses.gone
            if (row.port, row.how) == (name, "fast_leave") and row.others
        ]
        if cut:
            other = Who(cut[0].others[0].address, cut[0].others[0].mac)
            text += f"{other} lost {cut[0].group} when {cut[0].address} ({cut[0].mac}) left; "
            yield problem(
                Cause.FAST_LEAVE, name, text + "one that leaves cuts the others off", do, other
            )
        elif facts.port_counters.get(name, {}).get("fast_leave"):
            yield problem(Cause.FAST_LEAVE, name, text + "one that leaves cuts the others off", do)
        else:
            yield note(Cause.FAST_LEAVE, name, text + "one that leaves will cut the others off", do)


def conservation(facts: Facts) -> Iterator[Finding]:
    for port, frames in facts.unbalanced.items():
        yield problem(
            Cause.BUG,
            port,
            f"{abs(frames)} received frames have {'no' if frames > 0 else 'more than one'} verdict",
            "a bug of ours: report it with `snoop show counters --json`",
        )
