/* What a report joins, as the loop reads it, and what its port gets of that until it is decided. */
#include "check.h"
#include "fp_report.h"
#include "lab.h"
#include "rows.h"

#define GROUP 0xef010203u
#define SSM_GROUP 0xe8010203u
#define SOURCE 0x0a000001u /* of packet_udp() */
#define OTHER_SOURCE 0x0a000009u
#define REPORT_V3 0x22u
#define IS_IN 1u
#define IS_EX 2u
#define TO_IN 3u
#define TO_EX 4u
#define ALLOW 5u
#define BLOCK 6u

static uint8_t drained[1 << 20];

/* A report under construction: an IGMP or MLD message, then the frame around it. */
struct report {
	bool ipv6;
	uint8_t ttl;
	uint32_t bytes;
	uint8_t message[1200];
	uint8_t frame[FP_VNET_BYTES + 1300];
};

static void put32(uint8_t *at, uint32_t value)
{
	fp_write16(at, value >> 16);
	fp_write16(at + 2, value & 0xffff);
}

static struct report report_v3(void)
{
	return (struct report){.ttl = 1, .bytes = 8, .message = {REPORT_V3}};
}

static struct report report_single(uint8_t type, uint32_t group)
{
	struct report report = {.ttl = 1, .bytes = 8, .message = {type}};

	put32(report.message + 4, group);
	return report;
}

static void add_record(struct report *report, uint8_t kind, uint32_t group, uint32_t sources,
		       uint32_t source)
{
	uint8_t *at = report->message + report->bytes;
	uint32_t address_bytes = report->ipv6 ? 16 : 4;

	at[0] = kind;
	fp_write16(at + 2, sources);
	if (report->ipv6)
		ipv6_key(0xff3e0000, group, at + 4);
	else
		put32(at + 4, group);
	at += 4 + address_bytes;
	for (uint32_t i = 0; i < sources; i++, at += address_bytes) {
		if (report->ipv6)
			ipv6_key(0x20010db8, source + i, at);
		else
			put32(at, source + i);
	}
	report->bytes = (uint32_t)(at - report->message);
	report->message[7]++;
}

/* The frame, checksums and all; its length. */
static uint32_t build(struct report *report)
{
	struct packet packet = report->ipv6 ? packet_udp6() : packet_udp();
	uint8_t *message;
	uint32_t len;
	uint16_t sum = 0;

	packet.ttl = report->ttl;
	packet.protocol = report->ipv6 ? 58 : 2;
	packet.payload_bytes = (uint16_t)(report->bytes - 8);
	packet.checksum = CHECKSUM_ABSENT;
	memset(packet.source6, 0, sizeof(packet.source6));
	packet.source6[0] = 0xfe;
	packet.source6[1] = 0x80;
	packet.source6[15] = 7;
	if (report->ipv6)
		packet_set_group6(&packet, 0xff020000, 0x16);
	else
		packet_set_group(&packet, 0xe0000016);
	len = packet_build(&packet, report->frame);
	message = report->frame + FP_VNET_BYTES + len - report->bytes;
	memcpy(message, report->message, report->bytes);
	if (report->ipv6) {
		uint8_t tail[4] = {0, 58, (uint8_t)(report->bytes >> 8), (uint8_t)report->bytes};
		const uint8_t *ip = report->frame + FP_VNET_BYTES + 14;

		sum = packet_sum(tail, 4, packet_sum(ip + 8, 32, 0));
	}
	fp_write16(message + 2, 0);
	fp_write16(message + 2, (uint16_t)~packet_sum(message, report->bytes, sum));
	return len;
}

static uint32_t joins_in(const uint8_t *frame, uint32_t len, struct fp_report_join *joins)
{
	struct fp_frame parsed;

	CHECK(fp_frame_parse(frame, len, &parsed));
	return parsed.ip_error ? 0 : fp_report_joins(&parsed, joins, 8);
}

static uint32_t joins_of(struct report *report, struct fp_report_join *joins)
{
	uint32_t len = build(report);

	return joins_in(report->frame + FP_VNET_BYTES, len, joins);
}

