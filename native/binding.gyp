{
  "targets": [
    {
      "target_name": "vswitch",
      "sources": ["vswitch.c"],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-O2"],
      "defines": ["NAPI_VERSION=8"],
      "conditions": [["'<!(echo $CI)'!=''", { "cflags": ["-Werror"] }]]
    }
  ]
}
