#include "fp_excuse.h"

#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_served.h"

#define LOOK_NS FP_NS_PER_S
#define STALE_NS (3 * LOOK_NS) /* nobody has looked: what is from before is not to be told */
#define LAST 0
#define BEFORE_LAST 1

static const enum fp_stat blamed[FP_EXCUSED] = {FP_STAT_TX_DROP_FULL, FP_STAT_TX_DROP_ERROR};

static uint64_t total(struct fp_switch *sw, uint32_t port, enum fp_stat stat)
{
	uint64_t sum = fp_load_relaxed(&sw->control_stats[port].stats[stat]);

	for (uint32_t i = 0; i < sw->worker_count; i++)
		sum += fp_load_relaxed(&sw->workers[i]->stats[port].stats[stat]);
	return sum;
}

void fp_excuse_look(struct fp_switch *sw)
{
	uint64_t now_ns = fp_now_ns();
	uint64_t since_ns = now_ns - sw->excuse.looked_ns;

	if (since_ns < LOOK_NS)
		return;
	sw->excuse.looked_ns = now_ns;
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		for (uint32_t i = 0; i < FP_EXCUSED; i++) {
			uint64_t *seen = sw->excuse.seen[port][i];
			uint64_t now = total(sw, port, blamed[i]);

			seen[BEFORE_LAST] = since_ns > STALE_NS ? now : seen[LAST];
			seen[LAST] = now;
		}
	}
}

static bool is_fresh(const struct fp_switch *sw)
{
	return fp_now_ns() - sw->excuse.looked_ns <= STALE_NS;
}

/* The last look may have been a moment ago, between the first refusal and the news. */
static void excuse(struct fp_switch *sw, uint32_t port)
{
	_Atomic uint64_t *stats = sw->control_stats[port].stats;

	for (uint32_t i = 0; i < FP_EXCUSED; i++) {
		uint64_t *seen = sw->excuse.seen[port][i];
		uint64_t more = total(sw, port, blamed[i]) - seen[BEFORE_LAST];

		seen[LAST] = seen[BEFORE_LAST]; /* what it is now */
		fp_count(&stats[blamed[i]], 0 - more);
		fp_count(&stats[FP_STAT_TX_DROP_DOWN], more);
	}
}

void fp_excuse_down(struct fp_switch *sw, const uint64_t *before, const uint64_t *up)
{
	uint64_t down[FP_MASK_WORDS];
	uint64_t any = 0;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		any |= down[i] = before[i] & ~up[i];
	if (!any || !is_fresh(sw))
		return;
	fp_served_refused(sw);
	fp_mask_for_each(down, port) excuse(sw, port);
}

void fp_excuse_flapped(struct fp_switch *sw, uint32_t port)
{
	if (!is_fresh(sw))
		return;
	fp_served_refused(sw);
	excuse(sw, port);
}
