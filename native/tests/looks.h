/* One stream's health, looked at by the loop and by the kernel's program, which see the same. */
#ifndef LOOKS_H
#define LOOKS_H

#include "check.h"
#include "fp_health.h"
#include "media.h"
#include "programs.h"

#define MS UINT64_C(1000000)

static struct fp_health_state loop_state;
static struct fp_health_state program_state;
static uint64_t now_ns;

/* Anew. */
static inline void begin(void)
{
	memset(&loop_state, 0, sizeof(loop_state));
	memset(&program_state, 0, sizeof(program_state));
	now_ns = UINT64_C(1000000000000);
}

/* Both look at it, and see the same. */
static inline void look(struct packet *packet)
{
	static uint8_t vnet[4096];
	uint32_t len = packet_build(packet, vnet);
	struct fp_frame frame;

	now_ns += MS;
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_health_look(&loop_state, &frame, vnet, false, now_ns);
	programs_set_clock(now_ns);
	programs_look(&program_state, vnet + FP_VNET_BYTES, len);
	CHECK_BYTES(&program_state, &loop_state, sizeof(loop_state));
}

/* The loop's alone: it is none that the kernel serves. */
static inline void look_alone(const struct packet *packet)
{
	static uint8_t vnet[4096];
	uint32_t len = packet_build(packet, vnet);
	struct fp_frame frame;

	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_health_look(&loop_state, &frame, vnet, false, now_ns += MS);
}

static inline void send_as(const struct packet *like, const struct media *media)
{
	static uint8_t payload[2048];
	struct packet packet = *like;

	packet.payload_bytes = media_build(media, payload);
	packet.payload = payload;
	look(&packet);
}

static inline void send_media(const struct media *media)
{
	struct packet packet = packet_udp();

	send_as(&packet, media);
}

static inline void send_rtp(uint16_t number)
{
	struct media media = media_rtp(number);

	send_media(&media);
}

static inline void send_ts(uint16_t pid, uint8_t counter)
{
	struct media media = media_ts(pid, counter);

	send_media(&media);
}

/* With what is still waited for. */
static inline uint64_t lost(void)
{
	return fp_health_lost(&loop_state, now_ns + FP_HEALTH_LATE_NS);
}

static inline void check_rtp(uint64_t packets, uint64_t missing, uint64_t reordered,
			     uint64_t duplicates)
{
	CHECK_EQ(loop_state.packets, packets);
	CHECK_EQ(lost(), missing);
	CHECK_EQ(loop_state.reordered, reordered);
	CHECK_EQ(loop_state.duplicates, duplicates);
}

#endif
