/* Frames of the control plane, sent by the ports' own sockets past the loops. */
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

#include "fp_mask.h"
#include "fp_switch.h"

int fp_inject(struct fp_switch *sw, const uint64_t *ports, const uint8_t *frame, uint32_t frame_len,
	      uint64_t *sent)
{
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	struct iovec iov[2] = {
		{.iov_base = &vnet, .iov_len = FP_VNET_BYTES},
		{.iov_base = (void *)(uintptr_t)frame, .iov_len = frame_len},
	};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

	memset(sent, 0, FP_MASK_WORDS * sizeof(*sent));
	fp_mask_for_each(ports, port)
	{
		_Atomic uint64_t *stats = sw->control_stats[port].stats;
		const struct fp_port *to = sw->opened[port];

		if (!to || sendmsg(fp_port_tx_fd(to), &message, MSG_DONTWAIT) < 0) {
			fp_count(&stats[FP_STAT_INJECT_DROPS], 1);
			continue;
		}
		fp_mask_set(sent, port);
		fp_count(&stats[FP_STAT_INJECT_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_SENDS], 1);
		fp_count(&stats[FP_STAT_TX_BYTES], frame_len);
	}
	return 0;
}
