/** The platform as result files see it: signs, stores and takes note of what was uploaded. */
import { extname } from "node:path";
import { crc32 } from "node:zlib";
import { Inbox } from "./events.ts";
import { serveOnLoopback } from "./loopback.ts";

/** A call as it arrived, before its body was read. */
export interface StorageCall {
  readonly type: "sign" | "put" | "report";
  /** The file's name as it was asked for, or the workload's UUID for a report. */
  readonly name: string;
  readonly request: Request;
  /** Its place in the order of all calls, from 1. */
  readonly number: number;
}

/** What was stored for an attachment. */
export interface StoredObject {
  readonly size: number;
  readonly checksum: number;
  readonly headers: Headers;
}

/** What a workload's results were reported as. */
export interface Report {
  readonly filenames: string[];
  readonly signed_urls: string[];
  readonly attachment_uuids: string[];
}

/** Answers a call in place of the server, when it gives an answer. */
type Answer = (call: StorageCall) => Response | undefined | Promise<Response | undefined>;

/** A real HTTP server. */
export class StorageServer implements AsyncDisposable {
  /** What calls get instead of the right answer. */
  answer: Answer = () => undefined;
  readonly calls = new Inbox<StorageCall>();
  /** What is stored, by the attachment's UUID. */
  readonly objects = new Map<string, StoredObject>();
  readonly reports = new Map<string, Report>();
  /** What files were called when their URLs were asked for, by what they are called here. */
  readonly #asked = new Map<string, string>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #number = 0;

  constructor() {
    this.#server = serveOnLoopback((request) => this.#serve(request));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** What is stored of a workload's reported files, by their names. */
  stored(workloadUuid: string): Record<string, StoredObject> {
    const { filenames, attachment_uuids } = this.reports.get(workloadUuid)!;
    return Object.fromEntries(
      filenames.map((name, index) => [name, this.objects.get(attachment_uuids[index])!]),
    );
  }

  /** The calls of a type so far, by name. */
  names(type: StorageCall["type"]): string[] {
    return this.calls.all.filter((call) => call.type === type).map(({ name }) => name);
  }

  async #serve(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith("/stored/")) {
      const stored = pathname.slice("/stored/".length);
      const call = this.#note("put", this.#asked.get(stored)!, request);
      return await this.answer(call) ??
        (searchParams.get("signature") === SIGNATURE
          ? await this.#store(stored, call)
          : new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403 }));
    }
    const [, workloadUuid, action] = /^\/api\/v1\/cloud-node-workloads\/(.+)\/(.+)$/.exec(
      pathname,
    )!;
    if (request.headers.get("Authorization") !== `Token ${TOKEN}`) {
      return new Response(null, { status: 401 });
    }
    const body = await request.json();
    if (action === "attachments") {
      const call = this.#note("sign", body.filename, request);
      return await this.answer(call) ??
        this.#sign(body.filename);
    }
    const call = this.#note("report", workloadUuid, request);
    const answer = await this.answer(call);
    if (answer !== undefined) return answer;
    this.reports.set(workloadUuid, body);
    return Response.json({ success: true });
  }

  #note(type: StorageCall["type"], name: string, request: Request): StorageCall {
    const call = { type, name, request, number: ++this.#number };
    this.calls.push(call);
    return call;
  }

  /** Names an attachment, as the platform does. */
  #sign(asked: string): Response {
    const filename = `${crypto.randomUUID()}${extname(asked)}`;
    this.#asked.set(filename, asked);
    const signed_url = `${this.url}/stored/${filename}?signature=${SIGNATURE}`;
    return Response.json({ signed_url, filename, expiration_hours: 1 });
  }

  async #store(filename: string, { request }: StorageCall): Promise<Response> {
    let size = 0;
    let checksum = 0;
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      checksum = crc32(chunk, checksum);
    }
    this.objects.set(filename.slice(0, 36), { size, checksum, headers: request.headers });
    return new Response();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The token that the platform accepts. */
export const TOKEN = "token-for-tests";

/** What makes a URL of this server a credential. */
export const SIGNATURE = "sIgNaTuRe-0123456789";
