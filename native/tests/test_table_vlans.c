/* The policies of VLANs in the table image, and who is in them. */
#include <errno.h>

#include "check.h"
#include "fp_table.h"
#include "rows.h"

static void test_vlan_policies_default_own_and_deleted(void)
{
	struct fp_table *old = fp_table_new();
	struct fp_table *table = fp_table_copy(old);
	struct fp_vlan vlan = ipv4_policy(10, FP_VLAN_ACTIVE, 0, 0);
	bool own = false;

	CHECK(old && table);
	vlan.mrouters[3] = 5;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK(own);
	vlan.vlan = 20;
	vlan.flags |= FP_VLAN_DROP_UNREGISTERED;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	vlan.vlan = FP_VLAN_ANY;
	vlan.mrouters[3] = 6;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV4)->mrouters[3], 5);
	CHECK(!fp_table_policy(table, 10, FP_FAMILY_IPV4)->drop_unregistered);
	CHECK(fp_table_policy(table, 20, FP_FAMILY_IPV4)->drop_unregistered);
	CHECK_EQ(fp_table_policy(table, 30, FP_FAMILY_IPV4)->mrouters[3], 6);
	CHECK(!fp_table_policy(old, 10, FP_FAMILY_IPV4)->active); /* the original is as it was */
	vlan.vlan = 10;
	vlan.op = FP_ROW_DELETE;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV4)->mrouters[3], 6);
	vlan.vlan = 4096;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), (uint64_t)-EINVAL);
	fp_table_discard(table, old);
	CHECK(!fp_table_policy(old, 20, FP_FAMILY_IPV4)->active);
	fp_table_free(old);
}

/* A family's policy is its own; who is in the VLAN is said by neither. */
static void test_families_of_a_vlan_have_policies_apart(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_vlan vlan = ipv4_policy(10, FP_VLAN_ACTIVE, 0, 0);
	bool own = true;

	CHECK(table);
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK(fp_table_policy(table, 10, FP_FAMILY_IPV4)->active);
	CHECK(!fp_table_policy(table, 10, FP_FAMILY_IPV6)->active);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV6)->unregistered[0], UINT64_MAX);
	vlan.family = FP_FAMILY_IPV6;
	vlan.mrouters[0] = 0x4;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV6)->mrouters[0], 0x4);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV4)->mrouters[0], 0);
	vlan.op = FP_ROW_DELETE;
	vlan.family = FP_FAMILY_IPV4;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK(!fp_table_policy(table, 10, FP_FAMILY_IPV4)->active);
	CHECK(fp_table_policy(table, 10, FP_FAMILY_IPV6)->active);
	vlan.family = FP_FAMILY_IPV6;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(table->vlans->count, 1);
	vlan.family = 5;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), (uint64_t)-EINVAL);
	fp_table_free(table);
}

static void set_members(struct fp_table *table, uint32_t vlan, enum fp_row_op op, uint64_t ports)
{
	struct fp_members row = vlan_members(vlan, ports, ports & 1);
	bool own = true; /* of an image that was not copied */

	row.op = (uint8_t)op;
	CHECK_EQ(fp_table_apply_members(table, &row, &own), 0);
}

/* Members come without a policy and a policy without members; who has one has the other's default.
 */
static void test_members_of_a_vlan_are_its_own_or_the_default(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_members row = vlan_members(4096, 0, 0);
	struct fp_vlan vlan = ipv4_policy(20, FP_VLAN_ACTIVE, 0, 0);
	bool own = true;

	CHECK(table);
	CHECK_EQ(fp_table_vlan(table, 10)->members[2], UINT64_MAX);
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	set_members(table, 10, FP_ROW_SET, 0x7);
	CHECK_EQ(fp_table_vlan(table, 10)->members[0], 0x7);
	CHECK_EQ(fp_table_vlan(table, 10)->members[2], 0);
	CHECK_EQ(fp_table_vlan(table, 10)->untagged[0], 0x1);
	CHECK_EQ(fp_table_policy(table, 10, FP_FAMILY_IPV4)->unregistered[0], UINT64_MAX);
	CHECK_EQ(fp_table_vlan(table, 20)->members[2], UINT64_MAX);
	set_members(table, FP_VLAN_ANY, FP_ROW_SET, 0);
	CHECK_EQ(fp_table_vlan(table, 20)->members[2], 0);
	CHECK_EQ(fp_table_vlan(table, 30)->members[0], 0);
	CHECK_EQ(fp_table_vlan(table, 10)->members[0], 0x7);
	CHECK(fp_table_policy(table, 20, FP_FAMILY_IPV4)->active);
	set_members(table, 20, FP_ROW_SET, 0x3);
	vlan.op = FP_ROW_DELETE;
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(fp_table_vlan(table, 20)->members[0], 0x3);
	CHECK(!fp_table_policy(table, 20, FP_FAMILY_IPV4)->active);
	set_members(table, 10, FP_ROW_DELETE, 0);
	set_members(table, 30, FP_ROW_DELETE, 0);
	set_members(table, FP_VLAN_ANY, FP_ROW_DELETE, 0);
	CHECK_EQ(fp_table_vlan(table, 10)->members[0], 0);
	CHECK_EQ(table->vlans->count, 2);
	set_members(table, 20, FP_ROW_DELETE, 0);
	CHECK_EQ(table->vlans->count, 1);
	CHECK_EQ(fp_table_apply_members(table, &row, &own), (uint64_t)-EINVAL);
	fp_table_free(table);
}

