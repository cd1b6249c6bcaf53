/* What sockets of all families share. */

#ifndef VSWITCH_SOCKET_H
#define VSWITCH_SOCKET_H

/* `size` in bytes, or 0 for the system's default; -1 with errno when it is refused. */
int set_receive_buffer(int fd, int size);

#endif
