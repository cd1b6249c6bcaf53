/* What Node cannot do by itself: netlink sockets, tun ioctls, packet sockets, fcntl() locks, and waiting for a
 * descriptor. Every verb checks its arguments, does one thing, and throws an Error with `code` ('EEXIST'), `errno`
 * (-17) and `syscall`, as Node's own errors do. It moves bytes: message layouts and all policy are TypeScript. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <node_api.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

/* Larger than any datagram the kernel builds for a reader that offers this much (32 KiB dumps, 64 KiB frames). */
#define DATAGRAM_MAX (128 * 1024)
#define ETHTOOL_MAX 4096
#define COUNTER_MAX 256
#define BPF_LOG_SHOWN 128
#define TUN_FLAGS (IFF_MULTI_QUEUE | IFF_VNET_HDR | IFF_TUN_EXCL)

static char datagram[DATAGRAM_MAX];

/* ---- Errors and arguments ------------------------------------------------------------------------------------- */

static napi_value throw_errno(napi_env env, int error, const char *syscall) {
  char code[32], text[128], message[256];
  napi_value js_code, js_message, js_errno, js_syscall, js_error;
  uv_err_name_r(-error, code, sizeof code);
  snprintf(message, sizeof message, "%s: %s, %s", code, strerror_r(error, text, sizeof text), syscall);
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &js_code) == napi_ok &&
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &js_message) == napi_ok &&
      napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &js_syscall) == napi_ok &&
      napi_create_int32(env, -error, &js_errno) == napi_ok &&
      napi_create_error(env, js_code, js_message, &js_error) == napi_ok) {
    napi_set_named_property(env, js_error, "errno", js_errno);
    napi_set_named_property(env, js_error, "syscall", js_syscall);
    napi_throw(env, js_error);
  }
  return NULL;
}

static napi_value throw_argument(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", what);
  return NULL;
}

/* Fills `argv` with exactly `count` arguments, or throws. */
static bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value argv[]) {
  size_t argc = count;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == napi_ok && argc == count) return true;
  throw_argument(env, "wrong number of arguments");
  return false;
}

/* Numbers are checked as doubles: napi_get_value_int32 would wrap what does not fit and cut fractions. */
static bool number(napi_env env, napi_value value, double min, double max, const char *what, double *result) {
  if (napi_get_value_double(env, value, result) == napi_ok && *result >= min && *result <= max &&
      *result == (double)(int64_t)*result)
    return true;
  throw_argument(env, what);
  return false;
}

static bool integer(napi_env env, napi_value value, int min, int max, const char *what, int *result) {
  double wide;
  if (!number(env, value, min, max, what, &wide)) return false;
  *result = (int)wide;
  return true;
}

static bool descriptor(napi_env env, napi_value value, int *fd) {
  return integer(env, value, 0, INT32_MAX, "a file descriptor is a non-negative integer", fd);
}

static bool bytes(napi_env env, napi_value value, void **data, size_t *length) {
  bool is_buffer = false;
  if (napi_is_buffer(env, value, &is_buffer) == napi_ok && is_buffer &&
      napi_get_buffer_info(env, value, data, length) == napi_ok)
    return true;
  throw_argument(env, "a Buffer is expected");
  return false;
}

/* Copies a string that must fit into `size` bytes with its terminator, and hold no NUL. */
static bool string(napi_env env, napi_value value, char *text, size_t size, const char *what) {
  size_t length, copied;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length > 0 && length < size &&
      napi_get_value_string_utf8(env, value, text, size, &copied) == napi_ok && strlen(text) == length)
    return true;
  throw_argument(env, what);
  return false;
}

static napi_value js_number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value js_null(napi_env env) {
  napi_value result = NULL;
  napi_get_null(env, &result);
  return result;
}

