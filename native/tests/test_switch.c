/* The switch without its loop: publishing, retiring, ports, punts, injects, counters. */
#include <errno.h>
#include <poll.h>

#include "check.h"
#include "fake_port.h"
#include "fp_decide.h"
#include "fp_loop.h"
#include "fp_mask.h"
#include "packets.h"
#include "lab.h"
#include "rows.h"

static void test_configurations_that_cannot_work_are_refused(void)
{
	struct fp_config config = lab_config();

	config.workers = 0;
	CHECK(!fp_switch_new(&config));
	config.workers = FP_WORKERS_MAX + 1;
	CHECK(!fp_switch_new(&config));
	fp_switch_free(NULL);
}

static struct fp_row group_row(uint32_t n)
{
	return ipv4_row(0, 0xef000000 + n, 0, n);
}

static void test_publish_without_loops_frees_the_old_at_once(void)
{
	struct lab lab;

	lab_start(&lab, 2);
	for (uint32_t n = 0; n < 300; n++) {
		struct fp_row row = group_row(n);

		CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
		CHECK_EQ(fp_switch_retired(lab.sw), 0);
	}
	CHECK_EQ(fp_switch_row_count(lab.sw), 300);
	lab_end(&lab);
}

/* As fp_loop_run() does. */
static void loop_saw(struct lab *lab, uint64_t seq)
{
	fp_store_release(&lab->sw->workers[0]->seq_seen, seq);
}

/* What a loop may still read is kept, however many publishes later. */
static void test_what_a_loop_has_not_passed_is_kept(void)
{
	struct lab lab;
	const struct fp_table *seen;
	const struct fp_entry *entry;
	struct fp_row row = group_row(1);
	uint64_t seq;

	lab_start(&lab, 2);
	CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
	seen = fp_load_acquire(&lab.sw->table);
	seq = seen->seq;
	loop_saw(&lab, seq);
	for (uint32_t n = 0; n < 500; n++) {
		row.ports[0] = 1000 + n;
		CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
	}
	CHECK_EQ(fp_switch_retired(lab.sw), 1000); /* a table and a shard each */
	entry = fp_table_find(seen, 0, row.group, NULL);
	CHECK(entry && entry->ports[0] == 1);
	loop_saw(&lab, seq + 499);
	CHECK_EQ(fp_switch_retired(lab.sw), 2);
	loop_saw(&lab, seq + 500);
	CHECK_EQ(fp_switch_retired(lab.sw), 0);
	loop_saw(&lab, FP_SEQ_IDLE);
	lab_end(&lab);
}

/* SNOOP-28: all of a publish or nothing of it. */
static void test_publish_with_an_error_in_it_changes_nothing(void)
{
	struct lab lab;
	struct fp_row row = group_row(1);
	struct fp_vlan vlan = ipv4_policy(5000, 0, 0, 0);
	struct fp_port_state state = {.port = 300};

	lab_start(&lab, 2);
	CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, &vlan, 1, NULL, 0, NULL, 0), (uint64_t)-EINVAL);
	CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, NULL, 0, NULL, 0, &state, 1),
		 (uint64_t)-EINVAL);
	CHECK_EQ(fp_switch_row_count(lab.sw), 0);
	CHECK_EQ(fp_switch_retired(lab.sw), 0);
	lab_end(&lab);
}

static void test_closed_port_is_freed_when_every_loop_has_passed(void)
{
	struct lab lab;
	uint64_t seq;

	lab_start(&lab, 2);
	seq = fp_load_relaxed(&lab.sw->table)->seq;
	loop_saw(&lab, seq);
	CHECK_EQ(fp_port_close(lab.sw, 1), 0);
	CHECK_EQ(fp_switch_retired(lab.sw), 2);				   /* table and port */
	CHECK_EQ(send(lab.ports[1].port->tx_fd, "x", 1, MSG_DONTWAIT), 1); /* still usable */
	CHECK_EQ(fp_port_close(lab.sw, 1), (uint64_t)-ENOENT);
	CHECK_EQ(fp_port_close(lab.sw, 256), (uint64_t)-ENOENT);
	loop_saw(&lab, seq + 1);
	CHECK_EQ(fp_switch_retired(lab.sw), 0);
	loop_saw(&lab, FP_SEQ_IDLE);
	lab_end(&lab);
}

