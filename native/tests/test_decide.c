/* Every reason of enum fp_reason that a decision can give, and the order they are asked in. */
#include "verdicts.h"

/* SNOOP-30, 33: the source's row, else the group's, each with the router ports. */
static void test_source_row_wins_over_group_row_and_routers_get_both(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(0, packet.group, 0, 0x02);
	set_row(0, packet.group, packet.source, 0x04);
	check_sent(decide(&packet), FP_FORWARD_SOURCE, 0x04, 0);
	packet.source++;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	CHECK(decide(&packet).registered);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x10, 0);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x12, 0);
	packet.source--;
	check_sent(decide(&packet), FP_FORWARD_SOURCE, 0x14, 0);
}

/* Ideas 93 and 101: never back, and never to a port that is down. */
static void test_ingress_and_ports_down_are_masked_out(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(0, packet.group, 0, UINT64_MAX);
	check_sent(decide(&packet), FP_FORWARD_GROUP, ALL_OTHERS_LOW, 0);
	check_sent(decide_at(&packet, 3, -1), FP_FORWARD_GROUP, 0x17, 0);
	fp_mask_clear(table->up, 1);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x1c, 0);
	set_row(0, packet.group, 0, 1u << IN);
	check_drop(decide(&packet), FP_DROP_NO_MEMBER);
	CHECK(decide(&packet).registered);
}

/* SNOOP-33: a tombstone is registered, so the policy for unregistered groups does not apply. */
static void test_registered_group_without_members_goes_to_routers_only(void)
{
	struct packet packet = packet_udp();

	start();
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x08, UINT64_MAX);
	set_row(0, packet.group, 0, 0);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
	set_row(0, packet.group, packet.source, 0);
	check_sent(decide(&packet), FP_FORWARD_SOURCE, 0x08, 0);
	check_drop(decide_at(&packet, 3, -1), FP_DROP_NO_MEMBER);
}

/* SNOOP-32 */
static void test_unregistered_follows_the_policy_of_its_vlan(void)
{
	struct packet packet = packet_udp();

	start();
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x08, 0x02);
	check_sent(decide(&packet), FP_FORWARD_UNREGISTERED, 0x0a, 0);
	CHECK(!decide(&packet).registered);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_DROP_UNREGISTERED, 0x08, 0x02);
	check_sent(decide(&packet), FP_FORWARD_UNREGISTERED, 0x02, 0);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_DROP_UNREGISTERED, 0x08, 0);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	set_row(0, packet.group, 0, 0); /* drop_unregistered takes nothing from a registered one */
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
}

