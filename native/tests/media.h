/* Payloads of RTP and MPEG transport packets for the tests, made field by field. */
#ifndef MEDIA_H
#define MEDIA_H

#include "packets.h"

#define MEDIA_TS_BYTES 188u

/* A transport packet, at most seven to a datagram. */
struct media_ts {
	uint16_t pid;
	uint8_t counter;
	bool no_payload;
	bool discontinuity;
	bool damaged; /* transport_error_indicator */
};

struct media {
	bool rtp;
	uint8_t type;
	uint8_t sources;   /* contributing ones */
	uint8_t extension; /* words of an extension; 0: none */
	uint16_t number;
	bool still; /* its timestamp */
	uint32_t ssrc;
	uint32_t packet_count; /* of transport packets behind it, or alone */
	struct media_ts packets[7];
};

/* RTP of type 96 of one sender, without transport packets. */
struct media media_rtp(uint16_t number);
/* One transport packet by itself. */
struct media media_ts(uint16_t pid, uint8_t counter);
/* Writes the payload, 20 bytes more than the headers if there are no transport packets. */
uint16_t media_build(const struct media *media, uint8_t *payload);

#endif
