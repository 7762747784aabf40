/* Decisions on IPv6 multicast: what is looked up, what always floods, what goes up. */
#include "verdicts.h"

#define GROUP 0xff3e0000u, 0x1234u

static void set_policy6(uint16_t vlan, uint8_t flags, uint64_t mrouters, uint64_t unregistered)
{
	struct fp_vlan policy = ipv6_policy(vlan, flags, mrouters, unregistered);

	CHECK_EQ(fp_table_apply_vlan(table, &policy, &vlans_own), 0);
}

static void set_row6(uint32_t first, uint32_t last, const uint32_t *source, uint64_t ports)
{
	struct fp_row row = ipv6_row(0, (const uint32_t[]){first, last}, source, ports);

	CHECK_EQ(fp_table_apply_row(table, &row), 0);
}

static void start6(void)
{
	start();
	set_policy6(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0);
}

/* SNOOP-34: the family that nobody snoops, MLD included. */
static void test_bridged_family_floods_unread(void)
{
	struct packet packet = packet_udp6();

	start();
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST); /* before any policy */
	set_policy6(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_BRIDGED, 0, 0);
	set_row6(GROUP, NULL, 0x02);
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST);
	packet_set_icmp6(&packet, 143);
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST);
	CHECK(!decide(&packet).punt);
	packet = packet_udp6();
	packet.dst[5]++;
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST);
	packet_extend(&packet, 60, 0);
	packet.extensions[1] = 255;
	check_flood(decide(&packet), FP_FLOOD_IPV6_MULTICAST);
	set_policy6(0, FP_VLAN_ACTIVE, 0, 0); /* snooped in this VLAN alone */
	packet = packet_udp6();
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
}

/* SNOOP-30, 33, 50, 56, idea 131. */
static void test_rows_have_all_bits_of_both_addresses(void)
{
	const uint32_t source[2] = {0x20010db8, 1};
	struct packet packet = packet_udp6();

	start6();
	set_row6(GROUP, NULL, 0x02);
	set_row6(GROUP, source, 0x04);
	check_sent(decide(&packet), FP_FORWARD_SOURCE, 0x04, 0);
	packet.source6[7]++;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	CHECK(decide(&packet).registered);
	packet_set_group6(&packet, 0xff350000, 0x1234); /* its MAC, but not that group */
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet_set_group6(&packet, 0xff3e0000, 0x1234);
	packet.group6[8] = 1;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

/* SNOOP-32, idea 132: each family has its policy and router ports. */
static void test_policy_is_the_familys(void)
{
	struct packet packet = packet_udp6();

	start6();
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x10, UINT64_MAX);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	set_policy6(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x08, 0x02);
	check_sent(decide(&packet), FP_FORWARD_UNREGISTERED, 0x0a, 0);
	set_policy6(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_DROP_UNREGISTERED, 0x08, 0x02);
	check_sent(decide(&packet), FP_FORWARD_UNREGISTERED, 0x02, 0);
	set_row6(GROUP, NULL, 0);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
	set_policy6(FP_VLAN_ANY, 0, 0, 0);
	check_flood(decide(&packet), FP_FLOOD_NO_QUERIER);
}

