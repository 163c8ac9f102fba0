/**
 * An MQTT broker inside this process, for development and tests.
 *
 * @module
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";

/** How to start a broker. */
interface EmbeddedBrokerOptions {
  /** The address to listen on. Default: loopback. */
  readonly host?: string;
  /** The port to listen on. Default: one that the system chooses. */
  readonly port?: number;
  /** What clients must give as their password, whatever their user name. Default: none is needed. */
  readonly password?: string;
}

/** An MQTT 3.1.1 and 5 broker on a port of its own. It keeps sessions in memory. */
export class EmbeddedBroker implements AsyncDisposable {
  /** The address it listens on. */
  readonly host: string;
  /** The port it listens on. */
  readonly port: number;
  readonly #server: Server;
  readonly #closeClients: () => Promise<void>;

  private constructor(host: string, server: Server, closeClients: () => Promise<void>) {
    this.host = host;
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#closeClients = closeClients;
  }

  /** Starts a broker. */
  static async start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const { host = "127.0.0.1", port = 0, password } = options;
    // Loaded here because a node that serves the platform never needs it.
    const { Aedes } = await import("aedes");
    const aedes = await Aedes.createBroker({
      authenticate: (_client, _username, given, done) =>
        done(null, password === undefined || given?.toString() === password),
    });
    // Nagle's algorithm would add 40 ms to many an exchange.
    const closed = new Map<Socket, Promise<unknown>>();
    const server = createServer({ noDelay: true }, (socket) => {
      const close = new Promise((resolve) => socket.once("close", resolve));
      closed.set(socket, close.finally(() => closed.delete(socket)));
      aedes.handle(oneByOne(socket));
    });
    const closeClients = async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of closed.keys()) socket.destroy();
      await Promise.all(closed.values());
    };
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      await closeClients();
      throw error;
    }
    return new EmbeddedBroker(host, server, closeClients);
  }

  /** Closes every connection and stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Not waited for: some versions of Deno miscount connections and never call back.
    this.#server.close();
    await this.#closeClients();
  }
}

/**
 * The socket as a stream that holds one buffer at a time. aedes reads once for each "readable",
 * Deno's streams give one buffer for each read, and what is left over would wait for ever.
 */
function oneByOne(socket: Socket): Duplex {
  const stream = new Duplex({
    readableHighWaterMark: 1,
    read: () => void socket.resume(),
    write: (chunk, encoding, done) => void socket.write(chunk, encoding, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk) => {
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on("end", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error));
  socket.on("close", () => stream.destroy());
  return stream;
}
