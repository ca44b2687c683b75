/* For benchmarks on a kernel without ESP: preloaded into a responder, it turns each request that
 * would change an XFRM state into NLMSG_NOOP, which every kernel acknowledges. The system calls and
 * their acknowledgements stay; only the state itself is left out. SPIs are reserved, and policies
 * put into the kernel, as they are elsewhere.
 *   gcc -O2 -shared -fPIC -o silent-xfrm.so silent-xfrm.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>

typedef ssize_t send_to(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
typedef void *find(void *, const char *);

static int is_xfrm(int fd)
{
    int protocol = -1, domain = -1;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_NETLINK) return 0;
    size = sizeof protocol;
    return !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) && protocol == NETLINK_XFRM;
}

static void silence(struct nlmsghdr *header)
{
    static unsigned reqid;
    switch (header->nlmsg_type) {
    case XFRM_MSG_NEWSA:
    case XFRM_MSG_UPDSA:
    case XFRM_MSG_DELSA:
        header->nlmsg_type = NLMSG_NOOP;
        break;
    case XFRM_MSG_ALLOCSPI:
        /* A larval state, in a chain of its own, stays where the state itself would be. */
        ((struct xfrm_userspi_info *)NLMSG_DATA(header))->info.reqid = ++reqid;
        break;
    }
}

/* strongSwan's requests, one in each datagram; erouted's, several. */
ssize_t sendto(int fd, const void *octets, size_t count, int flags, const struct sockaddr *to,
               socklen_t to_size)
{
    static send_to *next;
    char copy[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *header = (struct nlmsghdr *)copy;
    size_t left = count;
    if (!next) next = (send_to *)dlsym(RTLD_NEXT, "sendto");
    if (count > sizeof copy || !is_xfrm(fd)) return next(fd, octets, count, flags, to, to_size);
    memcpy(copy, octets, count);
    for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) silence(header);
    return next(fd, copy, count, flags, to, to_size);
}

/* erouted has looked for this function in the C library. */
static ssize_t send_silenced(int fd, const void *octets, size_t count, int flags)
{
    return sendto(fd, octets, count, flags, NULL, 0);
}

void *dlsym(void *handle, const char *name)
{
    static find *next;
    static const char *const versions[] = {"GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.34"};
    for (unsigned i = 0; !next && i < sizeof versions / sizeof *versions; i++)
        next = (find *)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    if (handle != RTLD_NEXT && handle != RTLD_DEFAULT && !strcmp(name, "send"))
        return (void *)send_silenced;
    return next(handle, name);
}
