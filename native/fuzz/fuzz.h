/* What a fuzz target is: libFuzzer's own interface, so that either it or fuzz_main.c drives it. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
