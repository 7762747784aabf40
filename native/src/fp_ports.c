/* The ports of a switch: opening, opening again, closing. What a port is made of is fp_port's. */
#include <errno.h>
#include <stdlib.h>

#include "fp_publish.h"

int fp_port_open(struct fp_switch *sw, uint32_t id, const struct fp_port_config *config,
		 int32_t *isolated, const char **stage)
{
	struct fp_port *port;
	int err;

	*stage = "port number";
	if (id >= FP_PORTS_MAX)
		return -EINVAL;
	if (sw->opened[id])
		return -EEXIST;
	err = fp_port_create(id, config, &sw->kernel, NULL, &port, isolated, stage);
	if (err)
		return err;
	sw->opened[id] = port;
	return 0;
}

int fp_port_reopen(struct fp_switch *sw, uint32_t id, const struct fp_port_config *config,
		   int32_t *isolated, const char **stage)
{
	struct fp_port *before = id < FP_PORTS_MAX ? sw->opened[id] : NULL;
	struct fp_table *table;
	struct fp_port *port;
	int err;

	*stage = "port number";
	if (!before)
		return -ENOENT;
	*stage = "memory";
	table = fp_publish_begin(sw);
	if (!table)
		return -ENOMEM;
	err = fp_port_create(id, config, &sw->kernel, before, &port, isolated, stage);
	if (err) {
		free(table);
		return err;
	}
	fp_port_look(before, &sw->control_stats[id]); /* the rings' drops are lost with them */
	/* relaxed: no loop knows the port yet; one that sets the old word now finds it out again */
	fp_store_relaxed(&port->needs_qdisc, fp_load_relaxed(&before->needs_qdisc));
	/* The same loop goes on putting into it, by the old port or the new. */
	fp_punt_free(port->punt);
	port->punt = before->punt;
	before->punt_passed_on = true;
	sw->opened[id] = port;
	if (table->ports[id])
		table->ports[id] = port;
	fp_publish_end(sw, table, before);
	fp_count(&sw->control_stats[id].stats[FP_STAT_RING_REOPENED], 1);
	return 0;
}

int fp_port_close(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;
	struct fp_port_state state = {.port = (uint16_t)id};
	struct fp_table *table;

	if (!port)
		return -ENOENT;
	table = fp_publish_begin(sw);
	if (!table)
		return -ENOMEM;
	fp_port_look(port, &sw->control_stats[id]); /* the rings' drops are lost with them */
	fp_kernel_leave(&sw->kernel, id);
	table->ports[id] = NULL;
	fp_table_apply_port(table, &state);
	sw->opened[id] = NULL;
	fp_publish_end(sw, table, port);
	return 0;
}

int fp_port_stuck(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	return port && fp_port_look(port, &sw->control_stats[id]);
}
