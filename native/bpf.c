/* BPF programs, and the maps in which they count. */

#include "call.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNTER_MAX 256
#define BPF_LOG_SHOWN 128

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

const struct verb bpf_verbs[] = {
    {"counterCreate", counter_create},
    {"counterOf", counter_of},
    {"counterRead", counter_read},
    {"programLoad", program_load},
    {NULL, NULL},
};
