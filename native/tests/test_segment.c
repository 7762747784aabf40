/*
 * Encapsulated offloads become frames that any receiver takes: each is read here as a host would
 * read it, layer by layer, with every checksum summed up in full.
 */
#include "check.h"
#include "fp_segment.h"
#include "packets.h"

#define MSS 1000u
#define PAYLOAD 2500u
#define GSO_UDP_L4 5

enum tunnel { VXLAN, VXLAN_CHECKSUM, VXLAN_V6, GRE_PLAIN, GRE_CHECKED, IPIP, SIT, TUNNELS };

struct made {
	uint8_t bytes[8192]; /* virtio header and frame */
	uint32_t length;     /* of the frame */
	uint32_t inner_at;   /* of the inner IP header */
	uint32_t l4_at;
};

static void write16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

static uint16_t pseudo_of(const uint8_t *ip, uint32_t protocol, uint32_t bytes)
{
	uint8_t tail[4] = {0, (uint8_t)protocol, (uint8_t)(bytes >> 8), (uint8_t)bytes};
	uint16_t sum = packet_sum(tail, 4, 0);

	return ip[0] >> 4 == 4 ? packet_sum(ip + 12, 8, sum) : packet_sum(ip + 8, 32, sum);
}

static uint32_t put_ipv4(uint8_t *ip, uint32_t bytes, uint8_t protocol)
{
	static const uint8_t addresses[8] = {10, 0, 0, 1, 10, 0, 0, 2};

	memset(ip, 0, 20);
	ip[0] = 0x45;
	write16(ip + 2, bytes);
	write16(ip + 4, 0xfffe); /* the IDs run over */
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, addresses, 8);
	packet_ip_checksum(ip);
	return 20;
}

static uint32_t put_ipv6(uint8_t *ip, uint32_t bytes, uint8_t protocol)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	write16(ip + 4, bytes - 40);
	ip[6] = protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
	return 40;
}

static uint32_t tunnel_bytes(enum tunnel tunnel)
{
	switch (tunnel) {
	case VXLAN:
	case VXLAN_CHECKSUM:
		return 20 + 8 + 8 + 14;
	case VXLAN_V6:
		return 40 + 8 + 8 + 14;
	case GRE_PLAIN:
		return 20 + 4;
	case GRE_CHECKED:
		return 20 + 12;
	default:
		return 20;
	}
}

/* Everything from the outer IP header to the inner one; rest: bytes behind it. */
static void put_tunnel(uint8_t *at, enum tunnel tunnel, bool inner_v6, uint32_t rest)
{
	uint32_t bytes = tunnel_bytes(tunnel) + rest;
	uint32_t ip_bytes = 20;

	if (tunnel == VXLAN || tunnel == VXLAN_CHECKSUM)
		put_ipv4(at, bytes, 17);
	else if (tunnel == VXLAN_V6)
		ip_bytes = put_ipv6(at, bytes, 17);
	else
		put_ipv4(at, bytes, tunnel == IPIP ? 4 : tunnel == SIT ? 41 : 47);
	if (tunnel <= VXLAN_V6) {
		uint8_t *udp = at + ip_bytes;

		memset(udp, 0, 8 + 8 + 14);
		write16(udp, 40000);
		write16(udp + 2, 4789);
		write16(udp + 4, bytes - ip_bytes);
		if (tunnel != VXLAN)
			write16(udp + 6, 0x1234); /* any but zero: it is wanted */
		udp[8] = 8;
		udp[14] = 42;
		write16(udp + 28, inner_v6 ? 0x86dd : 0x0800);
	} else if (tunnel == GRE_PLAIN || tunnel == GRE_CHECKED) {
		memset(at + 20, 0, tunnel_bytes(tunnel) - 20);
		write16(at + 20, tunnel == GRE_CHECKED ? 0xa000 : 0);
		write16(at + 22, inner_v6 ? 0x86dd : 0x0800);
		if (tunnel == GRE_CHECKED)
			write16(at + 28, 0xbeef); /* the key */
	}
}

