/* Frames of the control plane, sent by the ports' own sockets past the loops. */
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

#include "fp_decide.h"
#include "fp_mask.h"
#include "fp_switch.h"

struct injection {
	struct virtio_net_hdr vnet; /* says nothing */
	uint8_t tag[FP_TAG_BYTES];
	struct iovec iov[4];
};

/* The pieces of the frame with that tag, or without; the length of the frame. */
static uint32_t spell(struct injection *injection, uint32_t tci, const uint8_t *frame,
		      uint32_t frame_len)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)frame; /* sendmsg only reads it */
	uint32_t tag_bytes = tci == FP_NO_TAG ? 0 : FP_TAG_BYTES;

	fp_tag_write(injection->tag, FP_ETHERTYPE_TAG, tci);
	injection->iov[0] = (struct iovec){&injection->vnet, FP_VNET_BYTES};
	injection->iov[1] = (struct iovec){bytes, FP_TAG_OFFSET};
	injection->iov[2] = (struct iovec){injection->tag, tag_bytes};
	injection->iov[3] = (struct iovec){bytes + FP_TAG_OFFSET, frame_len - FP_TAG_OFFSET};
	return frame_len + tag_bytes;
}

/* Of the ports those that are in the VLAN, and not of the horizon of the port it came from. */
static void allow(const struct fp_table *table, const struct fp_vlan_policy *policy, int32_t from,
		  const uint64_t *ports, uint64_t *allowed)
{
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		allowed[i] = ports[i] & policy->members[i];
	if (from >= 0 && table->horizon[from])
		fp_decide_horizon(table, (uint32_t)from, allowed);
}

int fp_inject(struct fp_switch *sw, uint32_t vlan, uint32_t tci, int32_t from,
	      const uint64_t *ports, const uint8_t *frame, uint32_t frame_len, uint64_t *sent)
{
	const struct fp_table *table = fp_load_relaxed(&sw->table); /* only this thread stores it */
	const struct fp_vlan_policy *policy = fp_table_vlan(table, vlan);
	struct injection injection = {.vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE}};
	struct msghdr message = {.msg_iov = injection.iov, .msg_iovlen = 4};
	uint64_t allowed[FP_MASK_WORDS];

	memset(sent, 0, FP_MASK_WORDS * sizeof(*sent));
	if (vlan > FP_VLAN_ID_MAX || tci > FP_NO_TAG || frame_len < FP_ETH_BYTES ||
	    from >= (int32_t)FP_PORTS_MAX)
		return -EINVAL;
	allow(table, policy, from, ports, allowed);
	fp_mask_for_each(allowed, port)
	{
		_Atomic uint64_t *stats = sw->control_stats[port].stats;
		const struct fp_port *to = sw->opened[port];
		uint32_t bytes;

		bytes = spell(&injection, fp_decide_tci(policy, port, vlan, tci), frame, frame_len);
		if (!to || sendmsg(fp_port_tx_fd(to), &message, MSG_DONTWAIT) < 0) {
			fp_count(&stats[FP_STAT_INJECT_DROPS], 1);
			continue;
		}
		fp_mask_set(sent, port);
		fp_count(&stats[FP_STAT_INJECT_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_SENDS], 1);
		fp_count(&stats[FP_STAT_TX_BYTES], bytes);
	}
	return 0;
}
