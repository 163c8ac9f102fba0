import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../src/backend/backend.ts";
import { AuthenticationError, BackendError, CloudNodeError } from "../../src/errors.ts";
import { identifierProblem } from "../../src/protocol/identifiers.ts";
import type { Call } from "../../src/dev/rest_calls.ts";
import { type PlaneOptions, Reach, restPlane, RunningPlane, TOKEN } from "../support/backends.ts";
import { freePort } from "../support/mosquitto.ts";

const NODE = { uuid: "u1", slug: "my-node" };
const SIGNED = "https://storage.example/bucket/file?X-Signature=5ecr3t&Expires=99";
const RESULTS = { filenames: ["a.csv"], signedUrls: [SIGNED], attachmentUuids: ["a1"] };
const HOSTILE = "a\u0000b\n\u001b[2J\"'`$(id)\\ \ud83e\udd16 \u202e";

/** What a backend should not answer, and a proxy or an attacker might. */
const ODD_ANSWERS: readonly [status: number, body: string][] = [
  "",
  "null",
  "true",
  "-0",
  '"text"',
  "[]",
  "{",
  "\u0000\ufeff",
  "<html>Sign in</html>",
  "[".repeat(50_000),
  '{"__proto__": {"uuid": "u", "slug": "s"}}',
  '{"uuid": 1, "slug": {}}',
  '{"uuid": "..", "slug": "."}',
  '{"uuid": "u/../../x", "slug": "s"}',
  '{"uuid": "+", "slug": "#"}',
  '{"uuid": "u\\u0000", "slug": "s\\n"}',
  '{"uuid": "u", "slug": "\\ud800"}',
  `{"uuid": "${"u".repeat(201)}", "slug": "s"}`,
  '{"success": false, "message": {"toString": 1}}',
  '{"success": "no", "detail": [], "error": null}',
  '{"status": [], "instance_uuid": {}}',
  '{"signed_url": "javascript:alert(1)"}',
  '{"signed_url": {"href": "http://x"}, "filename": 1}',
].flatMap((body) => [200, 400, 500].map((status): [number, string] => [status, body]));

async function failure(call: Promise<unknown>): Promise<BackendError> {
  return await assertRejects(() => call, BackendError);
}

/** Every call there is, about the instance or workload `id`. */
function everyCall(plane: Backend, id: string): (() => Promise<unknown>)[] {
  return [
    () => plane.register(id, { profileSlug: "default" }),
    () => plane.heartbeat({ uuid: id }),
    () => plane.terminated({ uuid: id }),
    () => plane.failed({ uuid: id }, "error"),
    () => plane.log({ uuid: id }, { type: "app", content: "x" }),
    () => plane.workload(id),
    () => plane.signUpload(id, "a.csv"),
    () => plane.uploadResults(id, RESULTS),
  ];
}

