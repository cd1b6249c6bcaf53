/**
 * The right to act in a network namespace. Two switches that follow the same database are kept apart by its lock; two
 * that follow different ones would each take down what the other makes. So whoever acts holds a socket whose abstract
 * name, unlike a file's, is known throughout the network namespace, and nowhere else; the kernel frees it however the
 * process ends.
 */
import { createServer, type Server } from 'node:net';

const socketName = '\0vswitch/ovs-vswitchd';

export class NamespaceClaim {
  #server: Server | undefined;

  /** Whether this process holds it, now that it has tried. */
  async take(): Promise<boolean> {
    this.#server ??= await listen();
    return this.#server !== undefined;
  }

  /** Leaves the namespace to others. */
  release(): void {
    this.#server?.close();
    this.#server = undefined;
  }
}

/** undefined: the name is taken. Nobody who connects is answered. */
const listen = (): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(socketName, () => resolve(server));
    server.unref();
  });
