import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Program } from "../support/program.ts";

/** Runs `test` in an empty folder, with a temporary folder of its own for `dev`. */
async function inFolder(test: (folder: string, env: Record<string, string>) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  const temporary = await Deno.makeTempDir();
  try {
    await test(folder, { TMPDIR: temporary });
    assertEquals([...Deno.readDirSync(temporary)], [], "dev left something behind");
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(temporary, { recursive: true });
  }
}

Deno.test("dev --once sends four commands and exits with 0 when all came back well", async () => {
  await inFolder(async (cwd, env) => {
    const { code, stdout } = await Program.run(["dev", "--once"], { cwd, env });
    assertEquals(code, 0);
    for (const title of ["1/4 status", "2/4 inference", "3/4 an inference that fails"]) {
      assertStringIncludes(stdout, title);
    }
    assertStringIncludes(stdout, "a built-in sample");
    assertMatch(stdout, /4\/4 training\n {2}sent .*\n {2}status +ok\n {2}output +trained with/);
    assertStringIncludes(stdout, '{"you_sent": {"x":1}}');
    assertStringIncludes(stdout, "4 of 4 passed");
  });
});

Deno.test("dev takes a cyberwave.yml that names a pool, and says that there is none here", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(
      `${cwd}/cyberwave.yml`,
      "cyberwave: {pool: gpu, inference: 'echo {body}'}",
    );
    const { code, stderr } = await Program.run(["dev", "--once"], { cwd, env });
    assertEquals(code, 0);
    assertStringIncludes(stderr, 'WARN  Not in the pool "gpu": the broker of dev has no shared');
    assertEquals(stderr.includes("refused the subscription"), false);
  });
});

Deno.test("dev shows the token of its backend, for other clients, when it is asked to", async () => {
  await inFolder(async (cwd, env) => {
    const token = /^ {2}token +\S{20,} /m;
    const asked = await Program.run(["dev", "--once", "--show-token"], { cwd, env });
    assertMatch(asked.stdout, token);
    const { stdout, stderr } = await Program.run(["dev", "--once"], { cwd, env });
    assert(!token.test(stdout) && !token.test(stderr));
  });
});

Deno.test("dev --once does the same with a control plane over MQTT", async () => {
  await inFolder(async (cwd, env) => {
    const args = ["dev", "--once", "--control-plane", "mqtt", "--environment", "a/b"];
    const { code, stdout } = await Program.run(args, { cwd, env });
    assertEquals(code, 0);
    assertMatch(stdout, /backend +http:\/\/127\.0\.0\.1:\d+, asked over MQTT/);
    assertStringIncludes(stdout, "4 of 4 passed");
  });
});

Deno.test("dev --once expects of a cyberwave.yml no more than it says", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, "inference: echo {body}");
    const { code, stdout } = await Program.run(["dev", "--once"], { cwd, env });
    assertEquals(code, 0);
    assertStringIncludes(stdout, "training, which is not configured");
    assertStringIncludes(stdout, "Training command not configured in cyberwave.yml");
    assertStringIncludes(stdout, 'has "params" that are a string');
  });
});

Deno.test("dev --once exits with 10 when a command fails that should not", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, "inference: echo no model >&2; exit 1");
    const { code, stdout } = await Program.run(["dev", "--once"], { cwd, env });
    assertEquals(code, 10);
    assertStringIncludes(stdout, "expected: ok");
    assertStringIncludes(stdout, "3 of 4 passed");
  });
});

