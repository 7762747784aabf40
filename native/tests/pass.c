#include "pass.h"

#include "check.h"
#include "fake_port.h"
#include "fp_mask.h"
#include "segment.h"

#define DATAGRAM_BYTES_MAX 66000u

struct added {
	uint64_t ports;
	uint32_t len_bytes;
	bool atomic; /* DF: the ID carries no meaning (RFC 6864) */
	uint16_t vlan;
	struct wire_frame wire[2]; /* without the VLAN's tag, with it; or both as it came */
	uint8_t room[FP_TAG_ROOM]; /* tags grow into it */
	uint8_t vnet[2048];
};

static struct fp_batch batch;
static struct fp_tx tx;
static struct fp_table *table;
static struct fp_stats stats[FP_PORTS_MAX];
static struct fake_port fakes[PASS_PORTS];
static struct added added[PASS_FRAMES];
static uint16_t ingress_pvid;
static uint16_t untagged_vlan[PASS_PORTS];
static uint32_t added_count;
static uint32_t sends[PASS_PORTS];
static uint32_t coalesced[PASS_PORTS];

void pass_start(uint32_t mtu)
{
	table = fp_table_new();
	CHECK(table);
	memset(stats, 0, sizeof(stats));
	for (uint32_t i = 0; i < PASS_PORTS; i++) {
		fake_port_make(&fakes[i], i);
		table->ports[i] = fakes[i].port;
		table->mtu[i] = mtu;
		fp_mask_set(table->up, i);
		fp_mask_set(table->coalesce, i);
	}
	fp_batch_reset(&batch);
	added_count = 0;
	ingress_pvid = 0;
	memset(untagged_vlan, 0, sizeof(untagged_vlan));
}

void pass_set_pvid(uint16_t pvid)
{
	ingress_pvid = pvid;
}

void pass_set_untagged(uint32_t port, uint16_t vlan)
{
	untagged_vlan[port] = vlan;
}

void pass_end(void)
{
	for (uint32_t i = 0; i < PASS_PORTS; i++)
		fake_port_free(&fakes[i]);
	fp_table_free(table);
}

void pass_set_coalesce(uint32_t port, bool coalesce)
{
	if (coalesce)
		fp_mask_set(table->coalesce, port);
	else
		fp_mask_clear(table->coalesce, port);
}

void pass_set_mtu(uint32_t port, uint32_t mtu)
{
	table->mtu[port] = mtu;
}

/* With the id of an atomic datagram and the checksum over it set aside. */
static void forget_id(struct wire_frame *wire)
{
	uint32_t ip_at = 14;

	while ((wire->bytes[ip_at - 2] == 0x81 || wire->bytes[ip_at - 2] == 0x88) &&
	       ip_at < wire->len_bytes)
		ip_at += 4;
	if (ip_at + 12 > wire->len_bytes)
		return;
	memset(wire->bytes + ip_at + 4, 0, 2);
	memset(wire->bytes + ip_at + 10, 0, 2);
}

/* What a frame is as a VLAN's: its own 802.1Q tag off, and the VLAN's on. */
static void retag(struct added *frame)
{
	struct wire_frame *bare = &frame->wire[0];
	struct wire_frame *tagged = &frame->wire[1];
	uint32_t tci = frame->vlan;

	if (bare->bytes[12] == 0x81 && bare->bytes[13] == 0x00) {
		tci |= (uint32_t)(bare->bytes[14] & 0xf0) << 8;
		bare->len_bytes -= 4;
		memmove(bare->bytes + 12, bare->bytes + 16, bare->len_bytes - 12);
	}
	*tagged = *bare;
	tagged->len_bytes += 4;
	memmove(tagged->bytes + 16, bare->bytes + 12, bare->len_bytes - 12);
	tagged->bytes[12] = 0x81;
	tagged->bytes[13] = 0x00;
	tagged->bytes[14] = (uint8_t)(tci >> 8);
	tagged->bytes[15] = (uint8_t)tci;
}

static struct fp_verdict verdict_of(uint64_t ports, struct fp_frame *parsed)
{
	struct fp_verdict verdict = {.ports = {ports}, .tagging = ingress_pvid != 0};

