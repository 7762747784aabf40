/*
 * The real loop in its thread, frames through it, publishes beside it: every frame goes to a set
 * that was published (idea 137), none is lost, none twice.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_decide.h"
#include "lab.h"
#include "rows.h"

#define FRAMES 12000u
#define AT_ONCE 50u
#define RECEIVERS 6u
#define GROUP 0xef010203u
#define VLAN 10u

static struct lab lab;
static uint8_t reached[FRAMES]; /* the ports each frame came to, by its source address */

static void *run(void *argument)
{
	CHECK_EQ(fp_loop_run(argument, 0), 0);
	return NULL;
}

/*
 * Set A is ports 1 and 2 (its router, with a tag), set B is 3 and 4, rows and members alike; a mix
 * of publishes would show.
 */
static void publish(uint32_t n)
{
	uint64_t member = n % 2 ? 0x02 : 0x08;
	uint64_t mrouter = n % 2 ? 0x04 : 0x10;
	struct fp_members members =
		n % 2 ? vlan_members(VLAN, 0x07, 0x03) : vlan_members(VLAN, 0x19, 0x09);
	struct fp_row row = ipv4_row(VLAN, GROUP, 0, member);
	struct fp_vlan vlan = ipv4_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, mrouter, 0);

	CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, &vlan, 1, &members, 1, NULL, 0), 0);
}

static uint32_t collect(void)
{
	uint8_t datagram[300];
	uint32_t count = 0;

	for (uint32_t port = 1; port < RECEIVERS; port++) {
		while (fake_wire_read(lab.ports[port].wire, datagram, sizeof(datagram)) > 0) {
			const uint8_t *frame = datagram + FP_VNET_BYTES;
			bool tagged = port % 2 == 0;
			uint32_t number = fp_read32(frame + (tagged ? 30 : 26));

			CHECK_EQ(fp_read16(frame + 12), tagged ? 0x8100 : 0x0800);

			CHECK(number < FRAMES);
			CHECK(!(reached[number] & 1u << port));
			reached[number] |= (uint8_t)(1u << port);
			count++;
		}
	}
	return count;
}

static void ask_everything(void)
{
	static struct fp_stream streams[256];
	static struct fp_fdb_entry entries[64];
	static uint8_t buffer[1 << 20];
	struct fp_worker_stats stats;

	lab_stat(&lab, 0, FP_STAT_RX_FRAMES);
	fp_stream_dump(lab.sw, streams, 256);
	fp_fdb_dump(lab.sw, entries, 64);
	CHECK_EQ(fp_worker_read(lab.sw, 0, &stats), 0);
	CHECK_EQ(fp_worker_read(lab.sw, 1, &stats), (uint64_t)-22);
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000), 0);
}

static void feed_and_publish(void)
{
	struct packet packet = packet_udp();
	uint32_t publishes = 0;
	uint32_t fed = 0;

	packet.fragment = 0; /* equal ids: each frame leaves alone */
	while (fed < FRAMES) {
		uint32_t arrived = 0;

		for (uint32_t n = 0; n < AT_ONCE; n++) {
			packet.source = fed++;
			lab_receive(&lab, 0, &packet);
			if (n == AT_ONCE / 2)
				fp_worker_wake(lab.sw->workers[0]);
		}
		while (arrived < 2 * AT_ONCE) { /* each to the two ports of its set */
			publish(publishes++);
			arrived += collect();
			sched_yield();
		}
		if (fed % 1000 == 0)
			ask_everything();
	}
	while (publishes < 10000)
		publish(publishes++);
}

static void test_frames_go_to_sets_that_were_published(void)
{
	struct fp_stream streams[256];
	pthread_t loop;

	lab_start(&lab, RECEIVERS);
	for (uint32_t port = 0; port < RECEIVERS; port++) {
		struct fp_port_state state = {
			.mtu = 1500,
			.port = (uint16_t)port,
			.flags = FP_PORT_UP | FP_PORT_FILTERS,
			.pvid = VLAN,
		};

		CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	publish(0);
	CHECK(!pthread_create(&loop, NULL, run, lab.sw));
	feed_and_publish();
	CHECK_EQ(fp_port_close(lab.sw, 5), 0);
	while (fp_switch_retired(lab.sw)) /* an idle loop pins nothing: publish woke it */
		sched_yield();
	fp_switch_stop(lab.sw);
	CHECK(!pthread_join(loop, NULL));
	CHECK_EQ(collect(), 0);
	for (uint32_t n = 0; n < FRAMES; n++)
		CHECK(reached[n] == 0x06 || reached[n] == 0x18);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_GROUP), FRAMES);
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 256), 256);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_frames_go_to_sets_that_were_published);
	return 0;
}
