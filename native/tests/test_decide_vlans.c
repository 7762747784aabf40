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

static void set_members(uint16_t vlan, uint64_t members)
{
	struct fp_vlan row = {
		.vlan = vlan, .op = FP_ROW_SET, .family = FP_FAMILY_IPV4, .members = {members}};

	CHECK_EQ(fp_table_apply_vlan(table, &row, &vlans_own), 0);
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

/* VLAN-1, VLAN-2: the PVID is for frames without a VLAN, and for those of a provider's. */
static void test_pvid_gives_a_vlan_to_frames_that_bring_none(void)
{
	struct packet packet = packet_udp();

	start();
	table->pvid[IN] = 20;
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
	RUN(test_behind_a_second_or_service_tag_nothing_is_snooped);
	fp_table_free(table);
	return 0;
}
