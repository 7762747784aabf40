/*
 * A port on its way from one process to another: two switches in one, a ring in memory that both
 * have mapped, and the test as the kernel. Linked with --wrap for the three calls that ask a packet
 * socket what it is, which these are not, and for the one that attaches a program.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fp_attach.h"
#include "fp_isolate.h"
#include "lab.h"

#define IFINDEX 7
#define CONTROL_SLOTS 256u
#define FDS_MAX 1024

static int bound_to[FDS_MAX]; /* by descriptor, 0: no packet socket */
static int version = TPACKET_V2;
static uint32_t filters_off;
static struct tpacket_stats counted; /* by the kernel, of a ring */
static int filter_error;
static uint32_t isolations;

int __wrap_fp_isolate(int program_fd, int ifindex, int before_fd, int *link_fd);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	struct sockaddr_ll link = {
		.sll_family = bound_to[fd] ? AF_PACKET : AF_UNIX,
		.sll_ifindex = bound_to[fd],
	};

	CHECK(*len >= sizeof(link));
	memcpy(address, &link, sizeof(link));
	return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	int told = option == PACKET_VERSION ? version : 1;

	CHECK(fd >= 0 && level == SOL_PACKET && *len >= sizeof(told));
	if (option == PACKET_STATISTICS) {
		memcpy(value, &counted, sizeof(counted));
		return 0;
	}
	memcpy(value, &told, sizeof(told));
	return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	if (level != SOL_SOCKET || option != SO_DETACH_FILTER)
		return __real_setsockopt(fd, level, option, value, len);
	filters_off++;
	errno = filter_error;
	return filter_error ? -1 : 0;
}

int __wrap_fp_isolate(int program_fd, int ifindex, int before_fd, int *link_fd)
{
	CHECK(program_fd < 0 && ifindex == IFINDEX && before_fd < 0 && link_fd);
	isolations++;
	return -EPERM;
}

