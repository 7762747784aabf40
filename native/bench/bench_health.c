/* fp_health_look() at datagrams of one stream that is whole, and at those of one that is neither.
 */
#include "pieces.h"
#include "check.h"
#include "fp_health.h"
#include "media.h"

#define TS_PACKETS 7u
#define PAYLOAD_AT (FP_ETH_BYTES + FP_IPV4_BYTES + FP_UDP_BYTES)
#define RTP_BYTES 12u

static void look(const char *what, uint64_t count, const struct media *media)
{
	static uint8_t vnet[2048];
	static uint8_t payload[2048];
	static struct fp_health_state state;
	uint8_t *at = vnet + FP_VNET_BYTES + PAYLOAD_AT;
	struct packet packet = packet_udp();
	struct fp_frame frame;
	uint8_t counter = 0;
	uint64_t start_ns;
	uint32_t len;

	memset(&state, 0, sizeof(state));
	if (media) {
		packet.payload_bytes = media_build(media, payload);
		packet.payload = payload;
	}
	len = packet_build(&packet, vnet);
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	start_ns = fp_now_ns();
	for (uint64_t n = 0; n < count; n++) {
		uint8_t *ts = at;

		if (media && media->rtp) {
			fp_write16(at + 2, (uint16_t)n);
			fp_write16(at + 6, (uint16_t)n);
			ts += RTP_BYTES;
		}
		for (uint32_t i = 0; media && i < media->packet_count; i++)
			ts[3 + i * MEDIA_TS_BYTES] = (uint8_t)(0x10 | (counter++ & 15));
		fp_health_look(&state, &frame, vnet, false, n * 1000);
	}
	bench_keep(state.packets);
	bench_report(what, start_ns, count);
	CHECK_EQ(state.lost + state.continuity_errors, 0);
}

void bench_health(const struct bench *bench)
{
	uint64_t count = bench_count(bench, 4000000);
	struct media media = media_rtp(0);

	look("health: neither RTP nor MPEG-TS", count, NULL);
	look("health: RTP", count, &media);
	media.type = 33;
	media.packet_count = TS_PACKETS;
	for (uint32_t i = 0; i < TS_PACKETS; i++)
		media.packets[i].pid = 0x100;
	look("health: seven transport packets in RTP", count, &media);
	media.rtp = false;
	look("health: seven transport packets", count, &media);
}
