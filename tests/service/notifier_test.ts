import { assertEquals, assertMatch } from "@std/assert";
import { Notifier, watchdogMs, withoutNotifyVariables } from "../../src/service/notifier.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { NotifySocket, systemdAvailable } from "../support/systemd.ts";

const PATH = Deno.env.get("PATH") ?? "";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !systemdAvailable(), fn });

function notifierFor(env: Record<string, string>, checkHealth: () => void = () => {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  return { clock, logger, notifier: new Notifier({ env, checkHealth, clock, logger }) };
}

Deno.test("signs of life are wanted from this process only, and only within a real time", () => {
  const cases: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ WATCHDOG_USEC: "60000000" }, 60_000],
    [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "7" }, 60_000],
    [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "8" }, undefined],
    [{ WATCHDOG_USEC: "0" }, undefined],
    [{ WATCHDOG_USEC: "-1" }, undefined],
    [{ WATCHDOG_USEC: "soon" }, undefined],
    [{ WATCHDOG_USEC: "" }, undefined],
  ];
  for (const [env, expected] of cases) assertEquals(watchdogMs(env, 7), expected);
});

Deno.test("children do not learn how to speak for the node", () => {
  const env = { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "1", WATCHDOG_PID: "1", PATH: "/bin" };
  assertEquals(withoutNotifyVariables(env), { PATH: "/bin" });
});

Deno.test("where nobody asks, nothing is told", async () => {
  const { notifier, logger } = notifierFor({ PATH });
  notifier.ready("Waiting");
  await notifier[Symbol.asyncDispose]();
  assertEquals(logger.shown, []);
});

for (const kind of ["a path", "an abstract address"]) {
  test(`systemd is told at ${kind} that the node is ready, lives and stops`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
    const address = kind === "a path" ? `${folder}/a b'$` : `@${crypto.randomUUID()}`;
    try {
      await using socket = await NotifySocket.listen(address);
      const { notifier, clock, logger } = notifierFor({
        PATH,
        NOTIFY_SOCKET: address,
        WATCHDOG_USEC: "60000000",
      });
      notifier.ready("Waiting as `$(x)`\nMAINPID=1");
      await socket.told("WATCHDOG=1");
      await clock.sleepingFor(30_000);
      await clock.advance(30_000);
      await socket.told("WATCHDOG=1");
      await notifier[Symbol.asyncDispose]();
      await socket.told("STOPPING=1");
      assertEquals(socket.messages.all.slice(1), [
        ["READY=1", "STATUS=Waiting as `$(x)` MAINPID=1"],
        ["READY=1", "WATCHDOG=1"],
        ["READY=1", "WATCHDOG=1"],
        ["STOPPING=1", "STATUS=Stopping"],
      ]);
      assertEquals(logger.shown, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

test("a node that is of no more use shows no life, so that systemd starts it anew", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
  try {
    await using socket = await NotifySocket.listen(`${folder}/notify`);
    let healthy = true;
    const { notifier, clock, logger } = notifierFor(
      { PATH, NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "60000000" },
      () => {
        if (!healthy) throw new Error("the journal is gone");
      },
    );
    notifier.ready("Waiting");
    await socket.told("WATCHDOG=1");
    healthy = false;
    await clock.advance(90_000);
    await notifier[Symbol.asyncDispose]();
    await socket.told("STOPPING=1");
    const signs = socket.messages.all.filter((lines) => lines.includes("WATCHDOG=1"));
    assertEquals(signs.length, 1);
    assertMatch(logger.shown[0]!, /^error: Not healthy.*: the journal is gone$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("that systemd cannot be told is said once, and harms nothing", async () => {
  const { notifier, logger } = notifierFor({ PATH, NOTIFY_SOCKET: "/no/such/socket" });
  notifier.ready("Waiting");
  await notifier[Symbol.asyncDispose]();
  assertEquals(logger.shown.length, 1);
  assertMatch(logger.shown[0]!, /^warn: Cannot notify systemd: .*No such file/);
});
