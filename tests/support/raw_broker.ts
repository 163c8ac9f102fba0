/** A broker that a test writes byte by byte, to answer as no real one can be made to. */

/** A server on a free port that handles each connection and then closes it. */
export function serve(
  handle: (socket: Deno.TcpConn) => Promise<void>,
): AsyncDisposable & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const handled: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const socket of listener) {
      handled.push(handle(socket).catch(() => {}).finally(() => closeOnce(socket)));
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(handled);
    },
  };
}

function closeOnce(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // Piping has closed it already.
  }
}

/** The next MQTT packet, of less than 128 bytes, without its fixed header. */
export async function packet(socket: Deno.TcpConn): Promise<Uint8Array> {
  const [, length] = await bytes(socket, 2);
  return bytes(socket, length);
}

/** The next bytes. */
export async function bytes(socket: Deno.TcpConn, count: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(count);
  for (let filled = 0; filled < count;) {
    const read = await socket.read(buffer.subarray(filled));
    if (read === null) throw new Error("The connection was closed");
    filled += read;
  }
  return buffer;
}