/* ---- Netlink -------------------------------------------------------------------------------------------------- */

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
static int set_receive_buffer(int fd, int size) {
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

/* send(fd, Buffer): one datagram, whole. */
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  void *data;
  size_t length;
  ssize_t sent;
  int fd;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) || !bytes(env, argv[1], &data, &length))
    return NULL;
  do sent = send(fd, data, length, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return throw_errno(env, errno, "send");
  return (size_t)sent == length ? NULL : throw_errno(env, EMSGSIZE, "send");
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

static ssize_t receive_frame(int fd) {
  ssize_t length;
  do length = read(fd, datagram, sizeof datagram);
  while (length < 0 && errno == EINTR);
  return length < 0 ? (errno == EAGAIN ? 0 : -errno) : length;
}

/* Collects up to `limit` datagrams, until the descriptor has no more. An error drops what was collected: after an
 * overrun the reader has lost messages anyway and must look at everything again. */
static napi_value receive_batch(napi_env env, napi_callback_info info, ssize_t (*receive)(int), const char *syscall) {
  napi_value argv[2], result, buffer;
  int fd, limit;
  uint32_t count = 0;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) ||
      !integer(env, argv[1], 1, 65536, "a batch is 1..65536 datagrams", &limit) ||
      napi_create_array(env, &result) != napi_ok)
    return NULL;
  while (count < (uint32_t)limit) {
    ssize_t length = receive(fd);
    if (length == 0) break;
    if (length < 0) return throw_errno(env, (int)-length, syscall);
    if (napi_create_buffer_copy(env, (size_t)length, datagram, NULL, &buffer) != napi_ok ||
        napi_set_element(env, result, count++, buffer) != napi_ok)
      return NULL;
  }
  return result;
}

/* netlinkReceive(fd, limit) → Buffer[]; ENOBUFS: the kernel dropped messages. */
static napi_value netlink_receive(napi_env env, napi_callback_info info) {
  return receive_batch(env, info, receive_from_kernel, "recvmsg");
}

/* readFrames(fd, limit) → Buffer[]; a tap or a packet socket. */
static napi_value read_frames(napi_env env, napi_callback_info info) {
  return receive_batch(env, info, receive_frame, "read");
}

/* writeFrame(fd, Buffer): one frame, whole. */
static napi_value write_frame(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  void *data;
  size_t length;
  ssize_t written;
  int fd;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) || !bytes(env, argv[1], &data, &length))
    return NULL;
  do written = write(fd, data, length);
  while (written < 0 && errno == EINTR);
  if (written < 0) return throw_errno(env, errno, "write");
  return (size_t)written == length ? NULL : throw_errno(env, EMSGSIZE, "write");
}

/* waitReadable(fd, milliseconds) → whether it became readable in time. */
static napi_value wait_readable(napi_env env, napi_callback_info info) {
  napi_value argv[2], result = NULL;
  struct pollfd entry = {.events = POLLIN};
  int milliseconds, ready;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &entry.fd) ||
      !integer(env, argv[1], 0, 60000, "a wait is 0..60000 milliseconds", &milliseconds))
    return NULL;
  do ready = poll(&entry, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return throw_errno(env, errno, "poll");
  napi_get_boolean(env, ready > 0, &result);
  return result;
}

/* close(fd): for the descriptors that the verbs here return; Node only likes to close those that it has opened. */
static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  /* After EINTR Linux has closed the descriptor all the same. */
  return close(fd) && errno != EINTR ? throw_errno(env, errno, "close") : NULL;
}

/* ---- Watching a descriptor ------------------------------------------------------------------------------------ */

/* Lives until both its JavaScript value is collected and libuv has closed the poll. An open watcher holds a reference
 * to its own value, so that it is never collected before it is closed. */
struct watcher {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback, self;
  napi_async_context context;
  bool open, collected;
};

static void watcher_closed(uv_handle_t *handle) {
  struct watcher *watcher = handle->data;
  if (watcher->collected) free(watcher);
  else watcher->open = false;
}

static void watcher_stop(struct watcher *watcher) {
  if (!watcher->callback) return;
  napi_delete_reference(watcher->env, watcher->callback);
  napi_delete_reference(watcher->env, watcher->self);
  napi_async_destroy(watcher->env, watcher->context);
  watcher->callback = NULL;
  uv_close((uv_handle_t *)&watcher->poll, watcher_closed);
}

static void watcher_collected(napi_env env, void *data, void *hint) {
  struct watcher *watcher = data;
  (void)env, (void)hint;
  watcher_stop(watcher);
  if (watcher->open) watcher->collected = true;
  else free(watcher);
}

