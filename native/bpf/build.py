"""Make src/fp_kernel_code.h from fp_kernel.bpf.c: `python native/bpf/build.py`, needs clang.

The bytecode is checked in, so that nobody who builds snoop needs a compiler for it. A place where
the loader has to put something (a map, the value of one, a number) is a symbol that the program
leaves undefined; `--check` says whether the header is what the source makes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

HERE = Path(__file__).parent
SOURCE = HERE / "fp_kernel.bpf.c"
HEADER = HERE.parent / "src" / "fp_kernel_code.h"
COMPILE = [
    "clang",
    "-target",
    "bpf",
    "-mcpu=v3",
    "-O2",
    "-g0",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Werror",
]
SECTIONS = ("filter", "health", "ingress")
INSN_BYTES = 8

PREAMBLE = """\
/*
 * The bytecode of bpf/fp_kernel.bpf.c for machines with the low byte first, made by bpf/build.py;
 * for fp_kernel_load.c only.
 */
/* clang-format off */
"""


def compiled() -> bytes:
    """The object file."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "fp_kernel.o"
        machine = subprocess.run(
            ["gcc", "-print-multiarch"], capture_output=True, text=True, check=True
        ).stdout.strip()
        include = ["-I", f"/usr/include/{machine}"] if machine else []
        subprocess.run([*COMPILE, *include, "-c", str(SOURCE), "-o", str(out)], check=True)
        return out.read_bytes()


def header(elf: ELFFile) -> str:
    """The two programs as words, and what is to be put where."""
    lines = [PREAMBLE]
    symbols = elf.get_section_by_name(".symtab")
    for name in SECTIONS:
        code = elf.get_section_by_name(name).data()
        lines.append(f"static const uint64_t {name}_code[] = {{")
        words = [
            f"0x{int.from_bytes(code[at : at + INSN_BYTES], 'little'):016x},"
            for at in range(0, len(code), INSN_BYTES)
        ]
        lines += ["\t" + " ".join(words[at : at + 4]) for at in range(0, len(words), 4)]
        lines.append("};\n")
        lines.append(f"static const struct place {name}_places[] = {{")
        places = elf.get_section_by_name(f".rel{name}")
        for place in places.iter_relocations() if places else ():
            symbol = symbols.get_symbol(place["r_info_sym"]).name
            offset = place["r_offset"] // INSN_BYTES
            lines.append(f"\t{{{offset}, PUT_{symbol.removeprefix('fp_').upper()}}},")
        lines.append("};\n")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    asked = parser.parse_args()
    with tempfile.TemporaryFile() as file:
        file.write(compiled())
        text = header(ELFFile(file))
    if asked.check:
        return int(text != HEADER.read_text())
    HEADER.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
