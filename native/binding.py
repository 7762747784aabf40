"""Generate the cffi binding from the contract header: binding.py HEADER OUTPUT."""

import sys
from pathlib import Path

from cffi import FFI


def main() -> None:
    header, output = Path(sys.argv[1]), Path(sys.argv[2])
    ffi = FFI()
    ffi.cdef(header.read_text())
    ffi.set_source("snoop._native", '#include "fp.h"', py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main()
