/* What a verb takes and gives. Those that return a bool return false when they have thrown. */

#ifndef VSWITCH_CALL_H
#define VSWITCH_CALL_H

#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function of the helper, by its name in JavaScript; each file's table ends with one that has none. */
struct verb {
  const char *name;
  napi_callback call;
};

/* Throws an Error with `code` ('EEXIST'), `errno` (-17) and `syscall`; returns NULL. `error` is positive. */
napi_value throw_errno(napi_env env, int error, const char *syscall);

/* Throws a TypeError; returns NULL. */
napi_value throw_argument(napi_env env, const char *what);

/* Fills `argv` with exactly `count` arguments. */
bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value argv[]);

/* A whole number from `min` to `max`. */
bool number(napi_env env, napi_value value, double min, double max, const char *what, double *result);
bool integer(napi_env env, napi_value value, int min, int max, const char *what, int *result);

bool descriptor(napi_env env, napi_value value, int *fd);

/* The bytes of a Buffer, in place. */
bool bytes(napi_env env, napi_value value, void **data, size_t *length);

/* Copies a string that must fit into `size` bytes with its terminator, and hold no NUL. */
bool string(napi_env env, napi_value value, char *text, size_t size, const char *what);

napi_value js_number(napi_env env, double value);
napi_value js_null(napi_env env);

#endif
