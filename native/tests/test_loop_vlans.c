/*
 * Through the loop between ports that have a VLAN with a tag and without: what is read beside the
 * ring, offloads, frames that are cut here, tags beside the frame.
 */
#include "check.h"
#include "fp_mask.h"
#include "lab.h"
#include "rows.h"

#define VLAN 10u
#define BYTES_MAX (PACKET_BYTES_MAX + 100u)
#define GSO_UDP_L4 5
#define ACCESS 0u
#define OTHER_ACCESS 1u
#define TRUNK 2u
#define OTHER_TRUNK 3u
#define PORTS 4u

static uint8_t got[BYTES_MAX];

static void start(struct lab *lab)
{
	struct fp_members members[2] = {vlan_members(FP_VLAN_ANY, 0, 0),
					vlan_members(VLAN, 0xf, 0x3)};
	struct fp_port_state states[PORTS];

	lab_start(lab, PORTS);
	for (uint16_t port = 0; port < PORTS; port++)
		states[port] = (struct fp_port_state){
			.mtu = 1500,
			.port = port,
			.flags = FP_PORT_UP | FP_PORT_COALESCE | FP_PORT_FILTERS,
			.pvid = port < TRUNK ? VLAN : 0,
		};
	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, members, 2, states, PORTS), 0);
}

/* The next frame that a port sent: tag or none, then as the one that came behind its own. */
static void check_left(struct lab *lab, uint32_t port, int tci, const uint8_t *vnet,
		       uint32_t len_bytes)
{
	uint32_t tag_bytes = tci == FAKE_NO_TAG ? 0 : 4;
	const uint8_t *frame = got + FP_VNET_BYTES;
	struct virtio_net_hdr want;
	struct virtio_net_hdr has;

	CHECK_EQ(fake_wire_read(lab->ports[port].wire, got, sizeof(got)),
		 FP_VNET_BYTES + len_bytes + tag_bytes);
	memcpy(&want, vnet, FP_VNET_BYTES);
	memcpy(&has, got, FP_VNET_BYTES);
	CHECK_EQ(has.flags, want.flags);
	CHECK_EQ(has.gso_type, want.gso_type);
	CHECK_EQ(has.gso_size, want.gso_size);
	CHECK_EQ(has.csum_offset, want.csum_offset);
	if (want.flags)
		CHECK_EQ(has.csum_start, want.csum_start + tag_bytes);
	if (want.gso_type)
		CHECK_EQ(has.hdr_len, want.hdr_len + tag_bytes);
	CHECK_BYTES(frame, vnet + FP_VNET_BYTES, 12);
	if (tag_bytes) {
		CHECK_EQ(fp_read16(frame + 12), 0x8100);
		CHECK_EQ(fp_read16(frame + 14), tci);
	}
	CHECK_BYTES(frame + 12 + tag_bytes, vnet + FP_VNET_BYTES + 12, len_bytes - 12);
}

static void check_empty(struct lab *lab)
{
	for (uint32_t port = 0; port < PORTS; port++)
		CHECK_EQ(lab_sent(lab, port), 0);
}

/* An untagged frame with that virtio header, in at an access port and, its tag beside, at a trunk.
 */
static void check_both_ways(struct lab *lab, const uint8_t *vnet, uint32_t len_bytes)
{
	CHECK(fake_ring_put(&lab->ports[ACCESS].data, vnet, len_bytes, FAKE_NO_TAG, 0));
	lab_run(lab);
	check_left(lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len_bytes);
	check_left(lab, TRUNK, VLAN, vnet, len_bytes);
	check_left(lab, OTHER_TRUNK, VLAN, vnet, len_bytes);
	CHECK(fake_ring_put(&lab->ports[TRUNK].data, vnet, len_bytes, 0xb000 | VLAN, 0x8100));
	lab_run(lab);
	check_left(lab, ACCESS, FAKE_NO_TAG, vnet, len_bytes);
	check_left(lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len_bytes);
	check_left(lab, OTHER_TRUNK, 0xb000 | VLAN, vnet, len_bytes);
	CHECK(fake_ring_put(&lab->ports[ACCESS].data, vnet, len_bytes, 0x6000, 0x8100));
	lab_run(lab);
	check_left(lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len_bytes);
	check_left(lab, TRUNK, 0x6000 | VLAN, vnet, len_bytes);
	check_left(lab, OTHER_TRUNK, 0x6000 | VLAN, vnet, len_bytes);
	check_empty(lab);
}

static void test_frames_of_any_size_change_their_tags(void)
{
	static const uint16_t sizes[] = {18, 100, 1472, 2500, 60000};
	static uint8_t vnet[BYTES_MAX];
	struct lab lab;

	start(&lab);
	for (uint32_t i = 0; i < 10; i++) {
		struct packet packet = i & 1 ? packet_udp6() : packet_udp();
		struct virtio_net_hdr header = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = GSO_UDP_L4,
			.gso_size = 1000,
			.csum_start = i & 1 ? 54 : 34,
			.csum_offset = 6,
			.hdr_len = i & 1 ? 62 : 42,
		};
		uint32_t len;

		packet.payload_bytes = sizes[i / 2];
		packet.checksum = CHECKSUM_PARTIAL;
		len = packet_build(&packet, vnet);
		if (packet.payload_bytes > 1472)
			memcpy(vnet, &header, FP_VNET_BYTES);
		check_both_ways(&lab, vnet, len);
		packet.checksum = CHECKSUM_GOOD;
		if (packet.payload_bytes <= 1472)
			check_both_ways(&lab, vnet, packet_build(&packet, vnet));
	}
	CHECK_EQ(lab_stat(&lab, ACCESS, FP_STAT_TX_DROP_ERROR), 0);
	lab_end(&lab);
}

