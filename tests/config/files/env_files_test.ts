import { assertEquals, assertMatch } from "@std/assert";
import { type EnvFile, envFiles, readEnvFiles } from "../../../src/config/files/env_files.ts";

/** Reads files with these texts, in this order. */
async function read(texts: readonly (string | undefined)[], options: Partial<EnvFile> = {}) {
  const folder = await Deno.makeTempDir();
  try {
    const files = texts.map((_, index) => ({ path: `${folder}/${index}.env`, required: true }));
    for (const [index, text] of texts.entries()) {
      if (text !== undefined) await Deno.writeTextFile(files[index]!.path, text);
    }
    const { variables, warnings, problems } = await readEnvFiles(
      files.map((file) => ({ ...file, ...options })),
      { OWN: "own" },
    );
    return {
      variables,
      warnings,
      problems: problems.map(({ error, index }) => [index, error.message]),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an env_file is a path, or says whether it must be there, or a list of both", () => {
  const a = { path: "a.env", required: true };
  assertEquals(envFiles.parse("a.env"), { value: [a] });
  assertEquals(envFiles.parse(["a.env", { path: "b.env", required: false }]), {
    value: [a, { path: "b.env", required: false }],
  });
  const expected = "must be a path, or { path: PATH, required: false }, or a list of them, got";
  const wrong: [unknown, string, number?][] = [
    [5, `${expected} 5`],
    [["a.env", {}], `${expected} {}`, 1],
    [{ path: "a", format: "raw" }, `${expected} {"path":"a","format":"raw"}`],
    [{ path: "a", required: "no" }, `${expected} {"path":"a","required":"no"}`],
    ["a\0", `${expected} "a\\u0000"`],
  ];
  for (const [given, problem, index] of wrong) {
    const expected = index === undefined ? { problem } : { problem, path: [index] };
    assertEquals<unknown>(envFiles.parse(given), expected);
  }
});

Deno.test("a later file wins, and refers to the node's environment", async () => {
  const { variables } = await read(["A=1\nB=1\n", "export B=${OWN}\n"]);
  assertEquals(variables, { A: "1", B: "own" });
});

Deno.test("a file that is missing is a problem, unless it may be", async () => {
  const { problems } = await read(["A=1", undefined]);
  assertEquals(problems.map(([index]) => index), [1]);
  assertMatch(
    String(problems[0]![1]),
    /^Cannot read the env_file ".*1\.env": there is no such file$/,
  );
  assertEquals((await read([undefined], { required: false })).problems, []);
});

Deno.test("names and values that no process can be given are problems, and never shown", async () => {
  const table: [string, RegExp][] = [
    ["A-B=secret", /: its variables must be given for names .*, got "A-B"$/],
    ["A=sec\0ret", /: the value of A must not hold NUL$/],
  ];
  for (const [text, message] of table) {
    assertMatch(String((await read([text])).problems[0]![1]), message);
  }
  const { warnings } = await read(["A=1\n= secret\n"]);
  assertMatch(warnings[0]!, /^Ignored what is not NAME=value in ".*0\.env" \(line 2\)$/);
});
