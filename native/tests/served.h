/*
 * A switch whose streams the kernel serves, over slots of memory: port 0 sends to GROUP, ports 1
 * and 2 are members.
 */
#ifndef SERVED_H
#define SERVED_H

#include "check.h"
#include "fp_clock.h"
#include "programs.h"
#include "rows.h"

#define GROUP 0xef010203u
#define PATIENCE_NS (60 * FP_NS_PER_S)

static inline void drain(struct lab *lab)
{
	for (uint32_t port = 0; port < lab->port_count; port++)
		lab_sent(lab, port);
}

/* No port gets runs, all are members. */
static inline void start(struct lab *lab, uint32_t port_count)
{
	lab_start(lab, port_count);
	programs_start(lab);
	for (uint32_t i = 0; i < port_count; i++) {
		struct fp_port_state state = {
			.mtu = 1500, .port = (uint16_t)i, .flags = FP_PORT_UP};

		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	lab_set_policy(lab, FP_VLAN_ACTIVE, 0, 0);
	lab_set_row(lab, GROUP, 0, 0x06);
}

static inline bool receive(struct lab *lab, uint32_t port, const struct packet *packet)
{
	return programs_receive(lab, port, packet, FAKE_NO_TAG);
}

/* One frame, and all passes that it takes: true when the kernel had it. */
static inline bool step(struct lab *lab, const struct packet *packet)
{
	bool served = receive(lab, 0, packet);

	lab_run(lab);
	drain(lab);
	return served;
}

/* How many frames it took until the kernel had one. */
static inline uint32_t until_served(struct lab *lab, const struct packet *packet)
{
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;
	uint32_t frames = 0;

	while (!step(lab, packet)) {
		frames++;
		CHECK(fp_now_ns() < end_ns);
	}
	return frames + 1;
}

static inline struct fp_stream only_stream(struct lab *lab)
{
	struct fp_stream streams[256];

	CHECK_EQ(fp_stream_dump(lab->sw, streams, 256), 1);
	return streams[0];
}

#endif