/* VLAN-6: the provider's tag is opaque, and the VLAN's comes before it. */
static void test_service_tag_stays_beneath_that_of_the_vlan(void)
{
	struct packet packet = packet_udp();
	uint8_t vnet[400];
	uint32_t len;
	struct lab lab;

	start(&lab);
	packet.tpid = 0x88a8;
	packet.tci = 20;
	len = packet_build(&packet, vnet);
	packet.tpid = 0;
	CHECK(fake_ring_put(&lab.ports[ACCESS].data, vnet, len, FAKE_NO_TAG, 0));
	lab_run(&lab);
	check_left(&lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len);
	check_left(&lab, TRUNK, VLAN, vnet, len);
	check_left(&lab, OTHER_TRUNK, VLAN, vnet, len);
	CHECK(fake_ring_put(&lab.ports[TRUNK].data, vnet, len, VLAN, 0x8100));
	lab_run(&lab);
	check_left(&lab, ACCESS, FAKE_NO_TAG, vnet, len);
	check_left(&lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len);
	check_left(&lab, OTHER_TRUNK, VLAN, vnet, len);
	check_empty(&lab);
	/* the service tag beside the frame: the slot has room for both */
	memmove(vnet + FP_VNET_BYTES + 12, vnet + FP_VNET_BYTES + 16, len - 16);
	CHECK(fake_ring_put(&lab.ports[ACCESS].data, vnet, len - 4, 20, 0x88a8));
	lab_run(&lab);
	packet.tpid = 0x88a8;
	len = packet_build(&packet, vnet);
	check_left(&lab, OTHER_ACCESS, FAKE_NO_TAG, vnet, len);
	check_left(&lab, TRUNK, VLAN, vnet, len);
	check_left(&lab, OTHER_TRUNK, VLAN, vnet, len);
	check_empty(&lab);
	lab_end(&lab);
}

/* TCP inside IP inside IP, which we cut ourselves. */
static uint32_t put_tunnel(uint8_t *vnet, uint32_t payload_bytes)
{
	struct packet packet = packet_udp();
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 1000,
		.csum_start = 14 + 20 + 20,
		.csum_offset = 16,
		.hdr_len = 14 + 20 + 20 + 20,
	};
	uint8_t *ip = vnet + FP_VNET_BYTES + 14;
	uint32_t len;

	packet.protocol = 4;
	packet.payload_bytes = (uint16_t)(20 + 20 + payload_bytes - 8);
	len = packet_build(&packet, vnet);
	memcpy(ip + 20, ip, 20);
	fp_write16(ip + 22, 20 + 20 + payload_bytes);
	ip[20 + 9] = 6;
	packet_ip_checksum(ip + 20);
	memset(ip + 40, 0, 20);
	ip[40 + 12] = 0x50;
	memcpy(vnet, &header, FP_VNET_BYTES);
	return len;
}

static void test_frames_that_are_cut_here_change_their_tags(void)
{
	static uint8_t vnet[BYTES_MAX];
	static uint8_t as_it_came[8][2048];
	struct lab lab;
	uint32_t len;

	start(&lab);
	len = put_tunnel(vnet, 7500);
	CHECK(fake_ring_put(&lab.ports[ACCESS].data, vnet, len, FAKE_NO_TAG, 0));
	lab_run(&lab);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t bytes = 14 + 60 + (i < 7 ? 1000 : 500);

		CHECK_EQ(fake_wire_read(lab.ports[OTHER_ACCESS].wire, as_it_came[i], 2048),
			 FP_VNET_BYTES + bytes);
		check_left(&lab, TRUNK, VLAN, as_it_came[i], bytes);
		check_left(&lab, OTHER_TRUNK, VLAN, as_it_came[i], bytes);
	}
	check_empty(&lab);
	CHECK(fake_ring_put(&lab.ports[TRUNK].data, vnet, len, VLAN, 0x8100));
	lab_run(&lab);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t bytes = 14 + 60 + (i < 7 ? 1000 : 500);

		check_left(&lab, ACCESS, FAKE_NO_TAG, as_it_came[i], bytes);
		check_left(&lab, OTHER_TRUNK, VLAN, as_it_came[i], bytes);
	}
	lab_end(&lab);
}

/* VLAN-3: by name, before anything else. */
static void test_what_is_of_no_vlan_of_the_port_is_dropped(void)
{
	struct fp_fdb_entry entry;
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab);
	lab_receive(&lab, TRUNK, &packet);
	packet.protocol = 2;
	lab_receive(&lab, TRUNK, &packet);
	packet.tpid = 0x8100;
	packet.tci = 11;
	lab_receive(&lab, ACCESS, &packet);
	packet.tci = 0x0fff;
	lab_receive(&lab, ACCESS, &packet);
	lab_run(&lab);
	check_empty(&lab);
	CHECK_EQ(lab_reason(&lab, TRUNK, FP_DROP_VLAN_FILTERED), 2);
	CHECK_EQ(lab_reason(&lab, ACCESS, FP_DROP_VLAN_FILTERED), 1);
	CHECK_EQ(lab_reason(&lab, ACCESS, FP_DROP_VLAN_INVALID), 1);
	CHECK_EQ(fp_fdb_dump(lab.sw, &entry, 1), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_frames_of_any_size_change_their_tags);
	RUN(test_service_tag_stays_beneath_that_of_the_vlan);
	RUN(test_frames_that_are_cut_here_change_their_tags);
	RUN(test_what_is_of_no_vlan_of_the_port_is_dropped);
	return 0;
}
