/*
 * The loop's side of stream health (fp_health_map.h): which streams have a state, and reading a
 * frame that the loop itself sends on. Each worker has room for so many streams; who has none is
 * not watched, and asks again once a second. Room is made by a stream that is silent or neither RTP
 * nor MPEG-TS, or by one of a port that has two more than the new one's, so that a host with ten
 * thousand groups pushes out its own.
 *
 * fp_health_take() is for whoever has the worker's slots (fp_slots_lock()); the rest of it is the
 * loop's, and reading anybody's.
 */
#ifndef FP_HEALTH_H
#define FP_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_frame.h"
#include "fp_health_map.h"
#include "fp_health_pids.h"
#include "fp_health_ways.h"
#include "fp_streams.h"

#define FP_HEALTH_SILENT_NS UINT64_C(60000000000)
#define FP_HEALTH_ASK_NS UINT64_C(1000000000)  /* a stream for which there was no room */
#define FP_HEALTH_LATE_NS UINT64_C(1000000000) /* what is not there by then is lost */

struct fp_health_owner {
	uint32_t stream; /* of the worker's */
	uint16_t port;
	bool used; /* ever */
};

struct fp_healths {
	struct fp_health_state *states;
	struct fp_health_owner *owners;
	uint32_t count;
	uint32_t first;		/* where states[0] is among those of all workers */
	uint32_t hand;		/* where room was looked for last */
	uint64_t full_until_ns; /* there was none */
	bool own;		/* the memory is nobody else's */
	uint32_t port_counts[FP_PORTS_MAX];
};

/* memory: of the kernel's map, or NULL: it makes its own. 0 or -ENOMEM. */
int fp_healths_init(struct fp_healths *healths, struct fp_health_state *memory, uint32_t count,
		    uint32_t first);
void fp_healths_destroy(struct fp_healths *healths);

/* The state of a stream, or 0. Any thread. */
uint32_t fp_health_find(const struct fp_healths *healths, const struct fp_streams *streams,
			const struct fp_stream_slot *slot);
/* Likewise, made if there is room. */
uint32_t fp_health_take(struct fp_healths *healths, struct fp_streams *streams,
			const struct fp_stream_slot *slot, uint64_t now_ns);
/* NULL: it is none, or another stream's by now. */
struct fp_health_state *fp_health_state(const struct fp_healths *healths, uint32_t handle);
/* Datagrams are passed over: what follows them is no loss. */
void fp_health_pass_over(struct fp_health_state *state);
/* Of all streams. The control thread's. */
void fp_healths_pass_over(struct fp_healths *healths);
/* Looks at a frame that has an IP header; vnet: its virtio header, losing: its ring has lost some.
 */
void fp_health_look(struct fp_health_state *state, const struct fp_frame *frame,
		    const uint8_t *vnet, bool losing, uint64_t now_ns);
/* What is lost by then, with what is still waited for. Any thread. */
uint64_t fp_health_lost(const struct fp_health_state *state, uint64_t now_ns);
/* Of a stream as fp_streams_read() has it: what is known of its health, in place of a number. */
void fp_health_read(const struct fp_healths *healths, struct fp_stream *stream, uint64_t now_ns);
/* Likewise, all of it for another process, of the streams that have a state; how many. No loop
 * runs, and fp_health_put() is before the first one does.
 */
uint32_t fp_health_pack(const struct fp_healths *healths, const struct fp_streams *streams,
			struct fp_stream_health *out, uint32_t out_max);
void fp_health_put(struct fp_health_state *state, const struct fp_stream_health *health);

#endif
