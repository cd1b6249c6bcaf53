/* Datagrams, frames, and the descriptors that they come from. */

#include "datagram.h"
#include "call.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char datagram[DATAGRAM_MAX];

napi_value receive_batch(napi_env env, napi_callback_info info, ssize_t (*receive)(int), const char *syscall) {
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

static ssize_t receive_frame(int fd) {
  ssize_t length;
  do length = read(fd, datagram, sizeof datagram);
  while (length < 0 && errno == EINTR);
  return length < 0 ? (errno == EAGAIN ? 0 : -errno) : length;
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

/* duplicate(fd, target): `target` becomes another descriptor of the same open file; what it was is closed. */
static napi_value duplicate(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int fd, target;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd) || !descriptor(env, argv[1], &target))
    return NULL;
  if (dup2(fd, target) < 0) return throw_errno(env, errno, "dup2");
  return NULL;
}

/* close(fd): for the descriptors that the verbs here return; Node only likes to close those that it has opened. */
static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  /* After EINTR Linux has closed the descriptor all the same. */
  return close(fd) && errno != EINTR ? throw_errno(env, errno, "close") : NULL;
}

const struct verb datagram_verbs[] = {
    {"close", close_descriptor},
    {"datagramOpen", datagram_open},
    {"duplicate", duplicate},
    {"readFrames", read_frames},
    {"send", send_datagram},
    {"waitReadable", wait_readable},
    {"writeFrame", write_frame},
    {NULL, NULL},
};