/* The ring's memory in a file, where another process can map it. */
static void share(struct fake_ring *fake, uint32_t slots)
{
	struct fp_ring *ring = fake->ring;
	int fd = memfd_create("ring", MFD_CLOEXEC);

	CHECK(fd >= 0 && fd < FDS_MAX);
	CHECK(!ftruncate(fd, (off_t)slots * FP_SLOT_BYTES));
	munmap(ring->map, (size_t)ring->slots * FP_SLOT_BYTES);
	close(ring->fd);
	ring->fd = fd;
	ring->slots = slots;
	ring->map = mmap(NULL, (size_t)slots * FP_SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	CHECK(ring->map != MAP_FAILED);
	bound_to[fd] = IFINDEX;
}

static void lab_share(struct lab *lab)
{
	lab_start(lab, 2);
	for (uint32_t i = 0; i < 2; i++) {
		struct fp_port *port = lab->ports[i].port;

		port->ifindex = IFINDEX;
		share(&lab->ports[i].data, FAKE_SLOTS);
		share(&lab->ports[i].control, CONTROL_SLOTS);
		bound_to[port->tx_fd] = bound_to[port->tx_bare_fd] = IFINDEX;
		bound_to[port->tx_qdisc_fd] = IFINDEX;
	}
}

/* As it comes through a message: descriptors of the receiver's own. */
static struct fp_port_handed passed(struct fp_switch *from, uint32_t port)
{
	struct fp_port_handed handed;
	int32_t *fds[] = {&handed.data_fd, &handed.control_fd, &handed.tx_fd, &handed.tx_bare_fd,
			  &handed.tx_qdisc_fd};

	CHECK_EQ(fp_port_hand(from, port, &handed), 0);
	for (uint32_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		int fd = dup(*fds[i]);

		CHECK(fd >= 0 && fd < FDS_MAX);
		bound_to[fd] = bound_to[*fds[i]];
		fake_port_copied(fd, fds[i] == &handed.tx_bare_fd);
		*fds[i] = fd;
	}
	return handed;
}

static void close_passed(const struct fp_port_handed *handed)
{
	close(handed->data_fd);
	close(handed->control_fd);
	close(handed->tx_fd);
	close(handed->tx_bare_fd);
	close(handed->tx_qdisc_fd);
}

static struct fp_switch *heir(void)
{
	struct fp_config config = lab_config();
	struct fp_switch *sw = fp_switch_new(&config);

	CHECK(sw);
	return sw;
}

static int receive(struct fp_switch *sw, const struct fp_port_handed *handed, uint32_t id)
{
	struct fp_port_config config = {
		.ifindex = handed->ifindex,
		.flags = FP_OPEN_QDISC_BYPASS,
		.punt_bytes = FAKE_PUNT_BYTES,
	};
	const char *stage = NULL;
	struct fp_port *port = NULL;
	int32_t isolated;
	int err = fp_port_receive(sw, handed, &config, &port, &stage);

	if (err) {
		CHECK(stage && !port);
		return err;
	}
	return fp_port_adopt(sw, id, port, &isolated, &stage);
}

static void put(struct lab *lab, uint32_t number)
{
	struct packet packet = packet_udp();

	packet.source = 0x0a000000 + number;
	lab_receive(lab, 0, &packet);
}

/* By the next frame, after `number`, that the other port has sent. */
static void check_sent(struct lab *lab, uint32_t number)
{
	uint8_t datagram[PACKET_BYTES_MAX + 100];

	CHECK(fake_wire_read(lab->ports[1].wire, datagram, sizeof(datagram)) > 0);
	CHECK_EQ(fp_read32(datagram + FP_VNET_BYTES + 26), 0x0a000000 + number);
}

static void set_up(struct fp_switch *sw, uint32_t ports)
{
	for (uint32_t i = 0; i < ports; i++) {
		struct fp_port_state state = {
			.mtu = 1500, .port = (uint16_t)i, .flags = FP_PORT_UP};

		CHECK_EQ(fp_switch_publish(sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
}

static void test_other_goes_on_where_the_first_was_stopped(void)
{
	struct lab lab;
	struct fp_switch *first;
	struct fp_switch *second = heir();
	struct fp_port_handed at;

	lab_share(&lab);
	first = lab.sw;
	for (uint32_t n = 0; n < FAKE_SLOTS + 100; n++) { /* once round, and further */
		put(&lab, n);
		lab_run(&lab);
		check_sent(&lab, n);
	}
	for (uint32_t i = 0; i < 2; i++) {
		at = passed(first, i);
		CHECK_EQ(at.ring_slots, FAKE_SLOTS);
		CHECK_EQ(at.control_slots, CONTROL_SLOTS);
		CHECK_EQ(receive(second, &at, i), 0);
	}
	set_up(second, 2);
	put(&lab, FAKE_SLOTS + 100); /* the first still forwards */
	lab_run(&lab);
	put(&lab, FAKE_SLOTS + 101); /* and is stopped before this one */
	filters_off = 0;
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(fp_port_hand(first, i, &at), 0);
		CHECK_EQ(fp_port_resume(second, i, at.data_taken, at.control_taken), 0);
	}
	CHECK_EQ(filters_off, 0); /* it could go on after all */
	CHECK_EQ(fp_port_unfilter(second, 0), 0);
	CHECK_EQ(filters_off, 1);
	put(&lab, FAKE_SLOTS + 102);
	lab.sw = second;
	lab_run(&lab);
	for (uint32_t n = FAKE_SLOTS + 100; n < FAKE_SLOTS + 103; n++)
		check_sent(&lab, n);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	fp_switch_free(second);
	/* That one came to nothing: the first has all it had. */
	lab.sw = first;
	lab_end(&lab);
}

static void test_first_goes_on_when_the_other_fails_before_it_began(void)
{
	struct lab lab;
	struct fp_switch *second = heir();
	struct fp_port_handed at;

	lab_share(&lab);
	at = passed(lab.sw, 0);
	CHECK_EQ(receive(second, &at, 0), 0);
	put(&lab, 1);
	fp_switch_free(second);
	put(&lab, 2);
	fp_switch_stop(lab.sw);
	fp_switch_go(lab.sw);
	lab_run(&lab);
	check_sent(&lab, 1);
	check_sent(&lab, 2);
	lab_end(&lab);
}

static void refused(const struct lab *lab, struct fp_port_handed handed, int err)
{
	struct fp_switch *second = heir();

	CHECK_EQ(receive(second, &handed, 0), (uint64_t)err);
	CHECK(!second->opened[0]);
	fp_switch_free(second);
	CHECK(lab->sw->opened[0]);
}

/* Descriptors stay the caller's: each is used again by the next attempt. */
static void test_what_is_no_port_of_that_interface_is_refused(void)
{
	struct lab lab;
	struct fp_port_handed good;
	struct fp_port_handed bad;
	int other;

	lab_share(&lab);
	good = passed(lab.sw, 0);
	other = dup(good.tx_fd);
	CHECK(other >= 0 && other < FDS_MAX);
	bound_to[other] = IFINDEX + 1;
	for (uint32_t i = 0; i < 5; i++) {
		bad = good;
		*(int32_t *[]){&bad.data_fd, &bad.control_fd, &bad.tx_fd, &bad.tx_bare_fd,
			       &bad.tx_qdisc_fd}[i] = other;
		refused(&lab, bad, -ENODEV);
	}
	bad = good;
	bad.ring_slots = 0;
	refused(&lab, bad, -EINVAL);
	bad = good;
	bad.control_slots = 100; /* no power of two */
	refused(&lab, bad, -EINVAL);
	version = TPACKET_V3;
	refused(&lab, good, -EPROTO);
	version = TPACKET_V2;
	close(other);
	close_passed(&good);
	lab_end(&lab);
}

/* What it had at the other's last look nobody knows; it was full, and is no ring that stopped. */
static void test_ring_that_has_lost_frames_meanwhile_is_not_stuck(void)
{
	struct fp_switch *second = heir();
	struct fp_port_handed at;
	struct lab lab;

	lab_share(&lab);
	for (uint32_t n = 0; n < 2 * FAKE_SLOTS; n++) {
		put(&lab, n);
		lab_run(&lab);
	}
	at = passed(lab.sw, 0);
	CHECK_EQ(receive(second, &at, 0), 0);
	CHECK_EQ(fp_port_resume(second, 0, at.data_taken, at.control_taken), 0);
	counted = (struct tpacket_stats){.tp_packets = 110, .tp_drops = 10};
	CHECK_EQ(fp_port_stuck(second, 0), 0);
	counted = (struct tpacket_stats){.tp_packets = 1, .tp_drops = 1};
	CHECK_EQ(fp_port_stuck(second, 0), 1); /* this one is */
	fp_switch_free(second);
	lab_end(&lab);
}

static void test_only_a_port_that_was_handed_is_resumed(void)
{
	struct lab lab;
	struct fp_port_handed handed;

	lab_share(&lab);
	CHECK_EQ(fp_port_hand(lab.sw, 5, &handed), (uint64_t)-ENOENT);
	CHECK_EQ(fp_port_hand(lab.sw, FP_PORTS_MAX, &handed), (uint64_t)-ENOENT);
	CHECK_EQ(fp_port_resume(lab.sw, 0, 0, 0), (uint64_t)-ENOENT);
	CHECK_EQ(fp_port_resume(lab.sw, FP_PORTS_MAX, 0, 0), (uint64_t)-ENOENT);
	CHECK_EQ(fp_port_unfilter(lab.sw, 0), (uint64_t)-ENOENT);
	lab_end(&lab);
}

static void test_a_ring_without_a_filter_has_none_to_lose(void)
{
	struct lab lab;
	struct fp_switch *second = heir();
	struct fp_port_handed at;

	lab_share(&lab);
	at = passed(lab.sw, 0);
	CHECK_EQ(receive(second, &at, 0), 0);
	filter_error = ENOENT;
	CHECK_EQ(fp_port_unfilter(second, 0), 0);
	filter_error = EPERM;
	CHECK_EQ(fp_port_unfilter(second, 0), (uint64_t)-EPERM);
	filter_error = 0;
	fp_switch_free(second);
	lab_end(&lab);
}

/* What is said of a port of that process where there are no programs of the switch. */
static void check_isolated(const struct lab *lab, uint32_t flags, int program_fd, int isolated)
{
	struct fp_switch *second = heir();
	struct fp_port_handed handed = passed(lab->sw, 0);
	struct fp_port_config config = {
		.ifindex = IFINDEX,
		.flags = FP_OPEN_LATER | flags,
		.punt_bytes = FAKE_PUNT_BYTES,
	};
	const char *stage;
	struct fp_port *port;
	int32_t said = -1;

	fp_kernel_destroy(&second->kernel);
	second->kernel.err = -EPERM;
	handed.program_fd = program_fd;
	CHECK_EQ(fp_port_receive(second, &handed, &config, &port, &stage), 0);
	CHECK_EQ(fp_port_adopt(second, 0, port, &said, &stage), 0);
	CHECK_EQ(said, (uint64_t)isolated);
	fp_switch_free(second);
}

static void test_why_the_host_is_not_kept_off_is_said_again(void)
{
	struct lab lab;

	lab_share(&lab);
	isolations = 0;
	check_isolated(&lab, 0, -1, ENOTSUP);
	check_isolated(&lab, FP_OPEN_ISOLATE, lab.ports[1].port->tx_fd, 0); /* it has one there */
	CHECK_EQ(isolations, 0);
	check_isolated(&lab, FP_OPEN_ISOLATE, -1, EPERM);
	CHECK_EQ(isolations, 1);
	lab_end(&lab);
}

/* Counts and ages go on, under the numbers that ports have here. */
static void test_streams_go_on_under_other_numbers(void)
{
	static struct fp_stream streams[64];
	uint16_t numbers[FP_PORTS_MAX];
	struct fp_switch *second = heir();
	struct lab lab;
	int count;

	lab_share(&lab);
	for (uint32_t n = 0; n < 20; n++)
		put(&lab, n % 10);
	lab_run(&lab);
	count = fp_stream_dump(lab.sw, streams, 64);
	CHECK_EQ(count, 10);
	for (uint32_t i = 0; i < FP_PORTS_MAX; i++)
		numbers[i] = i < 2 ? (uint16_t)(200 + i) : FP_PORTS_MAX;
	streams[3].port = 9;		       /* gone */
	streams[4].port = 4000;		       /* none */
	streams[5].reason = FP_REASON_MAX + 1; /* none */
	CHECK_EQ(fp_stream_load(second, streams, (uint32_t)count, numbers), 7);
	CHECK_EQ(fp_stream_dump(second, streams, 64), 7);
	for (uint32_t i = 0; i < 7; i++) {
		CHECK_EQ(streams[i].port, 200);
		CHECK_EQ(streams[i].frames, 2);
		CHECK(streams[i].first_ns && streams[i].last_ns >= streams[i].first_ns);
		CHECK_EQ(streams[i].ports[0], 0);
		CHECK_EQ(streams[i].ports[3], UINT64_C(1) << (201 - 192));
	}
	fp_switch_free(second);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_other_goes_on_where_the_first_was_stopped);
	RUN(test_first_goes_on_when_the_other_fails_before_it_began);
	RUN(test_what_is_no_port_of_that_interface_is_refused);
	RUN(test_ring_that_has_lost_frames_meanwhile_is_not_stuck);
	RUN(test_only_a_port_that_was_handed_is_resumed);
	RUN(test_a_ring_without_a_filter_has_none_to_lose);
	RUN(test_why_the_host_is_not_kept_off_is_said_again);
	RUN(test_streams_go_on_under_other_numbers);
	return 0;
}
