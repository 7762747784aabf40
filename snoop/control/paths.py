"""Who serves a stream, the rings or the kernel: a sentence for each word of the fast path."""

from __future__ import annotations

from snoop.proto.units import Ports
from snoop.runtime.kernel import KernelPath
from snoop.table.seen import Stream

PATHS = {
    "new": "by the rings: too few of its frames were seen yet",
    "off": "by the rings: no stream may be served inside the kernel",
    "port": "by the rings: a port that it comes in at or leaves by has no program in the kernel "
    "(a filter of nftables' on what leaves there, or no CAP_BPF or Linux 6.6)",
    "runs": "by the rings: it is so fast that leaving in runs gains more",
    "frames": "by the rings: its frames are long, cut, or have options, which the kernel's program "
    "leaves alone",
    "ports": "by the rings: it goes to more ports than the kernel's program has room for",
    "copied": "by the rings: the control plane gets a copy of each frame",
    "full": "by the rings: the kernel's table has no room for it",
    "kernel": "served inside the kernel",
    "pruned": "dropped inside the kernel: nobody is to get it",
}
"""By the word of the fast path, `path_cause`."""


SERVERS = ("ring", "kernel")


def path(stream: Stream) -> str:
    """Name who serves it: `path` of `show streams`."""
    return SERVERS[stream.in_kernel]


def cause(stream: Stream, egress: Ports) -> str:
    """Say in a word why; `egress`: where it goes by now, whatever became of its last frame."""
    if stream.in_kernel:
        return "kernel" if egress else "pruned"
    return stream.path


def because(stream: Stream, egress: Ports, kernel: KernelPath) -> str:
    """Say in a sentence who serves it and why."""
    word = cause(stream, egress)
    if word == "off":
        why = kernel.because or '[switch] kernel = "off"'
        return f"{PATHS[word]}: {why}"
    return PATHS[word]
