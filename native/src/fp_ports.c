/* The ports of a switch: opening, opening again, closing. What a port is made of is fp_port's. */
#include <errno.h>
#include <stdlib.h>

#include "fp_attach.h"
#include "fp_bpf.h"
#include "fp_excuse.h"
#include "fp_publish.h"

static int check_free(const struct fp_switch *sw, uint32_t id, const char **stage)
{
	*stage = "port number";
	if (id >= FP_PORTS_MAX)
		return -EINVAL;
	return sw->opened[id] ? -EEXIST : 0;
}

int fp_port_prepare(struct fp_switch *sw, const struct fp_port_config *config,
		    struct fp_port **prepared, const char **stage)
{
	return fp_port_make(config, &sw->kernel, prepared, stage);
}

int fp_port_adopt(struct fp_switch *sw, uint32_t id, struct fp_port *prepared, int32_t *isolated,
		  const char **stage)
{
	int err = check_free(sw, id, stage);

	if (!err) {
		*stage = "starting the rings";
		err = fp_port_start(prepared, id, &sw->kernel, NULL);
		if (err)
			fp_kernel_leave(&sw->kernel, id);
	}
	if (err) {
		fp_port_discard(sw, prepared);
		return err;
	}
	*isolated = prepared->isolated;
	sw->opened[id] = prepared;
	return 0;
}

void fp_port_discard(struct fp_switch *sw, struct fp_port *prepared)
{
	fp_reaper_give(&sw->retirees.reaper, prepared);
}

int fp_port_attach(struct fp_switch *sw, const struct fp_port_config *config,
		   struct fp_port **program)
{
	return fp_port_program(config, &sw->kernel, program);
}

int fp_port_attached(struct fp_switch *sw, uint32_t id, struct fp_port *program, int32_t *isolated)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	if (!port || port->ifindex != program->ifindex || port->isolated != EINPROGRESS) {
		fp_port_discard(sw, program);
		return -ENOENT;
	}
	fp_port_take(port, program, &sw->kernel);
	*isolated = port->isolated;
	return 0;
}

int fp_port_open(struct fp_switch *sw, uint32_t id, const struct fp_port_config *config,
		 int32_t *isolated, const char **stage)
{
	struct fp_port *port;
	int err = check_free(sw, id, stage);

	if (!err)
		err = fp_port_prepare(sw, config, &port, stage);
	return err ? err : fp_port_adopt(sw, id, port, isolated, stage);
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
	err = fp_port_make(config, NULL, &port, stage); /* the program stays */
	if (!err) {
		fp_port_inherit(port, before);
		if (fp_attach_is_lost(port))
			fp_attach_again(port, &sw->kernel);
		*stage = "starting the rings";
		err = fp_port_start(port, id, &sw->kernel, before);
		if (err)
			fp_port_discard(sw, port);
	}
	if (err) {
		free(table);
		return err;
	}
	*isolated = port->isolated;
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

int fp_port_isolate(struct fp_switch *sw, uint32_t id, int isolate)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	if (!port)
		return -ENOENT;
	if (!fp_load_relaxed(&port->served) && port->isolated != EINPROGRESS)
		return -ENOTSUP;
	port->flags &= ~(uint32_t)FP_OPEN_ISOLATE;
	port->flags |= isolate ? FP_OPEN_ISOLATE : 0;
	if (fp_load_relaxed(&port->served))
		fp_kernel_isolate(&sw->kernel, id, isolate);
	return 0;
}

int fp_port_bypass(struct fp_switch *sw, uint32_t id, int bypass)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	if (!port)
		return -ENOENT;
	/* relaxed: nothing hangs on it; a loop that finds 0 and is refused sets it again */
	fp_store_relaxed(&port->needs_qdisc, !bypass);
	return 0;
}

int fp_port_flapped(struct fp_switch *sw, uint32_t id)
{
	if (id >= FP_PORTS_MAX || !sw->opened[id])
		return -ENOENT;
	fp_excuse_flapped(sw, id);
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
	fp_reaper_give(&sw->retirees.reaper, fp_port_bare(port));
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

int fp_port_program_fd(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	return port ? port->isolate_fd : -1;
}

int fp_program_lost(int fd)
{
	return fp_bpf_is_detached(fd);
}
