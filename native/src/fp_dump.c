/* What the control thread reads of the fdb and the streams, and what it tells the fdb. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_served.h"

/*
 * Frames that take the short cut refresh their source there and not in the fdb: a dump tells the
 * younger age, and has what only the short cut still knows. It writes nothing.
 */
static uint32_t add_shortcut_entries(const struct fp_switch *sw, struct fp_fdb_entry *entries,
				     uint32_t count, uint32_t entries_max, uint64_t now_ns)
{
	struct fp_shortcut_entry entry = {0};
	bool more = fp_shortcut_next(&sw->shortcut, true, &entry);
	uint32_t most = entries_max < sw->fdb.max_entries ? entries_max : sw->fdb.max_entries;

	for (uint32_t i = 0; more && i < 2 * sw->shortcut.entries_max && count < most; i++) {
		uint64_t age_ns = now_ns > entry.seen_ns ? now_ns - entry.seen_ns : 0;
		int32_t also;

		if (age_ns <= sw->shortcut.ageing_ns &&
		    fp_fdb_lookup(&sw->fdb, entry.vlan, entry.mac, now_ns, &also) < 0) {
			entries[count] = (struct fp_fdb_entry){
				.age_ns = age_ns,
				.vlan = entry.vlan,
				.port = (uint16_t)entry.port,
				.rival = FP_FDB_NO_RIVAL,
			};
			memcpy(entries[count++].mac, entry.mac, sizeof(entry.mac));
		}
		more = fp_shortcut_next(&sw->shortcut, false, &entry);
	}
	return count;
}

int fp_fdb_dump(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max)
{
	uint64_t now_ns = fp_now_ns();
	uint32_t count = fp_fdb_read(&sw->fdb, entries, entries_max, now_ns, 0);

	for (uint32_t i = 0; i < count; i++) {
		struct fp_fdb_entry *entry = &entries[i];
		uint64_t seen_ns = 0;
		int32_t port = fp_shortcut_lookup(&sw->shortcut, entry->vlan, entry->mac, now_ns,
						  &seen_ns);
		uint64_t age_ns = now_ns > seen_ns ? now_ns - seen_ns : 0;

		if (port == (int32_t)entry->port && age_ns < entry->age_ns)
			entry->age_ns = age_ns;
	}
	return (int)add_shortcut_entries(sw, entries, count, entries_max, now_ns);
}

int fp_fdb_age(struct fp_switch *sw, uint32_t but_port, uint64_t silent_ns)
{
	const struct fp_table *table = fp_load_relaxed(&sw->table); /* only this thread stores it */
	uint32_t most = sw->fdb.max_entries + FP_PORTS_MAX;
	struct fp_fdb_entry *entries = malloc(most * sizeof(*entries));
	int forgotten = 0;
	int count;

	if (!entries)
		return -ENOMEM;
	count = fp_fdb_dump(sw, entries, most);
	for (int i = 0; i < count; i++) {
		const struct fp_fdb_entry *entry = &entries[i];

		if (entry->age_ns <= silent_ns || entry->port == but_port ||
		    fp_mask_has(table->sticky, entry->port))
			continue;
		fp_fdb_forget(&sw->fdb, entry->vlan, entry->mac, entry->port);
		fp_shortcut_forget(&sw->shortcut, entry->vlan, entry->mac);
		forgotten++;
	}
	free(entries);
	return forgotten;
}

uint64_t fp_fdb_disputes(struct fp_switch *sw)
{
	return fp_load_relaxed(&sw->fdb.disputes);
}

int fp_fdb_disputed(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max,
		    uint64_t within_ns)
{
	return (int)fp_fdb_read(&sw->fdb, entries, entries_max, fp_now_ns(), within_ns);
}