static void test_joins_are_read_and_nothing_else_is(void)
{
	struct report report = report_v3();
	struct fp_report_join joins[8];
	uint8_t key[FP_ADDRESS_BYTES];

	add_record(&report, IS_EX, GROUP, 0, 0);
	add_record(&report, TO_IN, GROUP + 1, 0, 0);  /* a leave */
	add_record(&report, BLOCK, GROUP + 2, 1, 1);  /* another */
	add_record(&report, TO_EX, GROUP + 3, 1, 1);  /* of any source but one */
	add_record(&report, IS_EX, SSM_GROUP, 0, 0);  /* SM-46 */
	add_record(&report, 99, GROUP + 4, 0, 0);     /* W-20 */
	add_record(&report, ALLOW, SSM_GROUP, 2, 77); /* two joins */
	add_record(&report, TO_EX, GROUP + 5, 0, 0);
	CHECK_EQ(joins_of(&report, joins), 4);
	fp_map_ipv4(GROUP, key);
	CHECK(joins[0].any);
	CHECK_BYTES(joins[0].group, key, sizeof(key));
	fp_map_ipv4(SSM_GROUP, key);
	CHECK(!joins[2].any);
	CHECK_BYTES(joins[2].group, key, sizeof(key));
	fp_map_ipv4(78, key);
	CHECK_BYTES(joins[2].source, key, sizeof(key));
	CHECK(joins[3].any);
	report = report_single(0x16, GROUP);
	CHECK_EQ(joins_of(&report, joins), 1);
	report = report_single(0x12, GROUP);
	CHECK_EQ(joins_of(&report, joins), 1);
	report = report_single(0x17, GROUP);
	CHECK_EQ(joins_of(&report, joins), 0);
	report = report_single(0x11, GROUP);
	CHECK_EQ(joins_of(&report, joins), 0);
	report = report_single(0x16, SSM_GROUP);
	CHECK_EQ(joins_of(&report, joins), 0);
	report = report_single(0x16, SOURCE);
	CHECK_EQ(joins_of(&report, joins), 0);
}

static void test_joins_of_mld_are_read(void)
{
	struct report report = {.ipv6 = true, .ttl = 1, .bytes = 8, .message = {143}};
	struct fp_report_join joins[8];
	uint8_t key[FP_ADDRESS_BYTES];

	add_record(&report, IS_IN, 0x1234, 1, 5);
	add_record(&report, IS_EX, 0x1234, 0, 0); /* ff3e::/32 is SSM */
	CHECK_EQ(joins_of(&report, joins), 1);
	ipv6_key(0x20010db8, 5, key);
	CHECK_BYTES(joins[0].source, key, sizeof(key));
	report = (struct report){.ipv6 = true, .ttl = 1, .bytes = 24, .message = {131}};
	ipv6_key(0xff0e0000, 9, report.message + 8);
	CHECK_EQ(joins_of(&report, joins), 1);
	CHECK(joins[0].any);
	report.message[0] = 132;
	CHECK_EQ(joins_of(&report, joins), 0);
	report.message[0] = 131;
	report.ttl = 2;
	CHECK_EQ(joins_of(&report, joins), 0);
}

/* V-5, V-8, W-8, W-23: cut anywhere, damaged anywhere, or from afar it joins nothing. */
static void test_report_that_is_not_right_joins_nothing(void)
{
	struct report report = report_v3();
	struct fp_report_join joins[8];
	uint8_t *frame = report.frame + FP_VNET_BYTES;
	uint32_t len;

	add_record(&report, ALLOW, SSM_GROUP, 3, 7);
	add_record(&report, TO_EX, GROUP, 0, 0);
	CHECK_EQ(joins_of(&report, joins), 4);
	len = build(&report);
	for (uint32_t cut = FP_ETH_BYTES; cut < len; cut++)
		CHECK_EQ(joins_in(frame, cut, joins), 0);
	for (uint32_t at = len - report.bytes; at < len; at++) {
		frame[at] ^= 0x10;
		CHECK_EQ(joins_in(frame, len, joins), 0);
		frame[at] ^= 0x10;
	}
	frame[14 + 6] = 0x20; /* more fragments */
	packet_ip_checksum(frame + 14);
	CHECK_EQ(joins_in(frame, len, joins), 0);
	report.message[7]++; /* a record more than there is */
	CHECK_EQ(joins_of(&report, joins), 0);
	report.message[7]--;
	for (uint32_t bytes = report.bytes - 1; bytes > 8; bytes--) {
		report.bytes = bytes;
		CHECK_EQ(joins_of(&report, joins), 0);
	}
	report = report_single(0x16, GROUP);
	report.ttl = 2;
	CHECK_EQ(joins_of(&report, joins), 0);
}

/* The switch ---------------------------------------------------------------------------------- */

static void set_port(struct lab *lab, uint32_t port, bool ahead, uint16_t horizon)
{
	struct fp_port_state state = {
		.mtu = 1500,
		.port = (uint16_t)port,
		.flags = FP_PORT_UP | (ahead ? FP_PORT_AHEAD : 0),
		.horizon = horizon,
	};

	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
}

static void start(struct lab *lab)
{
	lab_start(lab, 4);
	lab_set_policy(lab, FP_VLAN_ACTIVE | FP_VLAN_AHEAD, 0, 0);
	for (uint32_t port = 0; port < 4; port++)
		set_port(lab, port, true, 0);
}

static void hear(struct lab *lab, uint32_t port, struct report *report)
{
	uint32_t len = build(report);

	CHECK(fake_ring_put(&lab->ports[port].control, report->frame, len, FAKE_NO_TAG, 0));
}

static void hear_join(struct lab *lab, uint32_t port, uint32_t group)
{
	struct report report = report_single(0x16, group);

	hear(lab, port, &report);
}

static void stream(struct lab *lab, uint32_t port)
{
	struct packet packet = packet_udp();

	lab_receive(lab, port, &packet);
}

