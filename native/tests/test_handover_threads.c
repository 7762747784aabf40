/*
 * The kernel's programs in a thread, the loop in one, and a third that publishes, flushes and
 * switches all the time: when the kernel sends a frame, every older one of its flow that the ring
 * has had has left by every port, also where runs leave, and none leaves later.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_clock.h"
#include "programs.h"

#define GROUP 0xef010203u
#define OTHER_GROUP 0xef010204u
#define STAYS 2u /* ports 1 and 2 always get it; 2 takes runs */
#define TURNS_MIN 200u
#define FRAMES_MIN 40000u
#define FRAMES_MAX 2000000u
#define WAITING_MAX (FAKE_SLOTS / 4)
#define HEADERS (FP_VNET_BYTES + FP_ETH_BYTES + FP_IPV4_BYTES + FP_UDP_BYTES)

static struct lab lab;
static _Atomic uint32_t turns; /* from ring to kernel */
static _Atomic uint32_t ended;
static struct packet packet;
static uint32_t left[1 + STAYS]; /* frames that the loop has sent */
static uint32_t ringed;

static void *run(void *argument)
{
	CHECK_EQ(fp_loop_run(argument, 0), 0);
	return NULL;
}

static void collect(void)
{
	static uint8_t datagram[1 << 17];
	int32_t bytes;

	for (uint32_t port = 1; port <= STAYS; port++) {
		while ((bytes = fake_wire_read(lab.ports[port].wire, datagram, sizeof(datagram))) >
		       0) {
			/* what leaves bare has no virtio header */
			uint32_t payload = (uint32_t)bytes - HEADERS + FP_VNET_BYTES;

			if (payload % packet.payload_bytes)
				payload -= FP_VNET_BYTES;
			CHECK_EQ(payload % packet.payload_bytes, 0);
			left[port] += payload / packet.payload_bytes;
		}
	}
	while (fake_wire_read(lab.ports[3].wire, datagram, sizeof(datagram)) > 0)
		;
}

/* One that the kernel has sent: nothing is older and still to leave. */
static void check_served(uint32_t *before)
{
	if (*before != ringed)
		atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed);
	*before = ringed;
	collect();
	for (uint32_t port = 1; port <= STAYS; port++)
		CHECK_EQ(left[port], ringed);
}

static void *send_frames(void *argument)
{
	struct fp_worker *worker = lab.sw->workers[0];
	uint64_t seed = 3;
	uint32_t before = 0;
	uint32_t frames = 0;

	(void)argument;
	while (frames < FRAMES_MAX &&
	       (fp_load_relaxed(&turns) < TURNS_MIN || frames < FRAMES_MIN)) {
		bool lose = !check_below(&seed, 500);

		frames++;
		packet.ip_id++;
		programs_lose(lose);
		if (programs_receive(&lab, 0, &packet, FAKE_NO_TAG)) {
			check_served(&before);
			continue;
		}
		ringed += !lose;
		fp_worker_wake(worker);
		if (!check_below(&seed, 8))
			sched_yield();
		for (collect(); ringed - left[1] > WAITING_MAX || ringed - left[2] > WAITING_MAX;
		     collect())
			sched_yield();
	}
	CHECK(fp_load_relaxed(&turns) >= TURNS_MIN);
	fp_store_relaxed(&ended, 1);
	return NULL;
}

/* Whatever takes a stream from the kernel. */
static void disturb(uint64_t *seed)
{
	switch (check_below(seed, 6)) {
	case 0:
		CHECK_EQ(fp_switch_kernel(lab.sw, 0), 0);
		sched_yield();
		CHECK_EQ(fp_switch_kernel(lab.sw, 1), 0);
		return;
	case 1:
		fp_fdb_flush(lab.sw, -1, -1);
		fp_kernel_fold(lab.sw);
		return;
	case 2:
		lab_set_port(&lab, 2, true, 1400 + check_below(seed, 100));
		return;
	case 3:
		lab_set_row(&lab, OTHER_GROUP + check_below(seed, 1000), 0, 0x02);
		return;
	default:
		lab_set_row(&lab, GROUP, 0, check_below(seed, 2) ? 0x06 : 0x0e);
	}
}

static void test_nothing_is_overtaken(void)
{
	pthread_t sender;
	pthread_t loop;
	uint64_t seed = 7;

	lab_start(&lab, 4);
	programs_start(&lab);
	for (uint32_t port = 0; port < 4; port++) {
		struct fp_port_state state = {
			.mtu = 1500,
			.port = (uint16_t)port,
			.flags = FP_PORT_UP | (port == 2 ? FP_PORT_COALESCE : 0),
		};

		CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0, 0);
	lab_set_row(&lab, GROUP, 0, 0x06);
	packet = packet_udp();
	CHECK(!pthread_create(&loop, NULL, run, lab.sw));
	CHECK(!pthread_create(&sender, NULL, send_frames, NULL));
	while (!fp_load_relaxed(&ended)) {
		disturb(&seed);
		nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
	}
	CHECK(!pthread_join(sender, NULL));
	while (left[1] != ringed || left[2] != ringed)
		collect();
	fp_switch_stop(lab.sw);
	CHECK(!pthread_join(loop, NULL));
	lab_end(&lab);
}

int main(void)
{
	RUN(test_nothing_is_overtaken);
	return 0;
}
