/** A collector of OpenTelemetry: a real server for OTLP as JSON. */
import { Inbox } from "./events.ts";
import { serveOnLoopback } from "./loopback.ts";

/** A span as it came. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: string };
  }[];
  readonly events?: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A request as it came. */
export interface Export {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Answers a request in place of the collector, when it gives an answer. */
type Answer = (request: Export) => Response | undefined | Promise<Response | undefined>;

/** Takes what is exported to it. */
export class Collector implements AsyncDisposable {
  /** What exports get instead of the right answer. */
  answer: Answer = () => undefined;
  /** All exports, of spans and of anything else. */
  readonly exports = new Inbox<Export>();
  /** The spans of those that were answered well. */
  readonly spans = new Inbox<CollectedSpan>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Begins to listen. */
  constructor() {
    this.#server = serveOnLoopback((request) => this.#take(request));
  }

  /** Where it is. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The variables that send traces here. */
  get env(): Record<string, string> {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: this.url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
  }

  /** The spans of the next trace that begins with a span of this name, by their names. */
  async trace(name: string): Promise<Record<string, CollectedSpan>> {
    const root = await this.spans.next((span) => span.name === name);
    const spans = this.spans.all.filter(({ traceId }) => traceId === root.traceId);
    return Object.fromEntries(spans.map((span) => [span.name, span]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.text();
    const taken = { path: new URL(request.url).pathname, headers: request.headers, body };
    this.exports.push(taken);
    const answer = await this.answer(taken);
    if (answer !== undefined) return answer;
    if (taken.path.endsWith("/v1/traces")) {
      for (const span of spansIn(body)) this.spans.push(span);
    }
    return Response.json({});
  }
}

function spansIn(body: string): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body);
  return resourceSpans.flatMap((
    { scopeSpans }: { scopeSpans: { spans: CollectedSpan[] }[] },
  ) => scopeSpans.flatMap(({ spans }) => spans));
}

/** The attributes of a span by their names. */
export function attributesOf({ attributes }: CollectedSpan): Record<string, string | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  );
}
