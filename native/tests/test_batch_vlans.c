/*
 * Frames that leave with a tag by some ports and without by others, VLAN-5: runs, single frames,
 * both families. pass.c knows each port's spelling and checks every byte.
 */
#include "check.h"
#include "pass.h"

#define EVERY_PORT 0xfu
#define VLAN 10u

/* Ports 0 and 2 have the VLAN without a tag, 1 and 3 with it: each is another spelling. */
static void start(void)
{
	pass_set_pvid(VLAN);
	pass_set_untagged(0, VLAN);
	pass_set_untagged(2, VLAN);
}

static void check_run(struct packet packet, uint32_t frames, uint32_t ports)
{
	pass_add_run(&packet, frames, ports);
	pass_send();
	for (uint32_t port = 0; port < PASS_PORTS; port++) {
		CHECK_EQ(pass_sends(port), ports >> port & 1);
		CHECK_EQ(pass_coalesced(port), ports >> port & 1 ? frames : 0);
	}
}

static struct packet of_family(bool ipv6)
{
	return ipv6 ? packet_udp6() : packet_udp();
}

static void test_run_leaves_as_each_port_has_the_vlan(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct packet packet = of_family(i & 1);

		packet.checksum = i & 2 ? CHECKSUM_PARTIAL : CHECKSUM_GOOD;
		check_run(packet, 64, EVERY_PORT);
		packet.tpid = 0x8100;
		packet.tci = 0xb000 + VLAN; /* PCP and DEI stay */
		check_run(packet, 64, EVERY_PORT);
		packet.tci = 0x6000; /* VLAN-2: a priority gets the VLAN, or goes with its tag */
		check_run(packet, 64, EVERY_PORT);
		packet.payload_bytes = 1400; /* not gathered: pieces of the frames themselves */
		check_run(packet, 40, 0x3);
	}
}

/* One port gets the run, others its frames; then again in the other spelling. */
static void test_run_is_spelled_apart_from_its_frames(void)
{
	for (uint32_t alone = 0; alone < PASS_PORTS; alone++) {
		struct packet packet = packet_udp();

		pass_set_coalesce(alone, false);
		packet.payload_bytes = alone & 1 ? 1400 : 40;
		packet.tpid = alone & 2 ? 0x8100 : 0;
		packet.tci = VLAN;
		packet.checksum = alone & 1 ? CHECKSUM_PARTIAL : CHECKSUM_GOOD;
		pass_add_run(&packet, 20, EVERY_PORT);
		pass_send();
		for (uint32_t port = 0; port < PASS_PORTS; port++)
			CHECK_EQ(pass_sends(port), port == alone ? 20 : 1);
		pass_set_coalesce(alone, true);
	}
}

/* What is opaque keeps all its bytes; the VLAN's tag comes in front of them. */
static void test_service_and_inner_tags_are_kept(void)
{
	struct packet packet = packet_udp();

	packet.tpid = 0x88a8;
	packet.tci = 20;
	pass_add_run(&packet, 5, EVERY_PORT);
	pass_send();
	packet.tpid = 0x8100;
	packet.tci = 0xe000 + VLAN;
	packet.ethertype = 0x8100;
	pass_add_run(&packet, 5, EVERY_PORT);
	pass_send();
	packet.ethertype = 0x88f7;
	packet.tpid = 0;
	pass_add_run(&packet, 5, EVERY_PORT);
	pass_send();
}

/* One flow that came without a tag in two VLANs is two. */
static void test_vlans_never_join(void)
{
	struct packet packet = packet_udp();

	for (uint32_t i = 0; i < 3; i++) {
		pass_set_pvid(VLAN);
		pass_add_run(&packet, 1, 2);
		pass_set_pvid(VLAN + 1);
		pass_add_run(&packet, 1, 2);
	}
	pass_send();
	CHECK_EQ(pass_sends(1), 2);
	start();
}

/* The port's MTU is for what lies behind the tag. */
static void test_tag_takes_nothing_of_the_mtu(void)
{
	struct packet packet = packet_udp();

	packet.payload_bytes = 1500 - 28;
	pass_add_run(&packet, 10, EVERY_PORT);
	pass_send();
	CHECK_EQ(pass_sends(1), 1);
	packet.tpid = 0x8100;
	packet.tci = VLAN;
	pass_add_run(&packet, 10, EVERY_PORT);
	pass_send();
	CHECK_EQ(pass_sends(0), 1);
	CHECK_EQ(pass_sends(1), 1);
}

static struct packet random_packet(uint64_t *seed)
{
	struct packet packet = of_family(check_below(seed, 2));

	packet.payload_bytes = (uint16_t)(check_below(seed, 4) ? 100 : check_below(seed, 900) + 1);
	packet.fill = (uint8_t)check_random(seed);
	packet.src[5] = (uint8_t)check_below(seed, 2);
	packet.checksum = check_below(seed, 2) ? CHECKSUM_PARTIAL : CHECKSUM_GOOD;
	switch (check_below(seed, 6)) {
	case 0:
		packet.tpid = 0x8100;
		packet.tci = (uint16_t)(check_below(seed, 8) << 13 | VLAN);
		break;
	case 1:
		packet.tpid = 0x8100;
		packet.tci = (uint16_t)(check_below(seed, 2) << 13);
		break;
	case 2:
		packet.tpid = 0x8100;
		packet.tci = VLAN + 1;
		break;
	case 3:
		packet.tpid = 0x88a8;
		packet.tci = VLAN + 2;
		break;
	default:
		break;
	}
	return packet;
}

static void test_any_mixture_arrives_as_each_port_has_it(void)
{
	pass_set_coalesce(3, false);
	pass_check_mixtures(13, random_packet);
	pass_set_coalesce(3, true);
}

int main(void)
{
	pass_start(1500);
	start();
	RUN(test_run_leaves_as_each_port_has_the_vlan);
	RUN(test_run_is_spelled_apart_from_its_frames);
	RUN(test_service_and_inner_tags_are_kept);
	RUN(test_vlans_never_join);
	RUN(test_tag_takes_nothing_of_the_mtu);
	RUN(test_any_mixture_arrives_as_each_port_has_it);
	pass_end();
	return 0;
}
