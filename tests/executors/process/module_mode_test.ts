import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../../../src/executors/process/process_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, type Ended, HOST, HOSTS } from "../../support/executors.ts";

const PATH = Deno.env.get("PATH")!;
const hasPython = await new Deno.Command("sh", { args: ["-c", "command -v python3"] })
  .output().then(({ success }) => success);

/** Runs a command for which the template names a Python file with this source. */
async function run(
  source: string,
  params: Record<string, unknown> = {},
  { kind = "inference", file = "inference.py", prepare = (_folder: string) => {}, ...options }:
    & Partial<ProcessExecutorOptions>
    & { kind?: string; file?: string; prepare?: (folder: string) => void } = {},
): Promise<Ended> {
  await using bench = new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: { [kind]: file },
      env: { PATH },
      workFolder,
      host: HOST,
      clock: systemClock,
      logger,
      ...options,
    })
  );
  Deno.mkdirSync(dirname(`${bench.workFolder}/${file}`), { recursive: true });
  Deno.writeTextFileSync(`${bench.workFolder}/${file}`, source);
  prepare(bench.workFolder);
  return await bench.run({ kind, params: JSON.stringify(params) });
}

function test(name: string, fn: () => Promise<void>) {
  Deno.test({ name: `module mode: ${name}`, ignore: !hasPython, fn });
}

test("infer(**params) is called, and what it returns is the output, as JSON", async () => {
  const source = `
print("loading")
def infer(prompt, n=1):
    print("thinking")
    return {"prompt": prompt, "n": n}
`;
  const { exit, stdout, stderr } = await run(source, { prompt: "it's $(x) ü", n: 2 });
  assertEquals([exit, JSON.parse(stdout)], [
    { type: "exited", code: 0 },
    { prompt: "it's $(x) ü", n: 2 },
  ]);
  assertEquals(stderr, "loading\nthinking\n");
});

test("training calls train(), simulate calls simulate(), under any shell", async () => {
  for (const [kind, name] of [["training", "train"], ["simulate", "simulate"]]) {
    for (const host of HOSTS) {
      const source = `def ${name}(**params): return [1.5, None]`;
      const { stdout, stderr } = await run(source, {}, { kind, file: `src/${name}.py`, host });
      assertEquals([stdout, stderr], ["[1.5, null]\n", ""]);
    }
  }
});

test("what programs print that the function starts is no part of the output", async () => {
  const source = `
import subprocess, sys
async def infer():
    subprocess.run(["echo", "from a program"])
    return "done"
`;
  const { stdout, stderr } = await run(source);
  assertEquals([stdout, stderr], ['"done"\n', "from a program\n"]);
});

test("files beside it can be imported, and it is no main program", async () => {
  const source = `
import helper, sys
if __name__ == "__main__": raise SystemExit("must not run")
def infer(): return [helper.NAME, sys.argv, __name__]
`;
  const { stdout } = await run(source, {}, {
    file: "src/inference.py",
    prepare: (folder) => Deno.writeTextFileSync(`${folder}/src/helper.py`, "NAME = 'helper'"),
  });
  assertEquals(JSON.parse(stdout), ["helper", ["src/inference.py"], "inference"]);
});

test("what the platform adds to params does not disturb, but is there for who takes it", async () => {
  const params = { x: 1, workload_uuid: "w-1" };
  const outputs = [
    ["def infer(x): return x", 1],
    ["def infer(x, workload_uuid): return workload_uuid", "w-1"],
    ["def infer(**params): return sorted(params)", ["workload_uuid", "x"]],
  ] as const;
  for (const [source, expected] of outputs) {
    const { stdout, stderr } = await run(source, params);
    assertEquals([JSON.parse(stdout), stderr], [expected, ""]);
  }
});

test("values of libraries become JSON", async () => {
  const source = `
import dataclasses, pathlib
class Array:
    def tolist(self): return [[1, 2]]
@dataclasses.dataclass
class Box: x: int
def infer(): return [Array(), Box(3), pathlib.Path("/a"), (1,), {2}, b"hi"]
`;
  const { stdout } = await run(source);
  assertEquals(JSON.parse(stdout), [[[1, 2]], { x: 3 }, "/a", [1], [2], "aGk="]);
});

test("the error says what to write", async () => {
  const asProgram = /write "inference: python inference.py \{body\}" to run it as a program\n$/;
  const table: [source: string, params: Record<string, unknown>, stderr: RegExp][] = [
    [
      "x = 1",
      {},
      /^inference.py has no function infer: write "def infer\(\*\*params\):" in it, or/,
    ],
    ["x = 1", {}, asProgram],
    ["import argparse\nimport sys\nprint(sys.argv[1])", {}, /IndexError[^]*cannot be imported/],
    ["raise SystemExit(3)", {}, asProgram],
    ["def infer(prompt): pass", {}, /^infer\(prompt\) cannot be called with .*'prompt'\n$/],
    ["def infer(): pass", { n: 1 }, /^infer\(\) cannot be called with .* 'n'\n$/],
    ["def infer(): return object()", {}, /^infer\(\) returned what cannot be .* object in it\n$/],
    ["def infer(): raise ValueError('no model')", {}, /ValueError: no model\n$/],
  ];
  for (const [source, params, pattern] of table) {
    const { exit, stdout, stderr } = await run(source, params);
    assertEquals([exit, stdout], [{ type: "exited", code: 1 }, ""]);
    assertMatch(stderr, pattern);
  }
});

test("the Python is that of .venv, beside the file or beside cyberwave.yml, or the one given", async () => {
  const fake = (name: string) => `#!/bin/sh\necho ${name} "$2"; echo "\${2##*/} $3 $4 $5"\n`;
  const install = (folder: string, path: string) => {
    Deno.mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    Deno.writeTextFileSync(`${folder}/${path}`, fake(path), { mode: 0o755 });
  };
  const table: [installed: string[], python: string | undefined, used: string][] = [
    [[".venv/bin/python"], undefined, ".venv/bin/python"],
    [[".venv/bin/python", "src/.venv/bin/python"], undefined, "src/.venv/bin/python"],
    [[".venv/bin/python", "my env/py"], "my env/py", "my env/py"],
  ];
  for (const [installed, python, used] of table) {
    const { stdout } = await run("", {}, {
      file: "src/inference.py",
      python,
      prepare: (folder) => installed.forEach((path) => install(folder, path)),
    });
    assert(stdout.startsWith(`${used} /`), stdout);
    assertStringIncludes(stdout, "run_module.py src/inference.py infer inference\n");
  }
});