for (const carrier of ["REST", "MQTT"] as const) {
  const test = (
    sentence: string,
    run: (plane: Backend, reach: Reach) => Promise<void>,
    options: PlaneOptions = {},
  ) =>
    Deno.test(`over ${carrier}, ${sentence}`, async () => {
      await using reach = await Reach.start(carrier);
      await run(await reach.connect(options), reach);
    });

  test(
    "an instance is created, registers, lives, logs, fails and is terminated",
    async (plane, { backend }) => {
      await plane.checkToken();
      const instance = await plane.createInstance({ profileSlug: "gpu", slug: "my-node" });
      assertEquals(instance.slug, "my-node");
      const known = backend.instances.get(instance.uuid)!;
      assertEquals([known.profileSlug, known.status], ["gpu", "created"]);
      assertEquals(await plane.register(instance.uuid, { profileSlug: "gpu" }), instance);
      assertEquals(known.status, "registered");
      assertEquals(await plane.heartbeat(instance), "alive");
      await plane.log(instance, { type: "stderr", content: "hello\n" });
      const logs = backend.logs.map((log) => [log.instanceUuid, log.type, log.content]);
      assertEquals(logs, [[instance.uuid, "stderr", "hello\n"]]);
      await plane.failed(instance, "no CUDA");
      assertEquals([known.status, known.error], ["failed", "no CUDA"]);
      await plane.terminated(instance);
      assertEquals(known.status, "terminated");
    },
  );

  test(
    "every call goes where the backend expects it, once, with the token",
    async (plane, { backend }) => {
      await plane.createInstance({ profileSlug: "gpu", slug: "s", workspaceUuid: "w1" });
      assertEquals(backend.calls.at(-1)?.body, {
        profile_slug: "gpu",
        slug: "s",
        workspace_uuid: "w1",
        provider: "self-hosted",
        visibility: "private",
      });
      assertMatch(String(backend.calls.at(-1)?.authorization), new RegExp(`${TOKEN}$`));
      assertEquals(backend.calls.filter(({ path }) => !path.endsWith("/instances")).length, 1);
    },
  );

  test(
    "whatever is answered, a call has a result that can be used or fails with a typed error",
    async (plane, { backend }) => {
      for (const [status, body] of ODD_ANSWERS) {
        const calls = [() => plane.createInstance({ profileSlug: "p" }), ...everyCall(plane, "u1")];
        for (const call of calls) {
          backend.answerNext(() => true, () => new Response(body, { status }));
          try {
            const { uuid, slug } = Object(await call());
            for (const name of [uuid, slug]) {
              if (name !== undefined) assertEquals(identifierProblem(name), undefined, body);
            }
          } catch (error) {
            assert(error instanceof CloudNodeError, `${body}: ${error}`);
          }
        }
      }
    },
  );

  test("an unknown instance is gone, for registration and heartbeat alike", async (plane) => {
    assertEquals(await plane.register("u1", { profileSlug: "default" }), "gone");
    assertEquals(await plane.heartbeat(NODE), "gone");
    assertEquals((await failure(plane.terminated(NODE))).status, 404);
  });

  test(
    "a terminated instance is gone, another bad request is an error",
    async (plane, { backend }) => {
      const instance = await plane.createInstance({ profileSlug: "default" });
      await plane.terminated(instance);
      assertEquals(await plane.heartbeat(instance), "gone");
      backend.answerNext(() => true, () => Response.json({ detail: "Bad slug" }, { status: 400 }));
      assertMatch((await failure(plane.heartbeat(instance))).message, /answered 400: "Bad slug"$/);
    },
  );

  test(
    "an id with `terminat` in it does not make a bad request a terminated instance",
    async (plane, { backend }) => {
      backend.answerNext(() => true, () => Response.json({ message: "Busy" }, { status: 400 }));
      await failure(plane.heartbeat({ uuid: "terminator", slug: "terminator" }));
    },
  );

  test(
    "a rejected token is an authentication error that says where it came from",
    async (plane) => {
      for (
        const call of [
          () => plane.createInstance({ profileSlug: "p" }),
          () => plane.heartbeat(NODE),
        ]
      ) {
        const error = await assertRejects(call, AuthenticationError);
        assertMatch(
          error.message,
          /^The backend rejected the API token from ~\/.env: .* answered 401: "Invalid token"$/,
        );
        assert(!error.message.includes("wrong-token"), error.message);
      }
    },
    { token: "wrong-token", tokenSource: "~/.env" },
  );

  test("403 is an authentication error too", async (plane, { backend }) => {
    backend.answerNext(() => true, () => Response.json({}, { status: 403 }));
    await assertRejects(() => plane.heartbeat(NODE), AuthenticationError, "answered 403");
  });

  test(
    "an error answer keeps its status, and says whether trying again can help",
    async (plane, { backend }) => {
      const table = [[400, true], [404, true], [422, true], [429, false], [408, false], [
        503,
        false,
      ]];
      for (const [status, permanent] of table as [number, boolean][]) {
        backend.answerNext(() => true, () => Response.json({}, { status }));
        const error = await failure(plane.terminated(NODE));
        assertEquals([error.status, error.permanent], [status, permanent]);
        assertMatch(error.message, new RegExp(`/u1/terminate.* answered ${status}`));
      }
    },
  );

  test("success false is an error whatever the status", async (plane, { backend }) => {
    const refused = () => Response.json({ success: false, message: "Not now" });
    backend.answerNext(() => true, refused);
    const error = await failure(plane.heartbeat(NODE));
    assertMatch(error.message, /heartbeat was not successful: "Not now"$/);
    assertEquals(error.permanent, false);
  });

  test("an answer that is not JSON is an error", async (plane, { backend }) => {
    backend.answerNext(() => true, () => new Response("<html>Sign in</html>"));
    const { message } = await failure(plane.heartbeat(NODE));
    assertMatch(message, /answered 200 with something that is not JSON: "<html>Sign in/);
  });

  test("names that cannot stand in a topic or URL are refused", async (plane, { backend }) => {
    const table: [unknown, RegExp][] = [
      [{ uuid: "../../x", slug: "s" }, /with the uuid "..\/..\/x", which must not hold/],
      [{ uuid: "..", slug: "s" }, /the uuid "..", which must not be/],
      [{ uuid: "u", slug: "a/#" }, /the slug "a\/#", which must not hold/],
      [{ uuid: "u", slug: "" }, /the slug "", which must not be empty/],
      [{ uuid: 7, slug: "s" }, /the uuid 7, which must be a string/],
      [{ success: true }, /the uuid null, which must be a string/],
    ];
    for (const [given, expected] of table) {
      backend.answerNext(() => true, () => Response.json(given), 2);
      const { message } = await failure(plane.createInstance({ profileSlug: "p" }));
      assertMatch(message, expected);
      assertMatch((await failure(plane.register("u", { profileSlug: "p" }))).message, expected);
    }
  });

  test(
    "ids that cannot stand in a topic or URL are refused before anything is sent",
    async (plane, { backend }) => {
      const before = backend.calls.length;
      for (const id of ["", "..", "a/b", "+", "#", "a?b", "a\0b", "a b", "x".repeat(201)]) {
        for (const call of everyCall(plane, id)) {
          const error = await assertRejects(call, BackendError, "Cannot ask the backend about");
          assertEquals(error.permanent, true);
        }
      }
      assertEquals(backend.calls.length, before);
    },
  );

  test(
    "what is logged and reported arrives as it was, whatever is in it",
    async (plane, { backend }) => {
      const instance = await plane.createInstance({ profileSlug: "default" });
      await plane.log(instance, { type: "stdout", content: HOSTILE });
      await plane.failed(instance, HOSTILE);
      assertEquals(backend.logs.at(-1)?.content, HOSTILE);
      assertEquals(backend.instances.get(instance.uuid)?.error, HOSTILE);
    },
  );

  test("the backend's words are escaped and shortened", async (plane, { backend }) => {
    const words = { message: "\x1b[2J\n" + "x".repeat(5000) };
    backend.answerNext(() => true, () => Response.json(words, { status: 500 }));
    const { message } = await failure(plane.terminated(NODE));
    assertMatch(message, /answered 500: "\\u001b\[2J\\nx{180,200}… \(\d+ characters\)$/);
  });

  test(
    "a workload tells where it stands and whose it is, an unknown one is nothing",
    async (plane, { backend }) => {
      const { uuid } = backend.createWorkload("i1");
      assertEquals(await plane.workload(uuid), { status: "pending", instanceUuid: "i1" });
      const waiting = backend.createWorkload();
      assertEquals(await plane.workload(waiting.uuid), {
        status: "pending",
        instanceUuid: undefined,
      });
      assertEquals(await plane.workload("no-such"), undefined);
      backend.answerNext(() => true, () => Response.json({ uuid, status: 7 }));
      assertMatch((await failure(plane.workload(uuid))).message, /the status 7, which must be/);
    },
  );

  test("a result file is signed for, uploaded and reported", async (plane, { backend }) => {
    const { uuid, results } = backend.createWorkload();
    const filename = "run1/metrics.csv";
    const { signedUrl, filename: named } = await plane.signUpload(uuid, filename);
    assertNotEquals((await plane.signUpload(uuid, filename)).signedUrl, signedUrl);
    assertMatch(named, /^[0-9a-f-]{36}\.csv$/);
    const attachmentUuid = named.slice(0, 36);
    const headers = { "Content-Type": "application/octet-stream" };
    const stored = await fetch(signedUrl, { method: "PUT", headers, body: "abc" });
    await stored.body?.cancel();
    await plane.uploadResults(uuid, {
      filenames: [filename],
      signedUrls: [signedUrl],
      attachmentUuids: [attachmentUuid],
    });
    assertEquals(
      results.map(({ filename, attachmentUuid, size }) => ({
        filename,
        attachmentUuid,
        size,
      })),
      [{ filename, attachmentUuid, size: 3 }],
    );
  });

  test("a workload that is gone is an error for its result files", async (plane) => {
    assertEquals((await failure(plane.signUpload("no-such", "a.csv"))).status, 404);
    assertEquals((await failure(plane.uploadResults("no-such", RESULTS))).status, 404);
  });

  test("what is no URL to put a file at is refused", async (plane, { backend }) => {
    for (const signed_url of [undefined, 7, "", "file:///etc/passwd", "//storage?x=5ecr3t"]) {
      backend.answerNext(() => true, () => Response.json({ signed_url }));
      const { message } = await failure(plane.signUpload("w1", "a.csv"));
      assertMatch(message, /answered with no URL to put a file at$/);
    }
  });

  test("an answer without the file's name is refused", async (plane, { backend }) => {
    for (const filename of [undefined, 7]) {
      const answer = { signed_url: "https://storage.example/", filename };
      backend.answerNext(() => true, () => Response.json(answer));
      const { message } = await failure(plane.signUpload("w1", "a.csv"));
      assertMatch(message, /answered with no name of the file$/);
    }
  });

  test(
    "no error shows a signed URL's query, whatever the backend says",
    async (plane, { backend }) => {
      const bodies = [
        { message: `Cannot use ${SIGNED}` },
        { detail: [{ loc: ["body", "signed_urls"], input: [SIGNED] }] },
        { success: false, signed_url: SIGNED },
        { message: `['${SIGNED}'] and <${SIGNED}>` },
      ];
      for (const body of bodies) {
        backend.answerNext(() => true, () => Response.json(body, { status: 422 }), 2);
        for (const call of [plane.uploadResults("w1", RESULTS), plane.signUpload("w1", "a.csv")]) {
          const { message } = await failure(call);
          assert(message.includes("storage.example") && !/5ecr3t|Expires/.test(message), message);
        }
      }
    },
  );

  test("no error shows the token, whatever the backend says", async (plane, { backend }) => {
    for (const status of [200, 400, 401, 500]) {
      const words = { success: false, message: `Unknown topic x/${TOKEN}/y` };
      backend.answerNext(() => true, () => Response.json(words, { status }));
      const call = () => plane.createInstance({ profileSlug: "p" });
      const { message } = await assertRejects(call, Error);
      assert(message.includes("Unknown topic x/***/y") && !message.includes(TOKEN), message);
    }
  });

  test(
    "a backend that does not answer is given up after the timeout",
    async (plane, { backend }) => {
      backend.answerNext(() => true, () => new Promise(() => {}));
      const error = await failure(plane.heartbeat(NODE));
      assertMatch(error.message, /u1\/heartbeat got no answer: timed out after 0\.05 s$/);
      assertEquals([error.status, error.permanent], [undefined, false]);
    },
    { timeoutMs: 50 },
  );

  test(
    "calls at the same time get their own answers, in whatever order they come",
    async (plane, { backend }) => {
      const slugs = Array.from({ length: 30 }, (_, index) => `node-${index}`);
      const slugOf = ({ body }: Call) => (body as { slug: string }).slug;
      const answers = new Map<string, () => void>();
      const allAsked = Promise.withResolvers<void>();
      backend.answerNext(() => true, (call) => {
        const slug = slugOf(call);
        return new Promise((resolve) => {
          answers.set(slug, () => resolve(Response.json({ uuid: `uuid-of-${slug}`, slug })));
          if (answers.size === slugs.length) allAsked.resolve();
        });
      }, slugs.length);
      const calls = slugs.map((slug) => plane.createInstance({ profileSlug: "p", slug }));
      await allAsked.promise;
      for (const slug of slugs.toReversed()) answers.get(slug)!();
      assertEquals(
        await Promise.all(calls),
        slugs.map((slug) => ({ uuid: `uuid-of-${slug}`, slug })),
      );
    },
  );

  test("a call that is aborted throws its signal's reason", async (plane, { backend }) => {
    const stop = new AbortController();
    backend.answerNext(() => true, () => new Promise(() => {}));
    const call = plane.heartbeat(NODE, stop.signal);
    await backend.nextCall(({ path }) => path.endsWith("/heartbeat"));
    stop.abort(new Error("stopping"));
    await assertRejects(() => call, Error, "stopping");
    await assertRejects(() => plane.heartbeat(NODE, stop.signal), Error, "stopping");
  });

  Deno.test(`over ${carrier}, a backend that cannot be reached is an error worth another try`, async () => {
    const port = freePort();
    await using running = carrier === "MQTT" ? new RunningPlane(port) : undefined;
    const plane = running?.plane ?? restPlane(`http://127.0.0.1:${port}`);
    const error = await failure(plane.checkToken());
    assertMatch(error.message, new RegExp(`127\\.0\\.0\\.1:${port}\\b.*refused`, "i"));
    assertEquals([error.status, error.permanent], [undefined, false]);
  });
}