Deno.test("dev stays up, and what it prints works as it stands", async () => {
  await inFolder(async (cwd, env) => {
    await using dev = Program.start(["dev"], { cwd, env });
    const [command] = await dev.awaitLine(/\S.* run inference .*/);
    const shell = (line: string) => new Deno.Command("sh", { args: ["-c", line] }).output();
    const reply = await shell(command);
    assertEquals(new TextDecoder().decode(reply.stdout), '{"you_sent": {"x":1}}\n');
    const [, link] = await dev.awaitLine(/^ {2}page +(http:\S+) \(once/);
    const page = await fetch(link!, { redirect: "manual" });
    await page.body?.cancel();
    assertEquals(page.status, 303);
    assertMatch(page.headers.get("location")!, /^\/s\//);
    const [list] = await dev.awaitLine(/\S.* ps --state-folder .*/);
    assertMatch(new TextDecoder().decode((await shell(list)).stdout), /inference .* ended .* ok/);
    assertEquals(await dev.end("SIGINT"), 0);
  });
});

Deno.test("dev takes fixed ports and a token, with which another node joins", async () => {
  await inFolder(async (cwd, env) => {
    const port = freePort();
    const flags = ["--port", `${port}`, "--token", "a-token-of-mine"];
    await using dev = Program.start(["dev", ...flags], { cwd, env });
    await dev.awaitLine(/^ {2}token +a-token-of-mine /);
    const variables: Record<string, string> = {};
    for (const name of ["API_URL", "MQTT_HOST", "MQTT_PORT", "API_TOKEN"]) {
      const [, value] = await dev.awaitLine(new RegExp(`^  export CYBERWAVE_${name}=(.*)$`));
      variables[`CYBERWAVE_${name}`] = value!;
    }
    assertEquals(variables, {
      CYBERWAVE_API_URL: `http://127.0.0.1:${port + 1}`,
      CYBERWAVE_MQTT_HOST: "127.0.0.1",
      CYBERWAVE_MQTT_PORT: `${port}`,
      CYBERWAVE_API_TOKEN: "a-token-of-mine",
    });
    const state = `${cwd}/state`;
    const args = ["start", "--state-folder", state, "--slug", "joined"];
    await using other = Program.start(args, { cwd, env: { ...env, ...variables } });
    await other.awaitLine(/Cloud Node 'joined' .* is ready/);
    const taken = await Program.run(["dev", ...flags], { cwd, env });
    assertEquals(taken.code, 2);
    assertMatch(taken.stderr, /Port \d+ is taken by another program\nhint: --port takes/);
    assertEquals([await other.end("SIGTERM"), await dev.end("SIGTERM")], [0, 0]);
  });
});

Deno.test("dev refuses what is no port and no token", async () => {
  for (const [flag, value] of [["port", "0"], ["port", "65535"], ["token", "two words"]]) {
    const { code, stderr } = await Program.run(["dev", `--${flag}`, value!]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `error: --${flag} must be a `);
  }
});

/** A port that is free, as the next one is. */
function freePort(): number {
  for (;;) {
    using first = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = first.addr;
    try {
      using _next = Deno.listen({ hostname: "127.0.0.1", port: port + 1 });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

Deno.test("the broker of dev lets nobody in without its password", async () => {
  await inFolder(async (cwd, env) => {
    await using dev = Program.start(["dev"], { cwd, env });
    const [, port] = await dev.awaitLine(/run inference .* --mqtt-port (\d+)$/);
    const flags = ["--slug", "dev-node", "--mqtt-host", "127.0.0.1", "--mqtt-port", port!];
    const { code, stderr } = await Program.run(["run", "status", ...flags], { cwd, env });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "the broker rejected user name");
    assertEquals(await dev.end("SIGTERM"), 0);
  });
});

Deno.test("dev takes no real account, and shows no workload a real token", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(
      `${cwd}/cyberwave.yml`,
      "inference: env | grep ^CYBERWAVE_\nmqtt_host: broker.example\nmqtt_use_tls: true",
    );
    await Deno.writeTextFile(`${cwd}/.env`, "CYBERWAVE_CLOUD_NODE_INSTANCE_UUID=real-one\n");
    const real = { CYBERWAVE_API_KEY: "real-token-1", CYBERWAVE_MQTT_PASSWORD: "real-token-2" };
    const { code, stdout, stderr } = await Program.run(["dev", "--once"], {
      cwd,
      env: { ...env, ...real },
    });
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(stdout, "CYBERWAVE_API_URL=http://127.0.0.1:");
    assert(!/real-|broker\.example/.test(stdout + stderr), stdout + stderr);
  });
});

Deno.test("dev ends what still runs when it is stopped", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, "training: echo $$; exec sleep 300");
    await using dev = Program.start(["dev"], { cwd, env });
    await using _client = await train(dev);
    const [, pid] = await dev.awaitLine(/INFO {2}\[\w{6}\] (\d+)$/);
    assertEquals(await dev.end("SIGTERM"), 0);
    assert(!isAlive(Number(pid)));
    assertStringIncludes(dev.output.stderr, "Stopping what still runs");
    assert(!/goes on as process|left to the next start/.test(dev.output.stderr));
  });
});

Deno.test("dev clears away what another left that was killed", async () => {
  await inFolder(async (cwd, env) => {
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, "training: echo $$; exec sleep 300");
    await using killed = Program.start(["dev"], { cwd, env });
    await using _client = await train(killed);
    const [, pid] = await killed.awaitLine(/INFO {2}\[\w{6}\] (\d+)$/);
    await killed.end("SIGKILL");
    assert(isAlive(Number(pid)));
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, "training: echo short");
    await using next = Program.start(["dev"], { cwd, env });
    await next.awaitLine(/Stopping what still runs, because its files are removed: process \d+$/);
    await next.awaitLine(/is ready/);
    assert(!isAlive(Number(pid)));
    assertEquals(await next.end("SIGINT"), 0);
  });
});

Deno.test("what a killed dev left and cannot be cleared away is told, and no reason to stop", async () => {
  const gone = new Deno.Command("true").spawn();
  await gone.status;
  await inFolder(async (cwd, env) => {
    const leftover = `${env.TMPDIR}/cyberwave-cloud-node-dev-${gone.pid}-x`;
    await Deno.mkdir(leftover, { mode: 0o700 });
    await Deno.writeTextFile(`${leftover}/journal.db`, "no journal".repeat(100));
    const { code, stderr } = await Program.run(["dev", "--once"], { cwd, env });
    assertEquals(code, 0);
    assertStringIncludes(stderr, `Cannot remove "${leftover}": `);
    await Deno.remove(leftover, { recursive: true });
  });
});

/** Sends a training to the node of a `dev`. */
async function train(dev: Program): Promise<Program> {
  const [, password, port] = await dev.awaitLine(
    /CYBERWAVE_MQTT_PASSWORD=(\S+) .* run training .* --mqtt-port (\d+)$/,
  );
  const flags = ["--slug", "dev-node", "--mqtt-host", "127.0.0.1", "--mqtt-port", port!];
  const env = { CYBERWAVE_MQTT_PASSWORD: password! };
  return Program.start(["run", "training", ...flags], { env });
}

function isAlive(pid: number): boolean {
  const script = 'kill -0 "$1" && ! grep -q "State:.Z" "/proc/$1/status"';
  const { success } = new Deno.Command("sh", {
    args: ["-c", script, "sh", `${pid}`],
    stderr: "null",
  }).outputSync();
  return success;
}
