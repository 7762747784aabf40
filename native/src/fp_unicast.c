#include "fp_unicast.h"

#include "fp_mask.h"

/* What a loop still goes by, or what was in force, and what is. */
struct change {
	const struct fp_table *old;
	const struct fp_table *live;
};

/*
 * The port has the VLAN no more, or in another way: who was heard there need not be there. One that
 * is closed has no settings of its own; it is opened again as it was, or flushed by who knows.
 */
static bool is_left(const struct change *change, uint32_t vlan, uint32_t port)
{
	const struct fp_vlan_policy *old_vlan = fp_table_vlan(change->old, vlan);
	const struct fp_vlan_policy *vlan_now = fp_table_vlan(change->live, vlan);
	const struct fp_table *old = change->old;
	const struct fp_table *live = change->live;
	bool open = old->ports[port] && live->ports[port];

	return !fp_mask_has(vlan_now->members, port) ||
	       fp_mask_has(vlan_now->untagged, port) != fp_mask_has(old_vlan->untagged, port) ||
	       (open && fp_mask_has(live->filters, port) != fp_mask_has(old->filters, port)) ||
	       (open && live->pvid[port] != old->pvid[port] &&
		(vlan == live->pvid[port] || vlan == old->pvid[port]));
}

/* What the short cut's entry says of the port holds no more. */
static bool is_other(const struct change *change, uint32_t vlan, uint32_t port)
{
	return !fp_mask_has(change->live->up, port) ||
	       change->live->ports[port] != change->old->ports[port] ||
	       change->live->mtu[port] != change->old->mtu[port] ||
	       change->live->horizon[port] != change->old->horizon[port] ||
	       fp_mask_has(change->live->rings, port) != fp_mask_has(change->old->rings, port) ||
	       is_left(change, vlan, port);
}

/* Whether they may send by the port of the address, and by the other one that has it. */
static bool is_open_to_programs(const struct fp_table *table, const struct fp_fdb_place *place)
{
	return !fp_mask_has(table->rings, place->port) &&
	       (place->also < 0 || !fp_mask_has(table->rings, (uint32_t)place->also));
}

/*
 * The short cut takes the frames of the address where the fdb sends them. What it cannot do is left
 * to the ring: a copy that is spelled otherwise, or of another horizon.
 */
static void follow(const struct fp_switch *sw, const struct fp_table *table, uint32_t vlan,
		   const uint8_t *mac, const struct fp_fdb_place *place)
{
	const struct fp_vlan_policy *policy = fp_table_vlan(table, vlan);
	struct fp_shortcut_target target;
	uint32_t also = (uint32_t)place->also;

	if (!table->ports[place->port])
		return; /* closed: its addresses are about to be flushed */
	if (!is_open_to_programs(table, place)) {
		fp_shortcut_forget(&sw->shortcut, vlan, mac);
		return;
	}
	target = (struct fp_shortcut_target){
		.port = place->port,
		.mtu = table->mtu[place->port],
		.horizon = table->horizon[place->port],
		.untagged = fp_mask_has(policy->untagged, place->port),
		.seen_ns = place->heard_ns,
		.also = -1,
	};
	if (place->also >= 0 && fp_mask_has(table->up, also) &&
	    fp_mask_has(policy->members, also) && table->ports[also]) {
		if (fp_mask_has(policy->untagged, also) != target.untagged ||
		    table->horizon[also] != target.horizon) {
			fp_shortcut_forget(&sw->shortcut, vlan, mac);
			return;
		}
		target.also = (int32_t)also;
		target.also_ns = place->also_ns;
		/* what is too large for one of them is for the ring to judge */
		if (table->mtu[also] < target.mtu)
			target.mtu = table->mtu[also];
	}
	fp_shortcut_learn(&sw->shortcut, vlan, mac, &target);
}

/*
 * What was learned by a table that holds no more: whoever published has flushed it, or has yet to,
 * or we see to it here.
 */
