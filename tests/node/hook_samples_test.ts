import { assertEquals, assertStringIncludes } from "@std/assert";
import { runHook } from "../../src/node/run_hook.ts";
import { systemClock } from "../../src/time.ts";
import { Inbox, RecordingLogger } from "../support/events.ts";
import { HOST } from "../support/executors.ts";

const EVENT = {
  event: "workload_end",
  workload: { id: "01k3x9", kind: "training", request_id: "r1", outcome: "error", exit_code: 1 },
  at: "2026-11-28T09:12:44.031Z",
  node: { uuid: "u-1", slug: "my-gpu-box" },
};

/** The commands in a page of Markdown, by what stands behind them: `# Slack`. */
function samplesIn(page: string): Map<string, string> {
  const text = Deno.readTextFileSync(new URL(`../../${page}`, import.meta.url));
  const found = text.matchAll(/^on_workload_end: '(.+)' # (.+)$/gm);
  return new Map(Array.from(found, ([, command, name]) => [name!, command!.replaceAll("''", "'")]));
}

async function run(source: string, env: Record<string, string>): Promise<void> {
  const logger = new RecordingLogger();
  await runHook("on_workload_end", source, EVENT, {
    ...{ workFolder: Deno.cwd(), host: HOST, clock: systemClock, logger },
    env: { PATH: Deno.env.get("PATH")!, ...env },
    stopped: new AbortController().signal,
  });
  assertEquals(logger.shown, []);
}

for (const page of ["README.md", ".github/docs/hooks.md"]) {
  Deno.test(`the samples of hooks in ${page} send what they should`, async () => {
    const samples = samplesIn(page);
    assertEquals([...samples.keys()], ["Slack", "ntfy", "e-mail"]);
    const taken = new Inbox<{ path: string; type: string | null; body: string }>();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const type = request.headers.get("content-type");
        const body = await request.text();
        taken.push({ path: new URL(request.url).pathname, type, body });
        return new Response("ok");
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    await run(samples.get("Slack")!, { SLACK_WEBHOOK: `${url}/slack` });
    const slack = await taken.next(({ path }) => path === "/slack");
    assertEquals([slack.type, JSON.parse(slack.body)], ["application/json", {
      text: "training error",
    }]);
    await run(samples.get("ntfy")!, { NTFY_URL: `${url}/my-topic` });
    assertEquals((await taken.next(({ path }) => path === "/my-topic")).body, "training error");
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/mail`, '#!/bin/sh\n{ echo "$@"; cat; } >"$0.sent"\n', {
      mode: 0o755,
    });
    const PATH = `${folder}:${Deno.env.get("PATH")}`;
    await run(samples.get("e-mail")!, { PATH, MAIL_TO: "me@example.com" });
    const sent = await Deno.readTextFile(`${folder}/mail.sent`);
    assertStringIncludes(sent, "me@example.com\n");
    assertStringIncludes(sent, JSON.stringify(EVENT));
    await Deno.remove(folder, { recursive: true });
    await server.shutdown();
  });
}
