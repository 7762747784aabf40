"""Generate the cffi binding from the contract's headers, in order: binding.py OUTPUT HEADER..."""

import sys
from pathlib import Path

from cffi import FFI


def main() -> None:
    output, *headers = map(Path, sys.argv[1:])
    ffi = FFI()
    for header in headers:
        ffi.cdef(header.read_text())
    ffi.set_source("snoop._native", '#include "fp.h"', py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main()
