/*
 * A port made of memory and socket pairs, so that rings, loop and transmission are tested without
 * an interface or root. The test plays the kernel: it fills ring slots and reads what the port sent
 * as datagrams (virtio header and frame).
 *
 * What a port sends without a virtio header comes out with an empty one. Unlike the kernel's, a
 * filled ring does not make its descriptor readable: wake the loop with fp_worker_wake().
 */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_switch.h"

#define FAKE_SLOTS 1024u
#define FAKE_PUNT_BYTES (1u << 18)
/* Calls of sendmmsg() so far; the fixtures stand in for it (--wrap). */
extern uint32_t fake_sends;
/* This descriptor segments nothing: what must be cut it refuses with ENOBUFS; -1: none. */
extern int fake_refuses_gso;
/* What is shorter is refused everywhere with ENOBUFS, as a filter refuses some. */
extern size_t fake_refuses_below;

#define FAKE_NO_TAG (-1)

struct fake_ring {
	struct fp_ring *ring;
	uint32_t next;
	int queue;   /* what is sent here waits in the ring's socket, as oversize frames do */
	bool losing; /* it has lost frames, and nobody has read how many */
};

struct fake_port {
	struct fp_port *port; /* freed by the switch it was plugged into, or by fake_port_free() */
	struct fake_ring data;
	struct fake_ring control;
	int wire;	/* what the port sent */
	int wire_qdisc; /* what it sent by the way of the qdisc layer */
};

/* A copy of a port's socket to send by: of the bare one, without a virtio header, or another. */
void fake_port_copied(int fd, bool bare);
void fake_port_make(struct fake_port *fake, uint32_t id);
/* Makes it a port that is open in the switch; the next publish may name it. */
void fake_port_plug(struct fake_port *fake, struct fp_switch *sw);
/* Closes the test's ends; the port itself is the switch's. */
void fake_port_unplug(struct fake_port *fake);
void fake_port_free(struct fake_port *fake);

/*
 * Puts a frame into the ring as the kernel does: a tag beside it (TCI, or FAKE_NO_TAG), what is too
 * long for a slot also whole in the socket's queue. False: the ring is full.
 */
bool fake_ring_put(struct fake_ring *fake, const uint8_t *vnet, uint32_t len_bytes, int tci,
		   uint16_t tpid);
/* The same of an untagged frame that is cut to snap_bytes and not in the queue. */
bool fake_ring_put_cut(struct fake_ring *fake, const uint8_t *vnet, uint32_t len_bytes,
		       uint32_t snap_bytes);

/* The next datagram (virtio header and frame) a port sent, or -1. */
int32_t fake_wire_read(int wire, uint8_t *buffer, uint32_t buffer_bytes);

#endif