static void test_port_number_is_taken_once_and_can_be_used_again(void)
{
	struct fp_port_config config = {.ifindex = -1};
	const char *stage;
	struct lab lab;
	int32_t isolated;

	lab_start(&lab, 2);
	CHECK_EQ(fp_port_open(lab.sw, 256, &config, &isolated, &stage), (uint64_t)-EINVAL);
	CHECK_EQ(fp_port_open(lab.sw, 1, &config, &isolated, &stage), (uint64_t)-EEXIST);
	config.ring_slots = 100;
	CHECK_EQ(fp_port_open(lab.sw, 5, &config, &isolated, &stage), (uint64_t)-EINVAL);
	CHECK(!strcmp(stage, "ring size"));
	CHECK_EQ(fp_port_close(lab.sw, 1), 0);
	fake_port_unplug(&lab.ports[1]);
	fake_port_make(&lab.ports[1], 1);
	fake_port_plug(&lab.ports[1], lab.sw);
	lab_set_port(&lab, 1, true, 1500);
	CHECK_EQ(lab_explain(&lab, 1).reason, FP_FLOOD_NO_QUERIER);
	lab_end(&lab);
}

static void test_explain_counts_and_learns_nothing(void)
{
	struct packet packet = packet_udp();
	struct fp_verdict verdict;
	struct fp_fdb_entry entries[4];
	uint8_t vnet[256];
	uint32_t len = packet_build(&packet, vnet);
	struct lab lab;

	lab_start(&lab, 3);
	CHECK_EQ(fp_explain(lab.sw, 0, vnet + FP_VNET_BYTES, len, &verdict), 0);
	CHECK_EQ(verdict.reason, FP_FLOOD_NO_QUERIER);
	CHECK_EQ(verdict.ports[0], 6);
	CHECK_EQ(fp_explain(lab.sw, 0, vnet + FP_VNET_BYTES, 13, &verdict), 0);
	CHECK_EQ(verdict.reason, FP_DROP_TRUNCATED);
	CHECK_EQ(verdict.action, FP_ACTION_DROP);
	CHECK_EQ(fp_explain(lab.sw, 9, vnet + FP_VNET_BYTES, len, &verdict), 0);
	CHECK_EQ(verdict.reason, FP_DROP_PORT_DOWN);
	CHECK_EQ(fp_explain(lab.sw, 256, vnet, len, &verdict), (uint64_t)-EINVAL);
	CHECK_EQ(fp_fdb_dump(lab.sw, entries, 4), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_NO_QUERIER), 0);
	lab_end(&lab);
}

static void test_inject_tells_which_ports_took_the_frame(void)
{
	uint64_t ports[FP_MASK_WORDS] = {0x7, 0, 0, 0x10};
	uint64_t sent[FP_MASK_WORDS];
	uint8_t frame[60] = {1, 2, 3};
	uint8_t got[100];
	struct lab lab;

	lab_start(&lab, 3);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, -1, ports, frame, sizeof(frame), sent), 0);
	CHECK_EQ(sent[0], 0x7);
	CHECK_EQ(sent[3], 0);
	for (uint32_t port = 0; port < 3; port++) {
		CHECK_EQ(fake_wire_read(lab.ports[port].wire, got, sizeof(got)), 70);
		CHECK_BYTES(got + FP_VNET_BYTES, frame, sizeof(frame));
		CHECK_EQ(lab_stat(&lab, port, FP_STAT_INJECT_FRAMES), 1);
		CHECK_EQ(lab_stat(&lab, port, FP_STAT_TX_FRAMES), 1);
		CHECK_EQ(lab_stat(&lab, port, FP_STAT_TX_BYTES), 60);
	}
	CHECK_EQ(lab_stat(&lab, 196, FP_STAT_INJECT_DROPS), 1);
	lab_end(&lab);
}

