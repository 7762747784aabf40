/* A report on its way to the control plane: costed, put, drained among those of eight ports. */
#include "pieces.h"
#include "check.h"
#include "fp_cost.h"
#include "fp_drain.h"
#include "packets.h"

#define PORTS 8u
#define AT_ONCE 64u

void bench_punt(const struct bench *bench)
{
	uint64_t rounds = bench_count(bench, 60000);
	struct packet packet = packet_udp();
	struct fp_table *table = fp_table_new();
	static struct fp_port ports[PORTS];
	static struct fp_port *open[FP_PORTS_MAX];
	static uint8_t buffer[1 << 20];
	uint8_t vnet[512];
	struct fp_frame frame;
	struct fp_turn turn = {0};
	uint64_t start_ns;

	packet.protocol = 2;
	packet.source_port = 0x1600;
	packet.payload_bytes = 0;
	CHECK(table && fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
	for (uint32_t id = 0; id < PORTS; id++) {
		ports[id].id = id;
		CHECK_EQ(fp_punt_new(1 << 20, &ports[id].punt), 0);
		fp_limit_set(&ports[id].punt->limit, 1000000000, 1000000);
		open[id] = &ports[id];
	}
	start_ns = fp_now_ns();
	for (uint64_t round = 1; round <= rounds; round++) {
		for (uint32_t n = 0; n < AT_ONCE; n++) {
			struct fp_port *port = &ports[n % PORTS];
			struct fp_punted head = {
				.tci = FP_NO_TAG,
				.time_ns = round,
				.frame_len = frame.len_bytes,
				.port = (uint16_t)port->id,
				.cost = (uint16_t)fp_cost(table, &frame),
			};

			fp_limit_take(&port->punt->limit, head.cost, round * 1000);
			CHECK(fp_punt_put(port->punt, &head, frame.data));
		}
		bench_keep(fp_drain(open, &turn, 0, buffer, sizeof(buffer), 10000).bytes);
	}
	bench_report("punt: a report of 42 bytes costed, put and drained", start_ns,
		     rounds * AT_ONCE);
	for (uint32_t id = 0; id < PORTS; id++)
		fp_punt_free(ports[id].punt);
	fp_table_free(table);
}
