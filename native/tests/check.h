/*
 * Checks of the C tests: the first that fails says where and ends the program. Also the tests'
 * source of random numbers, seeded by hand so that a failure can be repeated.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			check_failed(__FILE__, __LINE__, #condition);                              \
	} while (0)

#define CHECK_EQ(got, want) check_equal((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, #got)

#define CHECK_BYTES(got, want, bytes)                                                              \
	do {                                                                                       \
		if (memcmp((got), (want), (bytes)))                                                \
			check_failed(__FILE__, __LINE__, "same bytes: " #got);                     \
	} while (0)

#define RUN(test)                                                                                  \
	do {                                                                                       \
		fprintf(stderr, "%s\n", #test);                                                    \
		test();                                                                            \
	} while (0)

static inline void check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	exit(1);
}

static inline void check_equal(uint64_t got, uint64_t want, const char *file, int line,
			       const char *what)
{
	if (got == want)
		return;
	fprintf(stderr, "%s:%d: %s is %" PRIu64 ", not %" PRIu64 "\n", file, line, what, got, want);
	exit(1);
}

/* splitmix64 */
static inline uint64_t check_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint32_t check_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(check_random(state) % limit);
}

#endif
