/* The tun ioctls. */

#include "call.h"
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_FLAGS (IFF_MULTI_QUEUE | IFF_VNET_HDR | IFF_TUN_EXCL)

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

const struct verb tap_verbs[] = {
    {"tapFlags", tap_flags},
    {"tapOpen", tap_open},
    {"tapPersist", tap_persist},
    {NULL, NULL},
};
