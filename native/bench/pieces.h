/*
 * What the pieces of the fast path cost, each alone in one thread and warm. The figures are for
 * comparing two builds on one machine; what the switch does as a whole is measured by
 * netns-lab/bench.
 */
#ifndef PIECES_H
#define PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_clock.h"

/* How much of the usual work to do: 1 is for figures, less only shows that it runs. */
struct bench {
	double scale;
};

/* The usual count, scaled, and at least one. */
uint64_t bench_count(const struct bench *bench, uint64_t usual);
/* The report, as JSON or as text, a line for each call in between. */
void bench_begin(bool json);
void bench_end(void);
/* One line: nanoseconds for count times what, since start_ns. */
void bench_report(const char *what, uint64_t start_ns, uint64_t count);
/* Keeps a value the compiler would otherwise not have to compute. */
void bench_keep(uint64_t value);

void bench_decide(const struct bench *bench);
void bench_health(const struct bench *bench);
void bench_batch(const struct bench *bench);
void bench_publish(const struct bench *bench);
void bench_punt(const struct bench *bench);

#endif