static void watcher_ready(uv_poll_t *poll, int status, int events) {
  struct watcher *watcher = poll->data;
  napi_env env = watcher->env;
  napi_handle_scope scope;
  napi_value callback, receiver, argument, error;
  (void)events;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, watcher->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok && napi_create_int32(env, status, &argument) == napi_ok &&
      napi_make_callback(env, watcher->context, receiver, callback, 1, &argument, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/* watcherClose(watcher): no callback comes after this. The descriptor stays open: close it afterwards. */
static napi_value watcher_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  void *watcher;
  napi_valuetype type;
  if (!arguments(env, info, 1, argv)) return NULL;
  if (napi_typeof(env, argv[0], &type) != napi_ok || type != napi_external ||
      napi_get_value_external(env, argv[0], &watcher) != napi_ok)
    return throw_argument(env, "a watcher is expected");
  watcher_stop(watcher);
  return NULL;
}

/* watch(fd, callback(status)) → watcher; called whenever the descriptor is readable, with 0 or a negative errno. */
static napi_value watch(napi_env env, napi_callback_info info) {
  napi_value argv[2], result, name;
  napi_valuetype type;
  struct watcher *watcher;
  uv_loop_t *loop;
  int fd, error;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  if (napi_typeof(env, argv[1], &type) != napi_ok || type != napi_function)
    return throw_argument(env, "a callback is expected");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return NULL;
  watcher = calloc(1, sizeof *watcher);
  if (!watcher) return throw_errno(env, ENOMEM, "calloc");
  error = uv_poll_init(loop, &watcher->poll, fd);
  if (error) {
    free(watcher);
    return throw_errno(env, -error, "poll");
  }
  watcher->env = env;
  watcher->open = true;
  watcher->poll.data = watcher;
  napi_create_string_utf8(env, "vswitch:watch", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &watcher->context);
  napi_create_reference(env, argv[1], 1, &watcher->callback);
  napi_create_external(env, watcher, watcher_collected, NULL, &result);
  napi_create_reference(env, result, 1, &watcher->self);
  uv_poll_start(&watcher->poll, UV_READABLE, watcher_ready);
  return result;
}

/* ---- Taps ----------------------------------------------------------------------------------------------------- */

/* tapOpen(name, flags, owner | -1, group | -1) → fd. Attaches to the tap, or creates one that lasts as long as the
 * descriptor. `flags` are IFF_* of linux/if_tun.h. Only a tap's creator should give an owner or group. */
static napi_value tap_open(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  struct ifreq request = {0};
  double owner, group;
  int flags, fd, error;
  const char *syscall = "open /dev/net/tun";
  if (!arguments(env, info, 4, argv) ||
      !string(env, argv[0], request.ifr_name, IFNAMSIZ, "an interface name has 1..15 bytes") ||
      !integer(env, argv[1], 0, 0xffff, "flags are 16 bits", &flags) ||
      !number(env, argv[2], -1, UINT32_MAX - 1.0, "an owner is a user id or -1", &owner) ||
      !number(env, argv[3], -1, UINT32_MAX - 1.0, "a group is a group id or -1", &group))
    return NULL;
  if (flags & ~TUN_FLAGS) return throw_argument(env, "unknown tap flags");
  request.ifr_flags = (short)(flags | IFF_TAP | IFF_NO_PI);
  fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) goto fail;
  syscall = "ioctl TUNSETIFF";
  if (ioctl(fd, TUNSETIFF, &request)) goto fail;
  syscall = "ioctl TUNSETOWNER";
  if (owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)owner)) goto fail;
  syscall = "ioctl TUNSETGROUP";
  if (group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)group)) goto fail;
  return js_number(env, fd);

fail:
  error = errno;
  if (fd >= 0) close(fd);
  return throw_errno(env, error, syscall);
}

/* tapPersist(fd): the tap outlives its descriptors from now on. */
static napi_value tap_persist(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  return ioctl(fd, TUNSETPERSIST, 1ul) ? throw_errno(env, errno, "ioctl TUNSETPERSIST") : NULL;
}

/* tapFlags(fd) → IFF_* of the tap behind the descriptor. */
static napi_value tap_flags(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  struct ifreq request = {0};
  int fd;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  if (ioctl(fd, TUNGETIFF, &request)) return throw_errno(env, errno, "ioctl TUNGETIFF");
  return js_number(env, (unsigned short)request.ifr_flags);
}

/* ---- Packet sockets and ethtool ------------------------------------------------------------------------------- */

/* packetOpen(ifindex, receiveBuffer | 0) → fd that reads and writes whole Ethernet frames of that device. */
static napi_value packet_open(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  int receive_buffer, fd, error;
  if (!arguments(env, info, 2, argv) ||
      !integer(env, argv[0], 1, INT32_MAX, "an ifindex is a positive integer", &address.sll_ifindex) ||
      !integer(env, argv[1], 0, 1 << 30, "a receive buffer is 0..2^30 bytes", &receive_buffer))
    return NULL;
  /* Protocol 0: nothing is received before bind() has named the device. */
  fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_errno(env, errno, "socket");
  if (set_receive_buffer(fd, receive_buffer) || bind(fd, (struct sockaddr *)&address, sizeof address)) {
    error = errno;
    close(fd);
    return throw_errno(env, error, "bind");
  }
  return js_number(env, fd);
}

