#include "flow.h"
#include "payload.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
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

/* The group of that index, at `group`; the MAC address it has, at `mac`. */
static void group_of(const struct flow_plan *plan, uint32_t index, uint8_t *group, uint8_t *mac)
{
	uint32_t last_at = plan->ipv6 ? 12 : 0, last;

	memcpy(group, plan->group, 16);
	memcpy(&last, group + last_at, 4);
	last = htonl(ntohl(last) + index);
	memcpy(group + last_at, &last, 4);
	if (plan->to) {
		memcpy(mac, plan->to, 6);
		return;
	}
	memcpy(mac, plan->ipv6 ? "\x33\x33" : "\x01\x00\x5e", plan->ipv6 ? 2 : 3);
	if (plan->ipv6)
		memcpy(mac + 2, group + 12, 4);
	else
		memcpy(mac + 3, (uint8_t[]){group[1] & 0x7f, group[2], group[3]}, 3);
}

/* The IP header; the sum of its addresses. */
static uint32_t put_ipv4(const struct flow_plan *plan, const uint8_t *group, uint8_t *at)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(plan->size_bytes - 14 - flow_tag(plan))),
		.frag_off = htons(0x4000), /* DF */
		.ttl = 16,
		.protocol = IPPROTO_UDP,
	};

	memcpy(&ip.saddr, plan->source, 4);
	memcpy(&ip.daddr, group, 4);
	ip.check = fold(sum16(&ip, sizeof(ip), 0));
	memcpy(at, &ip, sizeof(ip));
	return sum16(&ip.saddr, 8, 0);
}

static uint32_t put_ipv6(const struct flow_plan *plan, const uint8_t *group, uint8_t *at)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28)};

	ip.ip6_plen = htons((uint16_t)(plan->size_bytes - 14 - flow_tag(plan) - sizeof(ip)));
	ip.ip6_nxt = IPPROTO_UDP;
	ip.ip6_hlim = 16;
	memcpy(&ip.ip6_src, plan->source, 16);
	memcpy(&ip.ip6_dst, group, 16);
	memcpy(at, &ip, sizeof(ip));
	return sum16(&ip.ip6_src, 32, 0);
}

void flow_build(struct flow *flow, uint32_t index, const struct flow_plan *plan)
{
	uint32_t headers = flow_headers(plan), ip_at = 14 + flow_tag(plan);
	uint32_t udp_len = plan->size_bytes - headers + 8;
	struct traffic_payload payload = {.magic = TRAFFIC_MAGIC, .flow = index};
	struct udphdr udp = {.source = htons(plan->port),
			     .dest = htons(plan->port),
			     .len = htons((uint16_t)udp_len)};
	uint16_t proto = htons(plan->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	uint16_t tag[2] = {htons(ETH_P_8021Q), htons(plan->vlan)};
	uint8_t group[16];

	group_of(plan, index, group, flow->headers);
	memcpy(flow->headers + 6, plan->mac, 6);
	memcpy(flow->headers + 12, tag, flow_tag(plan));
	memcpy(flow->headers + ip_at - 2, &proto, 2);
	flow->sum = plan->ipv6 ? put_ipv6(plan, group, flow->headers + ip_at)
			       : put_ipv4(plan, group, flow->headers + ip_at);
	memcpy(flow->headers + headers - sizeof(udp), &udp, sizeof(udp));

	flow->headers_bytes = headers;
	flow->index = index;
	flow->seq = 0;
	flow->sum += htons(IPPROTO_UDP) + udp.len; /* the rest of the pseudo header */
	flow->sum = sum16(&udp, sizeof(udp), flow->sum);
	flow->sum = sum16(&payload, sizeof(payload), flow->sum);
	flow->sum =
		sum16(plan->filler,
		      plan->size_bytes - flow_payload(plan) - (uint32_t)sizeof(payload), flow->sum);
	flow->rtp = plan->rtp;
}

/* RFC 3550 5.1: version 2, a dynamic type; the sum of it. */
static uint32_t put_rtp(const struct flow *flow, uint32_t seq, uint8_t *at)
{
	uint16_t number = htons((uint16_t)seq);
	uint32_t stamp = htonl(seq * 48), ssrc = htonl(flow->index + 1);

	memcpy(at, (uint8_t[]){0x80, 96}, 2);
	memcpy(at + 2, &number, 2);
	memcpy(at + 4, &stamp, 4);
	memcpy(at + 8, &ssrc, 4);
	return sum16(at, TRAFFIC_RTP_BYTES, 0);
}

void flow_frame_next(struct flow *flow, uint64_t now_ns, uint8_t *frame)
{
	struct traffic_payload payload = {TRAFFIC_MAGIC, flow->index, flow->seq++, now_ns};
	uint8_t *data = frame + flow->headers_bytes, *check_at = data - 2;
	uint32_t sum = flow->sum;
	uint16_t check;

	memcpy(frame, flow->headers, flow->headers_bytes);
	if (flow->rtp) {
		sum += put_rtp(flow, payload.seq, data);
		data += TRAFFIC_RTP_BYTES;
	}
	memcpy(data, &payload, sizeof(payload));
	/* seq and time are all that changes, 12 bytes at an even offset */
	check = fold(sum16(data + offsetof(struct traffic_payload, seq), 12, sum));
	if (!check)
		check = 0xffff; /* RFC 768: a sum of zero is sent as all ones */
	memcpy(check_at, &check, sizeof(check));
}
