#include "fp_shortcut.h"

#include <string.h>
#include <unistd.h>

#include "fp_bpf.h"
#include "fp_frame.h"
#include "fp_shortcut_map.h"

void fp_shortcut_init(struct fp_shortcut *shortcut, uint32_t entries_max, uint64_t ageing_ns)
{
	shortcut->ageing_ns = ageing_ns;
	shortcut->entries_max = entries_max < 64 ? 64 : entries_max;
	shortcut->fdb_fd = fp_bpf_map_new(BPF_MAP_TYPE_LRU_HASH, sizeof(struct key),
					  sizeof(struct value), shortcut->entries_max);
	shortcut->count_fd = fp_bpf_map_new(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
					    sizeof(struct fp_shortcut_counts), FP_PORTS_MAX);
	shortcut->pvid_fd = fp_bpf_map_new(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
					   FP_PORTS_MAX * sizeof(uint16_t), 1);
	if (shortcut->fdb_fd < 0 || shortcut->count_fd < 0 || shortcut->pvid_fd < 0)
		fp_shortcut_destroy(shortcut);
}

void fp_shortcut_destroy(struct fp_shortcut *shortcut)
{
	if (shortcut->fdb_fd >= 0)
		close(shortcut->fdb_fd);
	if (shortcut->count_fd >= 0)
		close(shortcut->count_fd);
	if (shortcut->pvid_fd >= 0)
		close(shortcut->pvid_fd);
	shortcut->fdb_fd = shortcut->count_fd = shortcut->pvid_fd = -1;
}

static struct key key_of(uint32_t vlan, const uint8_t *mac)
{
	struct key key = {.vlan = (uint16_t)vlan};

	memcpy(key.mac, mac, sizeof(key.mac));
	return key;
}

void fp_shortcut_classify(const struct fp_shortcut *shortcut, const uint16_t pvids[FP_PORTS_MAX])
{
	uint32_t all = 0;

	if (shortcut->pvid_fd >= 0)
		fp_bpf_map_set(shortcut->pvid_fd, &all, pvids);
}

void fp_shortcut_learn(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
		       const struct fp_shortcut_target *target)
{
	struct key key = key_of(vlan, mac);
	struct value value = {
		.ifindex = (uint32_t)target->ifindex,
		.frame_max = target->mtu + FP_ETH_BYTES,
		.seen_ns = target->seen_ns,
		.port = target->port,
		.also_ifindex = (uint32_t)target->also_ifindex,
		.also_ns = target->also_ns,
		.also_port = target->also_port,
		.horizon = target->horizon,
		.untagged = target->untagged,
	};

	if (shortcut->fdb_fd >= 0)
		fp_bpf_map_set(shortcut->fdb_fd, &key, &value);
}

void fp_shortcut_forget(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac)
{
	struct key key = key_of(vlan, mac);

	if (shortcut->fdb_fd >= 0)
		fp_bpf_map_delete(shortcut->fdb_fd, &key);
}

int32_t fp_shortcut_lookup(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
			   uint64_t now_ns, uint64_t *seen_ns)
{
	struct key key = key_of(vlan, mac);
	struct value value;

	if (shortcut->fdb_fd < 0 || fp_bpf_map_get(shortcut->fdb_fd, &key, &value))
		return -1;
	*seen_ns = value.seen_ns;
	if (now_ns > value.seen_ns && now_ns - value.seen_ns > shortcut->ageing_ns)
		return -1;
	return (int32_t)value.port;
}

bool fp_shortcut_next(const struct fp_shortcut *shortcut, bool first,
		      struct fp_shortcut_entry *entry)
{
	struct key key = key_of(entry->vlan, entry->mac);
	struct value value;

	if (shortcut->fdb_fd < 0)
		return false;
	do {
		struct key next;

		if (fp_bpf_map_next(shortcut->fdb_fd, first ? NULL : &key, &next))
			return false;
		first = false;
		key = next;
	} while (fp_bpf_map_get(shortcut->fdb_fd, &key, &value));
	memcpy(entry->mac, key.mac, sizeof(entry->mac));
	entry->vlan = key.vlan;
	entry->port = value.port;
	entry->also = value.also_ifindex ? (int32_t)value.also_port : -1;
	entry->seen_ns = value.seen_ns;
	return true;
}

/* Steps on before it deletes: the kernel starts over from a key that is gone. */
void fp_shortcut_flush(const struct fp_shortcut *shortcut,
		       bool (*stale)(const void *context, const struct fp_shortcut_entry *entry),
		       const void *context)
{
	struct fp_shortcut_entry entry;
	bool more = fp_shortcut_next(shortcut, true, &entry);

	for (uint32_t i = 0; more && i < 2 * shortcut->entries_max; i++) {
		struct key key = key_of(entry.vlan, entry.mac);
		bool matches = stale(context, &entry);

		more = fp_shortcut_next(shortcut, false, &entry);
		if (matches)
			fp_bpf_map_delete(shortcut->fdb_fd, &key);
	}
}

void fp_shortcut_read(const struct fp_shortcut *shortcut, uint32_t port,
		      struct fp_shortcut_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	if (shortcut->count_fd >= 0)
		fp_bpf_map_get(shortcut->count_fd, &port, counts);
}
