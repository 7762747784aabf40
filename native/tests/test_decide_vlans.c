/* Which VLAN a frame is of, and by which ports it may come in and leave then. */
#include "verdicts.h"

/* VLAN-1, ideas 113 and 114 */
static void test_vlans_are_apart_and_priority_tags_are_untagged(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(10, packet.group, 0, 0x02);
	set_vlan(20, FP_VLAN_ACTIVE, 0, 0x04);
	packet.tpid = 0x8100;
	packet.tci = 0xe00a;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	CHECK_EQ(decide(&packet).vlan, 10);
	packet.tci = 20;
	check_sent(decide(&packet), FP_FORWARD_UNREGISTERED, 0x04, 0);
	packet.tci = 30;
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
	packet.tci = 0xa000;
	set_row(0, packet.group, 0, 0x08);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
	packet.tpid = 0;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
	packet.tpid = 0x8100;
	packet.tci = 0x0fff; /* VLAN-2, idea 116 */
	check_drop(decide(&packet), FP_DROP_VLAN_INVALID);
}

static void set_members(uint16_t vlan, uint64_t ports)
{
	struct fp_members row = vlan_members(vlan, ports, 0);

	CHECK_EQ(fp_table_apply_members(table, &row, &vlans_own), 0);
}

/* VLAN-3: dropped first, by name, and nothing is learned of it. */
static void test_frame_of_a_vlan_the_port_is_not_in_is_refused(void)
{
	struct packet packet = packet_udp();

	start();
	set_members(10, 0x06);
	packet.tpid = 0x8100;
	packet.tci = 10;
	packet.protocol = 2;
	check_drop(decide(&packet), FP_DROP_VLAN_FILTERED);
	CHECK(!decide(&packet).learn && !decide(&packet).punt);
	CHECK_EQ(decide_at(&packet, 1, -1).reason, FP_PUNT_IGMP);
	packet.tci = 20;
	CHECK_EQ(decide(&packet).reason, FP_PUNT_IGMP);
}

static void test_frame_leaves_by_members_of_its_vlan_only(void)
{
	struct packet packet = packet_udp();
	struct fp_verdict verdict;

	start();
	set_members(10, 0x0f);
	set_vlan(10, 0, 0, 0);
	packet.tpid = 0x8100;
	packet.tci = 10;
	check_sent(decide(&packet), FP_FLOOD_NO_QUERIER, 0x0e, 0);
	packet_set_group(&packet, 0xe00000fb);
	check_sent(decide(&packet), FP_FLOOD_LINK_LOCAL, 0x0e, 0);
	memset(packet.dst, 0xff, 6);
	check_sent(decide(&packet), FP_FLOOD_BROADCAST, 0x0e, 0);
	packet.dst[0] = 0x02;
	check_sent(decide_at(&packet, IN, 3), FP_FORWARD_UNICAST, 0x08, 0);
	check_sent(decide_at(&packet, IN, 4), FP_FLOOD_UNKNOWN_UNICAST, 0x0e, 0);
	verdict = decide_at(&packet, IN, 3);
	fp_decide_also(table, IN, 4, &verdict);
	CHECK_EQ(verdict.ports[0], 0x08);
	fp_decide_also(table, IN, 2, &verdict);
	CHECK_EQ(verdict.ports[0], 0x0c);
	set_members(10, 1u << IN);
	check_drop(decide(&packet), FP_DROP_NO_EGRESS);
}

static void set_filter(uint32_t port, uint16_t pvid)
{
	fp_mask_set(table->filters, port);
	table->pvid[port] = pvid;
}

/* VLAN-1, VLAN-2: the PVID is for frames without a VLAN, and for those of a provider's. */
static void test_pvid_gives_a_vlan_to_frames_that_bring_none(void)
{
	struct packet packet = packet_udp();

	start();
	set_filter(IN, 20);
	set_row(20, packet.group, 0, 0x02);
	set_row(10, packet.group, 0, 0x04);
	CHECK_EQ(decide(&packet).vlan, 20);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	check_drop(decide_at(&packet, 1, -1), FP_DROP_NO_EGRESS); /* that port has none */
	packet.tpid = 0x8100;
	packet.tci = 0xa000;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	packet.tci = 10;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x04, 0);
	packet.tpid = 0x88a8;
	CHECK_EQ(decide(&packet).vlan, 20);
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
}

/* No PVID: no VLAN, and in that nobody is. */
static void test_port_without_a_pvid_refuses_what_brings_no_vlan(void)
{
	struct packet packet = packet_udp();

	start();
	set_members(FP_VLAN_ANY, 0);
	set_members(10, 0x0f);
	set_row(10, packet.group, 0, 0x02);
	set_filter(IN, 0);
	check_drop(decide(&packet), FP_DROP_VLAN_FILTERED);
	packet.tpid = 0x8100;
	packet.tci = 0xa000;
	check_drop(decide(&packet), FP_DROP_VLAN_FILTERED);
	packet.tci = 10;
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	packet.tpid = 0x88a8;
	check_drop(decide(&packet), FP_DROP_VLAN_FILTERED);
	packet.tpid = 0;
	set_filter(IN, 10);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x02, 0);
	packet.tpid = 0x88a8;
	check_sent(decide(&packet), FP_FLOOD_L2_MULTICAST, 0x0e, 0);
	packet.tci = 0x0fff; /* a provider's, and nothing to us */
	check_sent(decide(&packet), FP_FLOOD_L2_MULTICAST, 0x0e, 0);
}

/* VLAN-5: the verdict says who gets the frame without a tag, and a trunk never a second one bare.
 */
