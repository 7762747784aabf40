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

/*
 * The same for plain words of memory that programs of the kernel see as well: what is declared for
 * both cannot say _Atomic.
 */
#define fp_word_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define fp_word_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define fp_word_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define fp_word_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/* A counter with one writer: never torn for readers, no locked instruction for the writer. */
static inline void fp_count(_Atomic uint64_t *counter, uint64_t n)
{
	fp_store_relaxed(counter, fp_load_relaxed(counter) + n);
}

#endif
