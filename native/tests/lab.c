#include "lab.h"

#include "check.h"
#include "fp_decide.h"
#include "fp_loop.h"
#include "rows.h"

struct fp_config lab_config(void)
{
	return (struct fp_config){
		.fdb_ageing_ns = UINT64_C(300000000000),
		.workers = 1,
		.fdb_max = 1024,
		.spin_us = 20,
		.streams_max = 256,
	};
}

void lab_start(struct lab *lab, uint32_t port_count)
{
	struct fp_config config = lab_config();

	CHECK(port_count <= LAB_PORTS_MAX);
	lab->sw = fp_switch_new(&config);
	CHECK(lab->sw);
	lab->port_count = port_count;
	for (uint32_t i = 0; i < port_count; i++) {
		fake_port_make(&lab->ports[i], i);
		fake_port_plug(&lab->ports[i], lab->sw);
		lab_set_port(lab, i, true, 1500);
	}
}

void lab_set_port(struct lab *lab, uint32_t port, bool up, uint32_t mtu)
{
	struct fp_port_state state = {
		.mtu = mtu,
		.port = (uint16_t)port,
		.flags = FP_PORT_COALESCE | (up ? FP_PORT_UP : 0),
	};

	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
}

void lab_set_policy(struct lab *lab, uint8_t flags, uint64_t mrouters, uint64_t unregistered)
{
	struct fp_vlan vlan = ipv4_policy(FP_VLAN_ANY, flags, mrouters, unregistered);

	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, &vlan, 1, NULL, 0, NULL, 0), 0);
}

void lab_set_row(struct lab *lab, uint32_t group, uint32_t source, uint64_t ports)
{
	struct fp_row row = ipv4_row(0, group, source, ports);

	CHECK_EQ(fp_switch_publish(lab->sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
}

void lab_receive(struct lab *lab, uint32_t port, const struct packet *packet)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	uint32_t len = packet_build(packet, vnet);

	CHECK(fake_ring_put(&lab->ports[port].data, vnet, len, FAKE_NO_TAG, 0));
}

/* What fp_loop_run() does around a pass. */
uint32_t lab_pass(struct lab *lab)
{
	struct fp_worker *worker = lab->sw->workers[0];

	return fp_loop_pass(lab->sw, worker, fp_loop_read(lab->sw, worker));
}

uint32_t lab_run(struct lab *lab)
{
	uint32_t total = 0;
	uint32_t taken;

	while ((taken = lab_pass(lab)) > 0)
		total += taken;
	return total;
}

uint32_t lab_sent(struct lab *lab, uint32_t port)
{
	static uint8_t datagram[PACKET_BYTES_MAX + 100];
	uint32_t count = 0;

	while (fake_wire_read(lab->ports[port].wire, datagram, sizeof(datagram)) >= 0)
		count++;
	return count;
}

struct fp_verdict lab_explain(struct lab *lab, uint32_t port)
{
	struct packet packet = packet_udp();
	struct fp_verdict verdict;
	uint8_t vnet[256];
	uint32_t len = packet_build(&packet, vnet);

	CHECK_EQ(fp_explain(lab->sw, port, vnet + FP_VNET_BYTES, len, &verdict), 0);
	return verdict;
}

uint64_t lab_stat(struct lab *lab, uint32_t port, enum fp_stat stat)
{
	uint64_t stats[FP_STAT_MAX];
	uint64_t reasons[FP_REASON_MAX];

	CHECK_EQ(fp_stats_read(lab->sw, port, stats, reasons), 0);
	return stats[stat];
}

uint64_t lab_reason(struct lab *lab, uint32_t port, enum fp_reason reason)
{
	uint64_t stats[FP_STAT_MAX];
	uint64_t reasons[FP_REASON_MAX];

	CHECK_EQ(fp_stats_read(lab->sw, port, stats, reasons), 0);
	return reasons[reason];
}

static void check_conservation(struct lab *lab)
{
	for (uint32_t port = 0; port < lab->port_count; port++) {
		uint64_t stats[FP_STAT_MAX];
		uint64_t reasons[FP_REASON_MAX];
		uint64_t sum = 0;

		/* Both in one read: a next one may find more that the kernel has counted. */
		CHECK_EQ(fp_stats_read(lab->sw, port, stats, reasons), 0);
		for (uint32_t i = 0; i < FP_REASON_MAX; i++)
			sum += reasons[i];
		CHECK_EQ(sum, stats[FP_STAT_RX_FRAMES]);
	}
}

void lab_end(struct lab *lab)
{
	check_conservation(lab);
	fp_switch_free(lab->sw);
	for (uint32_t i = 0; i < lab->port_count; i++)
		fake_port_unplug(&lab->ports[i]);
}
