#include "flow.h"
#include "payload.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

static uint32_t sum16(const void *data, uint32_t len_bytes, uint32_t sum)
{
	const uint8_t *p = data;
	uint16_t word;

	for (uint32_t i = 0; i + 1 < len_bytes; i += 2) {
		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	if (len_bytes & 1)
		sum += p[len_bytes - 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void flow_build(struct flow *flow, uint32_t index, const struct flow_plan *plan)
{
	uint32_t udp_len = plan->size_bytes - 14 - 20;
	uint32_t group = ntohl(plan->group) + index;
	uint8_t dst[6] = {0x01,	       0x00, 0x5e, (group >> 16) & 0x7f, (group >> 8) & 0xff,
			  group & 0xff};
	struct traffic_payload payload = {.magic = TRAFFIC_MAGIC, .flow = index};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(plan->size_bytes - 14)),
		.frag_off = htons(0x4000), /* DF */
		.ttl = 16,
		.protocol = IPPROTO_UDP,
		.saddr = plan->source,
		.daddr = htonl(group),
	};
	struct udphdr udp = {.source = htons(plan->port),
			     .dest = htons(plan->port),
			     .len = htons((uint16_t)udp_len)};
	uint16_t proto = htons(ETH_P_IP);

	ip.check = fold(sum16(&ip, sizeof(ip), 0));
	memcpy(flow->headers, dst, 6);
	memcpy(flow->headers + 6, plan->mac, 6);
	memcpy(flow->headers + 12, &proto, 2);
	memcpy(flow->headers + 14, &ip, sizeof(ip));
	memcpy(flow->headers + 34, &udp, sizeof(udp));

	flow->index = index;
	flow->seq = 0;
	flow->sum = sum16(&ip.saddr, 8, 0) + htons(IPPROTO_UDP) + udp.len; /* pseudo header */
	flow->sum = sum16(&udp, sizeof(udp), flow->sum);
	flow->sum = sum16(&payload, sizeof(payload), flow->sum);
	flow->sum = sum16(plan->filler, udp_len - 8 - (uint32_t)sizeof(payload), flow->sum);
}

void flow_frame_next(struct flow *flow, uint64_t now_ns, uint8_t *frame)
{
	struct traffic_payload payload = {TRAFFIC_MAGIC, flow->index, flow->seq++, now_ns};
	uint8_t *data = frame + FLOW_HEADERS;
	uint16_t check;

	memcpy(frame, flow->headers, FLOW_HEADERS);
	memcpy(data, &payload, sizeof(payload));
	/* seq and time are all that changes, 12 bytes at an even offset */
	check = fold(sum16(data + offsetof(struct traffic_payload, seq), 12, flow->sum));
	if (!check)
		check = 0xffff; /* RFC 768: a sum of zero is sent as all ones */
	memcpy(frame + 40, &check, sizeof(check));
}
