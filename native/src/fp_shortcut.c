#include "fp_shortcut.h"

#include <string.h>
#include <unistd.h>

#include "fp_bpf.h"
#include "fp_frame.h"
#include "fp_shortcut_map.h"

void fp_shortcut_init(struct fp_shortcut *shortcut, const struct fp_kernel *kernel,
		      const struct fp_config *config)
{
	shortcut->fdb_fd = kernel->fdb_fd;
	shortcut->shared = kernel->shared;
	shortcut->ageing_ns = config->fdb_ageing_ns;
	shortcut->entries_max = config->fdb_max;
}

static struct fp_shortcut_key key_of(uint32_t vlan, const uint8_t *mac)
{
	struct fp_shortcut_key key = {.vlan = (uint16_t)vlan};

	memcpy(key.mac, mac, sizeof(key.mac));
	return key;
}

void fp_shortcut_classify(const struct fp_shortcut *shortcut, const uint16_t pvids[FP_PORTS_MAX])
{
	if (!shortcut->shared)
		return;
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++)
		shortcut->shared->ports[port].pvid = pvids[port];
}

void fp_shortcut_learn(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
		       const struct fp_shortcut_target *target)
{
	struct fp_shortcut_key key = key_of(vlan, mac);
	struct fp_shortcut_value value = {
		.seen_ns = target->seen_ns,
		.also_ns = target->also_ns,
		.frame_max = target->mtu + FP_ETH_BYTES,
		.port = (uint16_t)target->port,
		.also = target->also < 0 ? FP_SHORTCUT_NONE : (uint16_t)target->also,
		.horizon = target->horizon,
		.untagged = target->untagged,
	};

	if (shortcut->fdb_fd >= 0)
		fp_bpf_map_set(shortcut->fdb_fd, &key, &value);
}

void fp_shortcut_forget(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac)
{
	struct fp_shortcut_key key = key_of(vlan, mac);

	if (shortcut->fdb_fd >= 0)
		fp_bpf_map_delete(shortcut->fdb_fd, &key);
}

int32_t fp_shortcut_lookup(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
			   uint64_t now_ns, uint64_t *seen_ns)
{
	struct fp_shortcut_key key = key_of(vlan, mac);
	struct fp_shortcut_value value;

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
	struct fp_shortcut_key key = key_of(entry->vlan, entry->mac);
	struct fp_shortcut_value value;

	if (shortcut->fdb_fd < 0)
		return false;
	do {
		struct fp_shortcut_key next;

		if (fp_bpf_map_next(shortcut->fdb_fd, first ? NULL : &key, &next))
			return false;
		first = false;
		key = next;
	} while (fp_bpf_map_get(shortcut->fdb_fd, &key, &value));
	memcpy(entry->mac, key.mac, sizeof(entry->mac));
	entry->vlan = key.vlan;
	entry->port = value.port;
	entry->also = value.also == FP_SHORTCUT_NONE ? -1 : value.also;
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
		struct fp_shortcut_key key = key_of(entry.vlan, entry.mac);
		bool matches = stale(context, &entry);

		more = fp_shortcut_next(shortcut, false, &entry);
		if (matches)
			fp_bpf_map_delete(shortcut->fdb_fd, &key);
	}
}

void fp_shortcut_read(const struct fp_shortcut *shortcut, uint32_t port,
		      struct fp_shortcut_counts *counts)
{
	const struct fp_path_port *counted;

	memset(counts, 0, sizeof(*counts));
	if (!shortcut->shared)
		return;
	/* relaxed: the programs add to them while they are read */
	counted = &shortcut->shared->ports[port];
	counts->rx_frames = __atomic_load_n(&counted->rx_frames, __ATOMIC_RELAXED);
	counts->rx_bytes = __atomic_load_n(&counted->rx_bytes, __ATOMIC_RELAXED);
	counts->tx_frames = __atomic_load_n(&counted->tx_frames, __ATOMIC_RELAXED);
	counts->tx_bytes = __atomic_load_n(&counted->tx_bytes, __ATOMIC_RELAXED);
}
