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

/* Behind what is lost, so that nobody waits for it any more. */
static uint16_t many(struct lab *lab, uint16_t number)
{
	for (uint32_t n = 0; n < FP_HEALTH_WINDOW; n++)
		step(lab, number++);
	return number;
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
			programs_take_back(&lab, GROUP);
		if (!check_below(&seed, 300))
			lab_set_row(&lab, GROUP, 0, 2 + 4 * check_below(&seed, 2));
		served += check_below(&seed, 4) ? receive(&lab, number) : step(&lab, number);
		number++;
		frames++;
	}
	lab_run(&lab);
	many(&lab, number);
	frames += FP_HEALTH_WINDOW;
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
	many(&lab, number);
	CHECK_EQ(only_stream(&lab).health, FP_HEALTH_RTP);
	CHECK_EQ(only_stream(&lab).health_packets, 20 + FP_HEALTH_WINDOW);
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
	many(&lab, (uint16_t)(number + 2));
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
		programs_take_back(&lab, GROUP);
		CHECK(!step(&lab, number++));
		programs_take_back(&lab, GROUP);
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
		uint32_t port = n % 10 == 0;
		struct media media = media_rtp((uint16_t)(port ? n / 10 : n));

		packet.payload_bytes = media_build(&media, payload);
		packet_set_group(&packet, port ? 0xef630001u : 0xef020000u + n % 2000);
		programs_receive(&lab, port, &packet, FAKE_NO_TAG);
		lab_run(&lab);
		drain(&lab);
	}
	for (int n = fp_stream_dump(lab.sw, streams, 1024) - 1; n >= 0; n--)
		watched[streams[n].port] += streams[n].health != 0;
	CHECK_EQ(watched[1], 1);
	CHECK(fp_streams_watched(&lab.sw->workers[0]->streams,
				 &lab.sw->workers[0]->streams.slots[0]) <=
	      lab.sw->workers[0]->healths.count);
	CHECK(lab.sw->workers[0]->healths.port_counts[1] >= 1);
	CHECK(lab.sw->workers[0]->healths.port_counts[0] +
		      lab.sw->workers[0]->healths.port_counts[1] <=
	      lab.sw->workers[0]->healths.count);
	lab_end(&lab);
}

/* What came by the row of another VLAN in between is not lost. */
static void test_stream_that_was_in_another_vlan_begins_anew(void)
{
	struct fp_port_state state = {.mtu = 1500, .port = 0, .flags = FP_PORT_UP};
	struct fp_stream streams[2];
	uint16_t number;
	struct lab lab;

	start(&lab, 0x02);
	number = many(&lab, 0);
	state.flags |= FP_PORT_FILTERS;
	state.pvid = 7;
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	number = many(&lab, number);
	state.flags = FP_PORT_UP;
	state.pvid = 0;
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	number = many(&lab, number);
	many(&lab, (uint16_t)(number + 1));
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 2), 2);
	CHECK_EQ(streams[streams[0].vlan ? 1 : 0].health_lost, 1);
	lab_end(&lab);
}

/* The kernel's from before there was room on: once another is known to be nothing, it is watched.
 */
static void test_stream_that_found_no_room_asks_again(void)
{
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;
	struct fp_healths *healths;
	uint32_t count;
	uint16_t number;
	struct lab lab;

	start(&lab, 0x02);
	healths = &lab.sw->workers[0]->healths;
	count = healths->count;
	healths->count = 0;
	healths->full_until_ns = UINT64_MAX;
	number = until_served(&lab, 0);
	CHECK_EQ(only_stream(&lab).health, 0);
	healths->count = count;
	healths->full_until_ns = 0;
	while (only_stream(&lab).health != FP_HEALTH_RTP) {
		step(&lab, number++);
		CHECK_EQ(fp_kernel_fold(lab.sw), 1);
		CHECK(fp_now_ns() < end_ns);
	}
	number = many(&lab, (uint16_t)(number + 3));
	CHECK_EQ(only_stream(&lab).health_lost, 3);
	programs_take_back(&lab, GROUP); /* and the ring goes on with what the kernel has begun */
	number = many(&lab, (uint16_t)(number + 2));
	CHECK_EQ(only_stream(&lab).health_lost, 5);
	lab_end(&lab);
}

/* By the rings alone: its place was another's meanwhile. */
static void test_stream_that_lost_its_place_gets_another(void)
{
	struct fp_healths *healths;
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;
	uint16_t number = 0;
	struct lab lab;

	start(&lab, 0x02);
	CHECK_EQ(fp_switch_kernel(lab.sw, 0), 0);
	healths = &lab.sw->workers[0]->healths;
	number = many(&lab, number);
	CHECK_EQ(only_stream(&lab).health, FP_HEALTH_RTP);
	for (uint32_t i = 0; i < healths->count; i++) { /* as if it had been given to another */
		healths->states[i].generation++;
		fp_streams_watch(&lab.sw->workers[0]->streams,
				 &lab.sw->workers[0]->streams.slots[healths->owners[i].stream], 0);
	}
	CHECK(!step(&lab, number++));
	CHECK_EQ(only_stream(&lab).health, 0);
	while (only_stream(&lab).health != FP_HEALTH_RTP) {
		step(&lab, number++);
		CHECK(fp_now_ns() < end_ns);
	}
	CHECK_EQ(only_stream(&lab).health_lost, 0);
	lab_end(&lab);
}

