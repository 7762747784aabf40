"""What an interface's hardware does to frames before anybody sees them.

Large receive offload glues frames together for good, so a switch must not run on it. The other
offloads can be undone and are (native/README.md).
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946
_ETHTOOL_GFLAGS = 0x25
_ETH_FLAG_LRO = 1 << 15


def large_receive(name: str) -> bool:
    """Is large receive offload on? False also where the driver has no answer."""
    answer = array.array("I", [_ETHTOOL_GFLAGS, 0])
    request = struct.pack("16sP16x", name.encode()[:15], answer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
        except OSError:
            return False
    return bool(answer[1] & _ETH_FLAG_LRO)