/* The kernel writes as much as its answer to the command takes, so only commands whose answers have a known bound
 * are let through: struct ethtool_drvinfo, and link settings with at most 3 * 127 mask words behind them. */
static bool ethtool_is_bounded(uint32_t command) {
  return command == ETHTOOL_GDRVINFO || command == ETHTOOL_GLINKSETTINGS;
}

/* ethtool(name, Buffer): SIOCETHTOOL with the Buffer as the command's structure, answered in place. */
static napi_value ethtool(napi_env env, napi_callback_info info) {
  static union {
    uint32_t command;
    char bytes[ETHTOOL_MAX];
  } structure;
  napi_value argv[2];
  struct ifreq request = {.ifr_data = structure.bytes};
  void *data;
  size_t length;
  int fd, error = 0;
  if (!arguments(env, info, 2, argv) ||
      !string(env, argv[0], request.ifr_name, IFNAMSIZ, "an interface name has 1..15 bytes") ||
      !bytes(env, argv[1], &data, &length))
    return NULL;
  if (length < sizeof structure.command || length > sizeof structure)
    return throw_argument(env, "an ethtool structure has 4..4096 bytes");
  memset(&structure, 0, sizeof structure);
  memcpy(&structure, data, length);
  if (!ethtool_is_bounded(structure.command)) return throw_argument(env, "unknown ethtool command");
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, errno, "socket");
  if (ioctl(fd, SIOCETHTOOL, &request)) error = errno;
  close(fd);
  if (error) return throw_errno(env, error, "ioctl SIOCETHTOOL");
  memcpy(data, &structure, length);
  return NULL;
}

/* ---- Locks, users, groups ------------------------------------------------------------------------------------- */

/* lockFile(fd) → whether this process now holds the write lock on the whole file. */
static napi_value lock_file(napi_env env, napi_callback_info info) {
  napi_value argv[1], result = NULL;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd;
  bool held;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  held = !fcntl(fd, F_SETLK, &lock);
  if (!held && errno != EACCES && errno != EAGAIN) return throw_errno(env, errno, "fcntl F_SETLK");
  napi_get_boolean(env, held, &result);
  return result;
}

/* lockHolder(fd) → pid of another process that holds a lock on the file, or null. */
static napi_value lock_holder(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  if (fcntl(fd, F_GETLK, &lock)) return throw_errno(env, errno, "fcntl F_GETLK");
  return lock.l_type == F_UNLCK ? js_null(env) : js_number(env, lock.l_pid);
}

/* userId(name) → uid, or null when there is no such user. */
static napi_value user_id(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char name[256], storage[16384];
  struct passwd entry, *found = NULL;
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a user name has 1..255 bytes"))
    return NULL;
  getpwnam_r(name, &entry, storage, sizeof storage, &found);
  return found ? js_number(env, found->pw_uid) : js_null(env);
}

/* userGroup(name) → gid of the user's own group, or null when there is no such user. */
static napi_value user_group(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char name[256], storage[16384];
  struct passwd entry, *found = NULL;
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a user name has 1..255 bytes"))
    return NULL;
  getpwnam_r(name, &entry, storage, sizeof storage, &found);
  return found ? js_number(env, found->pw_gid) : js_null(env);
}

/* joinGroups(name, gid): this process gets the groups of that user, and that one. */
static napi_value join_groups(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  char name[256];
  int gid;
  if (!arguments(env, info, 2, argv) || !string(env, argv[0], name, sizeof name, "a user name has 1..255 bytes") ||
      !integer(env, argv[1], 0, INT32_MAX, "a group id is a non-negative integer", &gid))
    return NULL;
  if (initgroups(name, (gid_t)gid)) return throw_errno(env, errno, "initgroups");
  return NULL;
}

/* keepCapabilities(): the next change of user leaves this thread what it is permitted; it must be raised again. */
static napi_value keep_capabilities(napi_env env, napi_callback_info info) {
  (void)info;
  if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L)) return throw_errno(env, errno, "prctl");
  return NULL;
}

/* raiseCapabilities(mask): this thread has those of these capabilities (1 << CAP_*) that it is permitted, no others, and
 * so have the programs that it starts. */