static void put_tcp(uint8_t *tcp, const uint8_t *ip)
{
	memset(tcp, 0, 32);
	write16(tcp + 2, 80);
	write16(tcp + 4, 0xffff); /* the sequence number runs over */
	write16(tcp + 6, 0xfe00);
	tcp[12] = 8 << 4;
	tcp[13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
	memset(tcp + 20, 1, 12);
	write16(tcp + 16, pseudo_of(ip, 6, 32 + PAYLOAD));
}

static void put_udp(uint8_t *udp, const uint8_t *ip)
{
	memset(udp, 0, 8);
	write16(udp + 2, 5004);
	write16(udp + 4, 8 + PAYLOAD);
	write16(udp + 6, pseudo_of(ip, 17, 8 + PAYLOAD));
}

static void make(struct made *made, enum tunnel tunnel, bool inner_v6, bool tcp, bool tagged)
{
	uint8_t *frame = made->bytes + FP_VNET_BYTES;
	uint32_t l4_bytes = (tcp ? 32u : 8u) + PAYLOAD;
	uint32_t ip_bytes = inner_v6 ? 40 : 20;
	uint32_t l2 = tagged ? 18 : 14;
	struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_size = MSS};

	memset(made, 0, sizeof(*made));
	memset(frame, 2, 12);
	write16(frame + 12, 0x8100);
	write16(frame + 14, 7);
	write16(frame + l2 - 2, tunnel == VXLAN_V6 ? 0x86dd : 0x0800);
	made->inner_at = l2 + tunnel_bytes(tunnel);
	made->l4_at = made->inner_at + ip_bytes;
	made->length = made->l4_at + l4_bytes;
	put_tunnel(frame + l2, tunnel, inner_v6, ip_bytes + l4_bytes);
	if (inner_v6)
		put_ipv6(frame + made->inner_at, ip_bytes + l4_bytes, tcp ? 6 : 17);
	else
		put_ipv4(frame + made->inner_at, ip_bytes + l4_bytes, tcp ? 6 : 17);
	if (tcp)
		put_tcp(frame + made->l4_at, frame + made->inner_at);
	else
		put_udp(frame + made->l4_at, frame + made->inner_at);
	for (uint32_t i = 0; i < PAYLOAD; i++)
		frame[made->length - PAYLOAD + i] = (uint8_t)(i * 7 + i / 251);
	vnet.gso_type = !tcp	   ? GSO_UDP_L4
			: inner_v6 ? VIRTIO_NET_HDR_GSO_TCPV6
				   : VIRTIO_NET_HDR_GSO_TCPV4;
	vnet.csum_start = (__virtio16)made->l4_at;
	vnet.csum_offset = tcp ? 16 : 6;
	memcpy(made->bytes, &vnet, FP_VNET_BYTES);
}

