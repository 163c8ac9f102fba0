/** An HTTP client that sends what it is told, as no browser and no `fetch` would. */
import { inTime } from "./events.ts";

/** What is sent. */
export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What comes back. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Asks the server at `url`, which may be `unix:` and a path, once. */
export async function ask(url: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
  const { method = "GET", headers = {}, body = "" } = request;
  using connection = await connect(url);
  const host = url.startsWith("unix:") ? "localhost" : new URL(url).host;
  const lines = Object.entries({
    host,
    connection: "close",
    "content-length": String(new TextEncoder().encode(body).length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
  await connection.write(new TextEncoder().encode(text));
  return parse(await inTime(new Response(connection.readable).text(), `an answer to ${path}`));
}

async function connect(url: string): Promise<Deno.Conn> {
  if (url.startsWith("unix:")) {
    return await Deno.connect({ transport: "unix", path: url.slice("unix:".length) });
  }
  const { hostname, port } = new URL(url);
  return await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
}

function parse(text: string): RawAnswer {
  const [head, ...rest] = text.split("\r\n\r\n");
  const [statusLine, ...lines] = head!.split("\r\n");
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const body = rest.join("\r\n\r\n");
  return { status: Number(statusLine!.split(" ")[1]), headers, body };
}
