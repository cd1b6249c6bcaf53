/* Datagrams and frames, many at a time. */

#ifndef VSWITCH_DATAGRAM_H
#define VSWITCH_DATAGRAM_H

#include <node_api.h>
#include <sys/types.h>

/* Larger than any datagram the kernel builds for a reader that offers this much (32 KiB dumps, 64 KiB frames). */
#define DATAGRAM_MAX (128 * 1024)

/* Where `receive_batch` has each datagram put. */
extern char datagram[DATAGRAM_MAX];

/* Collects up to `limit` datagrams, until the descriptor has no more. `receive` puts one into `datagram`, and returns
 * its length, 0 when there is none, or -errno. An error drops what was collected: after an overrun the reader has lost
 * messages anyway and must look at everything again. */
napi_value receive_batch(napi_env env, napi_callback_info info, ssize_t (*receive)(int), const char *syscall);

#endif