static napi_value raise_capabilities(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int mask;
  if (!arguments(env, info, 1, argv) ||
      !integer(env, argv[0], 0, INT32_MAX, "a mask of capabilities is a non-negative integer", &mask))
    return NULL;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
  if (syscall(SYS_capget, &header, data)) return throw_errno(env, errno, "capget");
  __u32 kept = data[0].permitted & (__u32)mask;
  memset(data, 0, sizeof data);
  data[0].effective = data[0].permitted = data[0].inheritable = kept;
  if (syscall(SYS_capset, &header, data)) return throw_errno(env, errno, "capset");
  for (unsigned long each = 0; each < 31; each++)
    if (kept >> each & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0L, 0L))
      return throw_errno(env, errno, "prctl");
  return NULL;
}

/* groupId(name) → gid, or null when there is no such group. */
static napi_value group_id(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char name[256], storage[65536];
  struct group entry, *found = NULL;
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a group name has 1..255 bytes"))
    return NULL;
  getgrnam_r(name, &entry, storage, sizeof storage, &found);
  return found ? js_number(env, found->gr_gid) : js_null(env);
}

/* ---- Processes ------------------------------------------------------------------------------------------------ */

/* duplicate(fd, target): `target` becomes another descriptor of the same open file; what it was is closed. */
static napi_value duplicate(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int fd, target;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) || !descriptor(env, argv[1], &target))
    return NULL;
  if (dup2(fd, target) < 0) return throw_errno(env, errno, "dup2");
  return NULL;
}

/* setName(name): the name of this process in /proc/PID/comm, of which the kernel keeps 15 bytes. */
static napi_value set_name(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char name[64];
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a process name has 1..63 bytes"))
    return NULL;
  if (prctl(PR_SET_NAME, name)) return throw_errno(env, errno, "prctl PR_SET_NAME");
  return NULL;
}

/* datagramOpen(path) → fd of a unix datagram socket connected to that path, such as /dev/log. */
static napi_value datagram_open(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd, error;
  if (!arguments(env, info, 1, argv) ||
      !string(env, argv[0], address.sun_path, sizeof address.sun_path, "a socket's path has 1..107 bytes"))
    return NULL;
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_errno(env, errno, "socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
    error = errno;
    close(fd);
    return throw_errno(env, error, "connect");
  }
  return js_number(env, fd);
}

/* ---- BPF ------------------------------------------------------------------------------------------------------ */

/* The kernel reads more of the structure than older headers know, so everything else in it must be 0. */
static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* The verifier's first lines tell what it dislikes. */
static napi_value throw_verdict(napi_env env, int error, const char *log) {
  char text[BPF_LOG_SHOWN];
  snprintf(text, sizeof text, "bpf%s%.*s", *log ? ": " : "", (int)(sizeof text - sizeof "bpf: "), log);
  return throw_errno(env, error, text);
}

/* programLoad(name, instructions) → fd of a classifier for tc, which is gone when nobody refers to it. */
static napi_value program_load(napi_env env, napi_callback_info info) {
  static char log[4096];
  napi_value argv[2];
  union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SCHED_CLS};
  void *code;
  size_t length;
  int fd;
  if (!arguments(env, info, 2, argv) ||
      !string(env, argv[0], attributes.prog_name, BPF_OBJ_NAME_LEN, "a program's name has 1..15 bytes") ||
      !bytes(env, argv[1], &code, &length))
    return NULL;
  if (length == 0 || length % sizeof(struct bpf_insn)) return throw_argument(env, "instructions have 8 bytes each");
  attributes.insn_cnt = (uint32_t)(length / sizeof(struct bpf_insn));
  attributes.insns = (uintptr_t)code;
  attributes.license = (uintptr_t) "Apache-2.0";
  fd = bpf(BPF_PROG_LOAD, &attributes);
  if (fd >= 0) return js_number(env, fd);
  if (errno != EINVAL && errno != EACCES) return throw_errno(env, errno, "bpf");
  attributes.log_level = 1;
  attributes.log_size = sizeof log;
  attributes.log_buf = (uintptr_t)log;
  log[0] = 0;
  fd = bpf(BPF_PROG_LOAD, &attributes);
  return fd >= 0 ? js_number(env, fd) : throw_verdict(env, errno, log);
}

