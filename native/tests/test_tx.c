/* Sending when an egress is full, too small or broken: that port loses, is counted, and no other.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fp_loop.h"
#include "lab.h"
#include "segment.h"

static void set_send_buffer(struct lab *lab, uint32_t port, int bytes)
{
	CHECK(!setsockopt(lab->ports[port].port->tx_fd, SOL_SOCKET, SO_SNDBUF, &bytes,
			  sizeof(bytes)));
}

static uint32_t arrived[LAB_PORTS_MAX];

/* Sends frames from port 0; all ports but one are read, so that only that one can be full. */
static void flood(struct lab *lab, uint32_t count, uint16_t payload_bytes, uint32_t unread)
{
	struct packet packet = packet_udp();

	packet.fragment = 0; /* equal ids without DF: nothing is joined */
	packet.payload_bytes = payload_bytes;
	memset(arrived, 0, sizeof(arrived));
	for (uint32_t n = 0; n < count; n++) {
		lab_receive(lab, 0, &packet);
		if (n % 50 && n + 1 < count)
			continue;
		lab_run(lab);
		for (uint32_t port = 0; port < lab->port_count; port++)
			arrived[port] += port == unread ? 0 : lab_sent(lab, port);
	}
}

/* Backpressure: a full egress never stalls the other ports. */
static void test_full_egress_drops_for_that_port_only(void)
{
	struct lab lab;
	uint64_t frames;

	lab_start(&lab, 4);
	set_send_buffer(&lab, 2, 20000);
	flood(&lab, 200, 1000, 2);
	frames = lab_stat(&lab, 2, FP_STAT_TX_FRAMES);
	CHECK(frames > 0 && frames < 200);
	CHECK_EQ(lab_sent(&lab, 2), frames);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_DROP_FULL), 200 - frames);
	CHECK_EQ(arrived[1], 200);
	CHECK_EQ(arrived[3], 200);
	CHECK_EQ(lab_stat(&lab, 3, FP_STAT_TX_DROP_FULL), 0);
	flood(&lab, 5, 100, LAB_PORTS_MAX); /* it has drained: all is as before */
	CHECK_EQ(arrived[2], 5);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_DROP_FULL), 200 - frames);
	lab_end(&lab);
}

/* When nothing at all goes through, a pass does not try every frame of it. */
static void test_egress_that_stays_full_is_given_up_for_the_pass(void)
{
	struct packet packet = packet_udp();
	uint32_t before;
	struct lab lab;

	lab_start(&lab, 3);
	set_send_buffer(&lab, 2, 0);
	packet.fragment = 0;
	before = fake_sends;
	for (uint32_t n = 0; n < 200; n++)
		lab_receive(&lab, 0, &packet);
	CHECK_EQ(lab_pass(&lab), 200);
	CHECK(fake_sends - before < 80); /* one for port 1; some, then 64 refusals, for port 2 */
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_FRAMES) + lab_stat(&lab, 2, FP_STAT_TX_DROP_FULL),
		 200);
	CHECK_EQ(lab_sent(&lab, 1), 200);
	lab_end(&lab);
}

/* What a filter on the way out takes is no full queue: the others' frames of the pass are sent. */
static void test_egress_that_refuses_some_is_not_given_up(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	lab_start(&lab, 2);
	packet.fragment = 0;
	fake_refuses_below = 500;
	for (uint32_t n = 0; n < 240; n++) {
		packet.payload_bytes = n % 3 ? 100 : 1000;
		lab_receive(&lab, 0, &packet);
	}
	CHECK_EQ(lab_pass(&lab), 240);
	fake_refuses_below = 0;
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 80);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_DROP_FULL), 160);
	CHECK_EQ(lab_sent(&lab, 1), 80);
	lab_end(&lab);
}

/* However many sends are too large for a port, what fits is sent. */
static void test_sends_too_large_cost_only_themselves(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	lab_start(&lab, 2);
	set_send_buffer(&lab, 1, 0); /* the smallest there is, 4.5 KB */
	lab_set_port(&lab, 1, true, 9000);
	packet.payload_bytes = 1800;
	for (uint32_t n = 0; n < 70; n++, packet.port++) {
		for (uint32_t i = 0; i < 3; i++, packet.ip_id++)
			lab_receive(&lab, 0, &packet);
	}
	packet.payload_bytes = 20;
	lab_receive(&lab, 0, &packet);
	CHECK_EQ(lab_run(&lab), 211);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_DROP_MTU), 210);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 1);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	lab_end(&lab);
}

static void test_broken_egress_is_counted_there(void)
{
	struct lab lab;

	lab_start(&lab, 3);
	close(lab.ports[1].wire); /* EPIPE from now on */
	flood(&lab, 100, 100, 1);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_DROP_ERROR), 100);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 0);
	CHECK_EQ(arrived[2], 100);
	lab.ports[1].wire = -1;
	lab_end(&lab);
}

/* A coalesced send that fails is as many lost frames as it stands for. */
static void test_lost_send_counts_all_its_frames(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	lab_start(&lab, 3);
	close(lab.ports[1].wire);
	for (uint32_t n = 0; n < 40; n++, packet.ip_id++)
		lab_receive(&lab, 0, &packet);
	CHECK_EQ(lab_pass(&lab), 40);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_DROP_ERROR), 40);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_COALESCED), 40);
	lab.ports[1].wire = -1;
	lab_end(&lab);
}

static void read_numbers(int wire, uint32_t *next)
{
	static uint8_t datagram[PACKET_BYTES_MAX];
	static struct wire_frame frames[64];
	int32_t bytes;

	while ((bytes = fake_wire_read(wire, datagram, sizeof(datagram))) >= 0) {
		uint32_t count = segment(datagram, (uint32_t)bytes, frames, 64);

		for (uint32_t i = 0; i < count; i++)
			CHECK_EQ(frames[i].bytes[42], (uint8_t)(*next)++);
	}
}

