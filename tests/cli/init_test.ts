import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sampleFiles } from "../../src/cli/subcommands/samples.ts";
import { Program } from "../support/program.ts";

const NAMES = ["cyberwave.yml", "infer.py", "train.py"];

/** Runs `test` in an empty folder. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloud_node_init_" }));
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function hasPython(): boolean {
  const args = ["-c", "command -v python3 || command -v python"];
  return new Deno.Command("sh", { args, stdout: "null" }).outputSync().success;
}

Deno.test("init writes a config and scripts, and says what to do next", async () => {
  await inFolder(async (cwd) => {
    const { code, stdout } = await Program.run(["init"], { cwd });
    assertEquals([code, namesIn(cwd)], [0, NAMES]);
    for (const name of NAMES) assertStringIncludes(stdout, `Wrote ${cwd}/${name}\n`);
    assertMatch(stdout, / dev --once\n[^]* doctor\n[^]* start --slug my-node\n/);
  });
});

Deno.test("what init writes is valid, without a word of warning but for the token", async () => {
  await inFolder(async (cwd) => {
    await Program.run(["init"], { cwd });
    const env = { CYBERWAVE_API_TOKEN: "some-token", CYBERWAVE_EDGE_CONFIG_DIR: `${cwd}/state` };
    const { code, stdout } = await Program.run(["validate", "--json"], { cwd, env });
    const { problems, warnings, commands } = JSON.parse(stdout);
    assertEquals([code, problems, warnings], [0, [], []]);
    assertMatch(commands.inference, /^python3? infer\.py \{body\}$/);
  });
});

Deno.test("on a computer with one GPU, training and inference exclude each other", async () => {
  for (const [cards, isExclusive] of [[1, true], [2, false]] as const) {
    await inFolder(async (cwd) => {
      const lines = Array.from({ length: cards }, (_, index) => `echo "GPU ${index}: NVIDIA L4"`);
      await Deno.writeTextFile(`${cwd}/nvidia-smi`, ["#!/bin/sh", ...lines].join("\n"), {
        mode: 0o755,
      });
      await Program.run(["init"], { cwd, env: { PATH: `${cwd}:${Deno.env.get("PATH")}` } });
      const config = await Deno.readTextFile(`${cwd}/cyberwave.yml`);
      assertEquals(/^ {2}exclusive: \[training, inference\]$/m.test(config), isExclusive);
      const env = { CYBERWAVE_API_TOKEN: "some-token", CYBERWAVE_EDGE_CONFIG_DIR: `${cwd}/state` };
      const { code } = await Program.run(["validate"], { cwd, env });
      assertEquals(code, 0);
    });
  }
});

Deno.test("dev --once runs what init writes, where there is Python", async () => {
  await inFolder(async (cwd) => {
    const { stdout: told } = await Program.run(["init"], { cwd });
    const { code, stdout } = await Program.run(["dev", "--once"], { cwd });
    if (hasPython()) {
      assertEquals(code, 0, stdout);
      assertStringIncludes(stdout, '{"sum": 1, "params": {"x": 1}}');
      assertStringIncludes(stdout, '"epochs": 3');
    } else {
      assertEquals(code, 10);
      assertStringIncludes(told, "There is no Python here");
    }
  });
});

Deno.test("init --worker writes a worker, and a config for which dev --once passes", async () => {
  await inFolder(async (cwd) => {
    const { code, stdout: told } = await Program.run(["init", "--worker"], { cwd });
    assertEquals([code, namesIn(cwd)], [0, ["cyberwave.yml", "train.py", "worker.py"]]);
    assertStringIncludes(told, `Wrote ${cwd}/worker.py\n`);
    assertMatch(told, /worker\.py loads its model once.*\n\nNext:\n[^]* dev --once\n/);
    if (!hasPython()) return;
    const dev = await Program.run(["dev", "--once"], { cwd });
    assertEquals(dev.code, 0, dev.stdout);
    assertStringIncludes(dev.stdout, '{"y":2}');
  });
});

Deno.test("init --worker says what to write into a config that was there", async () => {
  await inFolder(async (cwd) => {
    await Program.run(["init"], { cwd });
    const { stdout } = await Program.run(["init", "--worker"], { cwd });
    assertStringIncludes(stdout, `Kept  ${cwd}/cyberwave.yml\n`);
    assertMatch(stdout, /which was there:\n\n {2}inference: \{worker: python3? worker\.py\}\n/);
  });
});

Deno.test("the sample scripts take params as JSON and as the path of a file", async () => {
  if (!hasPython()) return assertEquals(sampleFiles({ python: "python3" }).length, 3);
  await inFolder(async (cwd) => {
    await Program.run(["init"], { cwd });
    const params = '{"text": "ä", "x": 2, "y": 0.5}';
    await Deno.writeTextFile(`${cwd}/params.json`, params);
    for (const argument of [params, `${cwd}/params.json`]) {
      const { stdout } = await new Deno.Command("sh", {
        args: [
          "-c",
          'exec "$(command -v python3 || command -v python)" infer.py "$1"',
          "sh",
          argument,
        ],
        cwd,
      }).output();
      assertEquals(JSON.parse(new TextDecoder().decode(stdout)).sum, 2.5);
    }
  });
});

Deno.test("init keeps every file that is there, and says so", async () => {
  await inFolder(async (cwd) => {
    await Deno.writeTextFile(`${cwd}/infer.py`, "mine\n");
    const { code, stdout } = await Program.run(["init"], { cwd });
    assertEquals([code, namesIn(cwd)], [0, NAMES]);
    assertEquals(await Deno.readTextFile(`${cwd}/infer.py`), "mine\n");
    assertStringIncludes(stdout, `Kept  ${cwd}/infer.py\n`);
    assertStringIncludes(stdout, `Wrote ${cwd}/train.py\n`);
  });
});

Deno.test("init writes through no link", async () => {
  await inFolder(async (cwd) => {
    await Deno.mkdir(`${cwd}/project`);
    await Deno.writeTextFile(`${cwd}/precious`, "precious");
    await Deno.symlink(`${cwd}/precious`, `${cwd}/project/cyberwave.yml`);
    await Deno.symlink(`${cwd}/not-there`, `${cwd}/project/infer.py`);
    const { code, stdout } = await Program.run(["init", "--dir", "project"], { cwd });
    assertEquals(code, 0);
    assertStringIncludes(stdout, `Kept  ${cwd}/project/cyberwave.yml\n`);
    assertStringIncludes(stdout, `Kept  ${cwd}/project/infer.py\n`);
    assertEquals(await Deno.readTextFile(`${cwd}/precious`), "precious");
    assertEquals(namesIn(cwd), ["precious", "project"]);
  });
});

Deno.test("init makes the folder it is given, and says how to get there", async () => {
  await inFolder(async (cwd) => {
    const { code, stdout } = await Program.run(["init", "--dir", "a b/c"], { cwd });
    assertEquals([code, namesIn(`${cwd}/a b/c`)], [0, NAMES]);
    assertStringIncludes(stdout, "cd 'a b/c'\n");
  });
});

Deno.test("init says why it cannot write", async () => {
  await inFolder(async (cwd) => {
    await Deno.writeTextFile(`${cwd}/file`, "");
    const { code, stderr } = await Program.run(["init", "--dir", "file/below"], { cwd });
    assertEquals(code, 2);
    assertMatch(stderr, /^error: Cannot make the folder ".*\/file\/below": .*\nhint: Name another/);
    assert(!stderr.includes("    at "));
  });
});
