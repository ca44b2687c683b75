/* For benchmarks on a kernel without ESP: preloaded into strongSwan, it turns each request that
 * would change an XFRM state or policy into NLMSG_NOOP, which every kernel acknowledges. The system
 * calls and their acknowledgements stay; only the work in the kernel is left out.
 *   gcc -O2 -shared -fPIC -o silent-xfrm.so silent-xfrm.c */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>

static int is_xfrm(int fd)
{
    int protocol = -1, domain = -1;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_NETLINK) return 0;
    size = sizeof protocol;
    return !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) && protocol == NETLINK_XFRM;
}

ssize_t sendto(int fd, const void *octets, size_t count, int flags, const struct sockaddr *to,
               socklen_t to_size)
{
    static ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    static unsigned reqid;
    char copy[4096];
    struct nlmsghdr *header = (struct nlmsghdr *)copy;
    if (!next) next = dlsym(RTLD_NEXT, "sendto");
    if (count < sizeof *header || count > sizeof copy || !is_xfrm(fd))
        return next(fd, octets, count, flags, to, to_size);
    memcpy(copy, octets, count);
    switch (header->nlmsg_type) {
    case XFRM_MSG_NEWSA:
    case XFRM_MSG_UPDSA:
    case XFRM_MSG_DELSA:
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_UPDPOLICY:
    case XFRM_MSG_DELPOLICY:
        header->nlmsg_type = NLMSG_NOOP;
        header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
        break;
    case XFRM_MSG_ALLOCSPI:
        /* Larval states stay here until they expire: each in a chain of its own. */
        ((struct xfrm_userspi_info *)NLMSG_DATA(header))->info.reqid = ++reqid;
        break;
    }
    return next(fd, copy, count, flags, to, to_size);
}
