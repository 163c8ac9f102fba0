/** A TCP link to a server that can be cut, without an end of the server. */

/** Passes connections on to a port on loopback until they are cut. */
export class CuttableLink implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  constructor(readonly targetPort: number) {
    this.#serving = this.#serve();
  }

  /** Where to connect to. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Cuts all connections, whatever is on its way. */
  cut(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const passing = new Set<Promise<void>>();
    for await (const near of this.#listener) {
      const passed = this.#pass(near).finally(() => passing.delete(passed));
      passing.add(passed);
    }
    await Promise.all(passing);
  }

  async #pass(near: Deno.TcpConn): Promise<void> {
    this.#connections.add(near);
    let far: Deno.TcpConn | undefined;
    try {
      far = await Deno.connect({ hostname: "127.0.0.1", port: this.targetPort });
      this.#connections.add(far);
      if (!this.#connections.has(near)) return;
      near.setNoDelay();
      far.setNoDelay();
      await Promise.race([near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)]);
    } catch {
      // The server is away, or the link was cut.
    } finally {
      for (const end of [near, far]) {
        if (end === undefined) continue;
        this.#connections.delete(end);
        close(end);
      }
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
