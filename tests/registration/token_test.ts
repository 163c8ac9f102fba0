import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError } from "../../src/errors.ts";
import { checkToken, missingTokenError } from "../../src/registration/token.ts";
import { RecordingLogger } from "../support/events.ts";

const tokenSource = "~/.cyberwave/.env";

Deno.test("a token that the backend accepts is not worth a word", async () => {
  await using backend = EmulatedBackend.start();
  const logger = new RecordingLogger();
  await checkToken(new RestBackend({ apiUrl: backend.url, token: backend.token }), logger);
  assertEquals(logger.shown, []);
});

Deno.test("a rejected token is fatal, and the error says where it came from", async () => {
  await using backend = EmulatedBackend.start();
  const api = new RestBackend({ apiUrl: backend.url, token: "wrong", tokenSource });
  await assertRejects(
    () => checkToken(api, new RecordingLogger()),
    AuthenticationError,
    "The backend rejected the API token from ~/.cyberwave/.env: ",
  );
});

Deno.test("a backend that cannot tell is only a warning", async () => {
  const backend = EmulatedBackend.start();
  const logger = new RecordingLogger();
  const api = new RestBackend({ apiUrl: backend.url, token: backend.token, tokenSource });
  backend.answerNext(() => true, () => new Response(null, { status: 502 }));
  await checkToken(api, logger);
  await backend[Symbol.asyncDispose]();
  await checkToken(api, logger);
  assertEquals(logger.shown.length, 2);
  assertMatch(logger.shown[0], /^warn: Cannot check the API token now: GET .* answered 502$/);
  assertMatch(logger.shown[1], /^warn: Cannot check the API token now: GET .* got no answer: /);
});

Deno.test("without a token, the error lists the four ways to give one", () => {
  const error = missingTokenError();
  assertEquals(error.exitCode, 3);
  const ways = ["variable CYBERWAVE_API_TOKEN", ".env in the current folder"];
  for (const way of [...ways, "~/.cyberwave/.env", "cyberwave-cli login"]) {
    assertStringIncludes(error.hint ?? "", way);
  }
});
