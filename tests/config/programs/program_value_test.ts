import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { program } from "../../../src/config/programs/program_value.ts";

Deno.test("a text and a mapping with a command are a process for each command", () => {
  const expected = { value: { type: "command", command: "run {body}" } } as const;
  assertEquals(program.parse("run {body}"), expected);
  assertEquals(program.parse({ command: "run {body}" }), expected);
  assertEquals(program.format(expected.value), "run {body}");
});

const WRONG: readonly [given: unknown, problem: string][] = [
  [
    7,
    "must be a shell command, or a mapping with command, worker, server, slurm, kubernetes, ray or url, got 7",
  ],
  [{}, "must have one of command, worker, server, slurm, kubernetes, ray, url"],
  [{ workers: 2 }, "must have one of command, worker, server, slurm, kubernetes, ray, url"],
  [{ command: "a", worker: "b" }, "must have only one of command and worker"],
  [{ command: "a", workers: 2 }, "must not have workers beside command: it belongs to worker"],
  [{ server: "a" }, "must have a url beside server: where it takes commands"],
  [
    { url: "http://127.0.0.1/", yield_to: "training" },
    "must not have yield_to beside url alone: the node does not start that server",
  ],
  [
    { command: "a", yield_to: "training" },
    "must not have yield_to beside command: it belongs to worker or server",
  ],
  [
    { url: "http://127.0.0.1/", keep_loaded: 60 },
    "must not have keep_loaded beside url alone: the node does not start that server",
  ],
];

for (const [given, problem] of WRONG) {
  Deno.test(`a program that is ${JSON.stringify(given)} is refused`, () => {
    assertEquals(program.parse(given), { problem });
  });
}

for (const given of [{ worker: "a" }, { server: "a", url: "http://127.0.0.1:1/" }]) {
  Deno.test(`a ${Object.keys(given)[0]} may make room for training`, () => {
    const parsed = program.parse({ ...given, yield_to: "training" });
    assert("value" in parsed && "yieldTo" in parsed.value);
    assertEquals(parsed.value.yieldTo, "training");
    assertStringIncludes(program.format(parsed.value), "yield_to: training");
    assertEquals("problem" in program.parse({ ...given, yield_to: "inference" }), true);
  });
}

Deno.test("what is wrong with a readiness check is said in whole sentences", () => {
  const wrong = (ready: unknown) => {
    const parsed = program.parse({ url: "http://127.0.0.1/", ready });
    return "problem" in parsed && parsed.problem;
  };
  const what = "has an invalid value for ready: it must";
  assertEquals(wrong("/health"), `${what} be an http:// or https:// URL, got "/health"`);
  assertEquals(
    wrong({ url: "/health" }),
    `${what} have another url: it must be an http:// or https:// URL, got "/health"`,
  );
});

Deno.test("a wrong value inside of a program is named with the way to it", () => {
  const problem = 'has an invalid value for command: it must be a shell command, got " "';
  assertEquals(program.parse({ command: " " }), { problem, path: ["command"] });
});

Deno.test("a Slurm job is given as a command, or as a mapping with options of sbatch", () => {
  const job = { type: "slurm", command: "run {body}", options: [], pendingTimeout: 0 } as const;
  assertEquals(program.parse({ slurm: "run {body}" }), { value: job });
  const options = "--gres=gpu:1  --time=4:00:00";
  for (const given of [options, options.split(/ +/)]) {
    const slurm = { command: "run {body}", options: given, pending_timeout: 60 };
    const parsed = program.parse({ slurm });
    assert("value" in parsed);
    const words = ["--gres=gpu:1", "--time=4:00:00"];
    assertEquals(parsed.value, { ...job, options: words, pendingTimeout: 60 });
    assertEquals(
      program.format(parsed.value),
      "{slurm: {command: run {body}, options: --gres=gpu:1 --time=4:00:00, pending_timeout: 60}}",
    );
  }
});

