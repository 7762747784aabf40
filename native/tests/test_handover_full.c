/*
 * A ring that is never empty, and loses frames as well: its streams go to the kernel all the same,
 * each when its last frame there has left.
 */
#include "check.h"
#include "fp_clock.h"
#include "programs.h"

#define GROUP 0xef010203u
#define FLOWS 12u /* so few that each finds a slot */
#define SOURCE 0x0a000000u
#define FILLER 0xffu /* the last byte of the source that keeps the ring full */
#define FILLERS 32u  /* to one of the others: of these one is in the ring now and then */
#define WAITING_LEAST (FAKE_SLOTS / 2)
#define WAITING_MOST (FAKE_SLOTS - FAKE_SLOTS / 8)
#define BEHIND_SOURCE (4u + FP_UDP_BYTES + 100u) /* packet_udp()'s payload */
#define PATIENCE_NS (60 * FP_NS_PER_S)

struct flow {
	uint32_t ringed;
	uint32_t left;
	bool served;
};

static struct lab lab;
static struct flow flows[FLOWS];
static uint32_t waiting;

static void collect(void)
{
	static uint8_t frame[2048];
	int32_t bytes;

	while ((bytes = fake_wire_read(lab.ports[1].wire, frame, sizeof(frame))) > 0) {
		uint32_t source = frame[(uint32_t)bytes - BEHIND_SOURCE - 1];

		waiting--;
		if (source == FILLER)
			continue;
		CHECK(source < FLOWS);
		flows[source].left++;
	}
}

static void offer(uint32_t number, bool lose)
{
	struct packet packet = packet_udp();
	struct flow *flow = &flows[number];

	packet.source = SOURCE + number;
	programs_lose(lose);
	if (programs_receive(&lab, 0, &packet, FAKE_NO_TAG)) {
		CHECK_EQ(flow->left, flow->ringed);
		flow->served = true;
	} else if (!lose) {
		flow->ringed++;
		waiting++;
	}
}

static bool all_served(void)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		if (!flows[i].served)
			return false;
	}
	return true;
}

static void test_streams_leave_a_ring_that_is_never_empty(void)
{
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;
	struct packet filler = packet_udp();
	uint64_t seed = 5;

	lab_start(&lab, 2);
	programs_start(&lab);
	for (uint32_t port = 0; port < 2; port++) {
		struct fp_port_state state = {
			.mtu = 1500, .port = (uint16_t)port, .flags = FP_PORT_UP};

		CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0, 0);
	lab_set_row(&lab, GROUP, 0, 0x02);
	filler.source = SOURCE + FILLER;
	while (!all_served()) {
		while (waiting < WAITING_MOST) {
			offer(check_below(&seed, FLOWS), !check_below(&seed, 4));
			/* past the programs, so that these never are the kernel's */
			for (uint32_t i = 0; i < FILLERS; i++)
				lab_receive(&lab, 0, &filler);
			waiting += FILLERS;
		}
		lab_pass(&lab);
		collect();
		CHECK(waiting > WAITING_LEAST);
		CHECK(fp_now_ns() < end_ns);
	}
	lab_run(&lab);
	collect();
	for (uint32_t i = 0; i < FLOWS; i++)
		CHECK_EQ(flows[i].left, flows[i].ringed);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_streams_leave_a_ring_that_is_never_empty);
	return 0;
}
