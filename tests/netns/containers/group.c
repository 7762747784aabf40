/* A program that knows of no interface, as most do, for the images of containers.
 *
 *   group receive GROUP PORT         "joined", then a line for each datagram: its number, who sent
 * it group send GROUP PORT COUNT      COUNT datagrams, a millisecond apart
 *
 * Which interface it is, the routing table says.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const int one = 1;
static const int hops = 4;

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int family_of(const char *group)
{
	return strchr(group, ':') ? AF_INET6 : AF_INET;
}

static socklen_t address_make(const char *group, const char *port, struct sockaddr_storage *made)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)made;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)made;

	memset(made, 0, sizeof(*made));
	made->ss_family = (sa_family_t)family_of(group);
	if (made->ss_family == AF_INET6) {
		v6->sin6_port = htons((uint16_t)atoi(port));
		inet_pton(AF_INET6, group, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_port = htons((uint16_t)atoi(port));
	inet_pton(AF_INET, group, &v4->sin_addr);
	return sizeof(*v4);
}

static int receive(int sock, const char *group, const char *port)
{
	struct group_req wanted = {0};
	struct sockaddr_storage from;
	socklen_t length;
	char payload[2048], text[INET6_ADDRSTRLEN];
	int level = family_of(group) == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	unsigned long count;

	length = address_make(group, port, &wanted.gr_group);
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(sock, (struct sockaddr *)&wanted.gr_group, length))
		return fail("bind");
	if (setsockopt(sock, level, MCAST_JOIN_GROUP, &wanted, sizeof(wanted)))
		return fail("join");
	puts("joined");
	for (count = 1;; count++) {
		length = sizeof(from);
		if (recvfrom(sock, payload, sizeof(payload), 0, (struct sockaddr *)&from, &length) <
		    0)
			return fail("recvfrom");
		inet_ntop(from.ss_family,
			  level == IPPROTO_IPV6 ? (void *)&((struct sockaddr_in6 *)&from)->sin6_addr
						: (void *)&((struct sockaddr_in *)&from)->sin_addr,
			  text, sizeof(text));
		printf("%lu %s\n", count, text);
	}
}

static int send_all(int sock, const char *group, const char *port, int count)
{
	const struct timespec gap = {.tv_nsec = 1000000};
	struct sockaddr_storage to;
	socklen_t length = address_make(group, port, &to);
	char payload[32];
	int number;

	setsockopt(sock, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	setsockopt(sock, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	for (number = 0; number < count; number++) {
		snprintf(payload, sizeof(payload), "%d", number);
		if (sendto(sock, payload, strlen(payload), 0, (struct sockaddr *)&to, length) < 0)
			return fail("sendto");
		nanosleep(&gap, NULL);
	}
	return 0;
}

static void end(int number)
{
	(void)number;
	_exit(0);
}

int main(int argc, char **argv)
{
	int sock;

	if (argc < 4)
		return 2;
	signal(SIGTERM, end); /* which the first process of a container does not get otherwise */
	signal(SIGALRM, end);
	alarm(600); /* there may be nobody left to end it */
	setvbuf(stdout, NULL, _IOLBF, 0);
	sock = socket(family_of(argv[2]), SOCK_DGRAM, 0);
	if (sock < 0)
		return fail("socket");
	if (!strcmp(argv[1], "receive"))
		return receive(sock, argv[2], argv[3]);
	return send_all(sock, argv[2], argv[3], argc > 4 ? atoi(argv[4]) : 1);
}