static void check_injected(struct lab *lab, uint32_t vlan, uint32_t tci, uint32_t port,
			   uint32_t want_tci)
{
	uint64_t ports[FP_MASK_WORDS] = {UINT64_C(1) << port};
	uint64_t sent[FP_MASK_WORDS];
	struct packet packet = packet_udp();
	uint8_t vnet[256];
	uint8_t got[256];
	uint32_t len = packet_build(&packet, vnet);

	CHECK_EQ(fp_inject(lab->sw, vlan, tci, -1, ports, vnet + FP_VNET_BYTES, len, sent), 0);
	CHECK_EQ(sent[0], ports[0]);
	packet.tpid = want_tci == FP_NO_TAG ? 0 : 0x8100;
	packet.tci = (uint16_t)want_tci;
	len = packet_build(&packet, vnet);
	CHECK_EQ(fake_wire_read(lab->ports[port].wire, got, sizeof(got)), FP_VNET_BYTES + len);
	CHECK_BYTES(got + FP_VNET_BYTES, vnet + FP_VNET_BYTES, len);
}

/* VLAN-7: as it came, with nobody kept out; else as the VLAN has the port. */
static void test_injected_frame_is_tagged_as_its_vlan_says(void)
{
	struct fp_members members = vlan_members(10, 0x3, 0x1);
	uint64_t ports[FP_MASK_WORDS] = {0x7};
	uint64_t sent[FP_MASK_WORDS];
	uint8_t frame[60] = {1};
	struct lab lab;

	lab_start(&lab, 3);
	check_injected(&lab, 0, FP_NO_TAG, 1, FP_NO_TAG);
	check_injected(&lab, 0, 0xa000, 1, 0xa000);
	check_injected(&lab, 0, 0, 1, 0);
	check_injected(&lab, 10, 0xb00a, 1, 0xb00a);
	check_injected(&lab, 4094, 0xdffe, 1, 0xdffe);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, &members, 1, NULL, 0), 0);
	check_injected(&lab, 10, 0xb00a, 0, FP_NO_TAG);
	check_injected(&lab, 10, 0xb00a, 1, 0xb00a);
	check_injected(&lab, 10, FP_NO_TAG, 1, 10);  /* it came by an access port */
	check_injected(&lab, 10, 0xc000, 1, 0xc00a); /* likewise, with a priority */
	CHECK_EQ(fp_inject(lab.sw, 10, FP_NO_TAG, -1, ports, frame, sizeof(frame), sent), 0);
	CHECK_EQ(sent[0], 0x3);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_INJECT_DROPS), 0);
	CHECK_EQ(fp_inject(lab.sw, 4095, FP_NO_TAG, -1, ports, frame, 60, sent), (uint64_t)-EINVAL);
	CHECK_EQ(fp_inject(lab.sw, 0, 0x10001, -1, ports, frame, 60, sent), (uint64_t)-EINVAL);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, -1, ports, frame, 13, sent), (uint64_t)-EINVAL);
	CHECK_EQ(sent[0], 0);
	lab_end(&lab);
}

/* What came from a port goes to nobody of its horizon; our own goes to all. */
static void test_injected_frame_keeps_off_the_horizon_it_came_from(void)
{
	uint64_t ports[FP_MASK_WORDS] = {0xe};
	uint64_t sent[FP_MASK_WORDS];
	struct fp_port_state states[4];
	uint8_t frame[60] = {1};
	struct lab lab;

	lab_start(&lab, 4);
	for (uint16_t port = 0; port < 4; port++)
		states[port] = (struct fp_port_state){
			.port = port, .flags = FP_PORT_UP, .mtu = 1500, .horizon = port < 2};
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, states, 4), 0);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, 0, ports, frame, 60, sent), 0);
	CHECK_EQ(sent[0], 0xc);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, 3, ports, frame, 60, sent), 0);
	CHECK_EQ(sent[0], 0xe);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, -1, ports, frame, 60, sent), 0);
	CHECK_EQ(sent[0], 0xe);
	CHECK_EQ(fp_inject(lab.sw, 0, FP_NO_TAG, 256, ports, frame, 60, sent), (uint64_t)-EINVAL);
	lab_end(&lab);
}

