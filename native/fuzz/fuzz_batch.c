/*
 * Any mixture of frames through one pass: each port gets exactly its frames, unchanged and in
 * order, however they were joined (tests/pass.c is the judge). The input is a list of RECORD_BYTES
 * bytes each: which kind of packet, to which ports, and one byte of it to spoil.
 */
#include "check.h"
#include "fuzz.h"
#include "pass.h"

#define RECORD_BYTES 10u
#define RECORDS_MAX 150u /* what the socket pairs hold also where buffers are small */

static struct packet packet_of(const uint8_t *record)
{
	struct packet packet = record[2] & 0x20 ? packet_udp6() : packet_udp();

	if (packet.ipv6) {
		packet_set_group6(&packet, 0xff3e0000, record[0] & 3);
		packet.flow_label = record[2] >> 3 & 1;
		if (record[2] & 0x10)
			packet_extend(&packet, record[3], record[5]);
	} else {
		packet_set_group(&packet, 0xef000000u + (record[0] & 3));
	}
	packet.src[5] = record[0] >> 2 & 1;
	packet.port = record[0] >> 3 & 1;
	packet.fragment = record[0] & 0x10 ? 0 : 0x4000;
	packet.tos = record[0] & 0x20 ? 0xb8 : 0;
	packet.tpid = record[1] & 1 ? (record[1] & 2 ? 0x88a8 : 0x8100) : 0;
	packet.tci = record[1] >> 2 & 3;
	packet.checksum = (record[1] >> 4) % 5;
	packet.options_bytes = record[1] & 0x80 && record[2] & 1 ? 4 : 0;
	packet.ip_id = record[3];
	packet.payload_bytes = record[4];
	packet.fill = record[5];
	packet.padding_bytes = record[2] & 0x80 ? record[2] & 7 : 0;
	if (record[2] & 0x40)
		packet.fragment |= (uint16_t)(record[5] & 0x20) << 8;
	return packet;
}

/* The kernel hands out only virtio headers that point into the frame. */
static void keep_header_sane(uint8_t *vnet, uint32_t len_bytes)
{
	struct virtio_net_hdr header;

	memcpy(&header, vnet, FP_VNET_BYTES);
	if (header.csum_start + header.csum_offset + 2u > len_bytes)
		header.flags = 0;
	header.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	memcpy(vnet, &header, FP_VNET_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;

	if (!started)
		pass_start(1500);
	started = true;
	/* half of the inputs are of a switch that filters, and the ports have its VLANs apart */
	pass_set_pvid(size & 1 ? 3 : 0);
	for (uint16_t port = 0; port < PASS_PORTS; port++)
		pass_set_untagged(port, size & 1 ? port : 0);
	for (uint32_t n = 0; n < RECORDS_MAX && size >= RECORD_BYTES; n++) {
		struct packet packet = packet_of(data);
		uint8_t vnet[2048];
		uint32_t len = packet_build(&packet, vnet);

		if (data[8]) /* never the MACs: they are how the judge knows the frame */
			vnet[(12 + FP_VNET_BYTES + (data[7] | (uint32_t)data[6] << 8)) %
				     (FP_VNET_BYTES + len - 22) +
			     22] ^= data[8];
		keep_header_sane(vnet, len);
		pass_add_bytes(vnet, len, data[9] & 15u);
		data += RECORD_BYTES;
		size -= RECORD_BYTES;
	}
	pass_send();
	return 0;
}