	if (ingress_pvid && (!parsed->vlan || parsed->service_tag))
		parsed->vlan = ingress_pvid;
	for (uint32_t port = 0; port < PASS_PORTS; port++) {
		if (untagged_vlan[port] == parsed->vlan)
			fp_mask_set(verdict.untagged, port);
	}
	return verdict;
}

void pass_add_bytes(const uint8_t *vnet, uint32_t len_bytes, uint64_t ports)
{
	struct added *frame = &added[added_count];
	struct fp_rx rx = {.vnet = frame->vnet, .len_bytes = len_bytes, .whole = true};
	struct fp_verdict verdict;
	struct fp_frame parsed;
	uint32_t ip_at;

	CHECK(added_count < PASS_FRAMES && FP_VNET_BYTES + len_bytes <= sizeof(frame->vnet));
	memcpy(frame->vnet, vnet, FP_VNET_BYTES + len_bytes);
	frame->ports = ports;
	frame->len_bytes = len_bytes;
	CHECK(fp_frame_parse(frame->vnet + FP_VNET_BYTES, len_bytes, &parsed));
	ip_at = parsed.l3_offset;
	frame->atomic = parsed.ethertype == 0x0800 &&
			frame->vnet[FP_VNET_BYTES + ip_at + 6] == 0x40 &&
			frame->vnet[FP_VNET_BYTES + ip_at + 7] == 0;
	CHECK_EQ(segment(vnet, FP_VNET_BYTES + len_bytes, &frame->wire[0], 1), 1);
	if (frame->atomic)
		forget_id(&frame->wire[0]);
	verdict = verdict_of(ports, &parsed);
	frame->vlan = parsed.vlan;
	frame->wire[1] = frame->wire[0];
	if (verdict.tagging)
		retag(frame);
	fp_batch_add(&batch, &rx, &parsed, &verdict, (ports & table->coalesce[0]) != 0);
	added_count++;
}

void pass_add(const struct packet *packet, uint64_t ports)
{
	uint8_t vnet[2048];

	pass_add_bytes(vnet, packet_build(packet, vnet), ports);
}

void pass_add_run(struct packet *packet, uint32_t count, uint64_t ports)
{
	while (count--) {
		pass_add(packet, ports);
		packet->ip_id++;
		packet->fill++;
	}
}

static bool same_wire(const struct wire_frame *a, const struct wire_frame *b)
{
	return a->len_bytes == b->len_bytes && !memcmp(a->bytes, b->bytes, a->len_bytes);
}

static void check_not_overtaken(const struct added *frame, uint32_t port, const bool *left)
{
	for (const struct added *earlier = added; earlier < frame; earlier++)
		CHECK(left[earlier - added] || !fp_mask_has(&earlier->ports, port) ||
		      earlier->vlan != frame->vlan ||
		      memcmp(earlier->wire[0].bytes, frame->wire[0].bytes, 12));
}

/* The frame that left must be the first of its MACs and VLAN that has not left yet. */
static void match(const struct wire_frame *wire, uint32_t port, bool *left)
{
	struct wire_frame without_id = *wire;

	forget_id(&without_id);
	for (uint32_t i = 0; i < added_count; i++) {
		const struct added *frame = &added[i];
		const struct wire_frame *as = &frame->wire[untagged_vlan[port] != frame->vlan];

		if (left[i] || !fp_mask_has(&frame->ports, port) ||
		    !same_wire(as, frame->atomic ? &without_id : wire))
			continue;
		check_not_overtaken(frame, port, left);
		left[i] = true;
		return;
	}
	check_failed(__FILE__, __LINE__, "a frame left that was never meant for the port");
}

