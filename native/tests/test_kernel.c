/* Which interface is which port's, as the kernel's programs find it; no maps, memory will do. */
#include "check.h"
#include "fp_kernel.h"

#define SETS 4u

static struct fp_path_shared page;
static struct fp_kernel kernel = {.shared = &page, .sets = SETS, .workers = 1};

/* As the programs do it. */
static uint32_t port_of(uint32_t ifindex)
{
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++) {
		uint32_t port = page.homes[(ifindex + i) & (FP_PATH_HOMES - 1)] - 1u;

		if (port < FP_PATH_PORTS && page.ports[port].ifindex == ifindex)
			return port;
	}
	return FP_PATH_PORTS;
}

static bool serve(uint32_t port, uint32_t ifindex)
{
	return fp_kernel_serve(&kernel, port, 0, (int)ifindex, false, true);
}

static void test_interfaces_of_like_numbers(void)
{
	memset(&page, 0, sizeof(page));
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++)
		CHECK(serve(i, 7 + i * FP_PATH_HOMES));
	CHECK(!serve(9, 7 + 9 * FP_PATH_HOMES));
	CHECK_EQ(port_of(7 + 9 * FP_PATH_HOMES), FP_PATH_PORTS);
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++)
		CHECK_EQ(port_of(7 + i * FP_PATH_HOMES), i);
	fp_kernel_leave(&kernel, 2);
	CHECK_EQ(port_of(7 + 2 * FP_PATH_HOMES), FP_PATH_PORTS);
	CHECK(serve(9, 7 + 9 * FP_PATH_HOMES));
	CHECK_EQ(port_of(7 + 9 * FP_PATH_HOMES), 9);
	CHECK_EQ(port_of(7 + 3 * FP_PATH_HOMES), 3);
}

/* A port whose cable is pulled and put back all day: each time another number. */
static void test_places_are_left_for_others(void)
{
	memset(&page, 0, sizeof(page));
	for (uint32_t ifindex = 1; ifindex <= 3 * FP_PATH_HOMES; ifindex++) {
		fp_kernel_leave(&kernel, 0);
		CHECK(serve(0, ifindex));
		CHECK_EQ(port_of(ifindex), 0);
	}
	for (uint32_t port = 1; port < FP_PATH_PORTS; port++) {
		CHECK(serve(port, 5000 + port));
		CHECK_EQ(port_of(5000 + port), port);
	}
	CHECK(serve(0, 3 * FP_PATH_HOMES)); /* its rings are opened again */
	CHECK_EQ(port_of(3 * FP_PATH_HOMES), 0);
}

int main(void)
{
	RUN(test_interfaces_of_like_numbers);
	RUN(test_places_are_left_for_others);
	return 0;
}
