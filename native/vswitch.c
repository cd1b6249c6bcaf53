/* What Node cannot do by itself: netlink sockets, tun ioctls, packet sockets, fcntl() locks, and waiting for a
 * descriptor. Every verb checks its arguments, does one thing, and throws an Error with `code` ('EEXIST'), `errno`
 * (-17) and `syscall`, as Node's own errors do. It moves bytes: message layouts and all policy are TypeScript. */

#include "call.h"

extern const struct verb bpf_verbs[], datagram_verbs[], device_verbs[], lock_verbs[], netlink_verbs[], process_verbs[],
    tap_verbs[], watcher_verbs[];

static const struct verb *const tables[] = {
    bpf_verbs, datagram_verbs, device_verbs, lock_verbs, netlink_verbs, process_verbs, tap_verbs, watcher_verbs,
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    for (const struct verb *verb = tables[i]; verb->name; verb++) {
      napi_value function;
      if (napi_create_function(env, verb->name, NAPI_AUTO_LENGTH, verb->call, NULL, &function) != napi_ok ||
          napi_set_named_property(env, exports, verb->name, function) != napi_ok)
        return NULL;
    }
  return exports;
}
