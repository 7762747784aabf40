#include "fp_thread.h"

#include <signal.h>

#define STACK_BYTES (128u << 10)

int fp_thread_start(pthread_t *thread, void *(*work)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t detached;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (!thread)
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread ? thread : &detached, &attributes, work, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -err;
}
