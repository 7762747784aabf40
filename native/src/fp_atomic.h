/*
 * The only spelling of shared words in the fast path. Every use says in a comment what it pairs
 * with; the table of words is in native/README.md.
 */
#ifndef FP_ATOMIC_H
#define FP_ATOMIC_H

#include <stdatomic.h>
#include <stdint.h>

#define fp_load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define fp_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define fp_store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define fp_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)

/* A counter with one writer: never torn for readers, no locked instruction for the writer. */
static inline void fp_count(_Atomic uint64_t *counter, uint64_t n)
{
	fp_store_relaxed(counter, fp_load_relaxed(counter) + n);
}

#endif