static bool readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void test_punt_descriptor_is_readable_while_frames_wait(void)
{
	static uint8_t buffer[FP_FRAME_BYTES_MAX + sizeof(struct fp_punted)];
	const int64_t record_bytes = (int64_t)sizeof(struct fp_punted) + 1048;
	struct packet packet = packet_udp();
	uint64_t taken = 0;
	struct lab lab;

	lab_start(&lab, 2);
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, 1000, 100), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 0), (uint64_t)-EINVAL);
	CHECK(!readable(fp_punt_fd(lab.sw)));
	packet.protocol = 2;
	packet.payload_bytes = 1000;
	for (uint32_t n = 0; n < 200; n++)
		lab_receive(&lab, n % 2, &packet);
	lab_run(&lab);
	for (uint32_t n = 0; n < 20 && taken < 200; n++) {
		int64_t bytes;

		CHECK(readable(fp_punt_fd(lab.sw)));
		bytes = fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000);
		CHECK(bytes > 0 && bytes % record_bytes == 0);
		taken += (uint64_t)(bytes / record_bytes);
	}
	CHECK_EQ(taken, 200);
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000), 0);
	CHECK(!readable(fp_punt_fd(lab.sw)));
	lab_end(&lab);
}

/* The smallest buffer may leave a long frame behind a short one: that is more to come. */
static void test_punt_descriptor_stays_readable_when_the_buffer_was_too_small(void)
{
	static uint8_t buffer[FP_FRAME_BYTES_MAX + sizeof(struct fp_punted)];
	struct packet packet = packet_udp();
	struct lab lab;

	lab_start(&lab, 2);
	lab_set_port(&lab, 0, true, 65535);
	packet.protocol = 2;
	packet.payload_bytes = 30000;
	lab_receive(&lab, 0, &packet);
	packet.payload_bytes = 40000;
	lab_receive(&lab, 0, &packet);
	lab_run(&lab);
	for (uint32_t n = 0; n < 2; n++) {
		CHECK(readable(fp_punt_fd(lab.sw)));
		CHECK(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 10000) > 0);
	}
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000), 0);
	CHECK(!readable(fp_punt_fd(lab.sw)));
	lab_end(&lab);
}

static void test_every_counter_and_reason_has_a_name(void)
{
	CHECK_EQ(fp_contract_version(), FP_CONTRACT_VERSION);
	for (uint32_t i = 0; i < FP_REASON_MAX; i++)
		CHECK(fp_reason_name(i) && strlen(fp_reason_name(i)) > 3);
	for (uint32_t i = 0; i < FP_STAT_MAX; i++)
		CHECK(fp_stat_name(i) && strlen(fp_stat_name(i)) > 3);
	CHECK(!fp_reason_name(FP_REASON_MAX));
	CHECK(!fp_stat_name(FP_STAT_MAX));
	CHECK(!strcmp(fp_stat_name(FP_STAT_KERNEL_FRAMES), "kernel_frames"));
	for (uint32_t i = 0; i < FP_PATH_MAX; i++)
		CHECK(fp_path_name(i) && strlen(fp_path_name(i)) > 2);
	CHECK(!fp_path_name(FP_PATH_MAX) && !fp_path_is_kernel(FP_PATH_MAX));
	CHECK(fp_path_is_kernel(FP_PATH_KERNEL_PRUNED) && !fp_path_is_kernel(FP_PATH_RING_RUNS));
	CHECK_EQ(fp_reason_action(FP_REASON_MAX), FP_ACTION_DROP);
}

int main(void)
{
	RUN(test_configurations_that_cannot_work_are_refused);
	RUN(test_publish_without_loops_frees_the_old_at_once);
	RUN(test_what_a_loop_has_not_passed_is_kept);
	RUN(test_publish_with_an_error_in_it_changes_nothing);
	RUN(test_closed_port_is_freed_when_every_loop_has_passed);
	RUN(test_port_number_is_taken_once_and_can_be_used_again);
	RUN(test_explain_counts_and_learns_nothing);
	RUN(test_inject_tells_which_ports_took_the_frame);
	RUN(test_injected_frame_is_tagged_as_its_vlan_says);
	RUN(test_injected_frame_keeps_off_the_horizon_it_came_from);
	RUN(test_punt_descriptor_is_readable_while_frames_wait);
	RUN(test_punt_descriptor_stays_readable_when_the_buffer_was_too_small);
	RUN(test_every_counter_and_reason_has_a_name);
	return 0;
}
