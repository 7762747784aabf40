#include "fp_unicast.h"

#include "fp_mask.h"

/* The short cut takes the frames of the address where the fdb sends them. */
static void follow(const struct fp_switch *sw, const struct fp_table *table, uint32_t vlan,
		   const uint8_t *mac, const struct fp_fdb_place *place)
{
	const struct fp_port *port = table->ports[place->port];
	struct fp_shortcut_target target;

	if (!port)
		return; /* closed: its addresses are about to be flushed */
	target = (struct fp_shortcut_target){
		.port = place->port,
		.ifindex = port->ifindex,
		.mtu = table->mtu[place->port],
		.seen_ns = place->heard_ns,
	};
	if (place->also >= 0 && fp_mask_has(table->up, (uint32_t)place->also) &&
	    table->ports[place->also]) {
		target.also_port = (uint32_t)place->also;
		target.also_ifindex = table->ports[place->also]->ifindex;
		target.also_ns = place->also_ns;
		/* what is too large for one of them is for the ring to judge */
		if (table->mtu[place->also] < target.mtu)
			target.mtu = table->mtu[place->also];
	}
	fp_shortcut_learn(&sw->shortcut, vlan, mac, &target);
}

void fp_unicast_learn(struct fp_switch *sw, struct fp_stats *stats, const struct fp_table *table,
		      const struct fp_frame *frame, uint32_t port, uint64_t now_ns)
{
	const uint8_t *mac = frame->data + 6;
	struct fp_fdb_claim claim = {
		.vlan = frame->vlan,
		.mac = mac,
		.port = port,
		.now_ns = now_ns,
		.sticky = table->sticky,
		.shortcut_port = -1,
	};
	enum fp_fdb_result result = fp_fdb_learn(&sw->fdb, &claim);

	if (result == FP_FDB_KNOWN)
		return;
	if (result == FP_FDB_ASK) {
		claim.asked = true;
		claim.shortcut_port = fp_shortcut_lookup(&sw->shortcut, frame->vlan, mac, now_ns,
							 &claim.shortcut_ns);
		result = fp_fdb_learn(&sw->fdb, &claim);
	}
	if (result == FP_FDB_DAMPED)
		fp_count(&stats->stats[FP_STAT_FDB_DAMPED], 1);
	if (result == FP_FDB_LEARNED || result == FP_FDB_EVICTED)
		fp_count(&stats->stats[FP_STAT_FDB_LEARNED], 1);
	if (result == FP_FDB_MOVED)
		fp_count(&stats->stats[FP_STAT_FDB_MOVED], 1);
	if (result == FP_FDB_EVICTED)
		fp_count(&stats->stats[FP_STAT_FDB_EVICTED], 1);
	if (claim.changed && claim.unsure)
		fp_shortcut_forget(&sw->shortcut, frame->vlan, mac);
	else if (claim.changed && !frame->service_tag)
		follow(sw, table, frame->vlan, mac, &claim.place);
}

int32_t fp_unicast_lookup(struct fp_switch *sw, const struct fp_frame *frame, uint64_t now_ns,
			  int32_t *also)
{
	int32_t port = fp_fdb_lookup(&sw->fdb, frame->vlan, frame->data, now_ns, also);
	uint64_t seen_ns;

	if (port >= 0)
		return port;
	port = fp_shortcut_lookup(&sw->shortcut, frame->vlan, frame->data, now_ns, &seen_ns);
	if (port >= 0) /* what it sends goes by the short cut: the fdb need not ask again */
		fp_fdb_refresh(&sw->fdb, frame->vlan, frame->data, (uint32_t)port, seen_ns);
	return port;
}

int fp_fdb_flush(struct fp_switch *sw, int32_t port, int32_t vlan)
{
	fp_shortcut_flush(&sw->shortcut, port, vlan);
	return (int)fp_fdb_flush_matching(&sw->fdb, port, vlan);
}