static void decide_all(struct lab *lab)
{
	while (fp_punt_drain(lab->sw, drained, sizeof(drained), 1000) > 0) {
	}
	fp_punt_decided(lab->sw);
}

/* SM-70: in the very pass, until it is decided; what is then in the table holds. */
static void test_join_is_served_until_it_is_decided(void)
{
	struct lab lab;

	start(&lab);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_NO_EGRESS), 1);
	hear_join(&lab, 2, GROUP);
	stream(&lab, 0);
	lab_pass(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_GROUP), 1);
	/* others' publishes and its own being read change nothing */
	lab_set_row(&lab, GROUP, 0, 1u << 1);
	CHECK(fp_punt_drain(lab.sw, drained, sizeof(drained), 1000) > 0);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	/* refused: no publish, and it is over all the same */
	decide_all(&lab);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 0);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	/* admitted: no frame falls between the two */
	hear_join(&lab, 2, GROUP);
	lab_run(&lab);
	lab_set_row(&lab, GROUP, 0, 3u << 1);
	decide_all(&lab);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	lab_end(&lab);
}

static void test_join_is_served_only_where_nobody_refuses_it(void)
{
	struct lab lab;

	start(&lab);
	set_port(&lab, 2, false, 0);
	hear_join(&lab, 2, GROUP);
	hear_join(&lab, 0, GROUP); /* where it comes in */
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 2) + lab_sent(&lab, 0), 0);
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0, 0);
	hear_join(&lab, 1, GROUP);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	lab_set_policy(&lab, FP_VLAN_ACTIVE | FP_VLAN_AHEAD, 0, 0);
	set_port(&lab, 0, true, 7);
	set_port(&lab, 1, true, 7);
	hear_join(&lab, 1, GROUP);
	hear_join(&lab, 3, GROUP);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 0); /* of its horizon */
	CHECK_EQ(lab_sent(&lab, 3), 1);
	lab_set_port(&lab, 3, false, 1500);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 3), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_NO_EGRESS), 2 + 1);
	lab_end(&lab);
}

static void test_source_that_was_not_asked_for_is_not_served(void)
{
	struct report report = report_v3();
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab);
	lab_set_row(&lab, SSM_GROUP, 0, 0);
	add_record(&report, ALLOW, SSM_GROUP, 1, SOURCE);
	hear(&lab, 2, &report);
	packet_set_group(&packet, SSM_GROUP);
	lab_receive(&lab, 0, &packet);
	packet.source = OTHER_SOURCE;
	lab_receive(&lab, 0, &packet);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_NO_MEMBER), 1);
	lab_end(&lab);
}

/* A port that floods takes its own places, and whoever has the row already takes none. */
static void test_joins_that_wait_are_bounded(void)
{
	const struct fp_joins *joins;
	struct lab lab;

	start(&lab);
	joins = &lab.sw->workers[0]->joins;
	lab_set_row(&lab, GROUP, 0, 1u << 1);
	for (uint32_t n = 0; n < 3 * FP_JOINS_OF_PORT; n++) {
		hear_join(&lab, 3, GROUP + n);
		hear_join(&lab, 1, GROUP);
		lab_run(&lab);
	}
	CHECK_EQ(joins->count, FP_JOINS_OF_PORT);
	hear_join(&lab, 2, GROUP);
	hear_join(&lab, 2, GROUP);
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(joins->count, FP_JOINS_OF_PORT + 1);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	decide_all(&lab);
	lab_run(&lab);
	CHECK_EQ(joins->count, 0);
	for (uint32_t port = 0; port < 4; port++)
		CHECK_EQ(joins->of_port[port], 0);
	lab_end(&lab);
}

static void test_join_ends_with_its_port_and_with_time(void)
{
	struct fp_joins *joins;
	struct lab lab;

	start(&lab);
	joins = &lab.sw->workers[0]->joins;
	hear_join(&lab, 2, GROUP);
	hear_join(&lab, 3, GROUP);
	lab_run(&lab);
	CHECK_EQ(joins->count, 2);
	joins->joins[0].until_ns = 1;
	lab_run(&lab);
	CHECK_EQ(joins->count, 1);
	CHECK_EQ(joins->joins[0].port, 3);
	joins->joins[0].punt =
		NULL; /* of a port that was closed, and of its number another opened */
	stream(&lab, 0);
	lab_run(&lab);
	CHECK_EQ(joins->count, 0);
	CHECK_EQ(lab_sent(&lab, 3), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_joins_are_read_and_nothing_else_is);
	RUN(test_joins_of_mld_are_read);
	RUN(test_report_that_is_not_right_joins_nothing);
	RUN(test_join_is_served_until_it_is_decided);
	RUN(test_join_is_served_only_where_nobody_refuses_it);
	RUN(test_source_that_was_not_asked_for_is_not_served);
	RUN(test_joins_that_wait_are_bounded);
	RUN(test_join_ends_with_its_port_and_with_time);
	return 0;
}
