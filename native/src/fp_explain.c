/* The decision on a frame that was never received, by the live table. */
#include <errno.h>
#include <string.h>

#include "fp_clock.h"
#include "fp_decide.h"
#include "fp_switch.h"

int fp_explain(struct fp_switch *sw, uint32_t port, const uint8_t *data, uint32_t len,
	       struct fp_verdict *verdict)
{
	const struct fp_table *table = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_frame frame;
	int32_t fdb_port = -1;
	int32_t also = -1;

	if (port >= FP_PORTS_MAX)
		return -EINVAL;
	memset(verdict, 0, sizeof(*verdict));
	verdict->reason = FP_DROP_TRUNCATED;
	if (!fp_frame_parse(data, len, &frame))
		return 0;
	fp_decide_vlan(table, port, &frame);
	if (fp_decide_kind(&frame) == FP_KIND_UNICAST)
		fdb_port = fp_fdb_lookup(&sw->fdb, frame.vlan, data, fp_now_ns(), &also);
	fp_decide(table, &frame, port, fdb_port, verdict);
	if (also >= 0)
		fp_decide_also(table, port, (uint32_t)also, verdict);
	return 0;
}
