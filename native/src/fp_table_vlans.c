/*
 * The VLANs of a table image. One that has neither a policy of its own nor members points at the
 * default; who has one of them has a copy of the default's other, so that a look-up is one step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fp_table.h"

#define VLANS_ROOM_MIN 8u

_Static_assert(FP_VLAN_IDS <= UINT16_MAX, "a policy of each VID, and the default, have an index");
_Static_assert(FP_VLAN_ANY >= FP_VLAN_IDS, "no VID is called so");

static size_t vlans_bytes(uint32_t count)
{
	return sizeof(struct fp_vlans) + count * sizeof(struct fp_vlan_policy);
}

struct fp_vlans *fp_vlans_new(void)
{
	struct fp_vlans *vlans = calloc(1, vlans_bytes(1));
	struct fp_vlan_policy *policy;

	if (!vlans)
		return NULL;
	vlans->count = 1;
	vlans->room = 1;
	policy = &vlans->policies[0];
	memset(policy->members, 0xff, sizeof(policy->members));
	for (uint32_t i = 0; i < FP_FAMILIES; i++)
		memset(policy->families[i].unregistered, 0xff,
		       sizeof(policy->families[i].unregistered));
	policy->families[fp_family_index(FP_FAMILY_IPV6)].bridged = true;
	return vlans;
}

/* The image's own policies, with room for count of them at least. */
static int vlans_own_copy(struct fp_table *table, uint32_t count, bool *vlans_own)
{
	uint32_t room = VLANS_ROOM_MIN;
	struct fp_vlans *copy;

	if (*vlans_own && count <= table->vlans->room)
		return 0;
	while (room < count)
		room *= 2;
	copy = calloc(1, vlans_bytes(room));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, table->vlans, vlans_bytes(table->vlans->count));
	copy->room = room;
	if (*vlans_own)
		free(table->vlans);
	table->vlans = copy;
	*vlans_own = true;
	return 0;
}

/* The VLAN takes the default; the last policy moves to where its own was. */
static void policy_remove(struct fp_vlans *vlans, uint32_t vlan)
{
	uint16_t index = vlans->index[vlan];
	uint16_t last = (uint16_t)(vlans->count - 1);

	vlans->index[vlan] = 0;
	if (index != last) {
		vlans->policies[index] = vlans->policies[last];
		for (uint32_t i = 0; i < FP_VLAN_IDS; i++) {
			if (vlans->index[i] == last)
				vlans->index[i] = index;
		}
	}
	vlans->count--;
}

/* Of a port set of the default row, or its own until the next one. */
static void take_members(struct fp_vlan_policy *policy, const uint64_t *ports,
			 const uint64_t *untagged)
{
	memcpy(policy->members, ports, sizeof(policy->members));
	memcpy(policy->untagged, untagged, sizeof(policy->untagged));
}

static void take_default_members(struct fp_vlans *vlans, struct fp_vlan_policy *policy)
{
	policy->own_members = false;
	take_members(policy, vlans->policies[0].members, vlans->policies[0].untagged);
}

/*
 * What a row of the VLAN changes, in an image's own policies; made if it is not there yet. NULL
 * with *err 0: the row deletes what is not there.
 */
static struct fp_vlan_policy *policy_of(struct fp_table *table, uint32_t vlan, uint8_t op,
					bool *vlans_own, int *err)
{
	bool is_default = vlan == FP_VLAN_ANY;
	uint32_t index = is_default ? 0 : table->vlans->index[vlan];
	struct fp_vlan_policy *policy;

	*err = 0;
	if (op == FP_ROW_DELETE && !index)
		return NULL;
	*err = vlans_own_copy(table, table->vlans->count + 1, vlans_own);
	if (*err)
		return NULL;
	if (is_default || index)
		return &table->vlans->policies[index];
	index = table->vlans->count++;
	table->vlans->index[vlan] = (uint16_t)index;
	policy = &table->vlans->policies[index];
	memset(policy, 0, sizeof(*policy)); /* the place may have been another's */
	take_default_members(table->vlans, policy);
	return policy;
}

static void remove_if_empty(struct fp_vlans *vlans, uint32_t vlan)
{
	const struct fp_vlan_policy *policy = &vlans->policies[vlans->index[vlan]];

	if (!policy->own_members && !fp_vlan_has_family(policy))
		policy_remove(vlans, vlan);
}

static void set_policy(struct fp_vlan_policy *policy, const struct fp_vlan *vlan)
{
	struct fp_policy *family = &policy->families[fp_family_index(vlan->family)];

	memcpy(family->unregistered, vlan->unregistered, sizeof(family->unregistered));
	memcpy(family->mrouters, vlan->mrouters, sizeof(family->mrouters));
	family->active = vlan->flags & FP_VLAN_ACTIVE;
	family->drop_unregistered = vlan->flags & FP_VLAN_DROP_UNREGISTERED;
	family->bridged = vlan->family == FP_FAMILY_IPV6 && vlan->flags & FP_VLAN_BRIDGED;
	family->ahead = vlan->flags & FP_VLAN_AHEAD;
	family->own = true;
}

static bool vlan_valid(uint32_t vlan)
{
	return vlan < FP_VLAN_IDS || vlan == FP_VLAN_ANY;
}

int fp_table_apply_vlan(struct fp_table *table, const struct fp_vlan *vlan, bool *vlans_own)
{
	struct fp_vlan_policy *policy;
	int err;

	if (!vlan_valid(vlan->vlan) ||
	    (vlan->family != FP_FAMILY_IPV4 && vlan->family != FP_FAMILY_IPV6))
		return -EINVAL;
	policy = policy_of(table, vlan->vlan, vlan->op, vlans_own, &err);
	if (!policy)
		return err;
	if (vlan->op == FP_ROW_DELETE) {
		policy->families[fp_family_index(vlan->family)].own = false;
		remove_if_empty(table->vlans, vlan->vlan);
	} else {
		set_policy(policy, vlan);
	}
	return 0;
}

int fp_table_apply_members(struct fp_table *table, const struct fp_members *members,
			   bool *vlans_own)
{
	struct fp_vlan_policy *policy;
	int err;

	if (!vlan_valid(members->vlan))
		return -EINVAL;
	policy = policy_of(table, members->vlan, members->op, vlans_own, &err);
	if (!policy)
		return err;
	table->members_seq = table->seq;
	if (members->op == FP_ROW_DELETE) {
		take_default_members(table->vlans, policy);
		remove_if_empty(table->vlans, members->vlan);
		return 0;
	}
	take_members(policy, members->ports, members->untagged);
	policy->own_members = members->vlan != FP_VLAN_ANY;
	for (uint32_t i = 1; i < table->vlans->count && members->vlan == FP_VLAN_ANY; i++) {
		if (!table->vlans->policies[i].own_members)
			take_default_members(table->vlans, &table->vlans->policies[i]);
	}
	return 0;
}

void fp_table_settle_members(struct fp_table *table)
{
	memset(table->trunks, 0, sizeof(table->trunks));
	for (uint32_t i = 1; i < table->vlans->count; i++) {
		const struct fp_vlan_policy *policy = &table->vlans->policies[i];

		for (uint32_t w = 0; w < FP_MASK_WORDS && policy->own_members; w++)
			table->trunks[w] |= policy->members[w] & ~policy->untagged[w];
	}
}
