#include "fp_report.h"

#define HEAD_BYTES 8u
#define FRAGMENT 0x3fffu /* more of them, or not the first */

enum record_type { IS_IN = 1, IS_EX = 2, TO_IN = 3, TO_EX = 4, ALLOW = 5 };

/* How a family writes them. */
struct shape {
	uint8_t report;	      /* type of a report with records */
	uint8_t singles[2];   /* types of those that are about one group, of any source */
	uint32_t group_at;    /* in those */
	uint32_t group_bytes; /* of every address; records begin with four bytes more */
};

static const struct shape igmp = {0x22, {0x12, 0x16}, 4, 4};
static const struct shape mld = {143, {131, 131}, 8, 16};

struct reading {
	const struct shape *shape;
	const uint8_t *message;
	uint32_t bytes;
	struct fp_report_join *joins;
	uint32_t count;
	uint32_t max;
};

static void read_address(const struct shape *shape, const uint8_t *at, uint8_t *address)
{
	if (shape == &igmp)
		fp_map_ipv4(fp_read32(at), address);
	else
		memcpy(address, at, FP_ADDRESS_BYTES);
}

static bool is_group(const struct shape *shape, const uint8_t *at)
{
	return shape == &igmp ? at[0] >> 4 == 0xe : at[0] == 0xff;
}

/* SM-46: there a join of any source is not one. */
static bool is_ssm(const struct shape *shape, const uint8_t *at)
{
	return shape == &igmp ? at[0] == 232 : at[1] >> 4 == 3 && !at[2] && !at[3];
}

static void add(struct reading *reading, const uint8_t *group, const uint8_t *source)
{
	struct fp_report_join *join;

	if (reading->count == reading->max)
		return;
	join = &reading->joins[reading->count++];
	memset(join, 0, sizeof(*join));
	read_address(reading->shape, group, join->group);
	join->any = !source;
	if (source)
		read_address(reading->shape, source, join->source);
}

/* One record; how long it is, or 0: the report is broken, and so no report at all (W-23). */
static uint32_t read_record(struct reading *reading, uint32_t at)
{
	uint32_t address_bytes = reading->shape->group_bytes;
	uint32_t head_bytes = 4 + address_bytes;
	const uint8_t *record = reading->message + at;
	uint32_t sources;
	uint32_t bytes;

	if (reading->bytes - at < head_bytes)
		return 0;
	sources = fp_read16(record + 2);
	bytes = head_bytes + sources * address_bytes + record[1] * 4u;
	if (bytes > reading->bytes - at)
		return 0;
	switch (record[0]) {
	case IS_EX:
	case TO_EX:
		if (!is_group(reading->shape, record + 4))
			return 0;
		if (!sources && !is_ssm(reading->shape, record + 4))
			add(reading, record + 4, NULL);
		break;
	case IS_IN:
	case TO_IN:
	case ALLOW:
		if (!is_group(reading->shape, record + 4))
			return 0;
		for (uint32_t i = 0; i < sources; i++)
			add(reading, record + 4, record + head_bytes + i * address_bytes);
		break;
	default: /* W-20, or a leave */
		break;
	}
	return bytes;
}

static uint32_t read_records(struct reading *reading)
{
	uint32_t records = fp_read16(reading->message + 6);
	uint32_t at = HEAD_BYTES;

	for (uint32_t i = 0; i < records; i++) {
		uint32_t bytes = read_record(reading, at);

		if (!bytes)
			return 0;
		at += bytes;
	}
	return reading->count;
}

static uint32_t read_single(struct reading *reading)
{
	const uint8_t *group = reading->message + reading->shape->group_at;

	if (reading->bytes < reading->shape->group_at + reading->shape->group_bytes ||
	    !is_group(reading->shape, group) || is_ssm(reading->shape, group))
		return 0;
	add(reading, group, NULL);
	return reading->count;
}

/* V-5, V-8, V-10, MLD-3, W-8: what says that nothing is to be learned from it. */
static bool is_credible(const struct fp_frame *frame, const uint8_t *message, uint32_t bytes)
{
	static const uint8_t nowhere[FP_ADDRESS_BYTES] = {0};
	const uint8_t *ip = frame->data + frame->l3_offset;
	const uint8_t *source = frame->source;
	uint64_t sum = fp_sum(message, bytes);

	if (bytes < HEAD_BYTES || fp_frame_ttl(frame) != 1)
		return false;
	if (frame->family == FP_FAMILY_IPV4)
		return !(fp_read16(ip + 6) & FRAGMENT) && source[12] != 127 && source[12] < 224 &&
		       fp_sum_fold(sum) == 0xffff;
	/* behind Router Alert or behind nothing: so no fragment (V-5) */
	if (frame->header_bytes > FP_IPV6_BYTES + 8 ||
	    (frame->header_bytes > FP_IPV6_BYTES && ip[6] != FP_IPPROTO_HOP_BY_HOP))
		return false;
	if ((source[0] != 0xfe || source[1] >> 6 != 2) && memcmp(source, nowhere, sizeof(nowhere)))
		return false;
	return fp_sum_fold(sum + fp_sum_pseudo(ip, true, FP_IPPROTO_ICMPV6, bytes)) == 0xffff;
}

uint32_t fp_report_joins(const struct fp_frame *frame, struct fp_report_join *joins, uint32_t max)
{
	struct reading reading = {
		.shape = frame->family == FP_FAMILY_IPV6 ? &mld : &igmp,
		.message = frame->data + frame->l3_offset + frame->header_bytes,
		.bytes = frame->total_bytes - frame->header_bytes,
		.joins = joins,
		.max = max,
	};

	if (!frame->control || !is_credible(frame, reading.message, reading.bytes))
		return 0;
	if (reading.message[0] == reading.shape->report)
		return read_records(&reading);
	if (reading.message[0] == reading.shape->singles[0] ||
	    reading.message[0] == reading.shape->singles[1])
		return read_single(&reading);
	return 0;
}