/* counterCreate(name, size) → fd of a map with one value of `size` bytes for each processor, all 0. */
static napi_value counter_create(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .max_entries = 1};
  int size, fd;
  if (!arguments(env, info, 2, argv) ||
      !string(env, argv[0], attributes.map_name, BPF_OBJ_NAME_LEN, "a map's name has 1..15 bytes") ||
      !integer(env, argv[1], 8, COUNTER_MAX, "a counter has 8..256 bytes", &size))
    return NULL;
  if (size % 8) return throw_argument(env, "a counter's size is a multiple of 8");
  attributes.value_size = (uint32_t)size;
  fd = bpf(BPF_MAP_CREATE, &attributes);
  return fd < 0 ? throw_errno(env, errno, "bpf") : js_number(env, fd);
}

/* counterOf(program id) → fd of the first map that the program uses. */
static napi_value counter_of(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  union bpf_attr by_id = {0}, about = {0};
  struct bpf_prog_info program = {0};
  double id;
  uint32_t map = 0;
  int fd, error;
  if (!arguments(env, info, 1, argv) || !number(env, argv[0], 1, UINT32_MAX, "a program's id is positive", &id))
    return NULL;
  by_id.prog_id = (uint32_t)id;
  fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
  if (fd < 0) return throw_errno(env, errno, "bpf");
  program.nr_map_ids = 1;
  program.map_ids = (uintptr_t)&map;
  about.info.bpf_fd = (uint32_t)fd;
  about.info.info_len = sizeof program;
  about.info.info = (uintptr_t)&program;
  error = bpf(BPF_OBJ_GET_INFO_BY_FD, &about) ? errno : program.nr_map_ids == 0 ? ENOENT : 0;
  close(fd);
  if (error) return throw_errno(env, error, "bpf");
  memset(&by_id, 0, sizeof by_id);
  by_id.map_id = map;
  fd = bpf(BPF_MAP_GET_FD_BY_ID, &by_id);
  return fd < 0 ? throw_errno(env, errno, "bpf") : js_number(env, fd);
}

/* How many processors there may ever be, each with its own value: 0-7 or 0,2-3 in the kernel's list. */
static int possible_processors(void) {
  char text[256], *end;
  int highest = 0, fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return -1;
  text[length] = 0;
  for (char *at = text; *at >= '0' && *at <= '9'; at = end + 1) {
    highest = (int)strtol(at, &end, 10);
    if (*end != '-' && *end != ',') break;
  }
  return highest + 1;
}

/* counterRead(fd, size) → Buffer with the values of all processors, one after the other. */
static napi_value counter_read(napi_env env, napi_callback_info info) {
  napi_value argv[2], result;
  union bpf_attr attributes = {0};
  uint32_t key = 0;
  int fd, size, processors = possible_processors();
  void *values;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) ||
      !integer(env, argv[1], 8, COUNTER_MAX, "a counter has 8..256 bytes", &size))
    return NULL;
  if (size % 8) return throw_argument(env, "a counter's size is a multiple of 8");
  if (processors < 0) return throw_errno(env, EIO, "read /sys/devices/system/cpu/possible");
  if (napi_create_buffer(env, (size_t)size * (size_t)processors, &values, &result) != napi_ok) return NULL;
  attributes.map_fd = (uint32_t)fd;
  attributes.key = (uintptr_t)&key;
  attributes.value = (uintptr_t)values;
  return bpf(BPF_MAP_LOOKUP_ELEM, &attributes) ? throw_errno(env, errno, "bpf") : result;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } verbs[] = {
      {"close", close_descriptor}, {"counterCreate", counter_create}, {"counterOf", counter_of},
      {"counterRead", counter_read}, {"datagramOpen", datagram_open}, {"duplicate", duplicate},
      {"ethtool", ethtool}, {"groupId", group_id}, {"joinGroups", join_groups}, {"keepCapabilities", keep_capabilities},
      {"lockFile", lock_file},
      {"lockHolder", lock_holder}, {"namespaceCreate", namespace_create}, {"netlinkJoin", netlink_join},
      {"netlinkOpen", netlink_open}, {"netlinkReceive", netlink_receive}, {"packetOpen", packet_open},
      {"programLoad", program_load}, {"raiseCapabilities", raise_capabilities}, {"readFrames", read_frames}, {"send", send_datagram},
      {"setName", set_name}, {"tapFlags", tap_flags}, {"tapOpen", tap_open}, {"tapPersist", tap_persist},
      {"userGroup", user_group}, {"userId", user_id}, {"waitReadable", wait_readable}, {"watch", watch},
      {"watcherClose", watcher_close}, {"writeFrame", write_frame},
  };
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    napi_value function;
    if (napi_create_function(env, verbs[i].name, NAPI_AUTO_LENGTH, verbs[i].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, verbs[i].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
