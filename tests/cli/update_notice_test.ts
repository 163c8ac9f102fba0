import { assert, assertEquals, assertMatch } from "@std/assert";
import { isNewer, publicationOf } from "../../src/backend/newest_version.ts";
import { noticeUpdate, type UpdateParts } from "../../src/cli/update_notice.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

const NEWEST: readonly [newest: string, own: string, isNewer: boolean][] = [
  ["0.2.0", "0.1.0", true],
  ["0.10.0", "0.9.9", true],
  ["1.0.0", "0.99.99", true],
  ["0.1.0", "0.1.0", false],
  ["0.1.9", "0.2.0", false],
  ["0.2.0", "0.2.0-rc.1", true],
  ["0.1.0", "0.2.0-rc.1", false],
  ["0.3.0-rc.1", "0.2.0", false],
  ["newest", "0.2.0", false],
];

Deno.test("a version is newer by its numbers, and a release is newer than its candidates", () => {
  for (const [newest, own, expected] of NEWEST) {
    assertEquals(isNewer(newest, own), expected, `${newest} and ${own}`);
  }
});

Deno.test("a program knows its registry by the URL of its modules; a file and a binary have none", () => {
  const published = publicationOf("https://registry.example/@cyberwave/cloud-node/0.1.0/src/a.ts")!;
  assertEquals(published.url.href, "https://registry.example/@cyberwave/cloud-node/meta.json");
  assertEquals([published.name, published.version], ["@cyberwave/cloud-node", "0.1.0"]);
  const others = [
    "file:///srv/@cyberwave/cloud-node/0.1.0/src/a.ts",
    "file:///tmp/deno-compile-cyberwave-cloud-node/src/a.ts",
    "https://example.com/src/cli/subcommands/start.ts",
  ];
  for (const url of others) assertEquals(publicationOf(url), undefined);
});

/** A registry that answers each request as it is told to, and a program that came from it. */
class Asking implements AsyncDisposable {
  /** The paths it was asked for. */
  readonly asked: string[] = [];
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(
    readonly stateFolder: string,
    answer: (signal: AbortSignal) => Response | Promise<Response>,
  ) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      this.asked.push(new URL(request.url).pathname);
      return answer(request.signal);
    });
  }

  static async start(answer: (signal: AbortSignal) => Response | Promise<Response>) {
    return new Asking(await Deno.makeTempDir({ prefix: "update_" }), answer);
  }

  get parts(): UpdateParts {
    const { stateFolder, clock, logger } = this;
    const registry = `http://127.0.0.1:${this.#server.addr.port}`;
    const moduleUrl = `${registry}/@cyberwave/cloud-node/0.1.0/src/cli/subcommands/start.ts`;
    return { moduleUrl, env: {}, stateFolder, clock, logger };
  }

  notice(change: Partial<UpdateParts> = {}, signal = new AbortController().signal): Promise<void> {
    return noticeUpdate({ ...this.parts, ...change }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.stateFolder, { recursive: true });
  }
}

const newest = (latest: unknown) => () => Response.json({ latest, versions: {} });

Deno.test("a newer version is named once a day, also by the next start", async () => {
  await using asking = await Asking.start(newest("0.2.0"));
  for (let start = 0; start < 3; start++) await asking.notice();
  const line =
    "info: Version 0.2.0 is out, this is 0.1.0: get it as jsr:@cyberwave/cloud-node@0.2.0";
  assertEquals(asking.logger.shown, [line]);
  assertEquals(asking.asked, ["/@cyberwave/cloud-node/meta.json"]);
  const { mode } = await Deno.stat(`${asking.stateFolder}/update_check.json`);
  if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600);
  await asking.clock.advance(24 * 60 * 60 * 1000);
  await asking.notice();
  assertEquals(asking.logger.shown, [line, line]);
});

Deno.test("nobody is asked in CI, when it is turned off, or from a file", async () => {
  await using asking = await Asking.start(newest("0.2.0"));
  await asking.notice({ env: { CI: "true" } });
  await asking.notice({ env: { CYBERWAVE_NO_UPDATE_CHECK: "1" } });
  await asking.notice({ moduleUrl: import.meta.url });
  assertEquals([asking.asked, asking.logger.shown], [[], []]);
});

const ODD_ANSWERS: readonly [what: string, answer: () => Response][] = [
  ["the same version", newest("0.1.0")],
  ["a version that forges a line", newest("9.9.9\nERROR node: all is lost")],
  ["a number", newest(2)],
  ["an error", () => new Response("no", { status: 500 })],
  ["something else", () => new Response("<html>")],
  ["another place", () => Response.redirect("http://127.0.0.1:9/")],
  ["null", () => new Response("null")],
  ["two megabytes", () => new Response(`{"latest":"9.9.9","x":"${"x".repeat(2 ** 21)}"}`)],
];

for (const [what, answer] of ODD_ANSWERS) {
  Deno.test(`a registry that answers with ${what} is no reason to say anything`, async () => {
    await using asking = await Asking.start(answer);
    await asking.notice();
    assertEquals([asking.asked.length, asking.logger.shown], [1, []]);
  });
}

Deno.test("a registry that does not answer is left alone after 5 s, or when the node ends", async () => {
  const waiting: PromiseWithResolvers<void>[] = [];
  const next = () => {
    const one = Promise.withResolvers<void>();
    waiting.push(one);
    return one.promise;
  };
  let asked = next();
  await using asking = await Asking.start((signal) => {
    waiting.at(-1)!.resolve();
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve(new Response("")))
    );
  });
  const slow = asking.notice();
  await asked;
  await asking.clock.advance(5000);
  await slow;
  await asking.clock.advance(24 * 60 * 60 * 1000);
  asked = next();
  const stop = new AbortController();
  const stopped = asking.notice({}, stop.signal);
  await asked;
  stop.abort();
  await stopped;
  assertEquals(asking.logger.shown, []);
  assert(asking.asked.length === 2);
});

Deno.test("a state folder that cannot be written to is no error", async () => {
  await using asking = await Asking.start(newest("0.2.0"));
  await asking.notice({ stateFolder: `${asking.stateFolder}/missing` });
  assertEquals([asking.asked, asking.logger.shown], [[], []]);
  assertMatch(asking.logger.lines.all[0]!.message, /^Cannot ask for a newer version: /);
});