/* SNOOP-35, idea 96: groups that share a MAC are still two groups. */
static void test_group_is_looked_up_by_address_and_not_by_mac(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(0, 0xef010203, 0, 0x02);
	packet_set_group(&packet, 0xef810203);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet_set_group(&packet, 0xe0800001); /* MAC of 224.0.0.1, but not that group */
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

/* Q-15, VLAN-8 */
static void test_without_querier_multicast_floods_whatever_the_rows(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(0, packet.group, 0, 0x02);
	set_vlan(FP_VLAN_ANY, 0, 0, 0);
	check_flood(decide(&packet), FP_FLOOD_NO_QUERIER);
	CHECK(!decide(&packet).registered);
}

/* SNOOP-42 */
static void test_always_flood_comes_before_rows_and_policy(void)
{
	struct packet packet = packet_udp();
	struct fp_row row;
	uint8_t group[FP_ADDRESS_BYTES];

	start();
	set_row(0, packet.group, 0, 0x02);
	fp_map_ipv4(packet.group, group);
	row = flood_row(group, 128);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	check_flood(decide(&packet), FP_FLOOD_ALWAYS);
	packet_set_group(&packet, packet.group + 1);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	row = flood_row(group, 120); /* all of 239.1.2.0/24 */
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	check_flood(decide(&packet), FP_FLOOD_ALWAYS);
	packet_set_group(&packet, packet.group + 0x100);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

/* SAY-61: wherever else it goes, and only from ports that are read. */
static void test_announcements_are_copied(void)
{
	static const uint32_t groups[] = {0xe0027ffe, 0xefffffff, 0xefc3ffff, 0xef45ffff};
	struct packet packet = packet_udp();
	struct packet packet6 = packet_udp6();

	start();
	packet.port = 9875;
	packet6.port = 9875;
	for (uint32_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		packet_set_group(&packet, groups[i]);
		set_row(0, packet.group, 0, 0x02);
		fp_mask_clear(table->names, IN);
		CHECK(!decide(&packet).punt);
		fp_mask_set(table->names, IN);
		CHECK(decide(&packet).punt);
		check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	}
	packet_set_group(&packet, 0xe00000ff); /* 224.0.0.255 */
	check_flood(decide(&packet), FP_FLOOD_LINK_LOCAL);
	CHECK(decide(&packet).punt);
	packet_set_group(&packet, 0xef0102ff);
	CHECK(!decide(&packet).punt);
	packet_set_group(&packet, 0xef02ffff);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS); /* nobody's, and read all the same */
	CHECK(decide(&packet).punt);
	packet.options_bytes = 4;
	CHECK(decide(&packet).punt);
	packet.fragment = 0x2000; /* its first part */
	CHECK(!decide(&packet).punt);
	packet.fragment = 0x4000;
	packet.port = 9874;
	CHECK(!decide(&packet).punt);
	packet.port = 9875;
	packet.protocol = 6;
	CHECK(!decide(&packet).punt);
	packet.protocol = 17;
	packet.dst[5]++; /* the MAC address of another group: flooded, and read by nobody */
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	for (uint32_t scope = 0; scope < 16; scope++) {
		packet_set_group6(&packet6, 0xff000000 | scope << 16, 0x27ffe);
		CHECK_EQ(decide(&packet6).punt, scope >= 2);
		packet_set_group6(&packet6, 0xff100000 | scope << 16, 0x27ffe);
		CHECK(!decide(&packet6).punt);
	}
	packet_set_group6(&packet6, 0xff0e0000, 0x27ffe);
	packet_extend(&packet6, 60, 0);
	CHECK(decide(&packet6).punt);
}

/* SAY-61: a datagram that ends before its port is nobody's. */
static void test_an_announcement_without_its_header_is_not_copied(void)
{
	struct packet packet = packet_udp();
	uint8_t vnet[400];
	uint8_t *ip = vnet + FP_VNET_BYTES + 14;
	uint32_t len;

	start();
	fp_mask_set(table->names, IN);
	packet.port = 9875;
	packet_set_group(&packet, 0xe0027ffe);
	len = packet_build(&packet, vnet);
	CHECK(decide_bytes(vnet, len, IN, -1).punt);
	ip[2] = 0; /* the total length, and what follows is padding */
	ip[3] = 20 + 7;
	packet_ip_checksum(ip);
	CHECK(!decide_bytes(vnet, len, IN, -1).punt);
	check_drop(decide_bytes(vnet, len, IN, -1), FP_DROP_NO_EGRESS);
}

/* SNOOP-31, 24: link-local floods; of a PIM hello the control plane gets a copy. */
static void test_link_local_floods_and_pim_hellos_are_copied(void)
{
	struct packet packet = packet_udp();

	start();
	packet_set_group(&packet, 0xe00000fb);
	set_row(0, packet.group, 0, 0x02);
	check_flood(decide(&packet), FP_FLOOD_LINK_LOCAL);
	CHECK(!decide(&packet).punt);
	packet.protocol = 103;
	CHECK(!decide(&packet).punt);
	packet_set_group(&packet, 0xe000000d);
	check_flood(decide(&packet), FP_FLOOD_LINK_LOCAL);
	CHECK(decide(&packet).punt);
	packet_set_group(&packet, 0xe000010d); /* 224.0.1.13 */
	CHECK(!decide(&packet).punt);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

static void test_igmp_goes_to_the_control_plane_alone(void)
{
	struct packet packet = packet_udp();

	start();
	set_vlan(FP_VLAN_ANY, 0, 0, 0);
	packet.protocol = 2;
	for (uint32_t i = 0; i < 2; i++) {
		struct fp_verdict verdict = decide(&packet);

		CHECK_EQ(verdict.action, FP_ACTION_PUNT);
		CHECK_EQ(verdict.reason, FP_PUNT_IGMP);
		CHECK(verdict.punt && fp_mask_empty(verdict.ports));
		packet_set_group(&packet, 0xe0000001);
	}
	packet.fragment = 0x2000; /* SNOOP-13: the control plane decides about fragments */
	CHECK_EQ(decide(&packet).reason, FP_PUNT_IGMP);
}

/* SNOOP-40 */
static void test_mac_that_is_not_the_groups_floods(void)
{
	struct packet packet = packet_udp();

	start();
	packet.dst[5]++;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet.protocol = 2;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp();
	packet.group = 0x0a000005;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp();
	packet.dst[0] = 0x33;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp();
	packet.dst[3] |= 0x80; /* bit 23 is not the group's */
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
}

static void test_other_protocols_flood_by_their_kind(void)
{
	struct packet packet = packet_udp();

	start();
	packet.ethertype = 0x86dd;
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST);
	packet.ethertype = 0x88f7;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	memset(packet.dst, 0xff, 6);
	check_flood(decide(&packet), FP_FLOOD_BROADCAST);
	packet.ethertype = 0x0800;
	check_flood(decide(&packet), FP_FLOOD_BROADCAST);
}

/* L2-1, L2-3, idea 119 */
static void test_reserved_addresses_stay_on_their_link(void)
{
	struct packet packet = packet_udp();
	const uint8_t reserved[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00};

	start();
	memcpy(packet.dst, reserved, 6);
	packet.ethertype = 0x88cc;
	for (uint32_t last = 0; last < 0x30; last++) {
		packet.dst[5] = (uint8_t)last;
		if (last >= 1 && last <= 15)
			check_drop(decide(&packet), FP_DROP_RESERVED_MAC);
		else
			check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	}
}

static void test_bad_senders_headers_and_ports_are_dropped(void)
{
	struct packet packet = packet_udp();
	uint8_t vnet[400];
	uint32_t len;
	struct fp_frame frame;
	struct fp_verdict verdict;

	start();
	packet.src[0] = 0x03;
	check_drop(decide(&packet), FP_DROP_SOURCE_MAC);
	memset(packet.src, 0, 6);
	check_drop(decide(&packet), FP_DROP_SOURCE_MAC);
	packet = packet_udp();
	check_drop(decide_at(&packet, 5, -1), FP_DROP_PORT_DOWN);
	len = packet_build(&packet, vnet);
	vnet[FP_VNET_BYTES + 14 + 8]--; /* TTL without its checksum */
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_decide(table, &frame, IN, -1, &verdict);
	check_drop(verdict, FP_DROP_IP_ERROR);
}

static void test_unicast_goes_where_the_fdb_says(void)
{
	struct packet packet = packet_udp();

	start();
	packet.dst[0] = 0x02;
	check_flood(decide_at(&packet, IN, -1), FP_FLOOD_UNKNOWN_UNICAST);
	check_sent(decide_at(&packet, IN, 255), FP_FORWARD_UNICAST, 0, UINT64_C(1) << 63);
	check_drop(decide_at(&packet, IN, IN), FP_DROP_SAME_PORT);
	check_flood(decide_at(&packet, IN, 77), FP_FLOOD_UNKNOWN_UNICAST); /* that port is gone */
}

static void test_flood_with_nobody_else_is_a_drop(void)
{
	struct packet packet = packet_udp();

	start();
	memset(table->up, 0, sizeof(table->up));
	fp_mask_set(table->up, IN);
	packet_set_group(&packet, 0xe000000d);
	packet.protocol = 103;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	CHECK(decide(&packet).punt); /* the hello is heard all the same */
	memset(packet.dst, 0xff, 6);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

int main(void)
{
	RUN(test_source_row_wins_over_group_row_and_routers_get_both);
	RUN(test_ingress_and_ports_down_are_masked_out);
	RUN(test_registered_group_without_members_goes_to_routers_only);
	RUN(test_unregistered_follows_the_policy_of_its_vlan);
	RUN(test_group_is_looked_up_by_address_and_not_by_mac);
	RUN(test_without_querier_multicast_floods_whatever_the_rows);
	RUN(test_always_flood_comes_before_rows_and_policy);
	RUN(test_announcements_are_copied);
	RUN(test_an_announcement_without_its_header_is_not_copied);
	RUN(test_link_local_floods_and_pim_hellos_are_copied);
	RUN(test_igmp_goes_to_the_control_plane_alone);
	RUN(test_mac_that_is_not_the_groups_floods);
	RUN(test_other_protocols_flood_by_their_kind);
	RUN(test_reserved_addresses_stay_on_their_link);
	RUN(test_bad_senders_headers_and_ports_are_dropped);
	RUN(test_unicast_goes_where_the_fdb_says);
	RUN(test_flood_with_nobody_else_is_a_drop);
	fp_table_free(table);
	return 0;
}
