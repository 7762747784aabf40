#include "media.h"

#include <string.h>

#define PLAIN_BYTES 20u

struct media media_rtp(uint16_t number)
{
	return (struct media){.rtp = true, .type = 96, .number = number, .ssrc = 0x01020304};
}

struct media media_ts(uint16_t pid, uint8_t counter)
{
	return (struct media){.packet_count = 1, .packets = {{.pid = pid, .counter = counter}}};
}

static uint8_t *put_rtp(const struct media *media, uint8_t *at)
{
	at[0] = (uint8_t)(0x80 | (media->extension ? 0x10 : 0) | media->sources);
	at[1] = media->type;
	fp_write16(at + 2, media->number);
	fp_write16(at + 4, 0);
	fp_write16(at + 6, (uint16_t)(media->still ? 0 : media->number * 3));
	fp_write16(at + 8, media->ssrc >> 16);
	fp_write16(at + 10, media->ssrc & 0xffff);
	at += 12;
	memset(at, 0x11, media->sources * 4u);
	at += media->sources * 4u;
	if (!media->extension)
		return at;
	fp_write16(at, 0xbede);
	fp_write16(at + 2, media->extension);
	memset(at + 4, 0x22, media->extension * 4u);
	return at + 4 + media->extension * 4u;
}

static void put_ts(const struct media_ts *packet, uint8_t *at)
{
	bool adapted = packet->no_payload || packet->discontinuity;

	memset(at, 0xff, MEDIA_TS_BYTES);
	at[0] = 0x47;
	fp_write16(at + 1, (packet->damaged ? 0x8000u : 0) | packet->pid);
	at[3] = (uint8_t)((adapted ? 0x20 : 0) | (packet->no_payload ? 0 : 0x10) | packet->counter);
	if (!adapted)
		return;
	at[4] = packet->no_payload ? 183 : 1;
	at[5] = packet->discontinuity ? 0x80 : 0;
}

uint16_t media_build(const struct media *media, uint8_t *payload)
{
	uint8_t *at = media->rtp ? put_rtp(media, payload) : payload;

	for (uint32_t i = 0; i < media->packet_count; i++, at += MEDIA_TS_BYTES)
		put_ts(&media->packets[i], at);
	if (!media->packet_count) {
		memset(at, 0x33, PLAIN_BYTES);
		at += PLAIN_BYTES;
	}
	return (uint16_t)(at - payload);
}
