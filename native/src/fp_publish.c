#include "fp_publish.h"

#include <errno.h>
#include <string.h>

#include "fp_excuse.h"
#include "fp_health.h"
#include "fp_served.h"
#include "fp_unicast.h"

static void reap(struct fp_switch *sw)
{
	uint64_t seen = UINT64_MAX;

	/* seq_cst: pairs with the start of fp_loop_run() */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < sw->worker_count; i++) {
		/* acquire: pairs with the release of seq_seen in the loop */
		uint64_t seq = fp_load_acquire(&sw->workers[i]->seq_seen);

		seen = seq < seen ? seq : seen;
	}
	fp_retire_free(&sw->retirees, seen, sw->control_stats);
}

struct fp_table *fp_publish_begin(struct fp_switch *sw)
{
	/* all shards, the policies, the table itself and a port */
	if (fp_retire_room(&sw->retirees, FP_SHARDS + 3))
		return NULL;
	return fp_table_copy(fp_load_relaxed(&sw->table)); /* only this thread stores it */
}

/* Streams are in other VLANs than before: what came meanwhile by the row of another is not lost. */
static void begin_health_anew(struct fp_switch *sw, const struct fp_table *old,
			      const struct fp_table *table)
{
	if (!memcmp(old->pvid, table->pvid, sizeof(old->pvid)) &&
	    !memcmp(old->filters, table->filters, sizeof(old->filters)) &&
	    !memcmp(old->trunks, table->trunks, sizeof(old->trunks)))
		return;
	for (uint32_t i = 0; i < sw->worker_count; i++)
		fp_healths_pass_over(&sw->workers[i]->healths);
}

void fp_publish_end(struct fp_switch *sw, struct fp_table *table, struct fp_port *port)
{
	struct fp_table *old = fp_load_relaxed(&sw->table); /* only this thread stores it */

	begin_health_anew(sw, old, table);
	/* release: the table is whole before it can be seen; pairs with the loop's acquire */
	fp_store_release(&sw->table, table);
	fp_served_publish(sw, old, table);
	fp_excuse_down(sw, old->up, table->up);
	for (uint32_t i = 0; i < FP_SHARDS; i++) {
		if (old->shards[i] != table->shards[i])
			fp_retire(&sw->retirees, old->shards[i], table->seq, FP_RETIRED_MEMORY);
	}
	if (old->vlans != table->vlans)
		fp_retire(&sw->retirees, old->vlans, table->seq, FP_RETIRED_MEMORY);
	fp_retire(&sw->retirees, old, table->seq, FP_RETIRED_MEMORY);
	fp_retire(&sw->retirees, port, table->seq, FP_RETIRED_PORT);
	for (uint32_t i = 0; i < sw->worker_count; i++)
		fp_worker_wake(sw->workers[i]);
	fp_unicast_settle(sw, old, table);
	reap(sw);
}

int fp_switch_publish(struct fp_switch *sw, const struct fp_row *rows, uint32_t row_count,
		      const struct fp_vlan *vlans, uint32_t vlan_count,
		      const struct fp_members *members, uint32_t members_count,
		      const struct fp_port_state *ports, uint32_t port_count)
{
	struct fp_table *old = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_table *table = fp_publish_begin(sw);
	bool vlans_own = false;
	int err = table ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < row_count && !err; i++)
		err = fp_table_apply_row(table, &rows[i]);
	for (uint32_t i = 0; i < vlan_count && !err; i++)
		err = fp_table_apply_vlan(table, &vlans[i], &vlans_own);
	for (uint32_t i = 0; i < members_count && !err; i++)
		err = fp_table_apply_members(table, &members[i], &vlans_own);
	if (members_count && !err)
		fp_table_settle_members(table);
	for (uint32_t i = 0; i < port_count && !err; i++) {
		if (ports[i].port < FP_PORTS_MAX)
			table->ports[ports[i].port] = sw->opened[ports[i].port];
		err = fp_table_apply_port(table, &ports[i]);
	}
	if (err) {
		if (table)
			fp_table_discard(table, old);
		return err;
	}
	fp_served_ports(sw, ports, port_count);
	fp_publish_end(sw, table, NULL);
	for (uint32_t i = 0; i < port_count; i++) {
		struct fp_port *port = sw->opened[ports[i].port];

		if (port)
			fp_limit_set(&port->punt->limit, ports[i].igmp_rate, ports[i].igmp_burst);
	}
	return 0;
}

uint64_t fp_switch_row_count(struct fp_switch *sw)
{
	return fp_load_relaxed(&sw->table)->row_count;
}

uint64_t fp_switch_retired(struct fp_switch *sw)
{
	reap(sw);
	return sw->retirees.count;
}
