/*
 * Any bytes as the frames of one stream: the loop's look at its health and that
 * of the kernel's program read nothing outside of them, and come to the same.
 * Two bytes of the input say how long the next frame is, at most 2047 bytes;
 * every other one has its header's checksum made good.
 */
#include "check.h"
#include "fp_health.h"
#include "fuzz.h"
#include "programs.h"

static void look(const uint8_t *data, uint32_t len, bool mend, struct fp_health_state *states,
		 uint64_t now_ns)
{
	static const uint8_t vnet[FP_VNET_BYTES];
	uint8_t *bytes = malloc(len ? len : 1); /* of its own: what is read beyond is found */
	struct fp_frame frame;

	CHECK(bytes);
	memcpy(bytes, data, len);
	if (mend && len >= 34 && bytes[14] == 0x45)
		packet_ip_checksum(bytes + 14);
	if (fp_frame_parse(bytes, len, &frame) && frame.family && !frame.ip_error &&
	    frame.tci == FP_NO_TAG && !frame.service_tag &&
	    frame.header_bytes ==
		    (frame.family == FP_FAMILY_IPV6 ? FP_IPV6_BYTES : FP_IPV4_BYTES)) {
		programs_set_clock(now_ns);
		programs_look(&states[1], bytes, len);
		fp_health_look(&states[0], &frame, vnet, false, now_ns);
		CHECK_BYTES(&states[0], &states[1], sizeof(states[0]));
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fp_health_state states[2];
	uint64_t now_ns = UINT64_C(1000000000);
	size_t at = 0;

	memset(states, 0, sizeof(states));
	for (uint32_t n = 0; at + 2 <= size; n++) {
		uint32_t len = (uint32_t)(data[at] & 7) << 8 | data[at + 1];

		at += 2;
		len = len < size - at ? len : (uint32_t)(size - at);
		look(data + at, len, n % 2 == 0, states, now_ns += 1000000);
		at += len;
	}
	for (uint32_t i = 0; i < FP_HEALTH_WAYS; i++)
		CHECK(states[0].ways[i].fits <= FP_HEALTH_BELIEVE);
	return 0;
}