/* A hundred streams that are nothing known keep nobody out. */
static void test_what_is_neither_makes_room(void)
{
	struct packet packet = packet_udp();
	uint16_t number = 0;
	struct lab lab;

	start(&lab, 0x02);
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0, 0x02);
	lab.sw->workers[0]->healths.count = 64;
	for (uint32_t n = 0; n < 100 * 70; n++) {
		packet_set_group(&packet, 0xef020000u + n % 100);
		programs_receive(&lab, 0, &packet, FAKE_NO_TAG);
		if (n % 50 == 0)
			lab_run(&lab);
		drain(&lab);
	}
	lab_run(&lab);
	CHECK_EQ(lab.sw->workers[0]->healths.port_counts[0], 64);
	lab.sw->workers[0]->healths.full_until_ns = 0;
	number = many(&lab, number);
	CHECK_EQ(lab.sw->workers[0]->healths.port_counts[0], 64);
	{
		struct fp_stream streams[256];
		int count = fp_stream_dump(lab.sw, streams, 256);
		uint32_t known = 0;

		for (int n = 0; n < count; n++)
			known += streams[n].health == FP_HEALTH_RTP;
		CHECK_EQ(known, 1);
	}
	lab_end(&lab);
}

/* What a stream is by then, and what was lost of it: another process counts on. */
static void test_another_process_goes_on(void)
{
	static struct fp_stream streams[256];
	static struct fp_stream_health healths[256];
	uint16_t ports[FP_PORTS_MAX];
	uint16_t number;
	struct fp_stream before;
	struct fp_stream after;
	struct lab lab;
	struct lab other;

	for (uint32_t n = 0; n < FP_PORTS_MAX; n++)
		ports[n] = n == 0 ? 3 : FP_PORTS_MAX;
	start(&lab, 0x02);
	number = until_served(&lab, 0);
	number = many(&lab, (uint16_t)(number + 5));
	before = only_stream(&lab);
	CHECK_EQ(before.health_lost, 5);
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 256), 1);
	CHECK_EQ(fp_health_dump(lab.sw, healths, 256), 1);
	CHECK_EQ(fp_health_dump(lab.sw, healths, 0), 0);
	lab_end(&lab);

	start(&other, 0x02);
	CHECK_EQ(fp_stream_load(other.sw, streams, 1, ports), 1);
	CHECK_EQ(fp_health_load(other.sw, healths, 1, ports), 1);
	after = only_stream(&other);
	CHECK_EQ(after.port, 3);
	CHECK_EQ(after.health, FP_HEALTH_RTP);
	CHECK_EQ(after.health_packets, before.health_packets);
	CHECK_EQ(after.health_lost, 5);
	CHECK_EQ(after.health_damage_ns, before.health_damage_ns);
	lab_end(&other);

	ports[0] = 0;
	start(&other, 0x02);
	CHECK_EQ(fp_stream_load(other.sw, streams, 1, ports), 1);
	CHECK_EQ(fp_health_load(other.sw, healths, 1, ports), 1);
	number = until_served(&other, number); /* from its first frame on */
	many(&other, (uint16_t)(number + 1));
	after = only_stream(&other);
	CHECK_EQ(after.health_lost, 6);
	CHECK_EQ(after.health_reordered + after.health_duplicates + after.health_restarts, 0);
	CHECK(after.health_packets >= before.health_packets + 20);
	CHECK_EQ(other.sw->workers[0]->healths.port_counts[0], 1);
	lab_end(&other);
}

static void test_nothing_is_taken_that_nobody_wants(void)
{
	static struct fp_stream_health healths[2];
	uint16_t ports[FP_PORTS_MAX];
	struct lab lab;

	for (uint32_t n = 0; n < FP_PORTS_MAX; n++)
		ports[n] = FP_PORTS_MAX;
	ports[1] = 1;
	healths[0].stream.port = 1;
	healths[1].stream.port = FP_PORTS_MAX;
	start(&lab, 0x02);
	CHECK_EQ(fp_health_load(lab.sw, healths, 2, ports), 1);
	CHECK_EQ(fp_switch_health(lab.sw, FP_HEALTH_OFF), 0);
	CHECK_EQ(fp_health_load(lab.sw, healths, 2, ports), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_change_of_paths_is_no_gap);
	RUN(test_stream_is_watched_once_somebody_wants_it);
	RUN(test_what_passes_while_it_is_off_is_no_loss);
	RUN(test_what_our_ring_loses_is_not_said_of_the_sender);
	RUN(test_room_is_made_by_who_has_most);
	RUN(test_stream_that_was_in_another_vlan_begins_anew);
	RUN(test_stream_that_found_no_room_asks_again);
	RUN(test_stream_that_lost_its_place_gets_another);
	RUN(test_what_is_neither_makes_room);
	RUN(test_another_process_goes_on);
	RUN(test_nothing_is_taken_that_nobody_wants);
	return 0;
}
