/* Whole frames of one interface of the namespace the thread is in, by a packet socket. */
#ifndef TRAFFIC_WIRE_H
#define TRAFFIC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open one that sends and receives nothing; mac becomes the interface's. Returns a descriptor or
 * -errno. */
int wire_open(const char *interface, uint8_t *mac);

/* Send past the interface's queue. Returns 0 or -errno. */
int wire_bypass_queue(int fd);

/* Receive frames of that protocol (ETH_P_) from here on. Returns 0 or -errno. */
int wire_listen(int fd, const char *interface, uint16_t protocol);

struct wire_frame {
	uint8_t data[2048];
	size_t len_bytes;
	uint64_t time_ns; /* realtime, when the kernel received it */
	bool out;	  /* sent by this host */
};

/* The next frame that waits, if it has a time. Never blocks; false: there is none. */
bool wire_next(int fd, struct wire_frame *frame);

#endif