static void look_again(struct fp_switch *sw, const struct fp_table *table,
		       const struct fp_fdb_claim *claim)
{
	struct change change = {.old = table};
	uint32_t port = claim->place.port;
	int32_t also = claim->place.also;

	/* seq_cst: after what was learned; pairs with fp_unicast_settle() */
	atomic_thread_fence(memory_order_seq_cst);
	/* acquire: pairs with the release in fp_publish_end(); it lives as long as ours does */
	change.live = fp_load_acquire(&sw->table);
	if (change.live == table)
		return;
	if (!fp_mask_has(change.live->up, port) || is_left(&change, claim->vlan, port))
		fp_fdb_forget(&sw->fdb, claim->vlan, claim->mac, port);
	if (is_other(&change, claim->vlan, port) ||
	    (also >= 0 && is_other(&change, claim->vlan, (uint32_t)also)))
		fp_shortcut_forget(&sw->shortcut, claim->vlan, claim->mac);
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
	if (!claim.changed)
		return;
	if (claim.unsure)
		fp_shortcut_forget(&sw->shortcut, frame->vlan, mac);
	else if (!frame->service_tag)
		follow(sw, table, frame->vlan, mac, &claim.place);
	look_again(sw, table, &claim);
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

static bool fdb_stale(const void *context, uint32_t vlan, uint32_t port)
{
	const struct change *change = context;
	bool went_down = fp_mask_has(change->old->up, port) && !fp_mask_has(change->live->up, port);

	return (went_down && change->live->ports[port]) || is_left(change, vlan, port);
}

static bool shortcut_stale(const void *context, const struct fp_shortcut_entry *entry)
{
	return is_other(context, entry->vlan, entry->port) ||
	       (entry->also >= 0 && is_other(context, entry->vlan, (uint32_t)entry->also));
}

/* The VLAN that a port gives what brings none; where that is none, one that nobody is ever in. */
static void classify(const struct fp_switch *sw, const struct fp_table *table)
{
	uint16_t pvids[FP_PORTS_MAX] = {0};

	fp_mask_for_each(table->filters, port) pvids[port] =
		table->pvid[port] ? table->pvid[port] : FP_VLAN_ID_MASK;
	fp_shortcut_classify(&sw->shortcut, pvids);
}

void fp_unicast_settle(struct fp_switch *sw, const struct fp_table *old,
		       const struct fp_table *table)
{
	struct change change = {.old = old, .live = table};
	bool vlans = memcmp(old->filters, table->filters, sizeof(old->filters)) ||
		     memcmp(old->pvid, table->pvid, sizeof(old->pvid));
	bool addresses = vlans || old->members_seq != table->members_seq;
	bool places = memcmp(old->mtu, table->mtu, sizeof(old->mtu)) ||
		      memcmp(old->horizon, table->horizon, sizeof(old->horizon)) ||
		      memcmp(old->rings, table->rings, sizeof(old->rings));

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		addresses |= (old->up[i] & ~table->up[i]) != 0;
	if (vlans)
		classify(sw, table);
	/* seq_cst: after the table; pairs with look_again() */
	atomic_thread_fence(memory_order_seq_cst);
	if (addresses)
		fp_fdb_flush_stale(&sw->fdb, fdb_stale, &change);
	if (addresses || places)
		fp_shortcut_flush(&sw->shortcut, shortcut_stale, &change);
}

static bool is_of(const void *which, const struct fp_shortcut_entry *entry)
{
	return fp_fdb_is_of(which, entry->vlan, entry->port) ||
	       (entry->also >= 0 && fp_fdb_is_of(which, entry->vlan, (uint32_t)entry->also));
}

int fp_fdb_flush(struct fp_switch *sw, int32_t port, int32_t vlan)
{
	struct fp_fdb_which which = {port, vlan};

	fp_shortcut_flush(&sw->shortcut, is_of, &which);
	return (int)fp_fdb_flush_matching(&sw->fdb, port, vlan);
}