/* SNOOP-51, 52: whatever the rows and the policy say. */
static void test_groups_that_ipv6_needs_always_flood(void)
{
	static const uint32_t needed[] = {0x01, 0x02, 0x16, 0x6a, 0xfb, 0x00010002};
	struct packet packet = packet_udp6();

	start6();
	set_policy6(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_DROP_UNREGISTERED, 0, 0);
	for (uint32_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		packet_set_group6(&packet, 0xff020000, needed[i]);
		set_row6(0xff020000, needed[i], NULL, 0x02);
		check_flood(decide(&packet), FP_FLOOD_IPV6_LINK_LOCAL);
		packet_set_group6(&packet, 0xff050000, needed[i]); /* of a site: as any other */
		check_drop(decide(&packet), FP_DROP_NO_EGRESS);
		packet_set_group6(&packet, 0xff120000, needed[i]); /* nor a transient one */
		check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	}
	packet_set_group6(&packet, 0xff020000, 0xff123456); /* ff02::1:ff12:3456 */
	packet.group6[11] = 1;
	check_flood(decide(&packet), FP_FLOOD_IPV6_LINK_LOCAL);
	packet.group6[11] = 2;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet_set_group6(&packet, 0xff020000, 0xfe123456);
	packet.group6[11] = 1;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet_set_group6(&packet, 0xff020000, 0x05); /* OSPF: registered, or by policy */
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

/* SNOOP-24, 42 */
static void test_pim_floods_with_a_copy_and_prefixes_flood(void)
{
	struct packet packet = packet_udp6();
	uint8_t group[FP_ADDRESS_BYTES];
	struct fp_row row;

	start6();
	packet_set_group6(&packet, 0xff020000, 0x0d);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet.protocol = 103;
	check_flood(decide(&packet), FP_FLOOD_IPV6_LINK_LOCAL);
	CHECK(decide(&packet).punt);
	packet_set_group6(&packet, 0xff020000, 0x0e);
	CHECK(!decide(&packet).punt);
	ipv6_key(0xff020000, 0, group);
	row = flood_row(group, 16);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	check_flood(decide(&packet), FP_FLOOD_ALWAYS);
	packet_set_group6(&packet, 0xff050000, 0x0e);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

/* SNOOP-55, idea 129: those seven types, wherever they stand, and nothing else. */
static void test_only_mld_goes_to_the_control_plane(void)
{
	static const uint8_t mld[] = {130, 131, 132, 143, 151, 152, 153};

	start6();
	for (uint32_t type = 0; type < 256; type++) {
		struct packet packet = packet_udp6();
		bool punted;

		packet_set_icmp6(&packet, (uint8_t)type);
		punted = memchr(mld, (int)type, sizeof(mld)) != NULL;
		for (uint32_t i = 0; i < 3; i++) {
			struct fp_verdict verdict = decide(&packet);

			CHECK_EQ(verdict.punt, punted);
			CHECK_EQ(verdict.reason == FP_PUNT_MLD, punted);
			CHECK_EQ(verdict.action == FP_ACTION_PUNT, punted);
			CHECK(!punted || fp_mask_empty(verdict.ports));
			packet_extend(&packet, i ? 60 : 0, 0);
		}
		packet_set_group6(&packet, 0xff020000, 1); /* of neighbour discovery to all nodes */
		CHECK_EQ(decide(&packet).reason, punted ? FP_PUNT_MLD : FP_FLOOD_IPV6_LINK_LOCAL);
		packet.dst[0] = 0x02;
		CHECK_EQ(decide(&packet).reason, FP_FLOOD_UNKNOWN_UNICAST);
	}
}

/* SNOOP-13: the first fragment is the control plane's, the others are data. */
static void test_fragments_of_mld(void)
{
	struct packet packet = packet_udp6();

	start6();
	packet_set_icmp6(&packet, 143);
	packet_extend(&packet, 44, 0x0001);
	CHECK_EQ(decide(&packet).reason, FP_PUNT_MLD);
	packet.extensions[3] = 0x08;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	CHECK(!decide(&packet).punt);
}

/* SNOOP-40, 54, 58 */
static void test_what_does_not_fit_floods_or_is_dropped_by_name(void)
{
	struct packet packet = packet_udp6();

	start6();
	packet.dst[5]++;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet_set_icmp6(&packet, 143);
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp6();
	packet.group6[0] = 0x20;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp6();
	packet.dst[0] = 0x01;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet = packet_udp6();
	packet_extend(&packet, 60, 0);
	packet.extensions[1] = 255;
	check_drop(decide(&packet), FP_DROP_IPV6_ERROR);
	for (uint32_t scope = 0; scope < 16; scope++) {
		packet = packet_udp6();
		packet_set_group6(&packet, 0xff300000 | scope << 16, 0x1234);
		check_drop(decide(&packet), scope < 2 ? FP_DROP_IPV6_SCOPE : FP_DROP_NO_EGRESS);
		packet_set_icmp6(&packet, 131);
		CHECK_EQ(decide(&packet).reason, scope < 2 ? FP_DROP_IPV6_SCOPE : FP_PUNT_MLD);
	}
	packet = packet_udp6();
	packet.tpid = 0x88a8; /* VLAN-6 */
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet = packet_udp6();
	packet.ethertype = 0x0800; /* an IPv6 header that says it is IPv4 */
	check_drop(decide(&packet), FP_DROP_IP_ERROR);
	packet.ethertype = 0x88f7;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
}

/* All frames of a flow have one verdict: what differs by frame is none. */
static void test_streams_are_flows_and_discovery_is_not(void)
{
	struct packet packet = packet_udp6();
	uint8_t vnet[400];
	struct fp_frame frame;

	for (uint32_t type = 0; type < 256; type++) {
		packet_set_icmp6(&packet, (uint8_t)type);
		CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
		CHECK_EQ(fp_decide_kind(&frame) == FP_KIND_FLOW,
			 !frame.control && (type < 133 || type > 137));
	}
	packet = packet_udp6();
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
	CHECK_EQ(fp_decide_kind(&frame), FP_KIND_FLOW);
	packet.tpid = 0x88a8;
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
	CHECK_EQ(fp_decide_kind(&frame), FP_KIND_OTHER);
}

int main(void)
{
	RUN(test_bridged_family_floods_unread);
	RUN(test_rows_have_all_bits_of_both_addresses);
	RUN(test_policy_is_the_familys);
	RUN(test_groups_that_ipv6_needs_always_flood);
	RUN(test_pim_floods_with_a_copy_and_prefixes_flood);
	RUN(test_only_mld_goes_to_the_control_plane);
	RUN(test_fragments_of_mld);
	RUN(test_what_does_not_fit_floods_or_is_dropped_by_name);
	RUN(test_streams_are_flows_and_discovery_is_not);
	fp_table_free(table);
	return 0;
}
