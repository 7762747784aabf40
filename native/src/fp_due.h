/*
 * So many a second, and as many at once: kept as the time up to which all is taken. For loops and
 * the kernel's programs, which may take of one; so fixed-width words, and no atomics of C.
 */
#ifndef FP_DUE_H
#define FP_DUE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Takes one of what may come once in one_ns, and so many at once as are due in full_ns; false: it
 * has had its share. *due_ns says up to when all is taken. Of two that take in the same instant
 * both may have it, and both are counted.
 */
static inline bool fp_due_take(uint64_t *due_ns, uint64_t one_ns, uint64_t full_ns, uint64_t now_ns)
{
	uint64_t due = *(volatile uint64_t *)due_ns;
	int64_t ahead_ns = (int64_t)(due - now_ns);

	if (ahead_ns > 0 && (uint64_t)ahead_ns + one_ns > full_ns)
		return false;
	if (__sync_val_compare_and_swap(due_ns, due, (ahead_ns > 0 ? due : now_ns) + one_ns) != due)
		__sync_fetch_and_add(due_ns, one_ns);
	return true;
}

#endif
