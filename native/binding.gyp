{
  "targets": [
    {
      "target_name": "vswitch",
      "sources": [
        "bpf.c",
        "call.c",
        "datagram.c",
        "device.c",
        "lock.c",
        "netlink.c",
        "process.c",
        "tap.c",
        "vswitch.c",
        "watcher.c"
      ],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-O2", "-fvisibility=hidden"],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
      "conditions": [["'<!(echo $CI)'!=''", { "cflags": ["-Werror"] }]]
    }
  ]
}
