/* Network devices: packet sockets, and what ethtool tells. */

#include "call.h"
#include "socket.h"
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETHTOOL_MAX 4096

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

const struct verb device_verbs[] = {
    {"ethtool", ethtool},
    {"packetOpen", packet_open},
    {NULL, NULL},
};
