#include "fp_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fp_mask.h"

#define SHARD_SLOTS_MIN 4u
#define PAUSE 1u /* 01:80:c2:00:00:01 never passes a bridge (L2-2) */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

static uint64_t row_hash(uint64_t seed, uint32_t vlan, const uint8_t *group, const uint8_t *source)
{
	uint64_t words[4] = {0};
	uint64_t hash;

	memcpy(words, group, FP_ADDRESS_BYTES);
	if (source)
		memcpy(words + 2, source, FP_ADDRESS_BYTES);
	hash = mix(words[1] + UINT64_C(0x9e3779b97f4a7c15) * (vlan + 1) + seed);
	hash = mix(hash ^ words[0]);
	if (source)
		hash = mix(mix(hash ^ words[3]) ^ words[2] ^ seed) + 1;
	return hash;
}

static uint32_t shard_of(uint64_t hash)
{
	return (uint32_t)(hash >> 54) & (FP_SHARDS - 1);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash | 1u;
}

static uint32_t slot_of(const struct fp_shard *shard, uint32_t tag)
{
	return (tag >> 1) & (shard->slots - 1);
}

static bool entry_is(const struct fp_entry *entry, uint32_t vlan, const uint8_t *group,
		     const uint8_t *source)
{
	bool any = entry->flags & FP_ROW_ANY_SOURCE;

	return entry->vlan == vlan && any == !source &&
	       !memcmp(entry->group, group, FP_ADDRESS_BYTES) &&
	       (!source || !memcmp(entry->source, source, FP_ADDRESS_BYTES));
}

static int64_t shard_find(const struct fp_shard *shard, uint64_t hash, uint32_t vlan,
			  const uint8_t *group, const uint8_t *source)
{
	uint32_t tag = tag_of(hash);
	uint32_t slot = slot_of(shard, tag);

	for (; shard->tags[slot]; slot = (slot + 1) & (shard->slots - 1)) {
		if (shard->tags[slot] == tag &&
		    entry_is(&shard->entries[slot], vlan, group, source))
			return slot;
	}
	return -1;
}

bool fp_table_floods(const struct fp_table *table, enum fp_family family, const uint8_t *group)
{
	uint32_t least = family == FP_FAMILY_IPV4 ? FP_PREFIX_BITS_IPV4 : 0;
	uint8_t prefix[FP_ADDRESS_BYTES];
	int32_t bits = FP_PREFIX_BITS_MAX + 1;

	while ((bits = fp_floods_next(&table->floods, (uint32_t)bits, least)) >= 0) {
		fp_prefix_cut(group, (uint32_t)bits, prefix);
		if (fp_table_find(table, FP_FLOOD_KEY(bits), prefix, NULL))
			return true;
	}
	return false;
}

const struct fp_entry *fp_table_find(const struct fp_table *table, uint32_t vlan,
				     const uint8_t *group, const uint8_t *source)
{
	uint64_t hash = row_hash(table->seed, vlan, group, source);
	const struct fp_shard *shard = table->shards[shard_of(hash)];
	int64_t slot;

	if (!shard)
		return NULL;
	slot = shard_find(shard, hash, vlan, group, source);
	return slot < 0 ? NULL : &shard->entries[slot];
}

void fp_table_shards(const struct fp_table *table, uint32_t vlan, const uint8_t *group,
		     const uint8_t *source, uint16_t shards[2])
{
	shards[0] = (uint16_t)shard_of(row_hash(table->seed, vlan, group, source));
	shards[1] = (uint16_t)shard_of(row_hash(table->seed, vlan, group, NULL));
}

static struct fp_shard *shard_new(uint32_t slots, uint64_t seq)
{
	size_t tags_bytes = (slots * sizeof(uint32_t) + 63) & ~(size_t)63;
	size_t head_bytes = (sizeof(struct fp_shard) + tags_bytes + 63) & ~(size_t)63;
	struct fp_shard *shard = calloc(1, head_bytes + slots * sizeof(struct fp_entry));

	if (!shard)
		return NULL;
	shard->seq = seq;
	shard->slots = slots;
	shard->entries = (struct fp_entry *)(void *)((char *)shard + head_bytes);
	return shard;
}

static void shard_put(struct fp_shard *shard, uint32_t tag, const struct fp_entry *entry)
{
	uint32_t slot = slot_of(shard, tag);

	while (shard->tags[slot])
		slot = (slot + 1) & (shard->slots - 1);
	shard->tags[slot] = tag;
	shard->entries[slot] = *entry;
	shard->count++;
}

static struct fp_shard *shard_copy(const struct fp_shard *shard, uint32_t slots, uint64_t seq)
{
	struct fp_shard *copy = shard_new(slots, seq);

	for (uint32_t i = 0; copy && i < shard->slots; i++) {
		if (shard->tags[i])
			shard_put(copy, shard->tags[i], &shard->entries[i]);
	}
	return copy;
}

/* Linear probing without tombstones: move back what the freed slot separates from its home. */
static void shard_remove(struct fp_shard *shard, uint32_t slot)
{
	uint32_t mask = shard->slots - 1;
	uint32_t next = slot;

	for (;;) {
		uint32_t home;

		next = (next + 1) & mask;
		if (!shard->tags[next])
			break;
		home = slot_of(shard, shard->tags[next]);
		if (((next - home) & mask) >= ((next - slot) & mask)) {
			shard->tags[slot] = shard->tags[next];
			shard->entries[slot] = shard->entries[next];
			slot = next;
		}
	}
	shard->tags[slot] = 0;
	shard->count--;
}

