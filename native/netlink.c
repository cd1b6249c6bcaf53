/* Netlink sockets, in any network namespace. */

#include "call.h"
#include "datagram.h"
#include "socket.h"
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket is in the network namespace its thread was in when it was made, and stays there. A thread that cannot go
 * back to its own namespace would act in the wrong one from then on: nothing is worse, so it ends the process. */
static int socket_in_namespace(int protocol, int namespace_fd, const char **syscall) {
  int home = -1, fd;
  *syscall = "setns";
  if (namespace_fd >= 0) {
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0) return -errno;
    if (setns(namespace_fd, CLONE_NEWNET)) {
      int error = errno;
      close(home);
      return -error;
    }
  }
  *syscall = "socket";
  fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) fd = -errno;
  if (home >= 0) {
    if (setns(home, CLONE_NEWNET)) abort();
    close(home);
  }
  return fd;
}

/* namespaceCreate() → fd: an empty network namespace, which is there as long as something refers to it. */
static napi_value namespace_create(napi_env env, napi_callback_info info) {
  int fd, error = 0, home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  (void)info;
  if (home < 0) return throw_errno(env, errno, "open");
  if (unshare(CLONE_NEWNET)) {
    error = errno;
    close(home);
    return throw_errno(env, error, "unshare");
  }
  fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) error = errno;
  if (setns(home, CLONE_NEWNET)) abort();
  close(home);
  return fd < 0 ? throw_errno(env, error, "open") : js_number(env, fd);
}

/* SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the system's limit has to do. */
int set_receive_buffer(int fd, int size) {
  if (size == 0 || !setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) return 0;
  return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static int configure_netlink(int fd, int receive_buffer) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  int on = 1;
  /* Old kernels lack some of these; the answers are then only less precise. */
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (set_receive_buffer(fd, receive_buffer)) return -errno;
  return bind(fd, (struct sockaddr *)&address, sizeof address) ? -errno : 0;
}

/* netlinkOpen(protocol, namespaceFd | -1, receiveBuffer | 0) → fd */
static napi_value netlink_open(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int protocol, namespace_fd, receive_buffer, fd, error;
  const char *syscall;
  if (!arguments(env, info, 3, argv) ||
      !integer(env, argv[0], 0, 31, "a netlink protocol is 0..31", &protocol) ||
      !integer(env, argv[1], -1, INT32_MAX, "a namespace is a file descriptor or -1", &namespace_fd) ||
      !integer(env, argv[2], 0, 1 << 30, "a receive buffer is 0..2^30 bytes", &receive_buffer))
    return NULL;
  fd = socket_in_namespace(protocol, namespace_fd, &syscall);
  if (fd < 0) return throw_errno(env, -fd, syscall);
  error = configure_netlink(fd, receive_buffer);
  if (error) {
    close(fd);
    return throw_errno(env, -error, "bind");
  }
  return js_number(env, fd);
}

/* netlinkJoin(fd, group) */
static napi_value netlink_join(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int fd, group;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) ||
      !integer(env, argv[1], 1, INT32_MAX, "a multicast group is a positive integer", &group))
    return NULL;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group))
    return throw_errno(env, errno, "setsockopt");
  return NULL;
}

/* One datagram from the kernel into `datagram`: its length, 0 when there is none, or -errno. */
static ssize_t receive_from_kernel(int fd) {
  for (;;) {
    struct sockaddr_nl sender = {0};
    struct iovec vector = {.iov_base = datagram, .iov_len = sizeof datagram};
    struct msghdr header = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno == EAGAIN ? 0 : -errno;
    if (header.msg_flags & MSG_TRUNC) return -EMSGSIZE;
    /* Any process may send to a netlink socket; only the kernel's port is 0. */
    if (length > 0 && sender.nl_family == AF_NETLINK && sender.nl_pid == 0) return length;
  }
}

/* netlinkReceive(fd, limit) → Buffer[]; ENOBUFS: the kernel dropped messages. */
static napi_value netlink_receive(napi_env env, napi_callback_info info) {
  return receive_batch(env, info, receive_from_kernel, "recvmsg");
}

const struct verb netlink_verbs[] = {
    {"namespaceCreate", namespace_create},
    {"netlinkJoin", netlink_join},
    {"netlinkOpen", netlink_open},
    {"netlinkReceive", netlink_receive},
    {NULL, NULL},
};