const WRONG_SLURM: readonly [given: unknown, problem: string, ...path: string[]][] = [
  [7, "must be a shell command, or a mapping of command, options, pending_timeout, got 7"],
  [{}, "must have a command"],
  [{ command: "a", option: "--x" }, 'has no key "option", did you mean options?', "option"],
  [
    { command: "echo '{body}'" },
    "has an invalid value for command: it must not have {body} inside single quotes, it is quoted already: " +
    "write echo {body}",
    "command",
  ],
  [
    { command: "a", options: "gpu" },
    'has an invalid value for options: it must be made of words such as --gres=gpu:1, got "gpu"',
    "options",
  ],
  [
    { command: "a", options: ["--requeue"] },
    'has an invalid value for options: it must not have "--requeue": the node decides that itself',
    "options",
  ],
];

for (const [slurm, problem, ...path] of WRONG_SLURM) {
  Deno.test(`a Slurm job that is ${JSON.stringify(slurm)} is refused`, () => {
    assertEquals(program.parse({ slurm }), {
      problem: `has an invalid value for slurm: it ${problem}`,
      path: ["slurm", ...path],
    });
  });
}

Deno.test("a Ray job is given with the address of its cluster", () => {
  const ray = { address: "http://127.0.0.1:8265", command: "run {body}" };
  const job = { ...ray, type: "ray", address: "http://127.0.0.1:8265/", runtimeEnv: {} } as const;
  assertEquals(program.parse({ ray }), { value: { ...job, numGpus: 0, pendingTimeout: 0 } });
  const more = { ...ray, num_gpus: 0.5, runtimeEnv: { pip: ["torch"] } };
  const parsed = program.parse({ ray: more });
  assert("value" in parsed);
  const runtimeEnv = { pip: ["torch"] };
  assertEquals(parsed.value, { ...job, numGpus: 0.5, runtimeEnv, pendingTimeout: 0 });
  assertStringIncludes(program.format(parsed.value), "runtime_env: {pip}, num_gpus: 0.5");
});

Deno.test("a Kubernetes Job is given with its image and its volume", () => {
  const kubernetes = {
    image: "debian",
    command: "run {body}",
    volume_claim: "cloud-node",
    mount_path: "/data/",
  };
  const parsed = program.parse({ kubernetes });
  assert("value" in parsed);
  assertEquals(parsed.value, {
    type: "kubernetes",
    image: "debian",
    command: "run {body}",
    volumeClaim: "cloud-node",
    mountPath: "/data",
    namespace: "default",
    numGpus: 0,
    pod: {},
    pendingTimeout: 0,
  });
  for (
    const [wrong, problem] of [
      [{ volume_claim: undefined }, "must have a volume_claim"],
      [
        { num_gpus: 0.5 },
        "has an invalid value for num_gpus: it must be a whole number of GPUs, got 0.5",
      ],
      [
        { mount_path: "data" },
        'has an invalid value for mount_path: it must be an absolute path, got "data"',
      ],
      [
        { pod: { restartPolicy: "Always" } },
        "has an invalid value for pod: it must not have restartPolicy: the node decides that itself",
      ],
    ] as const
  ) {
    const refused = program.parse({ kubernetes: { ...kubernetes, ...wrong } });
    assertEquals(
      "problem" in refused && refused.problem,
      `has an invalid value for kubernetes: it ${problem}`,
    );
  }
});

const WRONG_RAY: readonly [given: unknown, problem: string, ...path: string[]][] = [
  ["run", "must have an address"],
  [{ address: "http://h:1/" }, "must have a command"],
  [
    { address: "h:1", command: "a" },
    'has an invalid value for address: it must be an http:// or https:// URL, got "h:1"',
    "address",
  ],
  [
    { address: "http://h:1/", command: "a", num_gpus: -1 },
    "has an invalid value for num_gpus: it must be a number of GPUs, such as 1 or 0.5, got -1",
    "num_gpus",
  ],
];

for (const [ray, problem, ...path] of WRONG_RAY) {
  Deno.test(`a Ray job that is ${JSON.stringify(ray)} is refused`, () => {
    assertEquals(program.parse({ ray }), {
      problem: `has an invalid value for ray: it ${problem}`,
      path: ["ray", ...path],
    });
  });
}