/* The image's own copy of a shard with room for one more row; NULL: no memory. */
static struct fp_shard *shard_own(struct fp_table *table, uint32_t index)
{
	struct fp_shard *shard = table->shards[index];
	struct fp_shard *own;
	uint32_t slots = shard ? shard->slots : SHARD_SLOTS_MIN;

	if (shard && (shard->count + 1) * 4 > slots * 3)
		slots *= 2;
	while (shard && slots > SHARD_SLOTS_MIN && (shard->count + 1) * 8 < slots)
		slots /= 2;
	if (shard && shard->seq == table->seq && shard->slots == slots)
		return shard;
	own = shard ? shard_copy(shard, slots, table->seq) : shard_new(slots, table->seq);
	if (!own)
		return NULL;
	if (shard && shard->seq == table->seq)
		free(shard);
	table->shards[index] = own;
	return own;
}

/* The entry that a row makes, but for its ports; false when the row makes no sense. */
static bool entry_of(const struct fp_row *row, struct fp_entry *entry)
{
	*entry = (struct fp_entry){.vlan = row->vlan, .flags = row->flags};
	if (row->flags & FP_ROW_ALWAYS_FLOOD) {
		if (row->prefix_bits > FP_PREFIX_BITS_MAX)
			return false;
		entry->vlan = FP_FLOOD_KEY(row->prefix_bits);
		entry->flags |= FP_ROW_ANY_SOURCE;
		fp_prefix_cut(row->group, row->prefix_bits, entry->group);
		return true;
	}
	memcpy(entry->group, row->group, sizeof(entry->group));
	if (!(row->flags & FP_ROW_ANY_SOURCE))
		memcpy(entry->source, row->source, sizeof(entry->source));
	return true;
}

int fp_table_apply_row(struct fp_table *table, const struct fp_row *row)
{
	struct fp_entry entry;
	const uint8_t *source;
	struct fp_shard *shard;
	uint64_t hash;
	int64_t slot;

	if (!entry_of(row, &entry))
		return -EINVAL;
	if (entry.flags & FP_ROW_ALWAYS_FLOOD)
		table->floods_seq = table->seq;
	source = entry.flags & FP_ROW_ANY_SOURCE ? NULL : entry.source;
	hash = row_hash(table->seed, entry.vlan, entry.group, source);
	shard = table->shards[shard_of(hash)];
	if (row->op == FP_ROW_DELETE &&
	    (!shard || shard_find(shard, hash, entry.vlan, entry.group, source) < 0))
		return 0;
	shard = shard_own(table, shard_of(hash));
	if (!shard)
		return -ENOMEM;
	slot = shard_find(shard, hash, entry.vlan, entry.group, source);
	if (slot >= 0) {
		shard_remove(shard, (uint32_t)slot);
		table->row_count--;
		if (entry.flags & FP_ROW_ALWAYS_FLOOD)
			fp_floods_remove(&table->floods, row->prefix_bits);
	}
	if (row->op == FP_ROW_DELETE)
		return 0;
	memcpy(entry.ports, row->ports, sizeof(entry.ports));
	shard_put(shard, tag_of(hash), &entry);
	table->row_count++;
	if (entry.flags & FP_ROW_ALWAYS_FLOOD)
		fp_floods_add(&table->floods, row->prefix_bits);
	return 0;
}

static void mask_put(uint64_t *mask, uint32_t port, bool has)
{
	if (has)
		fp_mask_set(mask, port);
	else
		fp_mask_clear(mask, port);
}

int fp_table_apply_port(struct fp_table *table, const struct fp_port_state *state)
{
	bool open;

	if (state->port >= FP_PORTS_MAX || state->pvid > FP_VLAN_ID_MAX)
		return -EINVAL;
	open = table->ports[state->port];
	mask_put(table->up, state->port, open && state->flags & FP_PORT_UP);
	mask_put(table->coalesce, state->port, open && state->flags & FP_PORT_COALESCE);
	mask_put(table->watched, state->port, open && state->flags & FP_PORT_WATCHED);
	mask_put(table->sticky, state->port, open && state->flags & FP_PORT_STICKY);
	mask_put(table->ahead, state->port, open && state->flags & FP_PORT_AHEAD);
	mask_put(table->filters, state->port, state->flags & FP_PORT_FILTERS);
	mask_put(table->guard, state->port, open && state->flags & FP_PORT_GUARD);
	mask_put(table->held, state->port, open && state->flags & FP_PORT_HELD);
	mask_put(table->names, state->port, open && state->flags & FP_PORT_NAMES);
	mask_put(table->rings, state->port, state->flags & FP_PORT_RINGS);
	table->mtu[state->port] = state->mtu;
	table->pvid[state->port] = state->pvid;
	table->horizon[state->port] = state->horizon;
	table->reserved[state->port] = state->reserved & (uint16_t) ~(1u << PAUSE);
	table->storm_limit[state->port] = state->storm_limit;
	return 0;
}

struct fp_table *fp_table_new(void)
{
	struct fp_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->vlans = fp_vlans_new();
	if (!table->vlans) {
		free(table);
		return NULL;
	}
	return table;
}

struct fp_table *fp_table_copy(const struct fp_table *table)
{
	struct fp_table *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	memcpy(copy, table, sizeof(*copy));
	copy->seq = table->seq + 1;
	return copy;
}

void fp_table_discard(struct fp_table *table, const struct fp_table *original)
{
	for (uint32_t i = 0; i < FP_SHARDS; i++) {
		if (table->shards[i] != original->shards[i])
			free(table->shards[i]);
	}
	if (table->vlans != original->vlans)
		free(table->vlans);
	free(table);
}

void fp_table_free(struct fp_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < FP_SHARDS; i++)
		free(table->shards[i]);
	free(table->vlans);
	free(table);
}
