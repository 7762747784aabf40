/*
 * Any bytes as a frame: parsing and deciding read nothing outside of them and give a verdict that
 * makes sense. The first byte of the input is the ingress port and the table's state, the rest the
 * frame. So that mutants get past the header checksum, half of the inputs have it made good.
 */
#include "check.h"
#include "fp_cost.h"
#include "fp_decide.h"
#include "fp_mask.h"
#include "fp_report.h"
#include "fuzz.h"
#include "packets.h"
#include "rows.h"

static struct fp_table *tables[4];

static struct fp_table *table_with(uint8_t vlan_flags, bool filters)
{
	static const uint32_t group[2] = {0xff3e0000, 0x1234};
	static const uint32_t source[2] = {0x20010db8, 1};
	struct fp_vlan vlans[] = {
		ipv4_policy(FP_VLAN_ANY, vlan_flags, 0x10, 0x03),
		ipv6_policy(FP_VLAN_ANY, vlan_flags, 0x08, 0x03),
	};
	struct fp_members members[] = {
		vlan_members(FP_VLAN_ANY, 0x07, 0),
		vlan_members(1, 0x3e, 0x14),
		vlan_members(2, 0x2f, 0x20),
	};
	struct fp_row rows[] = {
		ipv4_row(0, 0xef010203, 0, 0x06),
		ipv4_row(0, 0xef010203, 0x0a000001, 0x08),
		ipv4_row(FP_VLAN_ANY, 0xe0000181, 0, 0x08),
		ipv6_row(0, group, NULL, 0x06),
		ipv6_row(0, group, source, 0x20),
		flood_row((const uint8_t[FP_ADDRESS_BYTES]){0xff, 0x05}, 32),
	};
	struct fp_table *table = fp_table_new();
	bool own = true;

	CHECK(table);
	for (uint32_t port = 0; port < 6; port++)
		fp_mask_set(table->up, port);
	for (uint32_t port = 3; port < 6 && filters; port++) {
		fp_mask_set(table->filters, port);
		table->pvid[port] = (uint16_t)(port - 3);
		table->horizon[port] = (uint16_t)(port / 4);
	}
	for (uint32_t n = 0; n < sizeof(members) / sizeof(members[0]) && filters; n++)
		CHECK_EQ(fp_table_apply_members(table, &members[n], &own), 0);
	fp_table_settle_members(table);
	for (uint32_t n = 0; n < sizeof(vlans) / sizeof(vlans[0]); n++)
		CHECK_EQ(fp_table_apply_vlan(table, &vlans[n], &own), 0);
	rows[2].flags |= FP_ROW_ALWAYS_FLOOD;
	rows[2].prefix_bits = 128;
	for (uint32_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		CHECK_EQ(fp_table_apply_row(table, &rows[n]), 0);
	return table;
}

static void mend_checksum(uint8_t *frame, uint32_t len_bytes)
{
	for (uint32_t at = 14; at <= 18; at += 4) {
		if (len_bytes >= at + 20 && frame[at] >> 4 == 4 &&
		    (frame[at] & 15) * 4u <= len_bytes - at && (frame[at] & 15) >= 5)
			packet_ip_checksum(frame + at);
	}
}

static void check_verdict(const struct fp_table *table, const struct fp_verdict *verdict,
			  uint32_t port)
{
	CHECK(verdict->reason < FP_REASON_MAX);
	CHECK_EQ(verdict->action, fp_reason_action(verdict->reason));
	CHECK(!fp_mask_has(verdict->ports, port));
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		CHECK(!(verdict->ports[i] & ~table->up[i]));
	CHECK_EQ(!fp_mask_empty(verdict->ports),
		 verdict->action == FP_ACTION_FORWARD || verdict->action == FP_ACTION_FLOOD);
	CHECK(verdict->action != FP_ACTION_PUNT || verdict->punt);
}

/* Nobody gets what is not of his VLAN, or comes from his horizon. */
static void check_members(const struct fp_table *table, const struct fp_verdict *verdict,
			  uint32_t port)
{
	fp_mask_for_each(verdict->ports, to)
	{
		CHECK(fp_mask_has(fp_table_vlan(table, verdict->vlan)->members, to));
		CHECK(!table->horizon[to] || table->horizon[to] != table->horizon[port]);
	}
}

/* What the reader of a frame says of it, others believe: offsets within it, in order. */
static void check_frame(const struct fp_frame *frame)
{
	bool parsed = frame->family && !frame->ip_error;

	CHECK(parsed || (!frame->protocol && !frame->control && !frame->icmp6_type));
	CHECK(!parsed || frame->header_bytes <= frame->total_bytes);
	CHECK(!parsed || frame->l3_offset + frame->total_bytes <= frame->len_bytes);
	CHECK(!frame->icmp6_type || frame->header_bytes < frame->total_bytes);
}

/* What is read of a report is groups, and no more than there is room for. */
static void check_joins(const struct fp_frame *frame)
{
	struct fp_report_join joins[4];
	uint32_t count = fp_report_joins(frame, joins, 4);

	CHECK(count <= 4);
	for (uint32_t i = 0; i < count; i++)
		CHECK(joins[i].group[0] == 0xff || joins[i].group[12] >> 4 == 0xe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = size ? (uint32_t)size - 1 : 0;
	uint8_t *bytes = malloc(len ? len : 1);
	struct fp_verdict verdict;
	struct fp_frame frame;
	uint32_t port;

	if (!tables[0]) {
		for (uint32_t n = 0; n < 4; n++)
			tables[n] = table_with(n & 1 ? 0 : FP_VLAN_ACTIVE, n & 2);
	}
	CHECK(bytes);
	memcpy(bytes, data + (size != 0), len);
	port = size ? data[0] % 8 : 0;
	if (size && data[0] & 0x10)
		mend_checksum(bytes, len);
	if (fp_frame_parse(bytes, len, &frame)) {
		const struct fp_table *table = tables[data[0] >> 7 | (data[0] >> 2 & 2)];

		check_frame(&frame);
		check_joins(&frame);
		CHECK(fp_cost(table, &frame) >= 1);
		fp_decide_vlan(table, port, &frame);
		fp_decide(table, &frame, port, (int32_t)(data[0] >> 5 & 3) - 1, &verdict);
		check_verdict(table, &verdict, port);
		check_members(table, &verdict, port);
	} else {
		CHECK(len < 18);
	}
	free(bytes);
	return 0;
}
