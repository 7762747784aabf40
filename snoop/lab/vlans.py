"""A host's interfaces at a trunk: `eth0.10` sends and receives what has the tag 10 on `eth0`.

Where the kernel has `vlan` devices it is one of those. Where it has none (CONFIG_VLAN_8021Q) a pair
of veths in the host's namespace does their work with two programs on the tcx hooks (kernel 6.6):

    eth0.10 ── tag10 ⇄ eth0 ── port

What comes out of the pair at `tag10` gets the tag and leaves by `eth0`; what `eth0` receives with
the tag loses it and goes back through the pair. Other tags find no program and no owner: the kernel
ignores them, as it does frames of a VLAN it has no device for. The programs live as long as the
interfaces they hang on: nobody has to hold them.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from snoop.lab.namespaces import LabError, index_of
from snoop.namespace import inside

SYS_BPF = 321 if os.uname().machine == "x86_64" else 280
PROG_LOAD, PROG_ATTACH = 5, 8
SCHED_CLS, TCX_INGRESS, TCX_NEXT = 3, 46, -1
VLAN_PUSH, VLAN_POP, REDIRECT = 18, 19, 23
SKB_VLAN_PRESENT, SKB_VLAN_TCI, SKB_VLAN_PROTO = 20, 24, 28
ETH_P_8021Q_BE = struct.unpack("=H", b"\x81\x00")[0]
LIBC = ctypes.CDLL(None, use_errno=True)


def add_tagged(link: IPRoute, namespace: str, vid: int, *, pcp: int = 0, over: str = "eth0") -> str:
    """An up interface `<over>.<vid>` in the namespace of `link`; its name.

    `pcp` is the priority in the tags of what it sends. LabError where this kernel cannot.
    """
    name, below = f"{over}.{vid}", index_of(link, over)
    try:
        link.link("add", ifname=name, kind="vlan", link=below, vlan_id=vid,
                  vlan_egress_qos={"from": 0, "to": pcp})  # fmt: skip
    except NetlinkError:
        by_programs(link, namespace, name, below, vid=vid, pcp=pcp)
    link.link("set", index=index_of(link, name), state="up")
    return name


def by_programs(
    link: IPRoute, namespace: str, name: str, below: int, *, vid: int, pcp: int
) -> None:
    tagger = f"tag{vid}"
    facts = link.get_links(below)[0]
    mac, mtu = facts.get_attr("IFLA_ADDRESS"), facts.get_attr("IFLA_MTU")
    link.link("add", ifname=name, kind="veth", address=mac, mtu=mtu,
              peer={"ifname": tagger, "mtu": mtu})  # fmt: skip
    inner = index_of(link, tagger)
    try:
        with inside(namespace):
            silence(tagger)
            attach(tagging(pcp << 13 | vid, below), inner)
            attach(untagging(vid, inner), below)
    except OSError as error:
        link.link("del", index=inner)
        raise LabError(
            f"tagged interfaces need the kernel's vlan devices, or kernel 6.6 and CAP_BPF: {error}"
        ) from error
    link.link("set", index=inner, state="up")


def silence(interface: str) -> None:
    """No IPv6 of its own: what it said would come out at the host, as from a stranger."""
    setting = Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6")
    if setting.exists():
        setting.write_text("1")


# --- programs: at the hook r1 is the frame; a program ends with r0, what becomes of it


def tagging(tci: int, out: int) -> bytes:
    """Push the tag, send it out of the interface `out`."""
    return (
        move(6, 1)
        + constant(2, ETH_P_8021Q_BE)
        + constant(3, tci)
        + call(VLAN_PUSH)
        + constant(1, out)
        + constant(2, 0)
        + call(REDIRECT)
        + end()
    )


def untagging(vid: int, out: int) -> bytes:
    """Take the tag off what has this one, and send it out of `out`; the next program otherwise."""
    taken = move(1, 6) + call(VLAN_POP) + constant(1, out) + constant(2, 0) + call(REDIRECT)
    same_vid = load(2, SKB_VLAN_TCI) + mask(2, 0xFFF) + unless_equal(2, vid, taken)
    same_tag = load(2, SKB_VLAN_PROTO) + unless_equal(2, ETH_P_8021Q_BE, same_vid)
    tagged = load(2, SKB_VLAN_PRESENT) + unless_equal(2, 1, same_tag)
    return move(6, 1) + constant(0, TCX_NEXT) + tagged + end()


def instruction(code: int, to: int = 0, of: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, of << 4 | to, offset, value)


def move(to: int, of: int) -> bytes:
    return instruction(0xBF, to, of)


def constant(to: int, value: int) -> bytes:
    return instruction(0xB7, to, value=value)


def load(to: int, field: int) -> bytes:
    """A 32-bit field of the frame's `__sk_buff`."""
    return instruction(0x61, to, 6, field)


def mask(to: int, bits: int) -> bytes:
    return instruction(0x57, to, value=bits)


def unless_equal(register: int, value: int, skipped: bytes) -> bytes:
    """`skipped` runs only if the register has the value."""
    return instruction(0x55, register, offset=len(skipped) // 8, value=value) + skipped


def call(helper: int) -> bytes:
    return instruction(0x85, value=helper)


def end() -> bytes:
    return instruction(0x95)


def attach(code: bytes, ifindex: int) -> None:
    """Hang a program on the ingress of an interface of the namespace that we are in."""
    descriptor = program(SCHED_CLS, code)
    try:
        bpf(PROG_ATTACH, struct.pack("=IIII", ifindex, descriptor, TCX_INGRESS, 0))
    finally:
        os.close(descriptor)


def program(kind: int, code: bytes, attach_type: int = 0) -> int:
    """The descriptor of a program of that type."""
    text, license_text = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    return bpf(
        PROG_LOAD,
        struct.pack("=IIQQ44xI", kind, len(code) // 8, ctypes.addressof(text),
                    ctypes.addressof(license_text), attach_type),
    )  # fmt: skip


def bpf(command: int, attributes: bytes) -> int:
    whole = ctypes.create_string_buffer(attributes, 128)
    result: int = LIBC.syscall(SYS_BPF, command, whole, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf: {os.strerror(ctypes.get_errno())}")
    return result
