import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { BINARY, commandOf } from "../support/command.ts";
import { Program } from "../support/program.ts";
import { Stage } from "../support/stage.ts";

const YAML = "  inference: echo {body}";

/** A binary has its permissions built in: what is said of flags is true of the source alone. */
function sourceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: BINARY !== undefined, fn });
}

/** Runs the program with these flags of `deno run`. */
async function runWith(flags: readonly string[], args: readonly string[], cwd: string, env = {}) {
  const [program, ...first] = commandOf(flags);
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...first, ...args],
    cwd,
    env,
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("permissions prints flags for the config at hand, and which variables they hide", async () => {
  await using stage = await Stage.set(YAML);
  const env = { SECRET_OF_MINE: "x", CYBERWAVE_API_TOKEN: "t" };
  const { code, stdout, stderr } = await stage.run(["permissions"], { env });
  assertEquals(code, 0);
  const { folder, stateFolder, broker, backend } = stage.world;
  assertStringIncludes(
    stdout,
    `--allow-read=${folder},${stateFolder},/results --allow-write=${stateFolder},/results`,
  );
  assertStringIncludes(
    stdout,
    `--allow-net=${new URL(backend.url).host},${broker.host}:${broker.port}`,
  );
  assert(!stderr.includes("CYBERWAVE_API_TOKEN"));
  if (BINARY !== undefined) assertMatch(stderr, /will not see them: .*SECRET_OF_MINE/);
});

Deno.test("permissions is for start and dev", async () => {
  const { code, stderr } = await Program.run(["permissions", "ps"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'There are permissions for start and dev, not for "ps"');
});

sourceTest("dev --once needs no more than the permissions that are printed for it", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    const { stdout: line } = await runWith(["-A"], ["permissions", "dev"], cwd);
    const flags = line.trim().split(" ").map((word) => word.replace(/^'(.*)'$/, "$1"));
    const { code, stdout, stderr } = await runWith(flags, ["dev", "--once"], cwd);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "4 of 4 passed");
    assert(!/Requires \w+ access|does not allow/.test(stderr), stderr);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

sourceTest(
  "workloads see the variables that are allowed, no others, and the node says so",
  async () => {
    await using stage = await Stage.set('  inference: echo "[$LD_LIBRARY_PATH] [$SECRET_OF_MINE]"');
    const env = { LD_LIBRARY_PATH: "/opt/cuda lib", SECRET_OF_MINE: "x" };
    await using node = stage.start(["start", "--slug", "sees"], { env });
    await node.awaitLine(/Workloads see only the environment variables that Deno allows/);
    await node.awaitLine(/is ready/);
    const { stdout } = await stage.run(["run", "inference", "--slug", "sees"]);
    assertEquals(stdout, "[/opt/cuda lib] []\n");
  },
);

sourceTest("each missing permission ends the start with 2, its purpose and its flag", async () => {
  await using stage = await Stage.set(YAML);
  const { folder, stateFolder, broker, backend } = stage.world;
  const allowed: Record<string, string> = {
    env: "--allow-env",
    read: `--allow-read=${folder},/results`,
    write: `--allow-write=${stateFolder},/results`,
    net: `--allow-net=127.0.0.1`,
    run: "--allow-run=sh,bash",
    sys: "--allow-sys",
  };
  const table: [kind: string, said: RegExp][] = [
    ["env", /read the environment\nhint: Add --allow-env, or --ignore-env/],
    ["read", /to read \S+ \(the folder of cyberwave.yml and .env\)\nhint: Add --allow-read=/],
    [
      "write",
      /to write \S+ \(the state folder\), .*\nhint: Add --allow-write=\S+\/state,\/results;/,
    ],
    ["net", new RegExp(`Add --allow-net=${new URL(backend.url).host},${broker.host}:`)],
    ["run", /to run sh \(workloads\)\nhint: Add --allow-run=sh/],
    ["sys", /homedir/],
  ];
  await Promise.all(table.map(async ([kind, said]) => {
    const flags = Object.entries(allowed).filter(([name]) => name !== kind).map(([, flag]) => flag);
    const { code, stderr } = await runWith(flags, ["start"], folder, stage.env);
    assertEquals([kind, code], [kind, 2], stderr);
    assertMatch(stderr, said);
    assert(!stderr.includes("This is a bug"), stderr);
  }));
});
