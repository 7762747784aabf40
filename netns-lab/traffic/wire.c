#include "wire.h"
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_to(int fd, const char *interface, uint16_t protocol)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};

	addr.sll_ifindex = (int)if_nametoindex(interface);
	if (!addr.sll_ifindex || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

int wire_open(const char *interface, uint8_t *mac)
{
	struct ifreq ifr = {0};
	int err, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(ifr.ifr_name, interface, IFNAMSIZ - 1);
	err = ioctl(fd, SIOCGIFHWADDR, &ifr) ? -errno : bind_to(fd, interface, 0);
	if (err) {
		close(fd);
		return err;
	}
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

int wire_bypass_queue(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ? -errno : 0;
}

int wire_listen(int fd, const char *interface, uint16_t protocol)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)))
		return -errno;
	return bind_to(fd, interface, protocol);
}

bool wire_next(int fd, struct wire_frame *frame)
{
	char control[128];
	struct sockaddr_ll from;
	struct iovec iov = {frame->data, sizeof(frame->data)};
	struct msghdr msg = {.msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *stamp = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	struct timespec ts = {0};

	if (got <= 0)
		return false;
	if (stamp)
		memcpy(&ts, CMSG_DATA(stamp), sizeof(ts));
	frame->len_bytes = (size_t)got;
	frame->time_ns = timespec_ns(&ts);
	frame->out = from.sll_pkttype == PACKET_OUTGOING;
	return true;
}
