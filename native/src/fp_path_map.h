/*
 * What the loops and the kernel's programs (native/bpf/fp_kernel.bpf.c) have in common: memory of
 * two maps that both see. Compiled for both, so it knows fixed-width words only.
 *
 * A slot is one flow of multicast as it arrives at one port, with the loop's decision for it. One
 * writer, the loop that owns the port: `version` is odd while it writes, and a program that saw it
 * odd, or change, leaves the frame to the ring. Words that both write are marked.
 */
#ifndef FP_PATH_MAP_H
#define FP_PATH_MAP_H

#include <stdint.h>

#define FP_PATH_WAYS 4u
#define FP_PATH_EGRESS_MAX 64u
#define FP_PATH_EGRESS_NEAR 32u
#define FP_PATH_PORTS 256u   /* FP_PORTS_MAX */
#define FP_PATH_SHARDS 1024u /* FP_SHARDS */
#define FP_PATH_KEY_WORDS 7u
#define FP_PATH_HOMES 1024u /* a power of two, and many to a port */
#define FP_PATH_PROBES 4u
#define FP_PATH_UNTAGGED 0x10000u    /* FP_NO_TAG */
#define FP_PATH_ANSWER_BYTES 128u    /* what a program tells the other */
#define FP_PATH_RATE_FRAMES 4096u    /* a power of two */
#define FP_PATH_STORM_NS 1000000000u /* LOOP-7: what may come at once is what may in a second */
#define FP_PATH_PROGRAM_HEALTH 0u    /* which of the programs that another goes on to */
#define FP_PATH_SERVED                                                                             \
	0x100u /* in ttl: what the kernel has sent may wait in a queue of the processor */

enum fp_path_mode {
	FP_MODE_RING = 0,  /* the ring's, whatever the rest of the slot says */
	FP_MODE_KERNEL = 1 /* the program's, as soon as the ring has none of its frames */
};

enum fp_path_tag { FP_TAG_POP = 1, FP_TAG_PUSH = 2 };

/*
 * Where the flows of one hash are: the tag of each one's hash, 0: nobody's, and its slot among
 * those of the worker. Apart from the slots and close together, so that one look says which of them
 * it is; slots are given out one after the other, so that what is in use lies in few pages.
 */
struct fp_path_set {
	uint32_t tags[FP_PATH_WAYS];
	uint32_t at[FP_PATH_WAYS];
};

/*
 * A slot's lines of cache: whose it is; what each frame counts; the decision; of that the ports
 * beyond the first FP_PATH_EGRESS_NEAR, and what few frames need.
 *
 * The key: w[0], w[1] two zero bytes, both MAC addresses and the EtherType behind the tag, as on
 * the wire; w[2] the ingress port and, shifted by 32, the 802.1Q tag's TCI or FP_PATH_UNTAGGED;
 * w[3..4] source and w[5..6] group, v4-mapped, as on the wire.
 */
