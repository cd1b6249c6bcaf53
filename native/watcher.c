/* Waiting for a descriptor in the event loop. */

#include "call.h"
#include <stdlib.h>
#include <uv.h>

/* Lives until both its JavaScript value is collected and libuv has closed the poll. An open watcher holds a reference
 * to its own value, so that it is never collected before it is closed. */
struct watcher {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback, self;
  napi_async_context context;
  bool open, collected;
};

static void watcher_closed(uv_handle_t *handle) {
  struct watcher *watcher = handle->data;
  if (watcher->collected) free(watcher);
  else watcher->open = false;
}

static void watcher_stop(struct watcher *watcher) {
  if (!watcher->callback) return;
  napi_delete_reference(watcher->env, watcher->callback);
  napi_delete_reference(watcher->env, watcher->self);
  napi_async_destroy(watcher->env, watcher->context);
  watcher->callback = NULL;
  uv_close((uv_handle_t *)&watcher->poll, watcher_closed);
}

static void watcher_collected(napi_env env, void *data, void *hint) {
  struct watcher *watcher = data;
  (void)env, (void)hint;
  watcher_stop(watcher);
  if (watcher->open) watcher->collected = true;
  else free(watcher);
}

static void watcher_ready(uv_poll_t *poll, int status, int events) {
  struct watcher *watcher = poll->data;
  napi_env env = watcher->env;
  napi_handle_scope scope;
  napi_value callback, receiver, argument, error;
  (void)events;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, watcher->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok && napi_create_int32(env, status, &argument) == napi_ok &&
      napi_make_callback(env, watcher->context, receiver, callback, 1, &argument, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/* watcherClose(watcher): no callback comes after this. The descriptor stays open: close it afterwards. */
static napi_value watcher_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  void *watcher;
  napi_valuetype type;
  if (!arguments(env, info, 1, argv)) return NULL;
  if (napi_typeof(env, argv[0], &type) != napi_ok || type != napi_external ||
      napi_get_value_external(env, argv[0], &watcher) != napi_ok)
    return throw_argument(env, "a watcher is expected");
  watcher_stop(watcher);
  return NULL;
}

/* watch(fd, callback(status)) → watcher; called whenever the descriptor is readable, with 0 or a negative errno. */
static napi_value watch(napi_env env, napi_callback_info info) {
  napi_value argv[2], result, name;
  napi_valuetype type;
  struct watcher *watcher;
  uv_loop_t *loop;
  int fd, error;
  if (!arguments(env, info, 2, argv) || !descriptor(env, argv[0], &fd)) return NULL;
  if (napi_typeof(env, argv[1], &type) != napi_ok || type != napi_function)
    return throw_argument(env, "a callback is expected");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return NULL;
  watcher = calloc(1, sizeof *watcher);
  if (!watcher) return throw_errno(env, ENOMEM, "calloc");
  error = uv_poll_init(loop, &watcher->poll, fd);
  if (error) {
    free(watcher);
    return throw_errno(env, -error, "poll");
  }
  watcher->env = env;
  watcher->open = true;
  watcher->poll.data = watcher;
  napi_create_string_utf8(env, "vswitch:watch", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &watcher->context);
  napi_create_reference(env, argv[1], 1, &watcher->callback);
  napi_create_external(env, watcher, watcher_collected, NULL, &result);
  napi_create_reference(env, result, 1, &watcher->self);
  uv_poll_start(&watcher->poll, UV_READABLE, watcher_ready);
  return result;
}

const struct verb watcher_verbs[] = {
    {"watch", watch},
    {"watcherClose", watcher_close},
    {NULL, NULL},
};
