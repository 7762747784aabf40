#include "fp_garbage.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A pair of sockets; what is sent by the first holds them all, and the second that it waits in. */
static int tie(const int *fds, uint32_t count, int ends[2])
{
	size_t bytes = (count + 1) * sizeof(int);
	union {
		struct cmsghdr head; /* aligns it */
		char room[CMSG_SPACE((FP_GARBAGE_MAX + 1) * sizeof(int))];
	} control;
	struct iovec something = {.iov_base = (char[]){0}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &something,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(bytes)};
	struct cmsghdr *head;
	int err;

	if (count > FP_GARBAGE_MAX)
		return -E2BIG;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	memset(&control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	memcpy(CMSG_DATA(head) + count * sizeof(int), &ends[1], sizeof(int));
	if (sendmsg(ends[0], &message, MSG_DONTWAIT) >= 0)
		return 0;
	err = -errno;
	close(ends[1]);
	close(ends[0]);
	return err;
}

int fp_garbage_give(const int *fds, uint32_t count)
{
	int ends[2];
	int err = tie(fds, count, ends);

	if (err)
		return err;
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
	close(ends[1]);
	close(ends[0]); /* the last to go: the kernel looks for garbage when a socket is closed */
	return 0;
}

int fp_garbage_tie(const int *fds, uint32_t count)
{
	int ends[2];
	int err = tie(fds, count, ends);

	if (err)
		return err;
	close(ends[0]);
	return ends[1];
}

void fp_garbage_untie(int knot)
{
	char something;

	/* Nobody takes the descriptors: the message goes, and they are held once less each. */
	if (recv(knot, &something, sizeof(something), MSG_DONTWAIT) < 0) {
		/* then they are closed in the kernel's own time */
	}
	close(knot);
}
