/* The locks of fcntl(2), by which daemons guard their files. */

#include "call.h"
#include <fcntl.h>

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

const struct verb lock_verbs[] = {
    {"lockFile", lock_file},
    {"lockHolder", lock_holder},
    {NULL, NULL},
};
