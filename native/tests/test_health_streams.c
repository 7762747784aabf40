/*
 * Health where streams are: whoever serves one, over every change of paths,
 * each datagram is looked at once and in order; which streams are watched, and
 * for whom there is room.
 */
#include "check.h"
#include "fp_clock.h"
#include "fp_slots.h"
#include "media.h"
#include "programs.h"
#include "rows.h"

#define GROUP 0xef010203u
#define PATIENCE_NS (60 * FP_NS_PER_S)

static void drain(struct lab *lab)
{
	for (uint32_t port = 0; port < lab->port_count; port++)
		lab_sent(lab, port);
}

/* No port gets runs; port 0 sends. */
static void start(struct lab *lab, uint64_t members)
{
	lab_start(lab, 4);
	programs_start(lab);
	for (uint32_t i = 0; i < 4; i++) {
		struct fp_port_state state = {
			.mtu = 1500, .port = (uint16_t)i, .flags = FP_PORT_UP};

		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	lab_set_policy(lab, FP_VLAN_ACTIVE, 0, 0);
	lab_set_row(lab, GROUP, 0, members);
	CHECK_EQ(fp_switch_health(lab->sw, FP_HEALTH_WANTED), 0);
}

/* One datagram, in the ring until the next pass: true when the kernel had it.
 */
static bool receive(struct lab *lab, uint16_t number)
{
	static uint8_t payload[256];
	struct media media = media_rtp(number);
	struct packet packet = packet_udp();

	packet.payload_bytes = media_build(&media, payload);
	packet.payload = payload;
	return programs_receive(lab, 0, &packet, FAKE_NO_TAG);
}

static bool step(struct lab *lab, uint16_t number)
{
	bool served = receive(lab, number);

	lab_run(lab);
	drain(lab);
	return served;
}

static uint16_t until_served(struct lab *lab, uint16_t number)
{
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;

	while (!step(lab, number++))
		CHECK(fp_now_ns() < end_ns);
	return number;
}

static struct fp_stream only_stream(struct lab *lab)
{
	struct fp_stream streams[256];

	CHECK_EQ(fp_stream_dump(lab->sw, streams, 256), 1);
	return streams[0];
}

static void take_back(struct lab *lab)
{
	uint8_t group[FP_ADDRESS_BYTES];

	fp_map_ipv4(GROUP, group);
	fp_slots_void(&lab->sw->workers[0]->slots, 0, group);
}

/* Ring to kernel and back, hundreds of times: what is said is what is missing,
 * and no more. */
static void test_change_of_paths_is_no_gap(void)
{
	uint64_t seed = 3;
	uint64_t lost = 0;
	uint64_t served = 0;
	uint64_t frames = 0;
	uint16_t number = 0;
	struct fp_stream stream;
	struct lab lab;

	start(&lab, 0x06);
	for (uint32_t n = 0; n < 10; n++)
		step(&lab, number++);
	for (uint32_t n = 0; n < 30000; n++) {
		uint16_t missing = check_below(&seed, 50) ? 0 : (uint16_t)check_below(&seed, 9);

		number = (uint16_t)(number + missing);
		lost += missing;
		if (!check_below(&seed, 300))
			take_back(&lab);
		if (!check_below(&seed, 300))
			lab_set_row(&lab, GROUP, 0, 2 + 4 * check_below(&seed, 2));
		served += check_below(&seed, 4) ? receive(&lab, number) : step(&lab, number);
		number++;
		frames++;
	}
	lab_run(&lab);
	drain(&lab);
	stream = only_stream(&lab);
	CHECK(served > 10000 && served < frames - 100);
	CHECK_EQ(stream.health, FP_HEALTH_RTP);
	CHECK_EQ(stream.health_lost, lost);
	CHECK_EQ(stream.health_reordered + stream.health_duplicates + stream.health_restarts, 0);
	CHECK(stream.health_packets >= frames && stream.health_packets <= frames + 10);
	CHECK(stream.health_damage_ns > 0);
	lab_end(&lab);
}

/* Nobody gets it, and nobody looks; who joins it is told of what is lost from
 * then on. */
static void test_stream_is_watched_once_somebody_wants_it(void)
{
	uint16_t number;
	struct lab lab;

	start(&lab, 0);
	number = until_served(&lab, 0);
	for (uint32_t n = 0; n < 20; n++)
		CHECK(step(&lab, number++));
	CHECK_EQ(only_stream(&lab).health, 0);
	lab_set_row(&lab, GROUP, 0, 0x02);
	number = (uint16_t)(number + 100);
	for (uint32_t n = 0; n < 20; n++)
		CHECK(step(&lab, number++)); /* the kernel's from the first one on */
	number++;
	CHECK(step(&lab, number++));
	CHECK_EQ(only_stream(&lab).health, FP_HEALTH_RTP);
	CHECK_EQ(only_stream(&lab).health_packets, 21);
	CHECK_EQ(only_stream(&lab).health_lost, 1);
	lab_end(&lab);
}

static void test_what_passes_while_it_is_off_is_no_loss(void)
{
	uint64_t packets;
	uint16_t number;
	struct lab lab;

	start(&lab, 0x02);
	number = until_served(&lab, 0);
	for (uint32_t n = 0; n < 20; n++)
		CHECK(step(&lab, number++));
	packets = only_stream(&lab).health_packets;
	CHECK_EQ(fp_switch_health(lab.sw, FP_HEALTH_OFF), 0);
	for (uint32_t n = 0; n < 50; n++)
		step(&lab, number++);
	CHECK_EQ(only_stream(&lab).health_packets, packets);
	CHECK_EQ(fp_switch_health(lab.sw, FP_HEALTH_ALL), 0);
	number = until_served(&lab, number);
	number = (uint16_t)(number + 2);
	CHECK(step(&lab, number));
	CHECK_EQ(only_stream(&lab).health_lost, 2);
	CHECK_EQ((uint32_t)-fp_switch_health(lab.sw, FP_HEALTH_ALL + 1), 22); /* EINVAL */
	lab_end(&lab);
}

/* A full ring is ours: it is counted as such, and not as a loss before us. */
static void test_what_our_ring_loses_is_not_said_of_the_sender(void)
{
	uint16_t number;
	struct lab lab;

	start(&lab, 0x02);
	number = until_served(&lab, 0);
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t n = 0; n < 20; n++)
			CHECK(step(&lab, number++));
		take_back(&lab);
		CHECK(!step(&lab, number++));
		take_back(&lab);
		CHECK(!receive(&lab, number++));
		programs_lose(true);
		for (uint32_t n = 0; n < 5; n++)
			CHECK(!receive(&lab, number++));
		programs_lose(false);
		number = until_served(&lab, number);
		lab.ports[0].data.losing = false; /* it was read */
	}
	CHECK_EQ(only_stream(&lab).health_lost, 0);
	CHECK_EQ(only_stream(&lab).health_restarts, 0);
	lab_end(&lab);
}

