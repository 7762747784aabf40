#include "report.h"

#include <arpa/inet.h>
#include <string.h>

static uint16_t checksum(const uint8_t *p, uint32_t len_bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len_bytes; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void report_build(uint8_t *frame, const uint8_t *mac, uint32_t source, uint32_t group, uint8_t type)
{
	static const uint8_t head[38] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x16, 0,	   0,	 0,    0,
					 0,    0,    0x08, 0x00, 0x46, 0xc0, 0x00, 0x28, 0x00, 0x00,
					 0x40, 0x00, 1,	   2,	 0,    0,    0,	   0,	 0,    0,
					 224,  0,    0,	   22,	 0x94, 0x04, 0x00, 0x00};
	uint16_t sum;

	memset(frame, 0, REPORT_BYTES);
	memcpy(frame, head, sizeof(head));
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 26, &source, 4);
	sum = checksum(frame + 14, 24);
	memcpy(frame + 24, &sum, 2);
	frame[38] = 0x22;
	frame[45] = 1; /* one record */
	frame[46] = type;
	memcpy(frame + 50, &group, 4);
	sum = checksum(frame + 38, 16);
	memcpy(frame + 40, &sum, 2);
}
