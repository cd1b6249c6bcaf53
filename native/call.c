/* What a verb takes and gives: its arguments, checked, its result, and the errors that it throws. */

#include "call.h"
#include <stdio.h>
#include <string.h>
#include <uv.h>

napi_value throw_errno(napi_env env, int error, const char *syscall) {
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

napi_value throw_argument(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", what);
  return NULL;
}

bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value argv[]) {
  size_t argc = count;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == napi_ok && argc == count) return true;
  throw_argument(env, "wrong number of arguments");
  return false;
}

/* Numbers are checked as doubles: napi_get_value_int32 would wrap what does not fit and cut fractions. */
bool number(napi_env env, napi_value value, double min, double max, const char *what, double *result) {
  if (napi_get_value_double(env, value, result) == napi_ok && *result >= min && *result <= max &&
      *result == (double)(int64_t)*result)
    return true;
  throw_argument(env, what);
  return false;
}

bool integer(napi_env env, napi_value value, int min, int max, const char *what, int *result) {
  double wide;
  if (!number(env, value, min, max, what, &wide)) return false;
  *result = (int)wide;
  return true;
}

bool descriptor(napi_env env, napi_value value, int *fd) {
  return integer(env, value, 0, INT32_MAX, "a file descriptor is a non-negative integer", fd);
}

bool bytes(napi_env env, napi_value value, void **data, size_t *length) {
  bool is_buffer = false;
  if (napi_is_buffer(env, value, &is_buffer) == napi_ok && is_buffer &&
      napi_get_buffer_info(env, value, data, length) == napi_ok)
    return true;
  throw_argument(env, "a Buffer is expected");
  return false;
}

bool string(napi_env env, napi_value value, char *text, size_t size, const char *what) {
  size_t length, copied;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length > 0 && length < size &&
      napi_get_value_string_utf8(env, value, text, size, &copied) == napi_ok && strlen(text) == length)
    return true;
  throw_argument(env, what);
  return false;
}

napi_value js_number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

napi_value js_null(napi_env env) {
  napi_value result = NULL;
  napi_get_null(env, &result);
  return result;
}
