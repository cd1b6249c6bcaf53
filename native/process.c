/* Users and groups, and what this process may do and is called. */

#include "call.h"
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number of a user, or of the user's own group. */
static napi_value find_user(napi_env env, napi_callback_info info, bool group) {
  napi_value argv[1];
  char name[256], storage[16384];
  struct passwd entry, *found = NULL;
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a user name has 1..255 bytes"))
    return NULL;
  getpwnam_r(name, &entry, storage, sizeof storage, &found);
  return found ? js_number(env, group ? found->pw_gid : found->pw_uid) : js_null(env);
}

/* userId(name) → uid, or null when there is no such user. */
static napi_value user_id(napi_env env, napi_callback_info info) {
  return find_user(env, info, false);
}

/* userGroup(name) → gid of the user's own group, or null when there is no such user. */
static napi_value user_group(napi_env env, napi_callback_info info) {
  return find_user(env, info, true);
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

/* setName(name): the name of this process in /proc/PID/comm, of which the kernel keeps 15 bytes. */
static napi_value set_name(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char name[64];
  if (!arguments(env, info, 1, argv) || !string(env, argv[0], name, sizeof name, "a process name has 1..63 bytes"))
    return NULL;
  if (prctl(PR_SET_NAME, name)) return throw_errno(env, errno, "prctl PR_SET_NAME");
  return NULL;
}

const struct verb process_verbs[] = {
    {"groupId", group_id},
    {"joinGroups", join_groups},
    {"keepCapabilities", keep_capabilities},
    {"raiseCapabilities", raise_capabilities},
    {"setName", set_name},
    {"userGroup", user_group},
    {"userId", user_id},
    {NULL, NULL},
};