struct fp_path_slot {
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t version;
	uint32_t watched; /* the loop's: the state of its stream's health (fp_health.h), or 0 */
	/* counted by the programs, in turn for the odd and the even decision of the slot */
	uint64_t frames[2];
	uint64_t bytes[2];
	uint64_t last_ns; /* CLOCK_MONOTONIC_COARSE */
	uint32_t ringed;  /* frames that the ring has had, or lost: counted when it has */
	uint32_t mode;	  /* enum fp_path_mode; a program only ever writes FP_MODE_RING */
	uint32_t ttl;	  /* and FP_PATH_SERVED */
	uint16_t round;	  /* number of the frame that was last sent round, */
	uint16_t back; /* and of the one that last came back: all of them have if these are equal */
	uint32_t done; /* the loop's: of ringed what has left; the programs wait for == */
	uint32_t took_ns; /* FP_PATH_RATE_FRAMES frames, when they were too fast */
	/* the loop's */
	uint64_t seq; /* of the table it was made by; older than one of its shards': void */
	/* the decision, written as words from here to the ports */
	uint32_t frame_max; /* bytes, without a tag */
	uint32_t fast_ns;   /* FP_PATH_RATE_FRAMES frames in less: it goes to the ring; 0: never */
	uint16_t shard[2]; /* where a row of its source and group would be, and one of any source */
	uint16_t tci;	   /* FP_TAG_PUSH: of the tag to put on */
	uint8_t retag;	   /* enum fp_path_tag, both: a priority tag becomes the VLAN's */
	uint8_t as_is;	   /* how many egress ports get it as it came: the first ones */
	uint8_t count;	   /* of all; 0: dropped */
	uint8_t routers_at; /* of those the ones that get what is over the storm limit: from here */
	uint8_t routers_end;
	uint8_t limited; /* LOOP-7 is about it */
	uint8_t pad[4];
	uint8_t egress[FP_PATH_EGRESS_MAX]; /* ports */
	/* the loop's */
	uint64_t try_ns; /* no ring for it before this, however fast it is */
	/* by programs */
	uint64_t mark_ns;    /* of the last frame whose count FP_PATH_RATE_FRAMES divides */
	uint64_t cut_frames; /* over the port's storm limit, in none of the counts above; bytes */
	uint64_t cut_bytes;
};

struct fp_path_port {
	uint32_t ifindex;    /* 0: it is not open */
	uint32_t first_slot; /* of the worker that has the port */
	uint8_t streams;     /* its program serves slots */
	uint8_t unicast;     /* and known unicast */
	uint8_t peer;	     /* its other end can be handed frames */
	uint8_t to_host;     /* the host's stack gets what comes in as well */
	uint32_t pad2;
	uint8_t peer_mac[6];
	uint16_t pvid;	       /* of what comes untagged; FP_VLAN_ID_MASK: none, nobody is in it */
	uint64_t storm_one_ns; /* of unregistered multicast, one in so long; 0: no limit */
	uint64_t storm_due_ns; /* by programs and the loop: fp_due_take() */
	uint64_t refused;      /* by programs: copies that the kernel would not send */
	/* by programs: known unicast that took the short cut */
	uint64_t rx_frames;
	uint64_t rx_bytes;
	uint64_t tx_frames;
	uint64_t tx_bytes;
};

/* The one value of a map. */
struct fp_path_shared {
	uint64_t seed;	    /* of the hash: nobody can make flows meet in one set */
	uint64_t ageing_ns; /* of the fdb */
	uint32_t strict;    /* a machine that reorders loads: the programs put fences */
	uint32_t set_mask;  /* of one worker's sets of slots */
	uint64_t shard_seq[FP_PATH_SHARDS]; /* of the image that last changed rows there */
	/* 1 + the port of an interface, at its ifindex or up to FP_PATH_PROBES - 1 behind; 0: none
	 */
	uint16_t homes[FP_PATH_HOMES];
	struct fp_path_port ports[FP_PATH_PORTS];
};

_Static_assert(sizeof(struct fp_path_slot) == 256 && sizeof(struct fp_path_set) == 32,
	       "four lines, and half a one");

static inline uint64_t fp_path_hash(const uint64_t *w, uint64_t seed)
{
	uint64_t hash = (w[0] ^ seed) * 0x9e3779b97f4a7c15ull;

	hash = (hash ^ (hash >> 32) ^ w[1]) * 0xbf58476d1ce4e5b9ull;
	hash = (hash ^ (hash >> 32) ^ w[2]) * 0x94d049bb133111ebull;
	hash = (hash ^ (hash >> 32) ^ w[3]) * 0x9e3779b97f4a7c15ull;
	hash = (hash ^ (hash >> 32) ^ w[4]) * 0xbf58476d1ce4e5b9ull;
	hash = (hash ^ (hash >> 32) ^ w[5]) * 0x94d049bb133111ebull;
	hash = (hash ^ (hash >> 32) ^ w[6]) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

/* Bits 63..32 choose the set, this tells its ways apart. */
static inline uint32_t fp_path_tag_of(uint64_t hash)
{
	return (uint32_t)hash | 1u;
}

#endif