/*
 * A device that cannot segment refuses coalesced sends on the bypass path. Those go by the qdisc
 * layer, and from the first one on all others too: one queue, one order.
 */
static void test_egress_that_cannot_segment_is_served_by_the_qdisc_layer(void)
{
	struct packet packet = packet_udp();
	uint32_t next = 0;
	struct lab lab;

	lab_start(&lab, 2);
	fake_refuses_gso = lab.ports[1].port->tx_fd;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t n = 0; n < 20; n++, packet.fill++, packet.ip_id++) {
			packet.port = n < 3 || n > 17 ? (uint16_t)n : 5; /* singles around a run */
			lab_receive(&lab, 0, &packet);
		}
		lab_run(&lab);
		read_numbers(lab.ports[1].wire, &next);
		CHECK_EQ(next, round ? 20 * round : 3); /* only before the first refusal */
		read_numbers(lab.ports[1].wire_qdisc, &next);
		CHECK_EQ(next, 20 * (round + 1));
	}
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 60);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_DROP_FULL), 0);
	fake_refuses_gso = -1;
	lab_end(&lab);
}

static void receive_run(struct lab *lab, uint32_t count)
{
	struct packet packet = packet_udp();

	for (uint32_t n = 0; n < count; n++, packet.ip_id++)
		lab_receive(lab, 0, &packet);
	CHECK_EQ(lab_run(lab), count);
}

/*
 * While a descriptor waits that may say "this neighbour takes runs no longer", and until that is
 * published, watched ports get frames one by one; the others get runs.
 */
static void test_watched_port_gets_no_runs_while_in_doubt(void)
{
	struct fp_port_state watched = {
		.mtu = 1500, .port = 1, .flags = FP_PORT_UP | FP_PORT_COALESCE | FP_PORT_WATCHED};
	int ends[2];
	struct lab lab;
	char byte = 1;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	lab_start(&lab, 3);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &watched, 1), 0);
	CHECK_EQ(fp_switch_watch(lab.sw, ends[0]), 0);
	receive_run(&lab, 40);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(write(ends[1], &byte, 1), 1);
	receive_run(&lab, 40);
	CHECK_EQ(lab_sent(&lab, 1), 40);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(fp_switch_hold(lab.sw, 1), 0);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	receive_run(&lab, 40);
	CHECK_EQ(lab_sent(&lab, 1), 40);
	CHECK_EQ(fp_switch_hold(lab.sw, 0), 0);
	receive_run(&lab, 40);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	CHECK_EQ(fp_switch_watch(lab.sw, -1), 0);
	CHECK_EQ(write(ends[1], &byte, 1), 1);
	receive_run(&lab, 40);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 200);
	lab_end(&lab);
	close(ends[0]);
	close(ends[1]);
}

/* A long pass goes on with its table; what was published meanwhile may say "no runs". */
static void test_watched_port_gets_no_runs_by_an_older_table(void)
{
	struct fp_port_state state = {
		.mtu = 1500, .port = 1, .flags = FP_PORT_UP | FP_PORT_COALESCE | FP_PORT_WATCHED};
	struct packet packet = packet_udp();
	struct fp_table *older;
	struct lab lab;

	lab_start(&lab, 3);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	CHECK_EQ(lab_pass(&lab), 0);
	older = fp_load_relaxed(&lab.sw->table);
	fp_store_relaxed(&lab.sw->workers[0]->seq_seen, older->seq); /* as in a pass: keep it */
	state.flags = FP_PORT_UP | FP_PORT_WATCHED;
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	for (uint32_t n = 0; n < 40; n++, packet.ip_id++)
		lab_receive(&lab, 0, &packet);
	CHECK_EQ(fp_loop_pass(lab.sw, lab.sw->workers[0], older), 40);
	CHECK_EQ(lab_sent(&lab, 1), 40);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	fp_store_relaxed(&lab.sw->workers[0]->seq_seen, FP_SEQ_IDLE);
	lab_end(&lab);
}

static void test_every_send_error_has_its_counter(void)
{
	CHECK_EQ(fp_tx_drop_stat(EAGAIN), FP_STAT_TX_DROP_FULL);
	CHECK_EQ(fp_tx_drop_stat(ENOBUFS), FP_STAT_TX_DROP_FULL);
	CHECK_EQ(fp_tx_drop_stat(EMSGSIZE), FP_STAT_TX_DROP_MTU);
	CHECK_EQ(fp_tx_drop_stat(ENETDOWN), FP_STAT_TX_DROP_DOWN);
	CHECK_EQ(fp_tx_drop_stat(ENXIO), FP_STAT_TX_DROP_DOWN);
	CHECK_EQ(fp_tx_drop_stat(ENODEV), FP_STAT_TX_DROP_DOWN);
	CHECK_EQ(fp_tx_drop_stat(EINVAL), FP_STAT_TX_DROP_ERROR);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* socket pairs raise it; packet sockets do not */
	RUN(test_full_egress_drops_for_that_port_only);
	RUN(test_egress_that_stays_full_is_given_up_for_the_pass);
	RUN(test_egress_that_refuses_some_is_not_given_up);
	RUN(test_sends_too_large_cost_only_themselves);
	RUN(test_broken_egress_is_counted_there);
	RUN(test_lost_send_counts_all_its_frames);
	RUN(test_egress_that_cannot_segment_is_served_by_the_qdisc_layer);
	RUN(test_watched_port_gets_no_runs_while_in_doubt);
	RUN(test_watched_port_gets_no_runs_by_an_older_table);
	RUN(test_every_send_error_has_its_counter);
	return 0;
}