static void test_verdict_says_how_a_frame_leaves(void)
{
	struct packet packet = packet_udp();
	struct fp_members rows[2] = {vlan_members(10, 0x1f, 0x07), vlan_members(20, 0x06, 0x02)};

	start();
	CHECK(!decide(&packet).tagging);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(fp_table_apply_members(table, &rows[i], &vlans_own), 0);
	fp_table_settle_members(table);
	CHECK_EQ(table->trunks[0], 0x1c);
	set_filter(IN, 10);
	CHECK(decide(&packet).tagging);
	CHECK_EQ(decide(&packet).untagged[0], 0x07);
	packet.tpid = 0x88a8;
	CHECK_EQ(decide(&packet).untagged[0], 0x07);
	packet.tpid = 0x8100;
	packet.tci = 10;
	CHECK_EQ(decide(&packet).untagged[0], 0x07);
	packet.ethertype = 0x8100; /* port 2 has VLAN 20 with a tag: as native it would be there */
	CHECK_EQ(decide(&packet).untagged[0], 0x03);
	packet.tci = 0;
	CHECK_EQ(decide(&packet).untagged[0], 0x03);
	CHECK(!decide_at(&packet, 1, -1).tagging);
}

/* Ports of one horizon never forward to each other, whatever the frame is. */
static void test_ports_of_one_horizon_are_apart(void)
{
	struct packet packet = packet_udp();
	struct fp_verdict verdict;

	start();
	table->horizon[IN] = table->horizon[1] = table->horizon[2] = 7;
	table->horizon[3] = 8;
	set_row(0, packet.group, 0, 0x0a);
	check_sent(decide(&packet), FP_FORWARD_GROUP, 0x08, 0);
	check_sent(decide_at(&packet, 3, -1), FP_FORWARD_GROUP, 0x02, 0);
	set_row(0, packet.group, 0, 0x06);
	check_drop(decide(&packet), FP_DROP_SPLIT_HORIZON);
	CHECK(decide(&packet).learn && decide(&packet).registered);
	check_sent(decide_at(&packet, 4, -1), FP_FORWARD_GROUP, 0x06, 0);
	set_row(0, packet.group, 0, 0x00);
	check_drop(decide(&packet), FP_DROP_NO_MEMBER);
	memset(packet.dst, 0xff, 6);
	check_sent(decide(&packet), FP_FLOOD_BROADCAST, 0x18, UINT64_C(1) << 63);
	packet.dst[0] = 0x02;
	check_sent(decide(&packet), FP_FLOOD_UNKNOWN_UNICAST, 0x18, UINT64_C(1) << 63);
	check_sent(decide_at(&packet, IN, 3), FP_FORWARD_UNICAST, 0x08, 0);
	check_drop(decide_at(&packet, IN, IN), FP_DROP_SAME_PORT);
	verdict = decide_at(&packet, IN, 1);
	check_drop(verdict, FP_DROP_SPLIT_HORIZON);
	fp_decide_also(table, IN, 2, &verdict);
	check_drop(verdict, FP_DROP_SPLIT_HORIZON);
	fp_decide_also(table, IN, 3, &verdict);
	check_sent(verdict, FP_FORWARD_UNICAST, 0x08, 0);
}

/* A group known by its MAC address has exactly its ports; of IP that says nothing. */
static void test_layer_2_group_goes_to_its_ports(void)
{
	struct packet packet = packet_udp();
	struct fp_row row = {.vlan = 10, .op = FP_ROW_SET, .flags = FP_ROW_ANY_SOURCE};

	start();
	set_vlan(10, FP_VLAN_ACTIVE, 0x10, 0);
	memcpy(packet.dst, (uint8_t[]){0x01, 0x00, 0x00, 0x01, 0x02, 0x03}, 6);
	fp_map_mac(packet.dst, row.group);
	row.ports[0] = 0x0a;
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	packet.tpid = 0x8100;
	packet.tci = 10;
	check_flood(decide(&packet), FP_FLOOD_MAC_IP_MISMATCH);
	packet.ethertype = 0x88f7;
	check_sent(decide(&packet), FP_FORWARD_L2_GROUP, 0x0a, 0);
	CHECK(decide(&packet).registered);
	check_sent(decide_at(&packet, 1, -1), FP_FORWARD_L2_GROUP, 0x08, 0);
	packet.tci = 11;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet.tci = 10;
	packet.dst[5]++;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet.dst[5]--;
	row.ports[0] = 1u << IN;
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	check_drop(decide(&packet), FP_DROP_NO_MEMBER);
}

/* VLAN-6, idea 118 */
static void test_behind_a_second_or_service_tag_nothing_is_snooped(void)
{
	struct packet packet = packet_udp();

	start();
	set_row(10, packet.group, 0, 0x02);
	packet.protocol = 2;
	packet.tpid = 0x8100;
	packet.tci = 10;
	packet.ethertype = 0x8100;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet.tpid = 0x88a8;
	packet.ethertype = 0;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
}

int main(void)
{
	RUN(test_vlans_are_apart_and_priority_tags_are_untagged);
	RUN(test_frame_of_a_vlan_the_port_is_not_in_is_refused);
	RUN(test_frame_leaves_by_members_of_its_vlan_only);
	RUN(test_pvid_gives_a_vlan_to_frames_that_bring_none);
	RUN(test_port_without_a_pvid_refuses_what_brings_no_vlan);
	RUN(test_verdict_says_how_a_frame_leaves);
	RUN(test_ports_of_one_horizon_are_apart);
	RUN(test_layer_2_group_goes_to_its_ports);
	RUN(test_behind_a_second_or_service_tag_nothing_is_snooped);
	fp_table_free(table);
	return 0;
}
