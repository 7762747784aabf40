/* Entering a network namespace by name: sockets opened inside stay there after the thread has left
 * again. */
#ifndef TRAFFIC_NAMESPACE_H
#define TRAFFIC_NAMESPACE_H

/* Move the calling thread into /run/netns/NAME. Returns 0 or -errno. */
int namespace_enter(const char *name);

/* Open the namespace the thread is in. Returns a descriptor for namespace_return() or -errno. */
int namespace_here(void);

/* Move the calling thread back. Closes nothing. Returns 0 or -errno. */
int namespace_return(int fd);

#endif