/* Thousands of streams of one port push out each other, and not another port's
 * only one. */
static void test_room_is_made_by_who_has_most(void)
{
	struct packet packet = packet_udp();
	struct fp_stream streams[1024];
	uint64_t watched[2] = {0};
	struct lab lab;

	static uint8_t payload[256];

	start(&lab, 0);
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0, 0x0c);
	packet.payload = payload;
	for (uint32_t n = 0; n < 4000; n++) {
		struct media media = media_rtp((uint16_t)n);
		uint32_t port = n % 10 == 0;

		packet.payload_bytes = media_build(&media, payload);
		packet_set_group(&packet, port ? 0xef630001u : 0xef020000u + n % 2000);
		programs_receive(&lab, port, &packet, FAKE_NO_TAG);
		lab_run(&lab);
		drain(&lab);
	}
	for (int n = fp_stream_dump(lab.sw, streams, 1024) - 1; n >= 0; n--)
		watched[streams[n].port] += streams[n].health != 0;
	CHECK_EQ(watched[1], 0); /* its numbers are ten apart: lost, but they never fit */
	CHECK(fp_streams_watched(&lab.sw->workers[0]->streams,
				 &lab.sw->workers[0]->streams.slots[0]) <=
	      lab.sw->workers[0]->healths.count);
	CHECK(lab.sw->workers[0]->healths.port_counts[1] >= 1);
	CHECK(lab.sw->workers[0]->healths.port_counts[0] +
		      lab.sw->workers[0]->healths.port_counts[1] <=
	      lab.sw->workers[0]->healths.count);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_change_of_paths_is_no_gap);
	RUN(test_stream_is_watched_once_somebody_wants_it);
	RUN(test_what_passes_while_it_is_off_is_no_loss);
	RUN(test_what_our_ring_loses_is_not_said_of_the_sender);
	RUN(test_room_is_made_by_who_has_most);
	return 0;
}
