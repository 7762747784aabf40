"""An image for containers of the tests: busybox and `group`, both static, and nothing pulled."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
BUSYBOX = Path("/bin/busybox")
APPLETS = ("sh", "sleep", "ip", "ping", "cat")


def archive(directory: Path) -> Path:
    """A tar of the root file system, for `docker import` and `podman import`."""
    group = directory / "group"
    subprocess.run(
        ["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", group, HERE / "group.c"],
        check=True,
    )
    made = directory / "image.tar"
    with tarfile.open(made, "w") as tar:
        for folder in ("bin", "proc", "sys", "dev", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for program in (BUSYBOX, group):
            entry = tarfile.TarInfo(f"bin/{program.name}")
            entry.mode, content = 0o755, program.read_bytes()
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return made
