import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { parse } from "@std/yaml";
import manifest from "../deno.json" with { type: "json" };
import { V8_FLAGS } from "../src/cli/invocation.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include: readonly Record<string, string>[] } };
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = new URL("../.github/workflows/", import.meta.url);
const TEXTS = new Map(
  ["ci.yml", "release.yml"].map((name) => [name, Deno.readTextFileSync(new URL(name, FOLDER))]),
);
const WORKFLOWS = new Map(
  Array.from(TEXTS, ([name, text]) => [name, parse(text) as unknown as Workflow]),
);
const RELEASE = WORKFLOWS.get("release.yml")!;

Deno.test("workflows: actions are pinned by commit, with their version beside", () => {
  for (const text of TEXTS.values()) {
    const uses = text.split("\n").filter((line) => /\buses:/.test(line));
    assert(uses.length > 0);
    for (const line of uses) {
      assertMatch(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  }
});

Deno.test("workflows: jobs read the repository, and only those that publish may do more", () => {
  for (const { permissions } of WORKFLOWS.values()) assertEquals(permissions, { contents: "read" });
  const granted = [...WORKFLOWS].flatMap(([name, { jobs }]) =>
    Object.entries(jobs).flatMap(([job, { permissions }]) =>
      permissions === undefined ? [] : [[`${name} ${job}`, permissions]]
    )
  );
  assertEquals(granted, [
    ["release.yml jsr", { contents: "read", "id-token": "write" }],
    ["release.yml release", {
      contents: "write",
      "id-token": "write",
      attestations: "write",
    }],
  ]);
});

Deno.test("workflows: every job ends in time, leaves no token behind and waits for jobs there are", () => {
  for (const { jobs } of WORKFLOWS.values()) {
    for (const { needs = [], steps, ...job } of Object.values(jobs)) {
      assert(job["timeout-minutes"]! > 0);
      for (const name of [needs].flat()) assert(name in jobs, name);
      for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
        assertEquals(step.with?.["persist-credentials"], false);
      }
    }
  }
});

Deno.test("workflows: no script is put together from what an event says", () => {
  for (const { jobs } of WORKFLOWS.values()) {
    for (const { run = "" } of Object.values(jobs).flatMap(({ steps }) => steps)) {
      const expressions = run.match(/\$\{\{.*?\}\}/g) ?? [];
      assertEquals(expressions.filter((text) => !text.includes("matrix.")), []);
    }
  }
});

Deno.test("workflows: a release has five platforms, each tested with its binary", () => {
  const { strategy, steps } = RELEASE.jobs.build!;
  assertEquals(strategy!.matrix.include.map(({ target, deb }) => [target, deb]), [
    ["linux-x64", "amd64"],
    ["linux-arm64", "arm64"],
    ["macos-x64", undefined],
    ["macos-arm64", undefined],
    ["windows-x64", undefined],
  ]);
  assert(steps.some(({ run }) => /CLOUD_NODE_BIN=.* task test:e2e/.test(run ?? "")));
});

Deno.test("workflows: binaries are compiled with the bound of V8's memory that services run with", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  assertStringIncludes(tasks.compile, `deno compile ${V8_FLAGS} `);
  assert(RELEASE.jobs.build!.steps.some(({ run }) => run?.endsWith(" task compile")));
});

Deno.test("workflows: nothing is published before all is built and tested, and on GitHub last", () => {
  const { check, build, jsr, container, release } = RELEASE.jobs;
  assertEquals([build!.needs, jsr!.needs, container!.needs], ["check", "build", "jsr"]);
  assertEquals(release!.needs, ["jsr", "container"]);
  assert(container!.steps.some(({ run }) => run?.includes("docker build --tag")));
  assert(check!.steps.some(({ run }) => run === "bash .ci/run"));
});

Deno.test("workflows: a release has notes, which the changelog has for this version", async () => {
  const notes = async (version: string) => {
    const { code, stdout } = await new Deno.Command("bash", {
      args: [".ci/release_notes", version],
      cwd: new URL("../", import.meta.url),
      stderr: "null",
    }).output();
    return { code, text: new TextDecoder().decode(stdout) };
  };
  const { code, text } = await notes(manifest.version);
  assertEquals(code, 0);
  assertMatch(text.trim(), /^.{10,}\n\n- /);
  assertNotMatch(text, /^#/m);
  assertEquals(await notes("99.0.0"), { code: 1, text: "" });
  assert(RELEASE.jobs.release!.steps.some(({ run }) => run?.includes("--notes-file notes.md")));
});

Deno.test("workflows: one action has one pin", () => {
  const pins = new Map<string, string>();
  for (
    const [, action = "", pin = ""] of [...TEXTS.values()].join().matchAll(/uses: (.+?)@(.+)/g)
  ) {
    assertEquals(pins.get(action) ?? pin, pin, action);
    pins.set(action, pin);
  }
});

Deno.test("workflows: somebody watches over the pins", () => {
  const { updates } = parse(
    Deno.readTextFileSync(new URL("../dependabot.yml", FOLDER)),
  ) as { updates: Record<string, unknown>[] };
  assertEquals(updates.map((update) => update["package-ecosystem"]), [
    "github-actions",
    "pip",
    "docker",
  ]);
});

Deno.test("a checkout has the line ends that the formatter wants, on every system", () => {
  const attributes = Deno.readTextFileSync(new URL("../.gitattributes", import.meta.url));
  assertMatch(attributes, /^\* text=auto eol=lf$/m);
});