static void test_port_has_a_pvid_or_none_and_a_horizon(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_port_state state = {
		.port = 3, .pvid = 4094, .flags = FP_PORT_FILTERS, .horizon = 9};

	CHECK(table);
	CHECK_EQ(fp_table_apply_port(table, &state), 0);
	CHECK_EQ(table->pvid[3], 4094);
	CHECK_EQ(table->pvid[2], 0);
	CHECK_EQ(table->filters[0], 1u << 3);
	CHECK_EQ(table->horizon[3], 9);
	state.pvid = 4095;
	CHECK_EQ(fp_table_apply_port(table, &state), (uint64_t)-EINVAL);
	fp_table_free(table);
}

static void set_policy(struct fp_table *table, uint32_t vlan, enum fp_row_op op, uint64_t value)
{
	struct fp_vlan row = ipv4_policy(vlan, 0, 0, value);
	bool own = true; /* of an image that was not copied */

	row.op = (uint8_t)op;
	CHECK_EQ(fp_table_apply_vlan(table, &row, &own), 0);
}

static void test_many_vlans_have_policies_of_their_own(void)
{
	struct fp_table *table = fp_table_new();

	CHECK(table);
	for (uint32_t vlan = 0; vlan < FP_VLAN_IDS; vlan += 5)
		set_policy(table, vlan, FP_ROW_SET, vlan);
	for (uint32_t vlan = 0; vlan < FP_VLAN_IDS; vlan++)
		CHECK_EQ(fp_table_policy(table, vlan, FP_FAMILY_IPV4)->unregistered[0],
			 vlan % 5 ? UINT64_MAX : vlan);
	fp_table_free(table);
}

/* VLANs that come and go use the same places again, and disturb no other. */
static void test_vlans_that_end_leave_nothing_and_the_others_theirs(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_table *copy;
	bool own = false;
	struct fp_vlan row = ipv4_policy(8, 0, 0, 0);

	for (uint32_t vlan = 1; vlan < 4095; vlan++)
		set_policy(table, vlan, FP_ROW_SET, vlan);
	CHECK_EQ(table->vlans->count, 4095);
	for (uint32_t vlan = 1; vlan < 4095; vlan++) {
		if (vlan % 1000)
			set_policy(table, vlan, FP_ROW_DELETE, 0);
	}
	CHECK_EQ(table->vlans->count, 5);
	for (uint32_t vlan = 1; vlan < 4095; vlan++)
		CHECK_EQ(fp_table_policy(table, vlan, FP_FAMILY_IPV4)->unregistered[0],
			 vlan % 1000 ? UINT64_MAX : vlan);
	copy = fp_table_copy(table);
	CHECK_EQ(fp_table_apply_vlan(copy, &row, &own), 0);
	CHECK_EQ(copy->vlans->count, 6);
	CHECK_EQ(copy->vlans->room, 8);
	fp_table_discard(copy, table);
	fp_table_free(table);
}

static void test_vlans_that_come_and_go_do_not_pile_up(void)
{
	struct fp_table *table = fp_table_new();

	CHECK(table);
	set_policy(table, 4094, FP_ROW_SET, 4094);
	for (uint32_t n = 0; n < 3000; n++) {
		uint32_t vlan = 1 + n % 700;

		set_policy(table, vlan, FP_ROW_SET, n);
		CHECK_EQ(fp_table_policy(table, vlan, FP_FAMILY_IPV4)->unregistered[0], n);
		if (n >= 5)
			set_policy(table, 1 + (n - 5) % 700, FP_ROW_DELETE, 0);
		CHECK_EQ(fp_table_policy(table, 4094, FP_FAMILY_IPV4)->unregistered[0], 4094);
		CHECK_EQ(fp_table_policy(table, 4000, FP_FAMILY_IPV4)->unregistered[0], UINT64_MAX);
	}
	CHECK(table->vlans->count <= 8);
	fp_table_free(table);
}

int main(void)
{
	RUN(test_vlan_policies_default_own_and_deleted);
	RUN(test_families_of_a_vlan_have_policies_apart);
	RUN(test_members_of_a_vlan_are_its_own_or_the_default);
	RUN(test_port_has_a_pvid_or_none_and_a_horizon);
	RUN(test_many_vlans_have_policies_of_their_own);
	RUN(test_vlans_that_end_leave_nothing_and_the_others_theirs);
	RUN(test_vlans_that_come_and_go_do_not_pile_up);
	return 0;
}
