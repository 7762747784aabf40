/* Joining frames: adding them to a pass and building what is sent, without the sending. */
#include "pieces.h"
#include "check.h"
#include "fp_batch.h"
#include "packets.h"

#define FRAMES 256u

static struct fp_batch batch;
static uint8_t slots[FRAMES][2048];

static struct packet packet_of(bool ipv6, uint32_t flow)
{
	struct packet packet = ipv6 ? packet_udp6() : packet_udp();

	if (ipv6)
		packet_set_group6(&packet, 0xff3e0000, flow);
	else
		packet_set_group(&packet, 0xef000000 + flow);
	return packet;
}

static void join(const char *what, uint64_t passes, uint16_t payload_bytes, bool ipv6,
		 enum udp_checksum checksum, uint32_t flows, bool coalesce)
{
	const struct fp_verdict verdict = {.ports = {0x0e}};
	uint32_t lens[FRAMES];
	uint64_t start_ns;

	for (uint32_t n = 0; n < FRAMES; n++) {
		struct packet packet = packet_of(ipv6, n % flows);

		packet.payload_bytes = payload_bytes;
		packet.checksum = checksum;
		lens[n] = packet_build(&packet, slots[n]);
	}
	start_ns = fp_now_ns();
	for (uint64_t pass = 0; pass < passes; pass++) {
		fp_batch_reset(&batch);
		for (uint32_t n = 0; n < FRAMES; n++) {
			struct fp_rx rx = {.vnet = slots[n], .len_bytes = lens[n], .whole = true};
			struct fp_frame frame;

			fp_frame_parse(fp_rx_frame(&rx), rx.len_bytes, &frame);
			fp_batch_add(&batch, &rx, &frame, &verdict, coalesce);
		}
		fp_batch_build(&batch);
		bench_keep(batch.unit_count);
	}
	bench_report(what, start_ns, passes * FRAMES);
}

void bench_batch(const struct bench *bench)
{
	uint64_t passes = bench_count(bench, 8000);

	join("frame: 18 bytes, joined", passes, 18, false, CHECKSUM_GOOD, 1, true);
	join("frame: 18 bytes, checksum unfinished, joined", passes, 18, false, CHECKSUM_PARTIAL, 1,
	     true);
	join("frame: 18 bytes, 32 flows, joined", passes, 18, false, CHECKSUM_GOOD, 32, true);
	join("frame: 18 bytes, not to be joined", passes, 18, false, CHECKSUM_GOOD, 1, false);
	join("frame: 18 bytes, IPv6, joined", passes, 18, true, CHECKSUM_GOOD, 1, true);
	join("frame: 18 bytes, IPv6, not to be joined", passes, 18, true, CHECKSUM_GOOD, 1, false);
	join("frame: 1400 bytes, joined", passes, 1400, false, CHECKSUM_GOOD, 1, true);
	join("frame: 1400 bytes, checksum unfinished, joined", passes, 1400, false,
	     CHECKSUM_PARTIAL, 1, true);
	join("frame: 1400 bytes, not to be joined", passes, 1400, false, CHECKSUM_GOOD, 1, false);
	join("frame: 1400 bytes, IPv6, joined", passes, 1400, true, CHECKSUM_GOOD, 1, true);
}