int fp_fdb_load(struct fp_switch *sw, const struct fp_fdb_entry *entries, uint32_t count)
{
	uint64_t now_ns = fp_now_ns();
	int learned = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct fp_fdb_entry *entry = &entries[i];
		struct fp_fdb_claim claim = {
			.vlan = entry->vlan,
			.mac = entry->mac,
			.port = entry->port,
			.now_ns = now_ns - entry->age_ns,
			.asked = true, /* the short cut is empty */
			.shortcut_port = -1,
		};

		if (entry->age_ns >= now_ns || entry->age_ns > sw->config.fdb_ageing_ns ||
		    entry->port >= FP_PORTS_MAX)
			continue;
		learned += fp_fdb_learn(&sw->fdb, &claim) == FP_FDB_LEARNED;
	}
	return learned;
}

int fp_stream_dump(struct fp_switch *sw, struct fp_stream *streams, uint32_t streams_max)
{
	bool allowed = fp_load_relaxed(&sw->kernel_allowed);
	uint64_t now_ns = fp_now_ns();
	uint32_t count = 0;

	fp_served_settle(sw);
	for (uint32_t i = 0; i < sw->worker_count; i++) {
		struct fp_worker *worker = sw->workers[i];
		uint32_t more =
			fp_streams_read(&worker->streams, streams + count, streams_max - count);

		for (uint32_t n = 0; n < more; n++)
			fp_health_read(&worker->healths, &streams[count + n], now_ns);
		count += more;
	}
	/* said with the last frame of each, which may have been before */
	for (uint32_t i = 0; i < count && !allowed; i++)
		streams[i].path = FP_PATH_RING_OFF;
	return (int)count;
}

/* As it is to be here; false: its port is not. */
static bool renumber(struct fp_stream *stream, const uint16_t *ports)
{
	uint64_t to[FP_MASK_WORDS] = {0};

	if (stream->port >= FP_PORTS_MAX || ports[stream->port] >= FP_PORTS_MAX)
		return false;
	stream->port = ports[stream->port];
	fp_mask_for_each(stream->ports, port)
	{
		if (ports[port] < FP_PORTS_MAX)
			fp_mask_set(to, ports[port]);
	}
	memcpy(stream->ports, to, sizeof(to));
	return true;
}

int fp_stream_load(struct fp_switch *sw, const struct fp_stream *streams, uint32_t count,
		   const uint16_t *ports)
{
	int taken = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct fp_stream stream = streams[i];

		if (stream.reason >= FP_REASON_MAX || !renumber(&stream, ports))
			continue;
		stream.path = FP_PATH_RING_NEW; /* until its next frame */
		fp_streams_put(&sw->workers[stream.port % sw->worker_count]->streams, &stream);
		taken++;
	}
	return taken;
}

int fp_health_dump(struct fp_switch *sw, struct fp_stream_health *healths, uint32_t healths_max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sw->worker_count; i++) {
		const struct fp_worker *worker = sw->workers[i];

		count += fp_health_pack(&worker->healths, &worker->streams, healths + count,
					healths_max - count);
	}
	return (int)count;
}

int fp_health_load(struct fp_switch *sw, const struct fp_stream_health *healths, uint32_t count,
		   const uint16_t *ports)
{
	bool off = fp_load_relaxed(&sw->health) == FP_HEALTH_OFF;
	uint64_t now_ns = fp_now_ns();
	int taken = 0;

	for (uint32_t i = 0; i < count && !off; i++) {
		struct fp_stream stream = healths[i].stream;
		struct fp_worker *worker;
		struct fp_stream_slot *slot;
		struct fp_health_state *state;

		if (!renumber(&stream, ports))
			continue;
		worker = sw->workers[stream.port % sw->worker_count];
		slot = fp_streams_find(&worker->streams, &stream, stream.first_ns);
		state = fp_health_state(
			&worker->healths,
			fp_health_take(&worker->healths, &worker->streams, slot, now_ns));
		if (!state)
			continue;
		fp_health_put(state, &healths[i]);
		taken++;
	}
	return taken;
}
