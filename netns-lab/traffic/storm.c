/* A flood from one host that means no good, or is broken: as fast as it goes, or at a rate.
 *
 *     storm NS IF SOURCE-ADDRESS KIND RATE SECONDS
 *
 * KIND is one of those in kinds[] below. RATE 0 is as fast as the machine allows. The frames are
 * made beforehand, VARIANTS of them, and sent in turn. Ends by itself. Prints one JSON object.
 */
#include "clock.h"
#include "flood.h"
#include "report.h"
#include "wire.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define VARIANTS 4094u
#define FRAME_BYTES_MAX 1514u
#define AT_ONCE 64u

struct storm {
	struct flood flood;
	uint8_t source[4];
	uint8_t (*frames)[FRAME_BYTES_MAX];
	uint32_t bytes[VARIANTS];
};

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static void put_checksum(uint8_t *at, const uint8_t *p, uint32_t len_bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len_bytes; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(at, ~sum & 0xffff);
}

/* Groups of the flood: away from those that anybody else uses. */
static uint32_t group_of(uint32_t n)
{
	return 0xefc80000u + n; /* 239.200.0.0 */
}

/* Ethernet, a tag if vid is not 0, IPv4; returns where the payload begins. */
static uint8_t *head(struct storm *storm, uint8_t *frame, uint32_t destination, uint8_t protocol,
		     uint32_t payload_bytes, uint32_t vid)
{
	uint8_t *ip = frame + (vid ? 18 : 14);
	uint32_t header_bytes = protocol == 2 ? 24 : 20;

	put16(frame, 0x0100);
	put32(frame + 2, 0x5e000000u | (destination & 0x7fffff));
	memcpy(frame + 6, storm->flood.mac, 6);
	if (vid) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, vid);
	}
	put16(ip - 2, 0x0800);
	ip[0] = (uint8_t)(0x40 | header_bytes / 4);
	ip[1] = 0xc0;
	put16(ip + 2, header_bytes + payload_bytes);
	put16(ip + 6, 0x4000);
	ip[8] = 1;
	ip[9] = protocol;
	memcpy(ip + 12, storm->source, 4);
	put32(ip + 16, destination);
	if (header_bytes == 24)
		put32(ip + 20, 0x94040000u); /* Router Alert */
	put_checksum(ip + 10, ip, header_bytes);
	return ip + header_bytes;
}

static uint32_t finish(struct storm *storm, uint32_t n, uint8_t *message, uint32_t message_bytes)
{
	put_checksum(message + 2, message, message_bytes);
	return (uint32_t)(message - storm->frames[n]) + message_bytes;
}

static uint32_t short_message(struct storm *storm, uint32_t n, uint8_t type, uint8_t code,
			      uint32_t destination, uint32_t group, uint32_t vid)
{
	uint8_t *message = head(storm, storm->frames[n], destination, 2, 8, vid);

	message[0] = type;
	message[1] = code;
	put32(message + 4, group);
	return finish(storm, n, message, 8);
}

/* A v3 report: joins of the next groups, and in every other round leaves of them. */
static uint32_t records(struct storm *storm, uint32_t n, uint32_t count)
{
	uint32_t of = VARIANTS / count / 2;
	uint8_t *message = head(storm, storm->frames[n], 0xe0000016u, 2, 8 + 8 * count, 0);

	message[0] = 0x22;
	put16(message + 6, count);
	for (uint32_t i = 0; i < count; i++) {
		message[8 + 8 * i] = n / of % 2 ? REPORT_TO_IN : REPORT_TO_EX;
		put32(message + 8 + 8 * i + 4, group_of(n % of * count + i));
	}
	return finish(storm, n, message, 8 + 8 * count);
}

static uint32_t make_v2(struct storm *storm, uint32_t n)
{
	return short_message(storm, n, 0x16, 0, group_of(n), group_of(n), 0);
}

static uint32_t make_v3(struct storm *storm, uint32_t n)
{
	return records(storm, n, 1);
}

static uint32_t make_records30(struct storm *storm, uint32_t n)
{
	return records(storm, n, 30);
}

static uint32_t make_records183(struct storm *storm, uint32_t n)
{
	return records(storm, n, 183);
}

/* Three hundred sources of one group, others each time. */
static uint32_t make_sources(struct storm *storm, uint32_t n)
{
	uint8_t *message = head(storm, storm->frames[n], 0xe0000016u, 2, 16 + 4 * 300, 0);

	message[0] = 0x22;
	put16(message + 6, 1);
	message[8] = REPORT_TO_IN;
	put16(message + 10, 300);
	put32(message + 12, group_of(n % 64));
	for (uint32_t i = 0; i < 300; i++)
		put32(message + 16 + 4 * i, 0x0b000000u + n % 2 * 300 + i);
	return finish(storm, n, message, 16 + 4 * 300);
}

static uint32_t make_checksum(struct storm *storm, uint32_t n)
{
	uint32_t bytes = make_v2(storm, n);

	storm->frames[n][bytes - 1] ^= 0x55;
	return bytes;
}

static uint32_t make_vlans(struct storm *storm, uint32_t n)
{
	return short_message(storm, n, 0x16, 0, group_of(n), group_of(n), 1 + n);
}