/* What the receiver's side does first: the checksum that was left to it. */
static void finish(uint8_t *vnet_bytes, uint32_t length)
{
	uint8_t *frame = vnet_bytes + FP_VNET_BYTES;
	struct virtio_net_hdr vnet;
	uint16_t sum;

	memcpy(&vnet, vnet_bytes, FP_VNET_BYTES);
	CHECK_EQ(vnet.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	CHECK_EQ(vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	sum = (uint16_t)~packet_sum(frame + vnet.csum_start, length - vnet.csum_start, 0);
	write16(frame + vnet.csum_start + vnet.csum_offset, sum ? sum : 0xffff);
}

static void check_ip(const uint8_t *ip, uint32_t bytes, uint32_t index)
{
	if (ip[0] >> 4 == 6) {
		CHECK_EQ(read16(ip + 4), bytes - 40);
		return;
	}
	CHECK_EQ(packet_sum(ip, 20, 0), 0xffff);
	CHECK_EQ(read16(ip + 2), bytes);
	CHECK_EQ(read16(ip + 4), (0xfffe + index) & 0xffff);
}

static void check_outer(const uint8_t *ip, uint32_t bytes, enum tunnel tunnel, uint32_t index)
{
	uint32_t ip_bytes = ip[0] >> 4 == 6 ? 40 : 20;
	const uint8_t *next = ip + ip_bytes;

	check_ip(ip, bytes, index);
	if (tunnel <= VXLAN_V6)
		CHECK_EQ(read16(next + 4), bytes - ip_bytes);
	if (tunnel == VXLAN)
		CHECK_EQ(read16(next + 6), 0);
	if (tunnel == VXLAN_CHECKSUM || tunnel == VXLAN_V6)
		CHECK_EQ(packet_sum(next, bytes - ip_bytes, pseudo_of(ip, 17, bytes - ip_bytes)),
			 0xffff);
	if (tunnel == GRE_CHECKED)
		CHECK_EQ(packet_sum(next, bytes - 20, 0), 0xffff);
}

static void check_tcp(const uint8_t *tcp, uint32_t index)
{
	uint32_t sequence = (uint32_t)read16(tcp + 4) << 16 | read16(tcp + 6);

	CHECK_EQ(sequence, (uint32_t)(0xfffffe00u + index * MSS));
	CHECK_EQ(tcp[13], 0x10 | (index == 0 ? 0x80 : 0) | (index == 2 ? 0x09 : 0));
}

static void check_segments(struct made *made, enum tunnel tunnel, bool tcp, uint32_t l2)
{
	static uint8_t out[FP_VNET_BYTES + 4096];
	uint8_t *frame = out + FP_VNET_BYTES;
	const uint8_t *whole = made->bytes + FP_VNET_BYTES;
	struct fp_segments plan;
	struct fp_frame parsed;
	uint32_t done = 0;

	CHECK(fp_frame_parse(whole, made->length, &parsed));
	CHECK(fp_segment_needed(made->bytes, &parsed));
	CHECK(fp_segment_plan(made->bytes, &parsed, &plan));
	CHECK_EQ(plan.count, 3);
	for (uint32_t i = 0; i < plan.count; i++) {
		uint32_t length = fp_segment_write(&plan, whole, i, out);
		uint32_t payload = i == 2 ? PAYLOAD - 2 * MSS : MSS;
		uint32_t l4 = length - made->l4_at;

		CHECK_EQ(length, plan.header_bytes + payload);
		finish(out, length);
		check_outer(frame + l2, length - l2, tunnel, i);
		check_ip(frame + made->inner_at, length - made->inner_at, i);
		CHECK_EQ(packet_sum(frame + made->l4_at, l4,
				    pseudo_of(frame + made->inner_at, tcp ? 6 : 17, l4)),
			 0xffff);
		if (tcp)
			check_tcp(frame + made->l4_at, i);
		else
			CHECK_EQ(read16(frame + made->l4_at + 4), l4);
		CHECK_BYTES(frame + plan.header_bytes, whole + plan.header_bytes + done, payload);
		CHECK_BYTES(frame, whole, l2);
		done += payload;
	}
	CHECK_EQ(done, PAYLOAD);
}

static void test_every_tunnel_is_cut_into_good_frames(void)
{
	static struct made made;

	for (enum tunnel tunnel = 0; tunnel < TUNNELS; tunnel++) {
		for (uint32_t n = 0; n < 8; n++) {
			bool inner_v6 = n & 1;
			bool tcp = n & 2;
			bool tagged = n & 4;

			if ((tunnel == IPIP && inner_v6) || (tunnel == SIT && !inner_v6))
				continue;
			make(&made, tunnel, inner_v6, tcp, tagged);
			check_segments(&made, tunnel, tcp, tagged ? 18 : 14);
		}
	}
}

static void test_plain_offload_is_left_to_the_kernel(void)
{
	static struct made made;
	struct fp_frame parsed;
	struct virtio_net_hdr vnet;
	uint8_t *frame = made.bytes + FP_VNET_BYTES;

	for (uint32_t inner_v6 = 0; inner_v6 < 2; inner_v6++) {
		make(&made, SIT, inner_v6, true, false);
		memmove(frame + 14, frame + 34, made.length - 34);
		write16(frame + 12, inner_v6 ? 0x86dd : 0x0800);
		memcpy(&vnet, made.bytes, FP_VNET_BYTES);
		vnet.csum_start = (__virtio16)(vnet.csum_start - 20);
		memcpy(made.bytes, &vnet, FP_VNET_BYTES);
		CHECK(fp_frame_parse(frame, made.length - 20, &parsed));
		CHECK(!fp_segment_needed(made.bytes, &parsed));
		CHECK_EQ(fp_segment_mtu(made.bytes, &parsed), (inner_v6 ? 40u : 20u) + 32 + MSS);
	}
}

static void change(struct made *made, uint32_t at, uint8_t value, const char *what)
{
	struct fp_segments plan;
	struct fp_frame parsed;

	made->bytes[at] = value;
	CHECK(fp_frame_parse(made->bytes + FP_VNET_BYTES, made->length, &parsed));
	if (fp_segment_plan(made->bytes, &parsed, &plan)) {
		fprintf(stderr, "understood in spite of %s\n", what);
		CHECK(false);
	}
}

static void test_what_is_not_understood_is_refused(void)
{
	static const struct {
		enum tunnel tunnel;
		uint32_t at; /* of the frame; from 1000 on: of the virtio header */
		uint8_t value;
		const char *what;
	} cases[] = {
		{GRE_PLAIN, 34, 0x10, "a sequence number"},
		{GRE_PLAIN, 35, 0x01, "another version of GRE"},
		{VXLAN, 20, 0x20, "a fragment"},
		{VXLAN, 17, 0x01, "a wrong length"},
		{VXLAN, 14, 0x44, "a header that is too short"},
		{VXLAN, 23, 50, "ESP"},
		{VXLAN, 39, 0x01, "a wrong UDP length"},
		{VXLAN, 96, 0x10, "a TCP header that is too short"},
		{VXLAN, 64, 0x55, "no inner IP header"},
		{VXLAN, 1000, 0, "no checksum offload"},
		{VXLAN, 1001, 3, "UFO"},
		{VXLAN, 1001, 4, "the other version of IP"},
		{VXLAN, 1004, 1, "thousands of segments"},
		{VXLAN, 1008, 6, "another checksum"},
		{VXLAN, 1006, 13, "a checksum that starts elsewhere"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct made made;
		uint32_t at = cases[i].at;

		make(&made, cases[i].tunnel, false, true, false);
		if (at == 1004)
			made.bytes[5] = 0;
		change(&made, at >= 1000 ? at - 1000 : at + FP_VNET_BYTES, cases[i].value,
		       cases[i].what);
	}
}

/* Whatever the headers say, nothing is read or written beyond its end. */
static void test_damaged_headers_do_no_damage(void)
{
	static uint8_t out[FP_SEGMENT_ROOM];
	uint64_t seed = 11;
	uint32_t understood = 0;

	for (uint32_t n = 0; n < 60000; n++) {
		static struct made made;
		struct fp_segments plan;
		struct fp_frame parsed;
		uint8_t *exact;
		uint32_t length;

		make(&made, (enum tunnel)check_below(&seed, TUNNELS), n & 1, n & 2, n & 4);
		length = n % 3 ? made.length : 14 + check_below(&seed, made.length - 14);
		for (uint32_t i = check_below(&seed, 4); i; i--)
			made.bytes[check_below(&seed, FP_VNET_BYTES + 140)] =
				(uint8_t)check_random(&seed);
		exact = malloc(FP_VNET_BYTES + length); /* so that a sanitizer sees its end */
		memcpy(exact, made.bytes, FP_VNET_BYTES + length);
		if (fp_frame_parse(exact + FP_VNET_BYTES, length, &parsed)) {
			fp_segment_mtu(exact, &parsed);
			fp_segment_needed(exact, &parsed);
			if (fp_segment_plan(exact, &parsed, &plan)) {
				uint32_t used = 0;

				understood++;
				for (uint32_t i = 0; i < plan.count; i++)
					used += FP_VNET_BYTES +
						fp_segment_write(&plan, exact + FP_VNET_BYTES, i,
								 out + used);
				CHECK(used <= sizeof(out));
			}
		}
		free(exact);
	}
	CHECK(understood > 5000);
}

int main(void)
{
	RUN(test_every_tunnel_is_cut_into_good_frames);
	RUN(test_plain_offload_is_left_to_the_kernel);
	RUN(test_what_is_not_understood_is_refused);
	RUN(test_damaged_headers_do_no_damage);
	return 0;
}