static void check_port(uint32_t port)
{
	static struct wire_frame wire[64];
	static uint8_t datagram[DATAGRAM_BYTES_MAX];
	bool left[PASS_FRAMES] = {false};
	uint64_t bytes_out = 0;
	uint64_t frames_out = 0;
	int32_t bytes;

	sends[port] = coalesced[port] = 0;
	while ((bytes = fake_wire_read(fakes[port].wire, datagram, sizeof(datagram))) >= 0) {
		uint32_t count = segment(datagram, (uint32_t)bytes, wire, 64);

		sends[port]++;
		for (uint32_t i = 0; i < count; i++) {
			match(&wire[i], port, left);
			coalesced[port] += wire[i].coalesced;
			bytes_out += wire[i].len_bytes;
		}
		frames_out += count;
	}
	for (uint32_t i = 0; i < added_count; i++)
		CHECK_EQ(left[i], fp_mask_has(&added[i].ports, port));
	CHECK_EQ(fp_load_relaxed(&stats[port].stats[FP_STAT_TX_SENDS]), sends[port]);
	CHECK_EQ(fp_load_relaxed(&stats[port].stats[FP_STAT_TX_FRAMES]), frames_out);
	CHECK_EQ(fp_load_relaxed(&stats[port].stats[FP_STAT_TX_BYTES]), bytes_out);
	CHECK_EQ(fp_load_relaxed(&stats[port].stats[FP_STAT_TX_COALESCED]), coalesced[port]);
}

void pass_send(void)
{
	fp_batch_build(&batch);
	memset(stats, 0, sizeof(stats));
	fp_tx_batch(&tx, table, &batch, stats);
	for (uint32_t i = 0; i < PASS_PORTS; i++)
		check_port(i);
	fp_batch_reset(&batch);
	added_count = 0;
}

uint32_t pass_sends(uint32_t port)
{
	return sends[port];
}

uint32_t pass_coalesced(uint32_t port)
{
	return coalesced[port];
}

uint32_t pass_sent(void)
{
	pass_send();
	return pass_sends(0);
}

void pass_check_other_flows(struct packet base, const struct packet *other, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pass_add(&base, 1);
		pass_add(&other[i], 1);
		CHECK_EQ(pass_sent(), 2);
		CHECK_EQ(pass_coalesced(0), 0);
	}
}

void pass_check_never_joined(struct packet plain, const struct packet *odd, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct packet before = plain;
		struct packet alone = odd[i];

		pass_add_run(&before, 1, 1);
		pass_add_run(&alone, 3, 1);
		pass_add_run(&before, 1, 1);
		CHECK_EQ(pass_sent(), 5);
		CHECK_EQ(pass_coalesced(0), 0);
	}
}

void pass_check_checksums(struct packet packet)
{
	const enum udp_checksum alone[] = {CHECKSUM_WRONG, CHECKSUM_ABSENT, CHECKSUM_PARTIAL_WRONG};
	const enum udp_checksum joined[] = {CHECKSUM_GOOD, CHECKSUM_PARTIAL};

	for (uint32_t i = 0; i < 6; i++) {
		packet.checksum = CHECKSUM_GOOD;
		pass_add_run(&packet, 2, 1);
		packet.checksum = alone[i / 2];
		pass_add_run(&packet, 2, 1);
		packet.checksum = joined[i % 2];
		pass_add_run(&packet, 2, 1);
		CHECK_EQ(pass_sent(), 4); /* and the order held */
		CHECK_EQ(pass_coalesced(0), 4);
	}
	for (uint32_t i = 0; i < 2; i++) {
		packet.checksum = joined[i];
		pass_add_run(&packet, 3, 1);
		CHECK_EQ(pass_sent(), 1);
	}
	packet.checksum = CHECKSUM_PARTIAL;
	pass_add_run(&packet, 2, 1);
	packet.checksum = CHECKSUM_GOOD;
	pass_add_run(&packet, 2, 1);
	CHECK_EQ(pass_sent(), 1);
}

void pass_check_mixtures(uint64_t seed, struct packet (*draw)(uint64_t *seed))
{
	uint32_t together = 0;

	for (uint32_t round = 0; round < 300; round++) {
		uint64_t ports = 1 + check_below(&seed, 15);

		for (uint32_t n = 0; n < 200; n++) {
			struct packet packet = draw(&seed);

			if (!check_below(&seed, 30))
				ports = 1 + check_below(&seed, 15);
			pass_add(&packet, ports);
		}
		pass_send();
		together += pass_coalesced(0);
	}
	CHECK(together > 2000); /* the mixtures are not so wild that nothing joins */
}
