import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError } from "../../src/errors.ts";
import { type ApiToken, checkToken, missingTokenError } from "../../src/registration/token.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { modeOf } from "../support/modes.ts";
import { TestToken } from "../support/tokens.ts";

const TOKEN = "token-of-today-0001";
const OTHER = "token-of-tomorrow-0002";

/** A backend that accepts one token, and nodes that start with tokens of a state folder. */
async function setup(accepted: string = TOKEN) {
  const backend = EmulatedBackend.start({ token: accepted });
  const tokens = await TestToken.create();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  return {
    backend,
    tokens,
    clock,
    logger,
    /** Checks the token that a node starts with. */
    check(token: ApiToken): Promise<void> {
      const api = new RestBackend({
        apiUrl: backend.url,
        get token() {
          return token.value;
        },
        get tokenSource() {
          return token.source;
        },
      });
      return checkToken(api, { token, clock, logger, random: () => 1 });
    },
    /** Has the backend refuse the next calls, whatever their token. */
    refuse(times: number) {
      const answer = () => Response.json({ detail: "Invalid token" }, { status: 401 });
      backend.answerNext(() => true, answer, times);
    },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a token that the backend accepts is not worth a word", async () => {
  await using node = await setup();
  await node.check(node.tokens.start(TOKEN));
  assertEquals([node.logger.shown, node.tokens.logger.shown], [[], []]);
});

Deno.test("a refused token that was never accepted is fatal, and the error names its source", async () => {
  await using node = await setup();
  await assertRejects(
    () => node.check(node.tokens.start("wrong-token")),
    AuthenticationError,
    "The backend rejected the API token from .env: ",
  );
});

Deno.test("a refused token that was accepted before is retried until it is accepted again", async () => {
  await using node = await setup();
  await node.check(node.tokens.start(TOKEN));

  node.refuse(3);
  const restarted = node.check(node.tokens.start(TOKEN));
  for (const wait of [30_000, 60_000, 60_000]) {
    assertEquals(await node.clock.sleeping(), wait);
    await node.clock.advance(wait);
  }
  await restarted;
  assertEquals(node.logger.shown.length, 3);
  assertMatch(
    node.logger.shown[0],
    /^error: Cannot check the API token: .* retrying in 30.0 s .*; this token was accepted before$/,
  );
});

Deno.test("that one token was accepted says nothing about another one", async () => {
  await using node = await setup();
  await node.check(node.tokens.start(TOKEN));
  await assertRejects(() => node.check(node.tokens.start("mistyped-token")), AuthenticationError);
});

Deno.test("a node that was registered by a version without this memory is retried too", async () => {
  await using node = await setup();
  node.refuse(1);
  const started = node.check(node.tokens.start(TOKEN, { isRegistered: true }));
  await node.clock.advance(await node.clock.sleeping());
  await started;
});

Deno.test("a token that was replaced is read again and used at once", async () => {
  await using node = await setup(OTHER);
  node.tokens.next = { token: OTHER, source: "credentials.json" };
  const token = node.tokens.start(TOKEN);
  await node.check(token);
  assertEquals([token.value, token.source], [OTHER, "credentials.json"]);
  assertEquals(node.tokens.logger.shown, [
    "info: Using another API token, which is now in credentials.json",
  ]);
});

Deno.test("a node that was accepted does not end over a wrong token that it is given later", async () => {
  await using tokens = await TestToken.create();
  const token = tokens.start(TOKEN);
  await token.accepted(TOKEN);
  tokens.next = { token: "mistyped-token", source: ".env" };
  assertEquals(await token.refused(TOKEN), "changed");
  assertEquals(await token.refused("mistyped-token"), "wait");
  tokens.next = { token: OTHER, source: ".env" };
  assertEquals(await token.refused("mistyped-token"), "changed");
});

Deno.test("several refusals of one token read it again once, and all find the new one", async () => {
  await using tokens = await TestToken.create();
  const token = tokens.start(TOKEN);
  tokens.next = { token: OTHER, source: ".env" };
  const meanings = await Promise.all([1, 2, 3].map(() => token.refused(TOKEN)));
  assertEquals([meanings, tokens.logger.shown.length], [["changed", "changed", "changed"], 1]);
});

Deno.test("files that cannot be read any more leave the token as it is", async () => {
  await using tokens = await TestToken.create();
  const token = tokens.start(TOKEN);
  tokens.next = undefined;
  assertEquals(await token.refused(TOKEN), "final");
  assertEquals(token.value, TOKEN);
});

Deno.test("no token is stored, not even its plain hash, and the file is private", async () => {
  await using tokens = await TestToken.create();
  await tokens.start(TOKEN).accepted(TOKEN);
  const path = `${tokens.folder}/accepted_tokens.json`;
  const text = await Deno.readTextFile(path);
  const bytes = new TextEncoder().encode(TOKEN);
  const plain = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  assert(!text.includes(TOKEN) && !text.includes(plain), text);
  if (Deno.build.os !== "windows") assertEquals(await modeOf(path), "600");
});

Deno.test("a memory that is damaged or no file counts as none", async () => {
  await using tokens = await TestToken.create();
  const path = `${tokens.folder}/accepted_tokens.json`;
  for (const text of ["", "null", '{"key": 1}', '{"key": "00", "hashes": []}', "\xff"]) {
    await Deno.writeTextFile(path, text);
    assertEquals(await tokens.start(TOKEN).refused(TOKEN), "final");
    assertEquals(await tokens.start(TOKEN, { isRegistered: true }).refused(TOKEN), "wait");
  }
  await tokens.start(TOKEN).accepted(TOKEN);
  assertEquals(await tokens.start(TOKEN).refused(TOKEN), "wait");
  if (Deno.build.os === "windows") return;
  await Deno.remove(path);
  await new Deno.Command("mkfifo", { args: [path] }).output();
  assertEquals(await tokens.start(TOKEN).refused(TOKEN), "final");
});

Deno.test("a backend that cannot tell is only a warning", async () => {
  const node = await setup();
  node.backend.answerNext(() => true, () => new Response(null, { status: 502 }));
  await node.check(node.tokens.start(TOKEN));
  await node[Symbol.asyncDispose]();
  await node.check(node.tokens.start(TOKEN));
  assertEquals(node.logger.shown.length, 2);
  assertMatch(node.logger.shown[0], /^warn: Cannot check the API token now: GET .* answered 502$/);
  assertMatch(
    node.logger.shown[1],
    /^warn: Cannot check the API token now: GET .* got no answer: /,
  );
});

Deno.test("without a token, the error lists the four ways to give one", () => {
  const error = missingTokenError();
  assertEquals(error.exitCode, 3);
  const ways = ["variable CYBERWAVE_API_TOKEN", ".env in the current folder"];
  for (const way of [...ways, "~/.cyberwave/.env", "cyberwave-cli login"]) {
    assertStringIncludes(error.hint ?? "", way);
  }
});
