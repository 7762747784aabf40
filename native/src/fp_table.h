/*
 * The table image: all that a decision reads, hanging from one pointer.
 *
 * Rows lie in FP_SHARDS small hash tables. An image is immutable once it is published; a publish
 * copies the directory and the shards that change, so its cost follows the change and not the
 * table. The control thread builds, any thread reads. What a new image no longer names is freed by
 * the switch when every loop has moved past it (fp_retire.h).
 *
 * Exception: while an image is being built its own shards are written in place; they carry the
 * image's seq, and nobody else has seen them.
 */
#ifndef FP_TABLE_H
#define FP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_floods.h"

#define FP_SHARDS 1024u
#define FP_VLAN_IDS 4096u
#define FP_VLAN_ID_MAX 4094u

struct fp_port;

struct fp_entry {
	uint8_t group[FP_ADDRESS_BYTES];
	uint8_t source[FP_ADDRESS_BYTES];
	uint64_t ports[FP_MASK_WORDS];
	uint32_t vlan;	/* of always-flood rows FP_FLOOD_KEY */
	uint32_t flags; /* FP_ROW_ANY_SOURCE, FP_ROW_ALWAYS_FLOOD */
};

struct fp_shard {
	uint64_t seq;
	uint32_t slots; /* a power of two, at most three quarters full */
	uint32_t count;
	struct fp_entry *entries;
	uint32_t tags[]; /* hash of each entry; 0: free */
};

#define FP_FAMILIES 2u
/* In place of the VLAN of rows that hold in all: prefixes of different lengths are different. */
#define FP_FLOOD_KEY(bits) (FP_VLAN_ANY + ((uint32_t)(bits) << 16))

struct fp_policy {
	uint64_t unregistered[FP_MASK_WORDS];
	uint64_t mrouters[FP_MASK_WORDS];
	bool active;
	bool drop_unregistered;
	bool bridged;
	bool ahead; /* as the ports' */
	bool own;   /* else the default's holds */
};

struct fp_vlan_policy {
	uint64_t members[FP_MASK_WORDS];
	uint64_t untagged[FP_MASK_WORDS];
	bool own_members; /* else the default's, a copy */
	struct fp_policy families[FP_FAMILIES];
};

struct fp_vlans {
	uint32_t count; /* policies in use, the default included: no gap between them */
	uint32_t room;
	uint16_t index[FP_VLAN_IDS]; /* policy of a VID; 0 is the default */
	struct fp_vlan_policy policies[];
};

struct fp_table {
	uint64_t seq;
	uint64_t seed; /* of the hash: whoever knew it could make all his rows meet in one place */
	uint64_t row_count;
	uint64_t members_seq; /* of the image in which somebody last came into a VLAN, or left it */
	uint64_t floods_seq;  /* of the image that last changed a prefix that always floods */
	uint64_t up[FP_MASK_WORDS];
	uint64_t coalesce[FP_MASK_WORDS];
	uint64_t watched[FP_MASK_WORDS];
	uint64_t sticky[FP_MASK_WORDS];
	uint64_t filters[FP_MASK_WORDS];
	uint64_t trunks[FP_MASK_WORDS]; /* that have a VLAN with a tag */
	uint64_t ahead[FP_MASK_WORDS];	/* whose joins are served before they are decided */
	uint64_t guard[FP_MASK_WORDS];	/* whose probes are handed up */
	uint64_t held[FP_MASK_WORDS];	/* not up, being part of a loop */
	uint64_t names[FP_MASK_WORDS];	/* whose announcements are handed up */
	uint64_t rings[FP_MASK_WORDS];	/* by which the programs send nothing */
	struct fp_vlans *vlans;
	struct fp_port *ports[FP_PORTS_MAX];
	uint32_t mtu[FP_PORTS_MAX];
	uint16_t pvid[FP_PORTS_MAX];
	uint16_t horizon[FP_PORTS_MAX];
	uint16_t reserved[FP_PORTS_MAX];
	uint32_t storm_limit[FP_PORTS_MAX];
	struct fp_floods floods;
	struct fp_shard *shards[FP_SHARDS];
};

/* An empty image: no rows, no ports, everything floods. NULL: no memory. */
struct fp_table *fp_table_new(void);
/* The next image: a copy of the directory, sharing all shards and policies. NULL: no memory. */
struct fp_table *fp_table_copy(const struct fp_table *table);
/*
 * One change to an image that is being built; deleting what is not there is none. 0, or -errno, and
 * then the image is good for fp_table_discard() only.
 */
int fp_table_apply_row(struct fp_table *table, const struct fp_row *row);
/* vlans_own: this image's policies are already its own copy; set by the first call. */
int fp_table_apply_vlan(struct fp_table *table, const struct fp_vlan *vlan, bool *vlans_own);
int fp_table_apply_members(struct fp_table *table, const struct fp_members *members,
			   bool *vlans_own);
/* After the last of them: what follows from all members together. */
void fp_table_settle_members(struct fp_table *table);
/* The default alone: all ports in every VLAN, everything floods. NULL: no memory. */
struct fp_vlans *fp_vlans_new(void);
/* A port that ports[] does not have is not up, whatever its state says. */
int fp_table_apply_port(struct fp_table *table, const struct fp_port_state *state);
/* Frees what *this* image built and its original does not have, and the image. */
void fp_table_discard(struct fp_table *table, const struct fp_table *original);
/* Frees an image with all it names (but not the ports). */
void fp_table_free(struct fp_table *table);

/* The row of a group and source, source NULL: the any-source row. NULL: there is none. */
const struct fp_entry *fp_table_find(const struct fp_table *table, uint32_t vlan,
				     const uint8_t *group, const uint8_t *source);

/* Where rows of a group and source, and of the group and any source, are or would be. */
void fp_table_shards(const struct fp_table *table, uint32_t vlan, const uint8_t *group,
		     const uint8_t *source, uint16_t shards[2]);

/* Whether a prefix that always floods has the group (SNOOP-42). */
bool fp_table_floods(const struct fp_table *table, enum fp_family family, const uint8_t *group);

/* The policy of a VID: its own, or the default. */
static inline const struct fp_vlan_policy *fp_table_vlan(const struct fp_table *table,
							 uint32_t vlan)
{
	return &table->vlans->policies[table->vlans->index[vlan & (FP_VLAN_IDS - 1)]];
}

static inline uint32_t fp_family_index(enum fp_family family)
{
	return family == FP_FAMILY_IPV6;
}

static inline bool fp_vlan_has_family(const struct fp_vlan_policy *policy)
{
	return policy->families[0].own || policy->families[1].own;
}

/* What holds for a family in a VLAN: its own policy, or the default's. */
static inline const struct fp_policy *fp_table_policy(const struct fp_table *table, uint32_t vlan,
						      enum fp_family family)
{
	uint32_t index = fp_family_index(family);
	const struct fp_policy *policy = &fp_table_vlan(table, vlan)->families[index];

	return policy->own ? policy : &table->vlans->policies[0].families[index];
}

#endif