/* General Queries, from addresses that win and lose the election in turn. */
static uint32_t make_query(struct storm *storm, uint32_t n)
{
	storm->source[3] = (uint8_t)(n % 2 ? 1 : 253);
	return short_message(storm, n, 0x11, 100, 0xe0000001u, 0, 0);
}

static uint32_t make_specific(struct storm *storm, uint32_t n)
{
	return short_message(storm, n, 0x11, 10, group_of(n), group_of(n), 0);
}

static uint32_t make_unknown(struct storm *storm, uint32_t n)
{
	return short_message(storm, n, 0x99, 0, 0xe0000016u, n, 0);
}

/* Hellos of ever other routers. */
static uint32_t make_pim(struct storm *storm, uint32_t n)
{
	uint8_t *message;

	put16(storm->source + 2, 256 + n);
	message = head(storm, storm->frames[n], 0xe000000du, 103, 10, 0);
	message[0] = 0x20;
	put16(message + 4, 1);
	put16(message + 6, 2);
	put16(message + 8, 105);
	return finish(storm, n, message, 10);
}

/* Not control at all: 60 bytes to what nobody knows, to all, to a group nobody joined. */
static uint32_t make_data(struct storm *storm, uint32_t n, uint16_t first, uint32_t rest)
{
	uint8_t *payload = head(storm, storm->frames[n], group_of(n % 16), 17, 26, 0);

	put16(storm->frames[n], first);
	put32(storm->frames[n] + 2, rest);
	put16(payload, 5004);
	put16(payload + 2, 5004);
	put16(payload + 4, 26);
	return 60;
}

static uint32_t make_unicast(struct storm *storm, uint32_t n)
{
	return make_data(storm, n, 0x0200, 0xfe000000u + n);
}

static uint32_t make_broadcast(struct storm *storm, uint32_t n)
{
	return make_data(storm, n, 0xffff, 0xffffffffu);
}

static uint32_t make_multicast(struct storm *storm, uint32_t n)
{
	return make_data(storm, n, 0x0100, 0x5e000000u | (group_of(n % 16) & 0x7fffff));
}

static const struct {
	const char *name;
	uint32_t (*make)(struct storm *storm, uint32_t n);
} kinds[] = {
	{"v2", make_v2},
	{"v3", make_v3},
	{"records30", make_records30},
	{"records183", make_records183},
	{"sources", make_sources},
	{"checksum", make_checksum},
	{"vlans", make_vlans},
	{"query", make_query},
	{"specific", make_specific},
	{"unknown", make_unknown},
	{"pim", make_pim},
	{"unicast", make_unicast},
	{"broadcast", make_broadcast},
	{"multicast", make_multicast},
};

static void send_some(struct storm *storm, uint32_t count)
{
	struct mmsghdr messages[AT_ONCE];
	struct iovec iovs[AT_ONCE];
	int sent;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = (uint32_t)((storm->flood.sent + storm->flood.refused + i) % VARIANTS);

		iovs[i] = (struct iovec){storm->frames[n], storm->bytes[n]};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	sent = sendmmsg(storm->flood.fd, messages, count, 0);
	if (sent > 0)
		storm->flood.sent += (uint64_t)sent;
	else
		storm->flood.refused++;
}

static void run(struct storm *storm, uint64_t start_ns, double seconds)
{
	uint64_t end_ns = start_ns + (uint64_t)(seconds * 1e9);

	while (monotonic_ns() < end_ns) {
		uint64_t done = storm->flood.sent + storm->flood.refused, due = done + AT_ONCE;

		if (storm->flood.rate)
			due = flood_due(&storm->flood, start_ns);
		if (due > done)
			send_some(storm, due - done < AT_ONCE ? (uint32_t)(due - done) : AT_ONCE);
		else
			flood_wait();
	}
}

static bool make_all(struct storm *storm, const char *kind)
{
	storm->frames = calloc(VARIANTS, sizeof(*storm->frames));
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && storm->frames; k++) {
		if (strcmp(kinds[k].name, kind))
			continue;
		for (uint32_t n = 0; n < VARIANTS; n++)
			storm->bytes[n] = kinds[k].make(storm, n);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static struct storm storm;
	double seconds = argc == 7 ? strtod(argv[6], NULL) : 0;
	uint64_t start_ns;

	if (seconds <= 0 || seconds > 600 || !inet_aton(argv[3], (struct in_addr *)storm.source)) {
		fprintf(stderr, "usage: storm NS IF SOURCE-ADDRESS KIND RATE SECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	storm.flood.rate = strtoull(argv[5], NULL, 10);
	if (flood_open(&storm.flood, argv[1], argv[2]))
		return 1;
	if (wire_bypass_queue(storm.flood.fd)) {
		perror("storm: cannot pass by the queue");
		return 1;
	}
	if (!make_all(&storm, argv[4])) {
		fprintf(stderr, "storm: no such kind: %s\n", argv[4]);
		return 2;
	}
	start_ns = monotonic_ns();
	run(&storm, start_ns, seconds);
	flood_print(&storm.flood, start_ns);
	return 0;
}
